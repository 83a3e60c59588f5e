//! Subscriptions.

use crate::{command::command, entity::ChannelRef, tags::property, value::Id};

property! {
    /// What to subscribe to.
    SubscribeOp {
        /// 1 messages, 2 unread count, 3 unread state, 4 server, 5 typing, 6 and 7 as visitor.
        1 kind: i64,
        /// 1 subscribe, 2 unsubscribe; absent in the type 4 that a client repeats after a reconnect.
        2 operation: Option<i64>,
    }
}

property! {
    /// Servers asked about.
    ServerIds {
        /// A real array inside the Property.
        1 server_ids: Vec<Id>,
    }
}

command! {
    /// 24_15 subscribes or unsubscribes.
    Subscribe (24, 15) {
        0 operation: property(SubscribeOp),
        1 channels: properties(ChannelRef),
    }
}

command! {
    /// 24_27 reads unread counters.
    GetUnread (24, 27) {
        0 channels: properties(ChannelRef),
    }
}

command! {
    /// 25_8 reads the caller's roles, at most 10 servers at once.
    GetOwnRoles (25, 8) {
        0 servers: property(ServerIds),
    }
}
