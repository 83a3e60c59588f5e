//! Roles and overrides.

use crate::{
    tags::property,
    value::{AuthMap, Id},
};

property! {
    /// A role of a server.
    ServerRole {
        1 server_id: Id,
        2 role_id: Id,
        3 name: String,
        4 icon: String,
        5 ext: String,
        6 auths: AuthMap,
        /// 1 everyone, 2 custom.
        7 kind: i64,
        8 member_count: i64,
        9 priority: i64,
        10 create_time: i64,
        11 update_time: i64,
        /// Whether the caller has it; only in 24_64.
        12 is_member: Option<bool>,
    }
}

property! {
    /// What a client may say of a role it creates (24_61).
    ServerRoleInput {
        1 server_id: Option<Id>,
        2 role_id: Option<Id>,
        3 name: Option<String>,
        4 icon: Option<String>,
        5 ext: Option<String>,
        6 auths: Option<AuthMap>,
        7 kind: Option<i64>,
        9 priority: Option<i64>,
    }
}

property! {
    /// A member's override in one channel (定制权限), with the member it is for.
    MemberRole {
        1 server_id: Id,
        2 id: Id,
        3 accid: String,
        4 channel_id: Id,
        5 auths: AuthMap,
        6 create_time: i64,
        7 update_time: i64,
        8 nick: String,
        9 avatar: String,
        10 ext: String,
        11 member_kind: i64,
        12 join_time: i64,
        13 inviter: Option<String>,
    }
}
