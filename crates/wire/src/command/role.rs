//! Server roles and checks of rights.

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
    /// The answer of 24_73 and 24_74.
    RoleMembers {
        1 succeeded: Vec<String>,
        2 failed: Vec<String>,
    }
}

property! {
    /// Members of a role older than a time; 0 or absent is now.
    RoleMembersPage {
        1 server_id: Id,
        2 role_id: Id,
        3 timetag: Option<i64>,
        /// Begins after this one among those of that time (node-nim 10.8.10).
        4 accid: Option<String>,
        5 limit: Option<i64>,
    }
}

property! {
    /// Roles of a member older than a time; 0 or absent is now.
    MemberRolesPage {
        1 server_id: Id,
        2 accid: String,
        3 timetag: Option<i64>,
        4 limit: Option<i64>,
    }
}

property! {
    /// A role's new priority.
    RolePriority {
        1 server_id: Option<Id>,
        2 role_id: Id,
        7 priority: i64,
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

property! {
    /// Rights in a server or channel.
    RightsCheck {
        1 server_id: Id,
        /// 0 or absent: in the server.
        2 channel_id: Option<Id>,
        /// JSON text of ids.
        3 rights: Vec<i64>,
    }
}

property! {
    /// One element of the 24_126 answer.
    RightAnswer {
        1 right: i64,
        /// 1 or -1; what is neither and not 0 makes both SDK versions drop the element.
        2 allowed: i64,
    }
}

command! {
    /// 24_61 creates a role.
    CreateServerRole (24, 61) {
        0 role: property(ServerRoleInput),
    }
}

command! {
    /// 24_62 deletes a role.
    DeleteServerRole (24, 62) {
        0 server_id: item(Id),
        1 role_id: item(Id),
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
    /// 24_73 gives accounts a role; the accounts are JSON text.
    AddRoleMembers (24, 73) {
        0 server_id: item(Id),
        1 role_id: item(Id),
        2 accids: item(Vec<String>),
    }
}

command! {
    /// 24_74 takes a role from accounts; the accounts are JSON text.
    RemoveRoleMembers (24, 74) {
        0 server_id: item(Id),
        1 role_id: item(Id),
        2 accids: item(Vec<String>),
    }
}

command! {
    /// 24_75 reads the members of a role, newest first.
    GetRoleMembers (24, 75) {
        0 page: property(RoleMembersPage),
    }
}

command! {
    /// 24_76 reads the custom roles of a member, newest first.
    GetRolesOfMember (24, 76) {
        0 page: property(MemberRolesPage),
    }
}

command! {
    /// 24_77 reads the custom roles of several members; the accounts are JSON text.
    GetExistingRolesOfMembers (24, 77) {
        0 server_id: item(Id),
        1 accids: item(Vec<String>),
    }
}

command! {
    /// 24_80 changes priorities, all or none.
    UpdateRolePriorities (24, 80) {
        0 server_id: item(Id),
        1 roles: properties(RolePriority),
    }
}

command! {
    /// 24_81 asks which accounts have a role; the accounts are JSON text.
    GetExistingRoleMembers (24, 81) {
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

command! {
    /// 24_126 asks for several rights.
    CheckPermissions (24, 126) {
        0 check: property(RightsCheck),
    }
}
