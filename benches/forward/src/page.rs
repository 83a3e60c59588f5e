//! Puts what was measured where a page of documentation has room for it.

use std::path::Path;

use anyhow::Context as _;

/// Replaces what a file has between `<!-- NAME -->` and `<!-- /NAME -->`.
///
/// # Errors
/// The file cannot be read or written, or has no such place.
pub fn put(file: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let page = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let page = replaced(&page, name, text)
        .with_context(|| format!("{} has no place between <!-- {name} --> and its end", file.display()))?;
    std::fs::write(file, page).with_context(|| format!("{} cannot be written", file.display()))
}

fn replaced(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_place_is_replaced() {
        let page = "a\n<!-- x -->\nold\n<!-- /x -->\n<!-- y -->\n<!-- /y -->\n";
        let once = replaced(page, "x", "new\n\n").unwrap();
        assert_eq!(once, "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\n<!-- y -->\n<!-- /y -->\n");
        assert_eq!(replaced(&once, "x", "new").unwrap(), once, "as often as one likes");
        assert_eq!(replaced(page, "z", ""), None);
    }
}
