//! Members and the ways in.

use crate::{tags::property, value::Id};

property! {
    /// A member of a server.
    Member {
        1 server_id: Id,
        3 accid: String,
        4 nick: String,
        5 avatar: String,
        6 ext: String,
        /// 0 member, 1 owner.
        7 kind: i64,
        8 join_time: i64,
        9 inviter: Option<String>,
        10 valid: bool,
        11 create_time: i64,
        12 update_time: i64,
    }
}

property! {
    /// A pending invitation or application.
    RequestInfo {
        1 request_id: Id,
        2 expire_time: i64,
    }
}

property! {
    /// What a member may say of itself (24_44).
    MemberInput {
        1 server_id: Id,
        /// Its own, when the app gave it.
        3 accid: Option<String>,
        4 nick: Option<String>,
        5 avatar: Option<String>,
        6 ext: Option<String>,
    }
}

property! {
    /// What may be changed of another member (24_45).
    MemberEdit {
        1 server_id: Id,
        3 accid: String,
        4 nick: Option<String>,
        5 avatar: Option<String>,
    }
}

property! {
    /// An account kept out of a server.
    Ban {
        1 server_id: Id,
        3 accid: String,
        4 ext: String,
        5 ban_time: i64,
        6 valid: bool,
        7 create_time: i64,
        8 update_time: i64,
    }
}
