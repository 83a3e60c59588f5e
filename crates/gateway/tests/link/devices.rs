//! Several sessions of one account.

use rotunda_core::Hub;
use rotunda_model::{Accid, UserKey};
use serde_json::json;
use sqlx::PgPool;

use crate::support::{App, login_items};

#[sqlx::test(migrations = "../../migrations")]
async fn other_devices_are_listed_and_told(pool: PgPool) {
    let app = App::start(pool).await;
    let mut first = app.login("ann", "a").await;
    let mut second = app.socket().await;
    let items = second.ok(24, 2, login_items("ann", "b", "ann-token")).await;
    assert_eq!(items[1].as_array().map(Vec::len), Some(1));
    assert_eq!(items[1][0]["8"], "a");
    let came = first.push(24, 8).await;
    assert_eq!((&came[0], &came[1]["8"]), (&json!(1), &json!("b")));
    second.vanish();
    let went = first.push(24, 8).await;
    assert_eq!((&went[0], &went[1]["8"]), (&json!(2), &json!("b")));
    let _stranger = app.login("bob", "c").await;
    first.ok(1, 2, json!([])).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_device_kicks_others_by_id(pool: PgPool) {
    let app = App::start(pool).await;
    let mut first = app.login("ann", "a").await;
    let mut second = app.login("ann", "b").await;
    let _other_account = app.login("bob", "c").await;
    let kicked = second.ok(24, 9, json!([{"t": "StrArray", "v": ["a", "b", "c", "unknown"]}])).await;
    assert_eq!(kicked, json!([["a"]]), "not itself, not another account's");
    let push = first.push(24, 5).await;
    assert_eq!((&push[0]["1"], &push[0]["2"]), (&json!("16"), &json!("3")));
    assert!(first.closed().await.is_some());
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_same_device_replaces_a_link_that_no_longer_answers(pool: PgPool) {
    let app = App::start(pool).await;
    let mut old = app.socket().await;
    // Its heartbeats stay unanswered: `request` reads only up to the answer.
    old.ok(24, 2, login_items("ann", "a", "ann-token")).await;
    let mut new = app.socket().await;
    let items = new.ok(24, 2, login_items("ann", "a", "ann-token")).await;
    assert_eq!(items[1], json!([]), "the old link is not another device");
    let mut kicked = false;
    let code = loop {
        match old.message().await {
            Some(tokio_tungstenite::tungstenite::Message::Close(frame)) => {
                break frame.map(|f| u16::from(f.code));
            }
            Some(message) => kicked |= message.to_text().is_ok_and(|text| text.contains("\"cid\":5,")),
            None => break None,
        }
    };
    assert_eq!((kicked, code), (false, Some(1000)), "closed without 24_5: the client may come back");
    new.ok(1, 2, json!([])).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_living_link_of_the_same_device_is_told_to_stop(pool: PgPool) {
    let app = App::start(pool).await;
    let mut old = app.login("ann", "a").await;
    // Past the first heartbeat, which follows the login answer and is answered by `frame`.
    old.ok(1, 2, json!([])).await;
    let _new = app.login("ann", "a").await;
    assert_eq!(old.push(24, 5).await[0]["2"], "4", "else two tabs with one device id fight for ever");
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_oldest_makes_room_for_an_eleventh_device(pool: PgPool) {
    let app = App::start(pool).await;
    let mut oldest = app.login("ann", "device-0").await;
    let mut others = Vec::new();
    for n in 1..10 {
        others.push(app.login("ann", &format!("device-{n}")).await);
    }
    let mut eleventh = app.socket().await;
    let items = eleventh.ok(24, 2, login_items("ann", "device-10", "ann-token")).await;
    assert_eq!(items[1].as_array().map(Vec::len), Some(9));
    assert_eq!(oldest.push(24, 5).await[0]["2"], "2");
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_is_online_when_all_links_are_gone(pool: PgPool) {
    let app = App::start(pool).await;
    let client = app.login("ann", "a").await;
    let app_id =
        rotunda_core::account::app_by_key(&app.core, crate::support::APP_KEY).await.unwrap().unwrap().id;
    let user = UserKey { app: app_id, accid: Accid::new("ann").unwrap() };
    assert!(app.gateway.hub.is_online(&user));
    client.vanish();
    for _ in 0..500 {
        if !app.gateway.hub.is_online(&user) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("still online");
}
