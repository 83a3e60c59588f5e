//! Pages by time, newest first.

use rotunda_model::Millis;

use crate::Error;

/// Items of a page when the caller names no number, and the most it may name (the vendor's limit).
const LIMIT: u32 = 100;

/// What a caller asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageRequest {
    /// Items created before it; 0 is now.
    pub timetag: i64,
    /// `None`: 100.
    pub limit: Option<i64>,
}

/// What it gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub has_more: bool,
    /// To ask the next page with; the creation time of the last item.
    pub next: Millis,
}

impl PageRequest {
    /// Times strictly rise below a server and may run ahead of the clock by some milliseconds: "now" is no bound.
    pub(crate) fn before(self) -> Result<Millis, Error> {
        match self.timetag {
            0 => Ok(Millis(i64::MAX)),
            time if time > 0 => Ok(Millis(time)),
            _ => Err(Error::Parameter("a negative timetag")),
        }
    }

    /// Errors: 414 below 1 or above 100.
    pub(crate) fn limit(self) -> Result<u32, Error> {
        let limit = self.limit.map_or(Some(LIMIT), |limit| u32::try_from(limit).ok());
        limit.filter(|limit| (1..=LIMIT).contains(limit)).ok_or(Error::Parameter("a limit outside 1 to 100"))
    }

    /// From one item more than `limit`, newest first.
    pub(crate) fn cut<T>(self, mut items: Vec<T>, created: impl Fn(&T) -> Millis) -> Result<Page<T>, Error> {
        let limit = usize::try_from(self.limit()?).unwrap_or(usize::MAX);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().map_or(Millis(0), created);
        Ok(Page { items, has_more, next })
    }
}
