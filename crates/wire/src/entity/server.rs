//! Servers.

use crate::{tags::property, value::Id};

property! {
    /// A server (圈组服务器). Times are epoch milliseconds.
    Server {
        1 server_id: Id,
        3 name: String,
        4 icon: String,
        5 ext: String,
        6 owner: String,
        7 member_number: i64,
        8 invite_mode: i64,
        9 apply_mode: i64,
        10 valid: bool,
        11 create_time: i64,
        12 update_time: i64,
        13 channel_number: i64,
        14 category_number: i64,
        15 search_type: i64,
        16 search_enable: bool,
        17 reorder_weight: String,
    }
}

property! {
    /// What a client may say of a server it creates or changes. `search_enable` is always there (1 unless the app said false).
    ServerInput {
        1 server_id: Option<Id>,
        3 name: Option<String>,
        4 icon: Option<String>,
        5 ext: Option<String>,
        8 invite_mode: Option<i64>,
        9 apply_mode: Option<i64>,
        15 search_type: Option<i64>,
        16 search_enable: Option<bool>,
    }
}
