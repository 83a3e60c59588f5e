//! System notifications (24_14, 24_24): the object, and what its `attach` says per type.
//!
//! Key names and shapes: nim-web-sdk-ng 0.17.2 and 10.8.1 decode the entities; ids are passed on as they come, and
//! `event` is compared strictly, so it is the one number that must not be text.

use serde_json::{Map, Value, json};

use crate::{
    entity::{
        Category, Channel, ChannelRole, ListedMembers, ListedRole, Member, MemberRole, Server, ServerRole,
    },
    tags::property,
    value::{AuthMap, Id, JsonText, ToWire, list},
};

/// `toType`: who a notification is for, and so which ids it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ToType {
    Server = 1,
    Channel = 2,
    ServerAccids = 3,
    ChannelAccids = 4,
    Accids = 5,
}

property! {
    /// A system notification. Times are epoch milliseconds.
    SystemNotification {
        1 to_type: i64,
        2 server_id: Option<Id>,
        3 channel_id: Option<Id>,
        4 to_accids: Option<Vec<String>>,
        5 from_account: String,
        6 from_client_type: i64,
        7 from_device_id: Option<String>,
        8 from_nick: Option<String>,
        9 time: i64,
        10 update_time: i64,
        11 kind: i64,
        /// 0 unless it is stored.
        13 msg_id_server: Id,
        15 attach: JsonText,
        18 status: i64,
        100 persist_enable: bool,
    }
}

/// What happened, as `attach` tells it.
///
/// 29 and 30 are decoded with the tags of a channel's role and override also when they are about a category's. Those
/// have no tag for the category, so it stands beside them, as plain `categoryId`, and tag 4 is left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Attach {
    ServerMemberInvite { server: Server, request: Id },
    ServerMemberApply { server: Server, request: Id },
    ServerCreate { server: Server },
    ServerRemove,
    ServerMemberInviteDone { server: Server, invited: Vec<String>, request: Id },
    ServerMemberInviteAccept { server: Server, inviter: String, request: Id },
    ServerMemberApplyDone { server: Server, request: Id },
    ServerMemberApplyAccept { server: Server, applicant: String, request: Id },
    ServerMemberKick { server: Server, kicked: Vec<String> },
    ServerMemberLeave { server: Server },
    ServerMemberUpdate { member: Member },
    ChannelCreate { channel: Channel },
    ChannelRemove,
    ChannelUpdate { channel: Channel },
    ChannelListRole(ListedRole),
    ChannelListMembers(ListedMembers),
    CategoryCreate { category: Category },
    CategoryRemove { category: Id },
    CategoryUpdate { category: Category },
    CategoryListRole(ListedRole),
    CategoryListMembers(ListedMembers),
    ServerRoleMembersAdd { role: ServerRole, added: Vec<String> },
    ServerRoleMembersRemove { role: ServerRole, removed: Vec<String> },
    ServerRoleUpdate { role: ServerRole, auths: AuthMap },
    LayerRoleUpdate { role: ChannelRole, category: Option<Id>, auths: AuthMap },
    MemberRoleUpdate { role: MemberRole, category: Option<Id>, auths: AuthMap },
    ChannelVisibility { visible: bool },
    ServerEnterLeave { entered: bool, server: Option<Server> },
}

impl Attach {
    /// Tag 11 of the notification, repeated as `attach.type`.
    pub const fn number(&self) -> u16 {
        match self {
            Self::ServerMemberInvite { .. } => 1,
            Self::ServerMemberApply { .. } => 3,
            Self::ServerCreate { .. } => 5,
            Self::ServerRemove => 6,
            Self::ServerMemberInviteDone { .. } => 8,
            Self::ServerMemberInviteAccept { .. } => 9,
            Self::ServerMemberApplyDone { .. } => 10,
            Self::ServerMemberApplyAccept { .. } => 11,
            Self::ServerMemberKick { .. } => 12,
            Self::ServerMemberLeave { .. } => 13,
            Self::ServerMemberUpdate { .. } => 14,
            Self::ChannelCreate { .. } => 15,
            Self::ChannelRemove => 16,
            Self::ChannelUpdate { .. } => 17,
            Self::ChannelListRole(_) => 18,
            Self::ChannelListMembers(_) => 19,
            Self::CategoryCreate { .. } => 21,
            Self::CategoryRemove { .. } => 22,
            Self::CategoryUpdate { .. } => 23,
            Self::CategoryListRole(_) => 24,
            Self::CategoryListMembers(_) => 25,
            Self::ServerRoleMembersAdd { .. } => 26,
            Self::ServerRoleMembersRemove { .. } => 27,
            Self::ServerRoleUpdate { .. } => 28,
            Self::LayerRoleUpdate { .. } => 29,
            Self::MemberRoleUpdate { .. } => 30,
            Self::ChannelVisibility { .. } => 31,
            Self::ServerEnterLeave { .. } => 32,
        }
    }

