//! Black and white lists (黑白名单) of channels and categories: requests and notifications share their tags.

use crate::{tags::property, value::Id};

property! {
    /// A role put on a list of a channel or category, or taken off it (24_54, 24_113; notifications 18, 24).
    ListedRole {
        1 server_id: Id,
        /// The channel or the category; the command or notification says which.
        2 place_id: Id,
        /// 1 white, 2 black.
        3 list: i64,
        /// 1 add, 2 remove.
        4 operation: i64,
        5 role_id: Id,
    }
}

property! {
    /// Members put on a list of a channel or category, or taken off it (24_56, 24_115; notifications 19, 25).
    ListedMembers {
        1 server_id: Id,
        /// The channel or the category; the command or notification says which.
        2 place_id: Id,
        /// 1 white, 2 black.
        3 list: i64,
        /// 1 add, 2 remove.
        4 operation: i64,
        /// JSON text. Of notification 25 nim-web-sdk-ng 0.17.2 and 10.8.1 hand it on as text, of 19 as an array.
        5 accids: Vec<String>,
    }
}
