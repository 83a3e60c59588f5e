//! The layers of channels and categories: roles in them (24_65 to 24_68, 24_78, 24_83 to 24_86) and members'
//! overrides (24_69 to 24_72, 24_79, 24_87 to 24_90). A category's have other tags than a channel's.

use crate::{
    command::{PlacePage, command},
    tags::property,
    value::{AuthMap, Id},
};

property! {
    /// A server role to be put into a channel's layer.
    ChannelRoleRef {
        1 server_id: Id,
        3 parent_role_id: Id,
        4 channel_id: Id,
    }
}

property! {
    /// A channel's role to change. Its tags differ from the entity.
    ChannelRoleEdit {
        1 server_id: Id,
        2 role_id: Id,
        3 channel_id: Id,
        4 auths: Option<AuthMap>,
    }
}

property! {
    /// Whose override, in which channel.
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
        4 auths: Option<AuthMap>,
    }
}

property! {
    /// A server role to be put into a category's layer.
    CategoryRoleRef {
        3 category_id: Id,
        4 server_id: Id,
        5 parent_role_id: Id,
    }
}

property! {
    /// A category's role to change.
    CategoryRoleEdit {
        1 role_id: Id,
        3 category_id: Id,
        4 server_id: Id,
        10 auths: Option<AuthMap>,
    }
}

property! {
    /// Whose override, in which category.
    CategoryMemberRoleRef {
        3 accid: String,
        4 category_id: Id,
        5 server_id: Id,
    }
}

property! {
    /// An override in a category to change.
    CategoryMemberRoleEdit {
        3 accid: String,
        4 category_id: Id,
        5 server_id: Id,
        9 auths: Option<AuthMap>,
    }
}

command! {
    /// 24_65 puts a server role into a channel's layer.
    AddChannelRole (24, 65) {
        0 role: property(ChannelRoleRef),
    }
}

command! {
    /// 24_66 removes a channel's role, by its own id.
    RemoveChannelRole (24, 66) {
        0 server_id: item(Id),
        1 channel_id: item(Id),
        2 role_id: item(Id),
    }
}

command! {
    /// 24_67 changes a channel's role; only the rights the caller named are in `auths`.
    UpdateChannelRole (24, 67) {
        0 role: property(ChannelRoleEdit),
    }
}

command! {
    /// 24_68 reads a channel's roles, newest first.
    GetChannelRoles (24, 68) {
        0 page: property(PlacePage),
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
    /// 24_72 reads a channel's overrides, newest first.
    GetMemberRoles (24, 72) {
        0 page: property(PlacePage),
    }
}

command! {
    /// 24_78 asks which server roles are in a channel's layer; the ids are the parents', as JSON text.
    GetExistingChannelRoles (24, 78) {
        0 server_id: item(Id),
        1 channel_id: item(Id),
        2 parent_role_ids: item(Vec<Id>),
    }
}

command! {
    /// 24_79 asks which members have an override in a channel; the accounts are JSON text.
    GetExistingMemberRoles (24, 79) {
        0 server_id: item(Id),
        1 channel_id: item(Id),
        2 accids: item(Vec<String>),
    }
}

command! {
    /// 24_83 puts a server role into a category's layer.
    AddCategoryRole (24, 83) {
        0 role: property(CategoryRoleRef),
    }
}

command! {
    /// 24_84 removes a category's role, by its own id.
    RemoveCategoryRole (24, 84) {
        0 server_id: item(Id),
        1 category_id: item(Id),
        2 role_id: item(Id),
    }
}

command! {
    /// 24_85 changes a category's role.
    UpdateCategoryRole (24, 85) {
        0 role: property(CategoryRoleEdit),
    }
}

command! {
    /// 24_86 reads a category's roles, newest first.
    GetCategoryRoles (24, 86) {
        0 page: property(PlacePage),
    }
}

command! {
    /// 24_87 gives a member an override in a category.
    AddCategoryMemberRole (24, 87) {
        0 role: property(CategoryMemberRoleRef),
    }
}

command! {
    /// 24_88 removes an override in a category.
    RemoveCategoryMemberRole (24, 88) {
        0 server_id: item(Id),
        1 category_id: item(Id),
        2 accid: item(String),
    }
}

command! {
    /// 24_89 changes an override in a category.
    UpdateCategoryMemberRole (24, 89) {
        0 role: property(CategoryMemberRoleEdit),
    }
}

command! {
    /// 24_90 reads a category's overrides, newest first.
    GetCategoryMemberRoles (24, 90) {
        0 page: property(PlacePage),
    }
}
