//! What clients read of each notification.

use rotunda_model::{
    AppId, AuthValue, Auths, Category, CategoryId, Channel, ChannelId, ChannelKind, Millis, Right, ServerId,
    SyncMode, ViewMode, VisitorMode,
    role::{LayerRole, MemberRole, RoleKind, ServerRole},
    server::{ApplyMode, InviteMode, Member, Server},
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

const SERVER: i64 = 7;
const CHANNEL: i64 = 8;
const CATEGORY: i64 = 9;

fn everybody() -> Audience {
    Audience::Server { also: Vec::new() }
}

/// The notification as written, and its attachment.
fn rendered(fact: Fact, channel: Option<i64>, audience: Audience) -> (Value, Value) {
    let channel = channel.and_then(ChannelId::new);
    let object = object(&Notification { channel, ..notification(fact, audience) });
    let attach = serde_json::from_str(object["15"].as_str().unwrap()).unwrap();
    (object, attach)
}

/// The attachment, after checking type, toType and the ids beside it.
fn told(number: u16, fact: Fact, channel: Option<i64>, audience: Audience) -> Value {
    assert_eq!(fact.number(), number);
    let to_type = match audience {
        Audience::Server { .. } | Audience::Category(_) => "1",
        Audience::Channel => "2",
        Audience::ServerAccounts(_) => "3",
        Audience::ChannelAccounts(_) => "4",
    };
    let (object, attach) = rendered(fact, channel, audience);
    assert_eq!((&object["1"], &object["11"]), (&json!(to_type), &json!(number.to_string())), "{attach}");
    assert_eq!(object["2"], json!(SERVER.to_string()));
    assert_eq!(object.get("3").cloned(), channel.map(|id| json!(id.to_string())));
    // The SDK compares it with a number.
    assert_eq!(attach["type"], json!(number));
    attach
}

fn bob() -> Member {
    Member {
        server: ServerId::new(SERVER).unwrap(),
        accid: Accid::new("bob").unwrap(),
        nick: "Bob".into(),
        avatar: String::new(),
        ext: String::new(),
        is_owner: false,
        inviter: Accid::new("ann").ok(),
        joined: Millis(3),
        created: Millis(3),
        updated: Millis(4),
    }
}

fn a_server() -> Server {
    Server {
        id: ServerId::new(SERVER).unwrap(),
        app: AppId::new(1).unwrap(),
        name: "home".into(),
        icon: String::new(),
        ext: String::new(),
        owner: Accid::new("ann").unwrap(),
        invite_mode: InviteMode::NoConsent,
        apply_mode: ApplyMode::Open,
        search_type: 0,
        search_enabled: true,
        reorder_weight: 0,
        member_count: 2,
        channel_count: 1,
        category_count: 1,
        created: Millis(1),
        updated: Millis(2),
        version: 5,
    }
}

fn a_channel() -> Channel {
    Channel {
        id: ChannelId::new(CHANNEL).unwrap(),
        server: ServerId::new(SERVER).unwrap(),
        category: CategoryId::new(CATEGORY),
        kind: ChannelKind::Media,
        name: "talk".into(),
        topic: String::new(),
        ext: String::new(),
        owner: Accid::new("ann").unwrap(),
        view_mode: ViewMode::Private,
        visitor_mode: VisitorMode::Follow,
        sync_mode: SyncMode::WithCategory,
        reorder_weight: 0,
        created: Millis(1),
        updated: Millis(2),
    }
}

fn a_category() -> Category {
    Category {
        id: CategoryId::new(CATEGORY).unwrap(),
        server: ServerId::new(SERVER).unwrap(),
        name: "games".into(),
        ext: String::new(),
        owner: Accid::new("ann").unwrap(),
        view_mode: ViewMode::Private,
        channel_count: 2,
        reorder_weight: 0,
        created: Millis(1),
        updated: Millis(2),
    }
}

fn a_role() -> ServerRole {
    ServerRole {
        id: RoleId::new(11).unwrap(),
        server: ServerId::new(SERVER).unwrap(),
        name: "mods".into(),
        icon: String::new(),
        ext: String::new(),
        auths: Auths::new(),
        kind: RoleKind::Custom,
        member_count: 1,
        priority: 3,
        created: Millis(1),
        updated: Millis(2),
    }
}

fn a_layer_role(place: Place) -> LayerRole {
    LayerRole {
        id: RoleId::new(12).unwrap(),
        server: ServerId::new(SERVER).unwrap(),
        place,
        server_role: RoleId::new(11).unwrap(),
        kind: RoleKind::Custom,
        name: "mods".into(),
        icon: String::new(),
        ext: String::new(),
        auths: [(Right::RTC_CONNECT, AuthValue::Deny)].into_iter().collect(),
        created: Millis(1),
        updated: Millis(2),
    }
}

fn an_override(place: Place) -> MemberRole {
    MemberRole {
        id: RoleId::new(13).unwrap(),
        server: ServerId::new(SERVER).unwrap(),
        place,
        accid: Accid::new("bob").unwrap(),
        auths: Auths::new(),
        member: bob(),
        created: Millis(1),
        updated: Millis(2),
    }
}

fn places() -> [Place; 2] {
    [Place::Channel(ChannelId::new(CHANNEL).unwrap()), Place::Category(CategoryId::new(CATEGORY).unwrap())]
}

#[test]
fn members_kicked_and_changed_are_told_to_the_server() {
    let kick = Fact::MemberKick { server: a_server(), kicked: vec![Accid::new("bob").unwrap()] };
    let attach = told(12, kick, None, everybody());
    assert_eq!((&attach["kickedAccids"], &attach["serverInfo"]["1"]), (&json!(["bob"]), &json!("7")));
    let attach = told(14, Fact::MemberUpdate { member: bob() }, None, everybody());
    let member = json!({
        "1": "7", "3": "bob", "4": "Bob", "5": "", "6": "", "7": "0", "8": "3", "9": "ann", "10": "1",
        "11": "3", "12": "4"
    });
    assert_eq!(attach, json!({"type": 14, "serverMember": member}));
}

#[test]
fn a_changed_channel_is_told_to_those_who_see_it() {
    let attach = told(17, Fact::ChannelUpdate { channel: a_channel() }, Some(CHANNEL), Audience::Channel);
    let channel = json!({
        "1": "8", "2": "7", "4": "talk", "5": "", "6": "", "7": "1", "8": "1", "9": "1", "10": "2",
        "11": "ann", "12": "1", "13": "9", "14": "1", "15": "0", "16": "2"
    });
    assert_eq!(attach, json!({"type": 17, "channelInfo": channel}));
}

#[test]
fn categories_are_told_with_the_server_alone_beside_them() {
    let category = json!({
        "1": "9", "2": "7", "4": "games", "5": "", "6": "ann", "7": "1", "8": "1", "9": "1", "10": "2",
        "11": "2"
    });
    let seen = || Audience::Category(CategoryId::new(CATEGORY).unwrap());
    let attach = told(21, Fact::CategoryCreate { category: a_category() }, None, seen());
    assert_eq!(attach, json!({"type": 21, "categoryInfo": category}));
    let attach = told(23, Fact::CategoryUpdate { category: a_category() }, None, seen());
    assert_eq!(attach, json!({"type": 23, "categoryInfo": category}));
    let gone = Fact::CategoryRemove { category: CategoryId::new(CATEGORY).unwrap() };
    let one = Audience::ServerAccounts(vec![Accid::new("bob").unwrap()]);
    assert_eq!(told(22, gone, None, one), json!({"type": 22, "categoryId": "9"}));
}

#[test]
fn list_edits_name_place_list_and_operation() {
    let role = RoleId::new(11).unwrap();
    let accids = vec![Accid::new("bob").unwrap(), Accid::new("eve").unwrap()];
    let category = CategoryId::new(CATEGORY).unwrap();
    for (list, list_number) in [(ListKind::White, "1"), (ListKind::Black, "2")] {
        for (add, operation) in [(true, "1"), (false, "2")] {
            let fact = Fact::ChannelListRole { list, add, role };
            let attach = told(18, fact, Some(CHANNEL), everybody());
            let notify = json!({"1": "7", "2": "8", "3": list_number, "4": operation, "5": "11"});
            assert_eq!(attach, json!({"type": 18, "notify": notify}));

            let fact = Fact::ChannelListMembers { list, add, accids: accids.clone() };
            let attach = told(19, fact, Some(CHANNEL), everybody());
            let names = r#"["bob","eve"]"#;
            let notify = json!({"1": "7", "2": "8", "3": list_number, "4": operation, "5": names});
            assert_eq!(attach, json!({"type": 19, "notify": notify}));

            let fact = Fact::CategoryListRole { category, list, add, role };
            let attach = told(24, fact, None, everybody());
            let notify = json!({"1": "7", "2": "9", "3": list_number, "4": operation, "5": "11"});
            assert_eq!(attach, json!({"type": 24, "notify": notify}));

            let fact = Fact::CategoryListMembers { category, list, add, accids: accids.clone() };
            let attach = told(25, fact, None, everybody());
            let notify = json!({"1": "7", "2": "9", "3": list_number, "4": operation, "5": names});
            assert_eq!(attach, json!({"type": 25, "notify": notify}));
        }
    }
}

#[test]
fn members_of_a_role_are_named_beside_it() {
    let accids = vec![Accid::new("bob").unwrap()];
    let added = Fact::ServerRoleMembersAdd { role: a_role(), added: accids.clone() };
    let attach = told(26, added, None, everybody());
    assert_eq!((&attach["addAccids"], &attach["serverIdentifyInfo"]["2"]), (&json!(["bob"]), &json!("11")));
    let removed = Fact::ServerRoleMembersRemove { role: a_role(), removed: accids };
    let attach = told(27, removed, None, everybody());
    // Both SDK versions need both ids of the role to know whose it was.
    let role = &attach["serverIdentifyInfo"];
    assert_eq!((&role["1"], &role["2"]), (&json!("7"), &json!("11")));
    assert_eq!(attach["deleteAccids"], json!(["bob"]));
}

#[test]
fn layers_of_channels_and_categories_are_told_in_one_form() {
    for place in places() {
        let (channel, tag_4, category) = match place {
            Place::Channel(_) => (Some(CHANNEL), Some(json!("8")), None),
            Place::Category(_) => (None, None, Some(json!("9"))),
        };
        let fact = Fact::LayerRoleUpdate { role: a_layer_role(place), auths: r#"{"15":-1}"#.into() };
        let attach = told(29, fact, channel, everybody());
        let role = &attach["channelIdentifyInfo"];
        assert_eq!((&role["1"], &role["2"], &role["3"]), (&json!("7"), &json!("12"), &json!("11")));
        assert_eq!((role.get("4"), &role["9"]), (tag_4.as_ref(), &json!("2")));
        assert_eq!(
            (&attach["updateAuths"], attach.get("categoryId")),
            (&json!(r#"{"15":-1}"#), category.as_ref())
        );
        let auths: Value = serde_json::from_str(role["8"].as_str().unwrap()).unwrap();
        // Every right a layer may hold is written, and none of those that only server roles have.
        assert_eq!((&auths["15"], &auths["17"], auths.get("1")), (&json!(-1), &json!(0), None));

        let fact = Fact::MemberRoleUpdate { role: an_override(place), auths: "{}".into() };
        let attach = told(30, fact, channel, everybody());
        let role = &attach["userIdentifyInfo"];
        assert_eq!((&role["1"], &role["2"], &role["3"]), (&json!("7"), &json!("13"), &json!("bob")));
        assert_eq!((role.get("4"), &role["8"]), (tag_4.as_ref(), &json!("Bob")));
        assert_eq!((&attach["updateAuths"], attach.get("categoryId")), (&json!("{}"), category.as_ref()));
    }
}
