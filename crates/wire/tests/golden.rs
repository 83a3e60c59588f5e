//! The wire, literally: what is written here was accepted by nim-web-sdk-ng 0.17.2 and 10.8.1, so a change of one of
//! these texts is a change of the protocol.

use rotunda_wire::{
    Answer, AuthMap, CommandId, FromWire, Id, JsonText, Request, Tags, ToWire,
    command::{Command, channel, media, member, role, server, session, subscription},
    entity::{
        Channel, Kicked, LoginInfo, MediaToken, Member, MemberRole, Page, RtcConfig, Server, ServerRole,
        ServerRoles, Unread,
    },
    notification::{Attach, SystemNotification, ToType},
    value::list,
};
use serde_json::{Value, json};

fn a_server() -> Server {
    Server {
        server_id: Id(1_000_001),
        name: "name".into(),
        owner: "owner".into(),
        member_number: 1,
        invite_mode: 1,
        valid: true,
        create_time: 1_700_000_000_000,
        update_time: 1_700_000_000_000,
        search_enable: true,
        reorder_weight: "0".into(),
        ..Server::default()
    }
}

fn server_object() -> Value {
    json!({
        "1": "1000001", "3": "name", "4": "", "5": "", "6": "owner", "7": "1", "8": "1", "9": "0", "10": "1",
        "11": "1700000000000", "12": "1700000000000", "13": "0", "14": "0", "15": "0", "16": "1", "17": "0"
    })
}

fn a_member() -> Member {
    Member {
        server_id: Id(1),
        accid: "bob".into(),
        nick: "Bob".into(),
        kind: 1,
        join_time: 7,
        inviter: Some("ann".into()),
        valid: true,
        create_time: 7,
        update_time: 8,
        ..Member::default()
    }
}

fn a_channel() -> Channel {
    Channel {
        channel_id: Id(2),
        server_id: Id(1),
        name: "talk".into(),
        kind: 1,
        valid: true,
        create_time: 7,
        update_time: 8,
        owner: "ann".into(),
        view_mode: 1,
        reorder_weight: "0".into(),
        visitor_mode: 2,
        ..Channel::default()
    }
}

fn channel_object() -> Value {
    json!({
        "1": "2", "2": "1", "4": "talk", "5": "", "6": "", "7": "1", "8": "1", "9": "7", "10": "8", "11": "ann",
        "12": "1", "13": "0", "14": "0", "15": "0", "16": "2"
    })
}

fn a_role() -> ServerRole {
    ServerRole {
        server_id: Id(1),
        role_id: Id(3),
        name: "everyone".into(),
        auths: Some(AuthMap([(15, 1), (16, -1)].into())),
        kind: 1,
        member_count: -1,
        create_time: 7,
        update_time: 8,
        ..ServerRole::default()
    }
}

fn role_object() -> Value {
    json!({
        "1": "1", "2": "3", "3": "everyone", "4": "", "5": "", "6": "{\"15\":1,\"16\":-1}", "7": "1", "8": "-1",
        "9": "0", "10": "7", "11": "8"
    })
}

fn a_member_role() -> MemberRole {
    MemberRole {
        server_id: Id(1),
        id: Id(4),
        accid: "bob".into(),
        channel_id: Some(Id(2)),
        auths: AuthMap([(17, -1)].into()),
        create_time: 7,
        update_time: 8,
        nick: "Bob".into(),
        join_time: 6,
        ..MemberRole::default()
    }
}

fn member_role_object() -> Value {
    json!({
        "1": "1", "2": "4", "3": "bob", "4": "2", "5": "{\"17\":-1}", "6": "7", "7": "8", "8": "Bob", "9": "",
        "10": "", "11": "0", "12": "6"
    })
}

#[test]
fn entities_are_written_as_strings_under_their_tags() {
    let written = |value: &dyn ToWire| value.to_wire().unwrap();
    assert_eq!(written(&a_server()), server_object());
    assert_eq!(
        written(&a_member()),
        json!({"1": "1", "3": "bob", "4": "Bob", "5": "", "6": "", "7": "1", "8": "7", "9": "ann", "10": "1",
               "11": "7", "12": "8"})
    );
    assert_eq!(written(&a_channel()), channel_object());
    assert_eq!(written(&a_role()), role_object());
    assert_eq!(written(&a_member_role()), member_role_object());
    assert_eq!(
        written(&Unread { server_id: Id(1), channel_id: Id(2), max_count: 100, ..Unread::default() }),
        json!({"1": "1", "2": "2", "3": "0", "4": "0", "5": "0", "6": "100", "7": "0"})
    );
    assert_eq!(written(&Page { has_more: true, next_timetag: 9 }), json!({"1": "1", "2": "9"}));
    assert_eq!(
        written(&RtcConfig { limit: 100, audio: JsonText("{}".into()), video: JsonText("{}".into()) }),
        json!({"1": "100", "2": "{}", "3": "{}"})
    );
    assert_eq!(written(&MediaToken { token: "t".into(), expire_s: 86_400 }), json!({"1": "t", "2": "86400"}));
    assert_eq!(
        written(&ServerRoles { server_id: Id(1), role_ids: vec![Id(3)], timetag: 9 }),
        json!({"1": "1", "2": "[\"3\"]", "3": "9"})
    );
    assert_eq!(
        written(&Kicked { client_type: 16, reason: 3, ext: Some(String::new()), custom_client_type: None }),
        json!({"1": "16", "2": "3", "3": ""})
    );
    let login =
        LoginInfo { app_key: "k".into(), account: "bob".into(), client_type: 16, ..LoginInfo::default() };
    assert_eq!(
        written(&login),
        json!({"1": "k", "2": "bob", "6": "16", "8": "", "102": "", "103": "", "104": "0", "105": "0"})
    );
}

