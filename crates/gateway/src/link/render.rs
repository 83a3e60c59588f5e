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
mod tests {
    use rotunda_model::{
        AppId, AuthValue, Auths, Millis, Right, ServerId,
        role::{RoleKind, ServerRole},
    };
    use serde_json::json;

    use super::*;

    fn notification(fact: Fact, audience: Audience) -> Notification {
        Notification {
            app: AppId::new(1).unwrap(),
            fact,
            server: ServerId::new(7),
            channel: None,
            audience,
            from: Accid::new("ann").unwrap(),
            from_device: None,
            from_client_type: 16,
            from_nick: "Ann".into(),
            time: Millis(5),
            stored_id: 0,
        }
    }

    #[test]
    fn a_role_update_shows_all_rights_of_the_role_and_only_the_changed_ones_beside_it() {
        let role = ServerRole {
            id: RoleId::new(8).unwrap(),
            server: ServerId::new(7).unwrap(),
            name: "everyone".into(),
            icon: String::new(),
            ext: String::new(),
            auths: [(Right::RTC_CONNECT, AuthValue::Allow)].into_iter().collect::<Auths>(),
            kind: RoleKind::Everyone,
            member_count: -1,
            priority: 0,
            created: Millis(1),
            updated: Millis(2),
        };
        let fact = Fact::ServerRoleUpdate { role, auths: r#"{"15":1}"#.into() };
        let object = object(&notification(fact, Audience::Server { also: Vec::new() }));
        assert_eq!((&object["1"], &object["2"], &object["11"]), (&json!("1"), &json!("7"), &json!("28")));
        assert_eq!((object.get("3"), object.get("4")), (None, None));
        let attach: Value = serde_json::from_str(object["15"].as_str().unwrap()).unwrap();
        assert_eq!((&attach["type"], &attach["updateAuths"]), (&json!(28), &json!(r#"{"15":1}"#)));
        let auths: Value = serde_json::from_str(attach["serverIdentifyInfo"]["6"].as_str().unwrap()).unwrap();
        assert_eq!(auths.as_object().map(serde_json::Map::len), Some(27));
        assert_eq!((&auths["15"], &auths["16"]), (&json!(1), &json!(-1)));
    }

    #[test]
    fn accounts_addressed_are_named_as_json_text() {
        let audience = Audience::ServerAccounts(vec![Accid::new("bob").unwrap()]);
        let object = object(&notification(Fact::ServerEnterLeave { entered: false, server: None }, audience));
        assert_eq!((&object["1"], &object["4"]), (&json!("3"), &json!(r#"["bob"]"#)));
        assert_eq!(object["13"], "0");
    }

    #[test]
    fn missed_ones_come_as_one_array() {
        let all = [
            notification(Fact::ServerRemove, Audience::Channel),
            notification(Fact::ChannelRemove, Audience::Channel),
        ];
        let frame = missed(&all);
        let packet: Value = serde_json::from_str(frame.strip_prefix("3:::").unwrap()).unwrap();
        assert_eq!((&packet["cid"], &packet["code"]), (&json!(24), &json!(200)));
        assert_eq!(packet["r"][0].as_array().map(Vec::len), Some(2));
    }
}
