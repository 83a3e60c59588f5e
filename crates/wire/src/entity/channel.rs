//! Channels and their unread counters.

use crate::{tags::property, value::Id};

property! {
    /// A channel.
    Channel {
        1 channel_id: Id,
        2 server_id: Id,
        4 name: String,
        5 topic: String,
        6 ext: String,
        /// 0 message, 1 media, 100 custom.
        7 kind: i64,
        8 valid: bool,
        9 create_time: i64,
        10 update_time: i64,
        11 owner: String,
        12 view_mode: i64,
        /// 0: in none.
        13 category_id: Id,
        14 sync_mode: i64,
        15 reorder_weight: String,
        16 visitor_mode: i64,
    }
}

property! {
    /// What a client may say of a channel it creates.
    ChannelInput {
        1 channel_id: Option<Id>,
        2 server_id: Option<Id>,
        4 name: Option<String>,
        5 topic: Option<String>,
        6 ext: Option<String>,
        7 kind: Option<i64>,
        12 view_mode: Option<i64>,
        13 category_id: Option<Id>,
        14 sync_mode: Option<i64>,
        16 visitor_mode: Option<i64>,
    }
}

property! {
    /// Fields of a channel to change; absent ones stay. Neither server nor kind are sent: the server is found by it.
    ChannelEdit {
        1 channel_id: Id,
        4 name: Option<String>,
        5 topic: Option<String>,
        6 ext: Option<String>,
        12 view_mode: Option<i64>,
        16 visitor_mode: Option<i64>,
    }
}

property! {
    /// Where a channel belongs, and whether it follows its category; absent fields stay.
    ChannelPlacement {
        1 channel_id: Id,
        /// 0: out of its category.
        13 category_id: Option<Id>,
        14 sync_mode: Option<i64>,
    }
}

property! {
    /// A channel of a server, by ids.
    ChannelRef {
        1 server_id: Id,
        /// 0 or absent: the server itself (24_15 of type 4).
        2 channel_id: Option<Id>,
    }
}

property! {
    /// Unread counters of one channel. A channel counts as subscribed only when its object comes back.
    Unread {
        1 server_id: Id,
        2 channel_id: Id,
        3 ack_timestamp: i64,
        4 unread_count: i64,
        5 mentioned_count: i64,
        6 max_count: i64,
        7 last_msg_time: i64,
    }
}
