//! Lengths of what clients write, checked before anything is stored.

use rotunda_model::Accid;

use crate::Error;

/// Characters of a name (the vendor's REST limit).
pub(crate) const NAME_MAX: usize = 64;

/// Bytes of an icon or avatar address (the vendor's REST limit).
pub(crate) const ICON_MAX: usize = 1_024;

/// Bytes of an extension field. The vendor's REST takes 1024 characters, up to 4 bytes each.
pub(crate) const EXT_MAX: usize = 4_096;

/// Bytes of a postscript (附言; the vendor's limit).
pub(crate) const PS_MAX: usize = 5_000;

/// Accounts or ids in one call (the vendor's limit).
pub(crate) const BATCH_MAX: usize = 100;

pub(crate) fn name(what: &'static str, text: &str) -> Result<(), Error> {
    characters(what, text, NAME_MAX)
}

pub(crate) fn characters(what: &'static str, text: &str, max: usize) -> Result<(), Error> {
    fits(what, text.chars().count(), max)?;
    storable(text)
}

pub(crate) fn bytes(what: &'static str, text: &str, max: usize) -> Result<(), Error> {
    fits(what, text.len(), max)?;
    storable(text)
}

/// At least one, at most [`BATCH_MAX`].
pub(crate) fn batch<T>(what: &'static str, items: &[T]) -> Result<(), Error> {
    if items.is_empty() {
        return Err(Error::Parameter("an empty list"));
    }
    if items.len() > BATCH_MAX { Err(Error::Parameter(what)) } else { Ok(()) }
}

/// Sorted, each once. Errors: 414 none or more than 100.
pub(crate) fn accids(named: &[Accid]) -> Result<Vec<Accid>, Error> {
    batch("more than 100 accounts at once", named)?;
    let mut accids = named.to_vec();
    accids.sort_unstable();
    accids.dedup();
    Ok(accids)
}

fn fits(what: &'static str, actual: usize, max: usize) -> Result<(), Error> {
    if actual <= max { Ok(()) } else { Err(Error::TooLong { what, actual, max }) }
}

/// Postgres keeps no NUL in a text.
fn storable(text: &str) -> Result<(), Error> {
    if text.contains('\0') { Err(Error::Parameter("a text with a NUL")) } else { Ok(()) }
}
