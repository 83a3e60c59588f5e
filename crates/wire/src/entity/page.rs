//! Paged queries.

use crate::tags::property;

property! {
    /// The first answer item of a paged query.
    Page {
        1 has_more: bool,
        2 next_timetag: i64,
    }
}
