//! From columns to the model's types.

use rotunda_model::Accid;

use crate::StoreError;

/// A numeric id column.
pub(crate) fn id<T: TryFrom<i64>>(raw: i64, column: &'static str) -> Result<T, StoreError> {
    T::try_from(raw).map_err(|_| StoreError::Row { column })
}

pub(crate) fn accid(text: &str, column: &'static str) -> Result<Accid, StoreError> {
    Accid::new(text).map_err(|_| StoreError::Row { column })
}

/// A count column: never negative.
pub(crate) fn count(raw: i32, column: &'static str) -> Result<u32, StoreError> {
    u32::try_from(raw).map_err(|_| StoreError::Row { column })
}

/// An enum column: `read` is the enum's `from_number`.
pub(crate) fn number<T>(
    read: impl Fn(i64) -> Option<T>,
    raw: i16,
    column: &'static str,
) -> Result<T, StoreError> {
    read(raw.into()).ok_or(StoreError::Row { column })
}

pub(crate) fn texts(accids: &[Accid]) -> Vec<String> {
    accids.iter().map(|accid| accid.as_str().to_owned()).collect()
}
