//! Black and white lists on the wire: what answers and notifications hold, and what no SDK would send.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{App, Client};

/// The numbers of the same six commands for channels and categories.
struct Commands {
    edit_role: u16,
    roles: u16,
    edit_members: u16,
    members: u16,
    some_roles: u16,
    some_members: u16,
    /// Notifications of roles and of members.
    told: (u16, u16),
}

const OF_CHANNELS: Commands = Commands {
    edit_role: 54,
    roles: 55,
    edit_members: 56,
    members: 57,
    some_roles: 58,
    some_members: 59,
    told: (18, 19),
};

const OF_CATEGORIES: Commands = Commands {
    edit_role: 113,
    roles: 114,
    edit_members: 115,
    members: 116,
    some_roles: 117,
    some_members: 118,
    told: (24, 25),
};

fn q(v: Value) -> Value {
    json!([{"t": "Property", "v": v}])
}

/// A server of ann's with bob in it, a custom role, and a private place of each kind.
async fn world(ann: &mut Client) -> (String, String, [(Commands, String); 2]) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let new = json!([{"t": "Property", "v": {"3": "home", "8": 1, "16": 1}}, {"t": "Property", "v": {}}]);
    let server = text(&ann.ok(24, 31, new).await[0]["1"]);
    let invited =
        json!([{"t": "Long", "v": server}, {"t": "StrArray", "v": ["bob"]}, {"t": "String", "v": ""}]);
    ann.ok(24, 36, invited).await;
    let role = text(&ann.ok(24, 61, q(json!({"1": server, "3": "crew", "7": 2, "9": 1}))).await[0]["2"]);
    let new = json!([{"t": "Property", "v": {"2": server, "4": "talk", "7": 1, "12": 1}}, {"t": "Property", "v": {}}]);
    let channel = ann.ok(24, 48, new).await[0].clone();
    assert_eq!(channel["12"], "1", "a private channel: {channel}");
    let new = json!([{"t": "Property", "v": {"2": server, "4": "wing", "7": 1}}, {"t": "Property", "v": {}}]);
    let category = ann.ok(24, 109, new).await[0].clone();
    assert_eq!(category["7"], "1", "a private category: {category}");
    let places = [(OF_CHANNELS, text(&channel["1"])), (OF_CATEGORIES, text(&category["1"]))];
    (server, role, places)
}

