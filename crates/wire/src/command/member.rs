//! Members and the ways in.

use crate::{
    command::{command, server::ServerPage},
    entity::{MemberEdit, MemberInput},
    tags::property,
    value::Id,
};

property! {
    /// How long a request stays open.
    Lifetime {
        /// Milliseconds.
        1 ttl: Option<i64>,
    }
}

property! {
    /// Which invitation or application is meant.
    RequestRef {
        1 request_id: Id,
    }
}

property! {
    /// Who is kept out of a server, or let in again.
    BanEdit {
        1 server_id: Id,
        /// 1 ban, 2 unban.
        2 operation: i64,
        3 accid: String,
        4 ext: Option<String>,
    }
}

command! {
    /// 24_36 invites accounts. The last item is absent when no lifetime was given.
    InviteServerMembers (24, 36) {
        0 server_id: item(Id),
        1 accids: item(Vec<String>),
        2 ps: optional(String),
        3 ttl: optional_property(Lifetime),
    }
}

command! {
    /// 24_37 accepts an invitation.
    AcceptInvite (24, 37) {
        0 server_id: item(Id),
        1 inviter: item(String),
        2 record: property(RequestRef),
    }
}

command! {
    /// 24_39 applies to join.
    ApplyServerJoin (24, 39) {
        0 server_id: item(Id),
        1 ps: optional(String),
        2 ttl: optional_property(Lifetime),
    }
}

command! {
    /// 24_40 accepts an application.
    AcceptApply (24, 40) {
        0 server_id: item(Id),
        1 applicant: item(String),
        2 record: property(RequestRef),
    }
}

command! {
    /// 24_42 removes members.
    KickServerMembers (24, 42) {
        0 server_id: item(Id),
        1 accids: item(Vec<String>),
    }
}

command! {
    /// 24_43 leaves a server.
    LeaveServer (24, 43) {
        0 server_id: item(Id),
    }
}

command! {
    /// 24_44 changes the caller's own member fields; absent ones stay.
    UpdateOwnMember (24, 44) {
        0 member: property(MemberInput),
    }
}

command! {
    /// 24_45 changes another member's fields; absent ones stay.
    UpdateOtherMember (24, 45) {
        0 member: property(MemberEdit),
    }
}

command! {
    /// 24_46 reads members; each key is `<serverId>|<accid>`.
    GetServerMembers (24, 46) {
        0 keys: item(Vec<String>),
    }
}

command! {
    /// 24_47 pages through the members of a server.
    GetServerMembersPage (24, 47) {
        0 page: property(ServerPage),
    }
}

command! {
    /// 24_104 bans a member, or lets an account in again.
    UpdateMemberBan (24, 104) {
        0 ban: property(BanEdit),
    }
}

command! {
    /// 24_105 pages through the accounts that are banned.
    GetBannedMembersPage (24, 105) {
        0 page: property(ServerPage),
    }
}
