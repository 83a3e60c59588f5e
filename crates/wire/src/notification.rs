//! System notifications (24_14, 24_24): the object, and what its `attach` says per type.
//!
//! Key names and shapes: nim-web-sdk-ng 0.17.2 and 10.8.1 decode the entities; ids are passed on as they come, and
//! `event` is compared strictly, so it is the one number that must not be text.

use serde_json::{Map, Value, json};

use crate::{
    entity::{Channel, MemberRole, Server, ServerRole},
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
    ServerMemberLeave { server: Server },
    ChannelCreate { channel: Channel },
    ChannelRemove,
    ServerRoleMembersAdd { role: ServerRole, added: Vec<String> },
    ServerRoleUpdate { role: ServerRole, auths: AuthMap },
    MemberRoleUpdate { role: MemberRole, auths: AuthMap },
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
            Self::ServerMemberLeave { .. } => 13,
            Self::ChannelCreate { .. } => 15,
            Self::ChannelRemove => 16,
            Self::ServerRoleMembersAdd { .. } => 26,
            Self::ServerRoleUpdate { .. } => 28,
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
            Self::ChannelCreate { channel } => put("channelInfo", channel.to_wire()),
            Self::ServerRoleMembersAdd { role, added } => {
                put("serverIdentifyInfo", role.to_wire());
                put("addAccids", Some(list(added)));
            }
            Self::ServerRoleUpdate { role, auths } => {
                put("serverIdentifyInfo", role.to_wire());
                put("updateAuths", auths.to_wire());
            }
            Self::MemberRoleUpdate { role, auths } => {
                put("userIdentifyInfo", role.to_wire());
                put("updateAuths", auths.to_wire());
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
