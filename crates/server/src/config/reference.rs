//! The reference of every key, made from the code: `config/rotunda.sample.toml` and `config/rotunda.schema.json`.
//!
//! The doc comments of [`super::sections`] are what people read there. A key marked `x-reload` is read again at SIGHUP.

use serde_json::Value;

use super::Config;

/// Longest line of the sample, in characters.
const WIDTH: usize = 110;

const HEAD: &str = "\
# Rotunda: every key, with its default and what it changes. Made by `rotunda config sample`.
# A key is also an environment variable: ROTUNDA_ + sections and key in capitals, \"__\" between levels,
# e.g. ROTUNDA_SERVER__PORT=9443. The environment wins over this file, the command line over both.
# A key that is not known is refused, with the nearest one named.
# Keys marked (SIGHUP) are read again when the process gets that signal; the others at a start.
";

/// Ends the description of a key that is read again at SIGHUP.
const RELOADABLE: &str = "(SIGHUP)";

/// The JSON schema of the configuration file.
pub fn schema() -> Value {
    schemars::schema_for!(Config).to_value()
}

/// One key, as `section.key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub path: String,
    pub about: String,
    /// As TOML.
    pub default: String,
    pub reload: bool,
}

/// Every key in the order of the code.
pub fn keys() -> Vec<Key> {
    let schema = schema();
    let defaults = toml::to_string(&Config::default()).unwrap_or_default();
    let (mut keys, mut section) = (Vec::new(), "");
    for line in defaults.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
        } else if let Some((key, default)) = line.split_once(" = ") {
            let described = describe(&schema, section, key);
            let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            keys.push(Key {
                path,
                about: described["description"].as_str().unwrap_or_default().to_owned(),
                default: default.to_owned(),
                reload: described["x-reload"] == true,
            });
        }
    }
    keys
}

/// The schema of one key; null when there is none.
fn describe<'a>(schema: &'a Value, section: &str, key: &str) -> &'a Value {
    if section.is_empty() {
        return &schema["properties"][key];
    }
    let of_section = &schema["properties"][section];
    let named = of_section["$ref"].as_str().or_else(|| of_section["allOf"][0]["$ref"].as_str());
    let place = named.and_then(|place| place.strip_prefix('#')).and_then(|place| schema.pointer(place));
    &place.unwrap_or(of_section)["properties"][key]
}

/// The sample file: every key commented out, with its default.
pub fn sample() -> String {
    let (mut text, mut section) = (HEAD.to_owned(), "");
    let keys = keys();
    for key in &keys {
        let (of, name) = key.path.rsplit_once('.').unwrap_or(("", &key.path));
        if of != section {
            text += &format!("\n[{of}]\n");
            section = of;
        } else {
            text.push('\n');
        }
        let mark = if key.reload { format!(" {RELOADABLE}") } else { String::new() };
        for line in wrapped(&format!("{}{mark}", key.about)) {
            text += &format!("# {line}\n");
        }
        text += &format!("#{name} = {}\n", key.default);
    }
    text
}

/// Lines of at most [`WIDTH`] characters with their mark; paragraphs stay apart.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split("\n\n") {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && 2 + line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(file: &str) -> String {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(file);
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn the_committed_files_are_what_the_code_says() {
        assert_eq!(
            committed("rotunda.sample.toml"),
            sample(),
            "run: cargo run -p rotunda -- config sample >config/rotunda.sample.toml"
        );
        let schema = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        assert_eq!(
            committed("rotunda.schema.json"),
            schema,
            "run: cargo run -p rotunda -- config schema >config/rotunda.schema.json"
        );
    }

    #[test]
    fn every_key_is_explained_once() {
        let keys = keys();
        assert!(keys.len() > 25, "{keys:?}");
        for key in &keys {
            assert!(key.about.len() > 20, "{} has no explanation", key.path);
            assert!(!key.about.contains(RELOADABLE), "{}: the mark is added", key.path);
        }
    }

    #[test]
    fn lines_are_not_too_long() {
        for line in sample().lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert_eq!(wrapped("a b\n\nc"), ["a b", "c"]);
    }
}
