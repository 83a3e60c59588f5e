//! Roles and overrides.

use crate::{
    command::command,
    entity::ServerRoleInput,
    tags::property,
    value::{AuthMap, Id},
};

property! {
    /// Fields of a role to change; absent ones stay. Priority has another tag than in the entity.
    RoleEdit {
        1 server_id: Id,
        2 role_id: Id,
        3 name: Option<String>,
        4 icon: Option<String>,
        5 ext: Option<String>,
        6 auths: Option<AuthMap>,
        7 priority: Option<i64>,
    }
}

property! {
    /// Roles after a priority.
    RolePage {
        1 server_id: Id,
        2 timetag: Option<i64>,
        3 limit: Option<i64>,
        4 priority: Option<i64>,
        5 channel_id: Option<Id>,
        6 category_id: Option<Id>,
    }
}

property! {
    /// Whose override, where.
    MemberRoleRef {
        1 server_id: Id,
        3 accid: String,
        4 channel_id: Id,
    }
}

property! {
    /// An override to change. Its tags differ from the entity.
    MemberRoleEdit {
        1 server_id: Id,
        2 accid: String,
        3 channel_id: Id,
        4 auths: AuthMap,
    }
}

property! {
    /// The 24_73 answer.
    RoleMembers {
        1 succeeded: Vec<String>,
        2 failed: Vec<String>,
    }
}

property! {
    /// One right in a server or channel.
    RightCheck {
        1 server_id: Id,
        /// 0 or absent: in the server.
        2 channel_id: Option<Id>,
        3 right: i64,
    }
}

command! {
    /// 24_61 creates a role.
    CreateServerRole (24, 61) {
        0 role: property(ServerRoleInput),
    }
}

command! {
    /// 24_63 changes a role; only the rights the caller named are in `auths`.
    UpdateServerRole (24, 63) {
        0 role: property(RoleEdit),
    }
}

command! {
    /// 24_64 reads roles by rising priority.
    GetServerRoles (24, 64) {
        0 page: property(RolePage),
    }
}

command! {
    /// 24_69 gives a member an override in a channel.
    AddMemberRole (24, 69) {
        0 role: property(MemberRoleRef),
    }
}

command! {
    /// 24_70 removes an override.
    RemoveMemberRole (24, 70) {
        0 role: property(MemberRoleRef),
    }
}

command! {
    /// 24_71 changes an override.
    UpdateMemberRole (24, 71) {
        0 role: property(MemberRoleEdit),
    }
}

command! {
    /// 24_73 gives accounts a role; the accounts are JSON text.
    AddRoleMembers (24, 73) {
        0 server_id: item(Id),
        1 role_id: item(Id),
        2 accids: item(Vec<String>),
    }
}

command! {
    /// 24_82 asks for one right.
    CheckPermission (24, 82) {
        0 check: property(RightCheck),
    }
}