#[test]
fn the_proved_example_of_24_31_is_read_and_answered() {
    let json = r#"{"SER":3,"SID":24,"CID":31,"Q":[{"t":"Property","v":{"3":"name","8":1,"9":0,"16":1}},{"t":"Property","v":{}}]}"#;
    let request = Request::parse(json).unwrap();
    assert_eq!(request.command, server::CreateServer::ID);
    let server::CreateServer { server } = server::CreateServer::read(&request.items).unwrap();
    assert_eq!(
        (server.name.as_deref(), server.invite_mode, server.apply_mode),
        (Some("name"), Some(1), Some(0))
    );
    assert_eq!((server.search_enable, server.icon), (Some(true), None));
    assert_eq!(
        Answer::ok(&request, vec![json!({"1": "1000001"})]).frame(),
        r#"3:::{"sid":24,"cid":31,"ser":3,"code":200,"r":[{"1":"1000001"}]}"#
    );
}

fn read<C: Command>(q: Value) -> C {
    let json = json!({"SER": 1, "SID": C::ID.sid, "CID": C::ID.cid, "Q": q}).to_string();
    let request = Request::parse(&json).unwrap();
    assert_eq!(request.command, C::ID);
    C::read(&request.items).unwrap()
}

#[test]
fn requests_are_read_as_the_sdk_sends_them() {
    let invite: member::InviteServerMembers = read(json!([
        {"t": "Long", "v": "17"}, {"t": "StrArray", "v": ["a", "b"]}, {"t": "String", "v": "hi"}
    ]));
    assert_eq!((invite.server_id, invite.accids.len(), invite.ttl), (Id(17), 2, None));

    let invite: member::InviteServerMembers = read(json!([
        {"t": "Long", "v": 17}, {"t": "StrArray", "v": ["a"]}, {"t": "String", "v": ""},
        {"t": "Property", "v": {"1": 60000}}
    ]));
    assert_eq!(invite.ttl.and_then(|lifetime| lifetime.ttl), Some(60_000));

    let subscribe: subscription::Subscribe = read(json!([
        {"t": "Property", "v": {"1": 4}},
        {"t": "ArrayMable", "v": [{"t": "Property", "v": {"1": "17", "2": ""}}, {"t": "Property", "v": {"1": "18"}}]}
    ]));
    assert_eq!((subscribe.operation.kind, subscribe.operation.operation), (4, None));
    assert_eq!(subscribe.channels[0].channel_id, Some(Id(0)));
    assert_eq!((subscribe.channels[1].server_id, subscribe.channels[1].channel_id), (Id(18), None));

    let roles: subscription::GetOwnRoles = read(json!([{"t": "Property", "v": {"1": ["17", "18"]}}]));
    assert_eq!(roles.servers.server_ids, [Id(17), Id(18)]);

    let add: role::AddRoleMembers = read(
        json!([{"t": "Long", "v": "1"}, {"t": "Long", "v": "2"}, {"t": "String", "v": "[\"a\",\"b\"]"}]),
    );
    assert_eq!(add.accids, ["a", "b"]);

    let update: role::UpdateServerRole = read(json!([
        {"t": "Property", "v": {"1": "1", "2": "3", "6": "{\"3\":1,\"15\":1}", "7": 5}}, {"t": "Property", "v": {}}
    ]));
    assert_eq!(update.role.auths, Some(AuthMap([(3, 1), (15, 1)].into())));
    assert_eq!(update.role.priority, Some(5));

    let create: channel::CreateChannel = read(json!([
        {"t": "Property", "v": {"2": "1", "4": "talk", "7": 1, "12": 0}}, {"t": "Property", "v": {}}
    ]));
    assert_eq!((create.channel.server_id, create.channel.kind), (Some(Id(1)), Some(1)));

    let token: media::GetMediaToken = read(json!([{"t": "Property", "v": {"1": "device"}}]));
    assert_eq!(token.device.neroom_device_id, "device");

    let kick: session::KickOthers = read(json!([{"t": "StrArray", "v": ["d1"]}]));
    assert_eq!(kick.device_ids, ["d1"]);

    let login: session::LogIn = read(json!([{"t": "Property", "v": {
        "1": "appkey", "2": "bob", "4": "token", "6": 16, "7": "s", "8": "device", "9": 100801, "10": 0,
        "11": "Native/10.8.1", "14": "10.8.1", "30": "Linux", "36": "Chrome"
    }}]));
    assert_eq!((login.login.account.as_str(), login.login.sdk_version), ("bob", Some(100_801)));
}

