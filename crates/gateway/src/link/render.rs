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

#[cfg(test)]
mod tests {
    use rotunda_model::{
        Accid, AppId, AuthValue, Auths, Millis, Right, RoleId, ServerId,
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