#[sqlx::test(migrations = "../../migrations")]
async fn answers_and_notifications_hold_what_the_sdk_reads(pool: PgPool) {
    let app = App::start(pool).await;
    let (mut ann, mut bob) = (app.login("ann", "a").await, app.login("bob", "b").await);
    let (server, role, places) = world(&mut ann).await;
    for (of, place) in places {
        let edit = |five: Value| q(json!({"1": server, "2": place, "3": 1, "4": 1, "5": five}));
        assert_eq!(ann.ok(24, of.edit_members, edit(json!(r#"["bob"]"#))).await, json!([]));
        assert_eq!(ann.ok(24, of.edit_role, edit(json!(role))).await, json!([]));
        let (told, attach) = bob.notification(of.told.1).await;
        assert_eq!(
            (&told["1"], &told["2"], &told["5"]),
            (&json!("1"), &json!(server), &json!("ann")),
            "{told}"
        );
        let notify = json!({"1": server, "2": place, "3": "1", "4": "1", "5": r#"["bob"]"#});
        assert_eq!(texts(&attach["notify"]), notify);
        let (_, attach) = bob.notification(of.told.0).await;
        assert_eq!(texts(&attach["notify"]), json!({"1": server, "2": place, "3": "1", "4": "1", "5": role}));

        let page = q(json!({"1": server, "2": place, "3": 1, "4": 0, "5": 10}));
        let members = ann.ok(24, of.members, page.clone()).await;
        assert_eq!((members.as_array().unwrap().len(), members[1].as_array().unwrap().len()), (2, 1));
        assert_eq!((&members[1][0]["1"], &members[1][0]["3"]), (&json!(server), &json!("bob")));
        let roles = ann.ok(24, of.roles, page).await;
        assert_eq!((&roles[1][0]["2"], &roles[1][0]["3"]), (&json!(role), &json!("crew")));
        assert_eq!(roles[1][0].get("12"), None, "no word of whether the caller is in it");

        let some = |four: String| q(json!({"1": server, "2": place, "3": 1, "4": four}));
        let some_members =
            ann.ok(24, of.some_members, some(r#"["ann","bob","not an account!"]"#.into())).await;
        assert_eq!((some_members[0].as_array().unwrap().len(), &some_members[0][0]["3"]), (1, &json!("bob")));
        let some_roles = ann.ok(24, of.some_roles, some(format!(r#"["{role}"]"#))).await;
        assert_eq!(some_roles[0][0]["2"], json!(role));
    }
}

/// Numbers and texts alike as texts: the SDK reads both.
fn texts(map: &Value) -> Value {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.as_object().unwrap().iter().map(|(tag, value)| (tag.clone(), text(value))).collect()
}

#[sqlx::test(migrations = "../../migrations")]
async fn bad_values_are_refused_and_change_nothing(pool: PgPool) {
    let app = App::start(pool).await;
    let mut ann = app.login("ann", "a").await;
    let (server, role, places) = world(&mut ann).await;
    for (of, place) in places {
        let bobs = json!(r#"["bob"]"#);
        let many = json!(serde_json::to_string(&vec!["bob"; 101]).unwrap());
        let edits = |five: &Value| {
            let good = json!({"1": server, "2": place, "3": 1, "4": 1, "5": five});
            let mut bad: Vec<Value> = ["1", "2", "3", "4", "5"].map(|tag| without(&good, tag)).into();
            for (tag, value) in [("3", 0), ("3", 3), ("4", 0), ("4", 3), ("2", 0), ("1", -1)] {
                bad.push(with(&good, tag, json!(value)));
            }
            bad.push(with(&good, "3", json!("white")));
            bad
        };
        for v in edits(&bobs) {
            refused(&mut ann, of.edit_members, v, 414).await;
        }
        for v in edits(&json!(role)) {
            refused(&mut ann, of.edit_role, v, 414).await;
        }
        let good = json!({"1": server, "2": place, "3": 1, "4": 1, "5": bobs});
        for (five, code) in [
            (json!("bob"), 414),
            (json!("{"), 414),
            (json!("[]"), 414),
            (json!(r#"["bob", [7]]"#), 414),
            (many, 414),
            (json!(r#"["not an account!"]"#), 404),
            (json!(r#"["cid"]"#), 404),
        ] {
            refused(&mut ann, of.edit_members, with(&good, "5", five), code).await;
        }
        for (five, code) in [(json!("crew"), 414), (json!("0"), 414), (json!("77"), 404)] {
            refused(&mut ann, of.edit_role, with(&good, "5", five), code).await;
        }
        let page = json!({"1": server, "2": place, "3": 1, "4": 0, "5": 10});
        for command in [of.members, of.roles] {
            for (tag, value) in [("5", json!(0)), ("5", json!(101)), ("4", json!(-1)), ("3", json!(3))] {
                refused(&mut ann, command, with(&page, tag, value), 414).await;
            }
            let answer = ann.ok(24, command, q(page.clone())).await;
            assert_eq!(answer[1], json!([]), "nothing is listed");
        }
        let query = json!({"1": server, "2": place, "3": 1, "4": "[]"});
        for command in [of.some_members, of.some_roles] {
            refused(&mut ann, command, query.clone(), 414).await;
            refused(&mut ann, command, with(&query, "4", json!("nobody")), 414).await;
        }
    }
}

async fn refused(client: &mut Client, command: u16, v: Value, code: u16) {
    let answer = client.request(24, command, q(v.clone())).await;
    assert_eq!(answer["code"], code, "24_{command} {v}");
}

fn with(map: &Value, tag: &str, value: Value) -> Value {
    let mut map = map.clone();
    map[tag] = value;
    map
}

fn without(map: &Value, tag: &str) -> Value {
    let mut map = map.clone();
    map.as_object_mut().unwrap().remove(tag);
    map
}