#[test]
fn what_an_attachment_says_of_each_notification() {
    let (server, request) = (a_server(), Id(9));
    let cases = [
        (
            Attach::ServerMemberInvite { server: server.clone(), request },
            json!({"type": 1, "serverInfo": server_object(), "requestId": "9"}),
        ),
        (
            Attach::ServerMemberApply { server: server.clone(), request },
            json!({"type": 3, "serverInfo": server_object(), "requestId": "9"}),
        ),
        (Attach::ServerCreate { server: server.clone() }, json!({"type": 5, "serverInfo": server_object()})),
        (Attach::ServerRemove, json!({"type": 6})),
        (
            Attach::ServerMemberInviteDone { server: server.clone(), invited: vec!["bob".into()], request },
            json!({"type": 8, "serverInfo": server_object(), "invitedAccids": ["bob"], "requestId": "9"}),
        ),
        (
            Attach::ServerMemberInviteAccept { server: server.clone(), inviter: "ann".into(), request },
            json!({"type": 9, "serverInfo": server_object(), "inviteAccid": "ann", "requestId": "9"}),
        ),
        (
            Attach::ServerMemberApplyDone { server: server.clone(), request },
            json!({"type": 10, "serverInfo": server_object(), "requestId": "9"}),
        ),
        (
            Attach::ServerMemberApplyAccept { server: server.clone(), applicant: "bob".into(), request },
            json!({"type": 11, "serverInfo": server_object(), "applyAccid": "bob", "requestId": "9"}),
        ),
        (
            Attach::ServerMemberLeave { server: server.clone() },
            json!({"type": 13, "serverInfo": server_object()}),
        ),
        (
            Attach::ChannelCreate { channel: a_channel() },
            json!({"type": 15, "channelInfo": channel_object()}),
        ),
        (Attach::ChannelRemove, json!({"type": 16})),
        (
            Attach::ServerRoleMembersAdd { role: a_role(), added: vec!["bob".into()] },
            json!({"type": 26, "serverIdentifyInfo": role_object(), "addAccids": ["bob"]}),
        ),
        (
            Attach::ServerRoleUpdate { role: a_role(), auths: AuthMap([(15, -1)].into()) },
            json!({"type": 28, "serverIdentifyInfo": role_object(), "updateAuths": "{\"15\":-1}"}),
        ),
        (
            Attach::MemberRoleUpdate {
                role: a_member_role(),
                category: None,
                auths: AuthMap([(17, 0)].into()),
            },
            json!({"type": 30, "userIdentifyInfo": member_role_object(), "updateAuths": "{\"17\":0}"}),
        ),
        (Attach::ChannelVisibility { visible: false }, json!({"type": 31, "event": 2})),
        (Attach::ServerEnterLeave { entered: true, server: None }, json!({"type": 32, "event": 1})),
        (
            Attach::ServerEnterLeave { entered: true, server: Some(server) },
            json!({"type": 32, "event": 1, "serverInfo": server_object()}),
        ),
    ];
    for (attach, expected) in cases {
        let text = attach.text().0;
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected, "{attach:?}");
    }
}

#[test]
fn a_notification_is_written_under_its_tags() {
    let attach = Attach::ChannelVisibility { visible: true };
    let notification = SystemNotification {
        to_type: ToType::ChannelAccids as i64,
        server_id: Some(Id(1)),
        channel_id: Some(Id(2)),
        to_accids: Some(vec!["bob".into()]),
        from_account: "ann".into(),
        from_client_type: 16,
        from_device_id: None,
        from_nick: Some("Ann".into()),
        time: 7,
        update_time: 7,
        kind: attach.number().into(),
        msg_id_server: Id(0),
        attach: attach.text(),
        status: 0,
        persist_enable: false,
    };
    assert_eq!(
        notification.to_wire().unwrap(),
        json!({
            "1": "4", "2": "1", "3": "2", "4": "[\"bob\"]", "5": "ann", "6": "16", "8": "Ann", "9": "7", "10": "7",
            "11": "31", "13": "0", "15": "{\"event\":1,\"type\":31}", "18": "0", "100": "0"
        })
    );
}

#[test]
fn top_level_arrays_are_bare() {
    assert_eq!(list(&[Id(1), Id(2)]), json!(["1", "2"]));
    let tags = Tags::from_wire(&json!({"1": "x"})).unwrap();
    assert_eq!(list(&[tags]), json!([{"1": "x"}]));
    assert_eq!(CommandId::new(25, 8).to_string(), "25_8");
}
