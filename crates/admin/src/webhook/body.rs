//! Events as JSON. Names of what members are told are the SDK's; entities are written as the REST actions write them.

use rotunda_model::{
    ListKind, Place,
    event::{Event, Happening, Link},
    notification::{Fact, Notification},
};
use serde_json::{Map, Value, json};

use crate::vendor::entity::Shape;

/// Every name that a webhook can ask for.
pub const NAMES: [&str; 30] = [
    "login",
    "logout",
    "mediaJoin",
    "mediaLeave",
    "serverMemberInvite",
    "serverMemberApply",
    "serverCreate",
    "serverRemove",
    "serverMemberInviteDone",
    "serverMemberInviteAccept",
    "serverMemberApplyDone",
    "serverMemberApplyAccept",
    "serverMemberKick",
    "serverMemberLeave",
    "serverMemberUpdate",
    "channelCreate",
    "channelRemove",
    "channelUpdate",
    "channelUpdateWhiteBlackIdentify",
    "channelUpdateWhiteBlackIdentifyUser",
    "channelCategoryCreate",
    "channelCategoryRemove",
    "channelCategoryUpdate",
    "channelCategoryUpdateWhiteBlackIdentify",
    "channelCategoryUpdateWhiteBlackIdentifyUser",
    "serverIdentifyAdd",
    "serverIdentifyRemove",
    "serverIdentifyUpdate",
    "channelIdentifyUpdate",
    "userIdentifyUpdate",
];

/// What the event is called; one of [`NAMES`].
pub const fn name(event: &Event) -> &'static str {
    match &event.what {
        Happening::Login(_) => "login",
        Happening::Logout(_) => "logout",
        Happening::Entered { .. } => "mediaJoin",
        Happening::Left { .. } => "mediaLeave",
        Happening::Told(told) => fact_name(&told.fact),
    }
}

const fn fact_name(fact: &Fact) -> &'static str {
    match fact {
        Fact::MemberInvite { .. } => "serverMemberInvite",
        Fact::MemberApply { .. } => "serverMemberApply",
        Fact::ServerCreate { .. } => "serverCreate",
        Fact::ServerRemove => "serverRemove",
        Fact::MemberInviteDone { .. } => "serverMemberInviteDone",
        Fact::MemberInviteAccept { .. } => "serverMemberInviteAccept",
        Fact::MemberApplyDone { .. } => "serverMemberApplyDone",
        Fact::MemberApplyAccept { .. } => "serverMemberApplyAccept",
        Fact::MemberKick { .. } => "serverMemberKick",
        Fact::MemberLeave { .. } => "serverMemberLeave",
        Fact::MemberUpdate { .. } => "serverMemberUpdate",
        Fact::ChannelCreate { .. } => "channelCreate",
        Fact::ChannelRemove => "channelRemove",
        Fact::ChannelUpdate { .. } => "channelUpdate",
        Fact::ChannelListRole { .. } => "channelUpdateWhiteBlackIdentify",
        Fact::ChannelListMembers { .. } => "channelUpdateWhiteBlackIdentifyUser",
        Fact::CategoryCreate { .. } => "channelCategoryCreate",
        Fact::CategoryRemove { .. } => "channelCategoryRemove",
        Fact::CategoryUpdate { .. } => "channelCategoryUpdate",
        Fact::CategoryListRole { .. } => "channelCategoryUpdateWhiteBlackIdentify",
        Fact::CategoryListMembers { .. } => "channelCategoryUpdateWhiteBlackIdentifyUser",
        Fact::ServerRoleMembersAdd { .. } => "serverIdentifyAdd",
        Fact::ServerRoleMembersRemove { .. } => "serverIdentifyRemove",
        Fact::ServerRoleUpdate { .. } => "serverIdentifyUpdate",
        Fact::LayerRoleUpdate { .. } => "channelIdentifyUpdate",
        Fact::MemberRoleUpdate { .. } => "userIdentifyUpdate",
        Fact::ChannelVisibility { .. } => "channelVisibilityUpdate",
        Fact::ServerEnterLeave { .. } => "serverEnterLeave",
    }
}

/// The body of a request: `eventType`, `eventId`, `timestamp` (ms, as text, like the vendor's), and what belongs to it.
pub fn write(shape: Shape, id: i64, event: &Event) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("eventType", name(event).into());
    put("eventId", id.to_string().into());
    put("timestamp", event.time.get().to_string().into());
    if let Some(server) = event.server {
        put("serverId", shape.id(server.get()));
    }
    match &event.what {
        Happening::Login(link) | Happening::Logout(link) => write_link(&mut put, link),
        Happening::Entered { session, channel, accid, device } => {
            put("channelId", shape.id(channel.get()));
            put("sessionId", shape.id(session.get()));
            put("fromAccount", accid.as_str().into());
            put("fromDeviceId", device.as_str().into());
        }
        Happening::Left { session, channel, accid, device, reason } => {
            put("channelId", shape.id(channel.get()));
            put("sessionId", shape.id(session.get()));
            put("fromAccount", accid.as_str().into());
            put("fromDeviceId", device.as_str().into());
            put("reason", reason.as_str().into());
        }
        Happening::Told(told) => write_told(shape, &mut put, told),
    }
    Value::Object(fields)
}