    /// The JSON text of tag 15.
    pub fn text(&self) -> JsonText {
        let mut object = Map::new();
        object.insert("type".into(), self.number().into());
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                object.insert(key.into(), value);
            }
        };
        match self {
            Self::ServerRemove | Self::ChannelRemove => {}
            Self::ServerCreate { server } | Self::ServerMemberLeave { server } => {
                put("serverInfo", server.to_wire());
            }
            Self::ServerMemberInvite { server, request }
            | Self::ServerMemberApply { server, request }
            | Self::ServerMemberApplyDone { server, request } => {
                put("serverInfo", server.to_wire());
                put("requestId", request.to_wire());
            }
            Self::ServerMemberInviteDone { server, invited, request } => {
                put("serverInfo", server.to_wire());
                put("invitedAccids", Some(list(invited)));
                put("requestId", request.to_wire());
            }
            Self::ServerMemberInviteAccept { server, inviter, request } => {
                put("serverInfo", server.to_wire());
                put("inviteAccid", inviter.to_wire());
                put("requestId", request.to_wire());
            }
            Self::ServerMemberApplyAccept { server, applicant, request } => {
                put("serverInfo", server.to_wire());
                put("applyAccid", applicant.to_wire());
                put("requestId", request.to_wire());
            }
            Self::ServerMemberKick { server, kicked } => {
                put("serverInfo", server.to_wire());
                put("kickedAccids", Some(list(kicked)));
            }
            Self::ServerMemberUpdate { member } => put("serverMember", member.to_wire()),
            Self::ChannelCreate { channel } | Self::ChannelUpdate { channel } => {
                put("channelInfo", channel.to_wire());
            }
            Self::ChannelListRole(listed) | Self::CategoryListRole(listed) => put("notify", listed.to_wire()),
            Self::ChannelListMembers(listed) | Self::CategoryListMembers(listed) => {
                put("notify", listed.to_wire());
            }
            Self::CategoryCreate { category } | Self::CategoryUpdate { category } => {
                put("categoryInfo", category.to_wire());
            }
            Self::CategoryRemove { category } => put("categoryId", category.to_wire()),
            Self::ServerRoleMembersAdd { role, added } => {
                put("serverIdentifyInfo", role.to_wire());
                put("addAccids", Some(list(added)));
            }
            Self::ServerRoleMembersRemove { role, removed } => {
                put("serverIdentifyInfo", role.to_wire());
                put("deleteAccids", Some(list(removed)));
            }
            Self::ServerRoleUpdate { role, auths } => {
                put("serverIdentifyInfo", role.to_wire());
                put("updateAuths", auths.to_wire());
            }
            Self::LayerRoleUpdate { role, category, auths } => {
                put("channelIdentifyInfo", role.to_wire());
                put("updateAuths", auths.to_wire());
                put("categoryId", category.to_wire());
            }
            Self::MemberRoleUpdate { role, category, auths } => {
                put("userIdentifyInfo", role.to_wire());
                put("updateAuths", auths.to_wire());
                put("categoryId", category.to_wire());
            }
            Self::ChannelVisibility { visible } => put("event", Some(event(*visible))),
            Self::ServerEnterLeave { entered, server } => {
                put("event", Some(event(*entered)));
                put("serverInfo", server.to_wire());
            }
        }
        JsonText(Value::Object(object).to_string())
    }
}

/// 1 entered or visible, 2 left or hidden.
fn event(came: bool) -> Value {
    json!(if came { 1 } else { 2 })
}
