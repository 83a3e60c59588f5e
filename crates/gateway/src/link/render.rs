//! Notifications as 24_14 and 24_24 write them.

use rotunda_model::{
    Accid, ListKind, Place, RoleId,
    notification::{Audience, Fact, Notification},
};
use rotunda_wire::{
    AuthMap, CommandId, FromWire, Id, Push, ToWire,
    entity::{ListedMembers, ListedRole},
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
        Audience::Server { .. } | Audience::Category(_) => (ToType::Server, None),
        Audience::Channel => (ToType::Channel, None),
        Audience::ServerAccounts(accids) => (ToType::ServerAccids, Some(accids)),
        Audience::ChannelAccounts(accids) => (ToType::ChannelAccids, Some(accids)),
    };
    let attach = attach(notification);
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

fn attach(notification: &Notification) -> Attach {
    match &notification.fact {
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
        Fact::MemberKick { server, kicked } => {
            Attach::ServerMemberKick { server: entity::server(server), kicked: names(kicked) }
        }
        Fact::MemberUpdate { member } => Attach::ServerMemberUpdate { member: entity::member(member) },
        Fact::MemberLeave { server } => Attach::ServerMemberLeave { server: entity::server(server) },
        Fact::ChannelCreate { channel } => Attach::ChannelCreate { channel: entity::channel(channel) },
        Fact::ChannelRemove => Attach::ChannelRemove,
        Fact::ChannelUpdate { channel } => Attach::ChannelUpdate { channel: entity::channel(channel) },
        Fact::ChannelListRole { list, add, role } => {
            Attach::ChannelListRole(listed_role(notification, channel(notification), *list, *add, *role))
        }
        Fact::ChannelListMembers { list, add, accids } => {
            Attach::ChannelListMembers(listed(notification, channel(notification), *list, *add, accids))
        }
        Fact::CategoryCreate { category } => Attach::CategoryCreate { category: entity::category(category) },
        Fact::CategoryRemove { category } => Attach::CategoryRemove { category: Id(category.get()) },
        Fact::CategoryUpdate { category } => Attach::CategoryUpdate { category: entity::category(category) },
        Fact::CategoryListRole { category, list, add, role } => {
            Attach::CategoryListRole(listed_role(notification, Id(category.get()), *list, *add, *role))
        }
        Fact::CategoryListMembers { category, list, add, accids } => {
            Attach::CategoryListMembers(listed(notification, Id(category.get()), *list, *add, accids))
        }
        Fact::ServerRoleMembersAdd { role, added } => {
            Attach::ServerRoleMembersAdd { role: entity::server_role(role, None), added: names(added) }
        }
        Fact::ServerRoleMembersRemove { role, removed } => {
            Attach::ServerRoleMembersRemove { role: entity::server_role(role, None), removed: names(removed) }
        }
        Fact::ServerRoleUpdate { role, auths } => {
            Attach::ServerRoleUpdate { role: entity::server_role(role, None), auths: updated(auths) }
        }
        Fact::LayerRoleUpdate { role, auths } => Attach::LayerRoleUpdate {
            role: entity::channel_role(role),
            category: category(role.place),
            auths: updated(auths),
        },
        Fact::MemberRoleUpdate { role, auths } => Attach::MemberRoleUpdate {
            role: entity::channel_member_role(role),
            category: category(role.place),
            auths: updated(auths),
        },
        Fact::ChannelVisibility { visible } => Attach::ChannelVisibility { visible: *visible },
        Fact::ServerEnterLeave { entered, server } => {
            Attach::ServerEnterLeave { entered: *entered, server: server.as_ref().map(entity::server) }
        }
    }
}

fn names(accids: &[Accid]) -> Vec<String> {
    accids.iter().map(|accid| accid.as_str().to_owned()).collect()
}

fn server(of: &Notification) -> Id {
    Id(of.server.map_or(0, |server| server.get()))
}

fn channel(of: &Notification) -> Id {
    Id(of.channel.map_or(0, |channel| channel.get()))
}

fn category(place: Place) -> Option<Id> {
    match place {
        Place::Channel(_) => None,
        Place::Category(category) => Some(Id(category.get())),
    }
}

/// The wire's operations on lists: 1 add, 2 remove.
fn operation(add: bool) -> i64 {
    if add { 1 } else { 2 }
}

fn listed_role(of: &Notification, place_id: Id, list: ListKind, add: bool, role: RoleId) -> ListedRole {
    ListedRole {
        server_id: server(of),
        place_id,
        list: list.number().into(),
        operation: operation(add),
        role_id: Id(role.get()),
    }
}

fn listed(of: &Notification, place_id: Id, list: ListKind, add: bool, accids: &[Accid]) -> ListedMembers {
    ListedMembers {
        server_id: server(of),
        place_id,
        list: list.number().into(),
        operation: operation(add),
        accids: names(accids),
    }
}

/// The rights a change named, kept as JSON text; text that is none would make the client's event fail.
fn updated(text: &str) -> AuthMap {
    AuthMap::from_wire(&text.into()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
