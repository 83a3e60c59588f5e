//! Channel categories.

use crate::{tags::property, value::Id};

property! {
    /// A category (频道分组).
    Category {
        1 category_id: Id,
        2 server_id: Id,
        4 name: String,
        5 ext: String,
        6 owner: String,
        7 view_mode: i64,
        8 valid: bool,
        9 create_time: i64,
        10 update_time: i64,
        11 channel_number: i64,
    }
}

property! {
    /// What a client may say of a category it creates or changes.
    CategoryInput {
        1 category_id: Option<Id>,
        2 server_id: Option<Id>,
        4 name: Option<String>,
        5 ext: Option<String>,
        7 view_mode: Option<i64>,
    }
}
