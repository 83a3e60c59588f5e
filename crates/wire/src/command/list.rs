//! Black and white lists of channels (24_54 to 24_59) and categories (24_113 to 24_118): the same tags for both.

use crate::{
    command::command,
    entity::{ListedMembers, ListedRole},
    tags::property,
    value::Id,
};

property! {
    /// Entries of a list older than a time; 0 or absent is now.
    ListPage {
        1 server_id: Id,
        /// The channel or the category; the command says which.
        2 place_id: Id,
        /// 1 white, 2 black.
        3 list: i64,
        4 timetag: Option<i64>,
        5 limit: Option<i64>,
    }
}

property! {
    /// Which of these roles are on a list.
    RolesOnList {
        1 server_id: Id,
        2 place_id: Id,
        3 list: i64,
        /// JSON text.
        4 role_ids: Vec<Id>,
    }
}

property! {
    /// Which of these members are on a list.
    MembersOnList {
        1 server_id: Id,
        2 place_id: Id,
        3 list: i64,
        /// JSON text.
        4 accids: Vec<String>,
    }
}

command! {
    /// 24_54 adds a role to a channel's list or removes it.
    UpdateChannelListRole (24, 54) {
        0 edit: property(ListedRole),
    }
}

command! {
    /// 24_55 pages through the roles on a channel's list.
    GetChannelListRolesPage (24, 55) {
        0 page: property(ListPage),
    }
}

command! {
    /// 24_56 adds members to a channel's list or removes them.
    UpdateChannelListMembers (24, 56) {
        0 edit: property(ListedMembers),
    }
}

command! {
    /// 24_57 pages through the members on a channel's list.
    GetChannelListMembersPage (24, 57) {
        0 page: property(ListPage),
    }
}

command! {
    /// 24_58 asks which roles are on a channel's list.
    GetChannelListRoles (24, 58) {
        0 query: property(RolesOnList),
    }
}

command! {
    /// 24_59 asks which members are on a channel's list.
    GetChannelListMembers (24, 59) {
        0 query: property(MembersOnList),
    }
}

command! {
    /// 24_113 adds a role to a category's list or removes it.
    UpdateCategoryListRole (24, 113) {
        0 edit: property(ListedRole),
    }
}

command! {
    /// 24_114 pages through the roles on a category's list.
    GetCategoryListRolesPage (24, 114) {
        0 page: property(ListPage),
    }
}

command! {
    /// 24_115 adds members to a category's list or removes them.
    UpdateCategoryListMembers (24, 115) {
        0 edit: property(ListedMembers),
    }
}

command! {
    /// 24_116 pages through the members on a category's list.
    GetCategoryListMembersPage (24, 116) {
        0 page: property(ListPage),
    }
}

command! {
    /// 24_117 asks which roles are on a category's list.
    GetCategoryListRoles (24, 117) {
        0 query: property(RolesOnList),
    }
}

command! {
    /// 24_118 asks which members are on a category's list.
    GetCategoryListMembers (24, 118) {
        0 query: property(MembersOnList),
    }
}
