//! Servers.

use crate::{command::command, entity::ServerInput, tags::property, value::Id};

property! {
    /// Items older than a time; 0 or absent is now.
    TimePage {
        1 timestamp: Option<i64>,
        2 limit: Option<i64>,
    }
}

property! {
    /// Items of a server older than a time; 0 or absent is now.
    ServerPage {
        1 server_id: Id,
        2 timetag: Option<i64>,
        3 limit: Option<i64>,
    }
}

command! {
    /// 24_31 creates a server.
    CreateServer (24, 31) {
        0 server: property(ServerInput),
    }
}

command! {
    /// 24_32 deletes a server.
    DeleteServer (24, 32) {
        0 server_id: item(Id),
    }
}

command! {
    /// 24_34 reads servers by id.
    GetServers (24, 34) {
        0 server_ids: item(Vec<Id>),
    }
}

command! {
    /// 24_35 pages through the servers the caller is in.
    GetServersPage (24, 35) {
        0 page: property(TimePage),
    }
}