fn write_link(put: &mut impl FnMut(&str, Value), link: &Link) {
    put("fromAccount", link.accid.as_str().into());
    put("fromDeviceId", link.device.as_str().into());
    put("fromClientType", link.client_type.into());
    put("consId", link.id.as_str().into());
}

fn write_told(shape: Shape, put: &mut impl FnMut(&str, Value), told: &Notification) {
    if let Some(channel) = told.channel {
        put("channelId", shape.id(channel.get()));
    }
    put("fromAccount", told.from.as_str().into());
    put("fromNick", told.from_nick.as_str().into());
    put("fromClientType", told.from_client_type.into());
    if let Some(device) = &told.from_device {
        put("fromDeviceId", device.as_str().into());
    }
    put("type", told.fact.number().into());
    put("attach", attach(shape, told));
}

/// What changed, by the names of the SDK's notifications.
fn attach(shape: Shape, told: &Notification) -> Value {
    match &told.fact {
        Fact::MemberInvite { server, request } | Fact::MemberApply { server, request } => {
            json!({ "serverInfo": shape.server(server), "requestId": shape.id(request.get()) })
        }
        Fact::ServerCreate { server } | Fact::MemberLeave { server } => {
            json!({ "serverInfo": shape.server(server) })
        }
        Fact::ServerRemove | Fact::ChannelRemove => json!({}),
        Fact::MemberInviteDone { server, invited, request } => json!({
            "serverInfo": shape.server(server), "invitedAccids": invited, "requestId": shape.id(request.get()),
        }),
        Fact::MemberInviteAccept { server, inviter, request } => json!({
            "serverInfo": shape.server(server), "inviteAccid": inviter, "requestId": shape.id(request.get()),
        }),
        Fact::MemberApplyDone { server, request } => {
            json!({ "serverInfo": shape.server(server), "requestId": shape.id(request.get()) })
        }
        Fact::MemberApplyAccept { server, applicant, request } => json!({
            "serverInfo": shape.server(server), "applyAccid": applicant, "requestId": shape.id(request.get()),
        }),
        Fact::MemberKick { server, kicked } => {
            json!({ "serverInfo": shape.server(server), "kickedAccids": kicked })
        }
        Fact::MemberUpdate { member } => json!({ "serverMember": shape.member(member) }),
        Fact::ChannelCreate { channel } | Fact::ChannelUpdate { channel } => {
            json!({ "channelInfo": shape.channel(channel) })
        }
        Fact::CategoryCreate { category } | Fact::CategoryUpdate { category } => {
            json!({ "categoryInfo": shape.category(category) })
        }
        Fact::CategoryRemove { category } => json!({ "categoryId": shape.id(category.get()) }),
        Fact::ChannelListRole { list, add, role } => {
            json!({ "notify": list_change(*list, *add, "roleId", shape.id(role.get())) })
        }
        Fact::ChannelListMembers { list, add, accids } => {
            json!({ "notify": list_change(*list, *add, "toAccids", json!(accids)) })
        }
        Fact::CategoryListRole { category, list, add, role } => json!({
            "categoryId": shape.id(category.get()),
            "notify": list_change(*list, *add, "roleId", shape.id(role.get())),
        }),
        Fact::CategoryListMembers { category, list, add, accids } => json!({
            "categoryId": shape.id(category.get()),
            "notify": list_change(*list, *add, "toAccids", json!(accids)),
        }),
        Fact::ServerRoleMembersAdd { role, added } => {
            json!({ "serverIdentifyInfo": shape.server_role(role), "addAccids": added })
        }
        Fact::ServerRoleMembersRemove { role, removed } => {
            json!({ "serverIdentifyInfo": shape.server_role(role), "deleteAccids": removed })
        }
        Fact::ServerRoleUpdate { role, auths } => {
            json!({ "serverIdentifyInfo": shape.server_role(role), "updateAuths": auths })
        }
        Fact::LayerRoleUpdate { role, auths } => json!({
            place(role.place): shape.layer_role(role), "updateAuths": auths,
        }),
        Fact::MemberRoleUpdate { role, auths } => {
            json!({ "userIdentifyInfo": shape.member_role(role), "updateAuths": auths })
        }
        Fact::ChannelVisibility { visible } => json!({ "event": if *visible { 1 } else { 2 } }),
        Fact::ServerEnterLeave { entered, .. } => json!({ "event": if *entered { 1 } else { 2 } }),
    }
}

/// A category's role has the name of a channel's on the wire, too; here it has its own.
const fn place(place: Place) -> &'static str {
    match place {
        Place::Channel(_) => "channelIdentifyInfo",
        Place::Category(_) => "categoryIdentifyInfo",
    }
}

/// 1 add, 2 remove.
fn list_change(list: ListKind, add: bool, name: &str, value: Value) -> Value {
    json!({ "type": list.number(), "opeType": if add { 1 } else { 2 }, name: value })
}
