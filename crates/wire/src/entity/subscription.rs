//! Subscriptions.

use crate::{tags::property, value::Id};

property! {
    /// The caller's roles in one server (25_8).
    ServerRoles {
        1 server_id: Id,
        2 role_ids: Vec<Id>,
        3 timetag: i64,
    }
}
