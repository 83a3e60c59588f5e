//! Roles, layers and overrides.

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
        /// Left out only in 24_76.
        6 auths: Option<AuthMap>,
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
    /// A server role in a channel's layer (频道身份组). Name, icon, ext and kind are the parent's.
    ChannelRole {
        1 server_id: Id,
        2 role_id: Id,
        3 parent_role_id: Id,
        /// Left out only in a notification about a category's role.
        4 channel_id: Option<Id>,
        5 name: String,
        6 icon: String,
        7 ext: String,
        8 auths: AuthMap,
        9 kind: i64,
        10 create_time: i64,
        11 update_time: i64,
    }
}

property! {
    /// A server role in a category's layer. The same as [`ChannelRole`] under other tags.
    CategoryRole {
        1 role_id: Id,
        3 category_id: Id,
        4 server_id: Id,
        5 parent_role_id: Id,
        6 kind: i64,
        7 valid: bool,
        8 create_time: i64,
        9 update_time: i64,
        10 auths: AuthMap,
        11 name: String,
        12 icon: String,
        13 ext: String,
    }
}

property! {
    /// A member's override in one channel (定制权限), with the member it is for.
    MemberRole {
        1 server_id: Id,
        2 id: Id,
        3 accid: String,
        /// Left out only in a notification about an override in a category.
        4 channel_id: Option<Id>,
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

property! {
    /// A member's override in one category. The same as [`MemberRole`] under other tags.
    CategoryMemberRole {
        1 id: Id,
        3 accid: String,
        4 category_id: Id,
        5 server_id: Id,
        6 valid: bool,
        7 create_time: i64,
        8 update_time: i64,
        9 auths: AuthMap,
        10 nick: String,
        11 avatar: String,
        12 ext: String,
        13 member_kind: i64,
        14 join_time: i64,
        15 inviter: Option<String>,
    }
}

property! {
    /// A member of a server role, with the member's own fields.
    RoleMember {
        1 server_id: Id,
        2 role_id: Id,
        3 accid: String,
        /// When the role was given.
        4 create_time: i64,
        5 update_time: i64,
        6 nick: String,
        7 avatar: String,
        8 ext: String,
        /// 0 member, 1 owner; nim-web-sdk-ng 0.17.2 and 10.8.1 show it with the names of role types.
        9 member_kind: i64,
        10 join_time: i64,
        11 inviter: Option<String>,
    }
}
