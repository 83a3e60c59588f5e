//! Notifications as 24_14 and 24_24 write them.

use rotunda_model::notification::{Audience, Fact, Notification};
use rotunda_wire::{
    AuthMap, CommandId, FromWire, Id, Push, ToWire,
    notification::{Attach, SystemNotification, ToType},
};
use serde_json::Value;

use super::entity;

/// One notification, as it happens.
const NOTIFICATION: CommandId = CommandId::new(24, 14);

/// Those that were stored while their receiver was away.
const MISSED: CommandId = CommandId::new(24, 24);

/// The 24_14 frame.
pub fn live(notification: &Notification) -> String {
    Push { command: NOTIFICATION, items: vec![object(notification)] }.frame()
}

/// The 24_24 frame: one item, an array.
pub fn missed<'a>(notifications: impl IntoIterator<Item = &'a Notification>) -> String {
    let objects = notifications.into_iter().map(object).collect();
    Push { command: MISSED, items: vec![Value::Array(objects)] }.frame()
}

fn object(notification: &Notification) -> Value {
    let (to_type, to_accids) = match &notification.audience {
        Audience::Server { .. } => (ToType::Server, None),
        Audience::Channel => (ToType::Channel, None),
        Audience::ServerAccounts(accids) => (ToType::ServerAccids, Some(accids)),
        Audience::ChannelAccounts(accids) => (ToType::ChannelAccids, Some(accids)),
    };
    let attach = attach(&notification.fact);
    let written = SystemNotification {
        to_type: to_type as i64,
        server_id: notification.server.map(|id| Id(id.get())),
        channel_id: notification.channel.map(|id| Id(id.get())),
        to_accids: to_accids.map(|accids| accids.iter().map(|accid| accid.as_str().to_owned()).collect()),
        from_account: notification.from.as_str().into(),
        from_client_type: notification.from_client_type.into(),
        from_device_id: notification.from_device.as_ref().map(|device| device.as_str().into()),
        from_nick: Some(notification.from_nick.clone()),
        time: notification.time.get(),
        update_time: notification.time.get(),
        kind: attach.number().into(),
        msg_id_server: Id(notification.stored_id),
        attach: attach.text(),
        status: 0,
        persist_enable: notification.stored_id != 0,
    };
    written.to_wire().unwrap_or_default()
}

fn attach(fact: &Fact) -> Attach {
    let names =
        |accids: &[rotunda_model::Accid]| accids.iter().map(|accid| accid.as_str().to_owned()).collect();
    match fact {
        Fact::MemberInvite { server, request } => {
            Attach::ServerMemberInvite { server: entity::server(server), request: Id(request.get()) }
        }
        Fact::MemberApply { server, request } => {
            Attach::ServerMemberApply { server: entity::server(server), request: Id(request.get()) }
        }
        Fact::ServerCreate { server } => Attach::ServerCreate { server: entity::server(server) },
        Fact::ServerRemove => Attach::ServerRemove,
        Fact::MemberInviteDone { server, invited, request } => Attach::ServerMemberInviteDone {
            server: entity::server(server),
            invited: names(invited),
            request: Id(request.get()),
        },
        Fact::MemberInviteAccept { server, inviter, request } => Attach::ServerMemberInviteAccept {
            server: entity::server(server),
            inviter: inviter.as_str().into(),
            request: Id(request.get()),
        },
        Fact::MemberApplyDone { server, request } => {
            Attach::ServerMemberApplyDone { server: entity::server(server), request: Id(request.get()) }
        }
        Fact::MemberApplyAccept { server, applicant, request } => Attach::ServerMemberApplyAccept {
            server: entity::server(server),
            applicant: applicant.as_str().into(),
            request: Id(request.get()),
        },
        Fact::MemberLeave { server } => Attach::ServerMemberLeave { server: entity::server(server) },
        Fact::ChannelCreate { channel } => Attach::ChannelCreate { channel: entity::channel(channel) },
        Fact::ChannelRemove => Attach::ChannelRemove,
        Fact::ServerRoleMembersAdd { role, added } => {
            Attach::ServerRoleMembersAdd { role: entity::server_role(role, None), added: names(added) }
        }
        Fact::ServerRoleUpdate { role, auths } => {
            Attach::ServerRoleUpdate { role: entity::server_role(role, None), auths: updated(auths) }
        }
        Fact::MemberRoleUpdate { role, auths } => {
            Attach::MemberRoleUpdate { role: entity::member_role(role), auths: updated(auths) }
        }
        Fact::ChannelVisibility { visible } => Attach::ChannelVisibility { visible: *visible },
        Fact::ServerEnterLeave { entered, server } => {
            Attach::ServerEnterLeave { entered: *entered, server: server.as_ref().map(entity::server) }
        }
    }
}

/// The rights a change named, kept as JSON text; text that is none would make the client's event fail.
fn updated(text: &str) -> AuthMap {
    AuthMap::from_wire(&text.into()).unwrap_or_default()
}
