//! 24_2 and what follows, until the end of a session.

use serde_json::json;
use sqlx::PgPool;

use crate::support::{APP_KEY, App, login_items};

#[sqlx::test(migrations = "../../migrations")]
async fn a_login_goes_as_the_sdk_wants_it(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.socket().await;
    let items = client.ok(24, 2, login_items("ann", "device-a", "ann-token")).await;
    assert_eq!(
        (&items[0]["1"], &items[0]["2"], &items[0]["8"]),
        (&json!(APP_KEY), &json!("ann"), &json!("device-a"))
    );
    assert!(items[0]["102"].as_str().is_some_and(|consid| !consid.is_empty()));
    assert_eq!(items[1], json!([]), "without this array login() rejects");
    assert_eq!(
        client.ok(6, 27, json!([{"t": "Property", "v": {}}])).await,
        json!([{"0": "{\"mixStoreEnable\":false}", "1": "3600"}])
    );
    assert_eq!(client.ok(6, 26, json!([])).await, json!([{"3": "0"}]));
    let now = client.ok(24, 19, json!([{"t": "Property", "v": {"1": 0}}])).await;
    assert!(now[0].as_i64().is_some_and(|ms| ms > 1_700_000_000_000), "{now}");
    assert_eq!(client.ok(1, 2, json!([])).await, json!([]));
    client.send(r#"3:::{"SER":0,"SID":1,"CID":2,"Q":[]}"#).await;
    assert_eq!(client.packet().await["ser"], 0, "the SDK's heartbeat always has SER 0");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_wrong_login_is_refused_and_the_client_may_close(pool: PgPool) {
    let app = App::start(pool).await;
    rotunda_core::account::set_disabled(&app.core, APP_KEY, "cid", true).await.unwrap();
    let mut unknown_app = login_items("ann", "d", "ann-token");
    unknown_app[0]["v"]["1"] = json!("ffffffffffffffffffffffffffffffff");
    let mut dynamic = login_items("ann", "d", "ann-token");
    dynamic[0]["v"]["3"] = json!(1);
    let mut no_device = login_items("ann", "", "ann-token");
    no_device[0]["v"]["8"] = json!("");
    let cases = [
        (login_items("ann", "d", "wrong"), 302),
        (login_items("nobody", "d", "ann-token"), 302),
        (login_items("bob", "d", "ann-token"), 302),
        (unknown_app, 302),
        (login_items("cid", "d", "cid-token"), 422),
        (dynamic, 403),
        (no_device, 414),
        (json!([{"t": "Property", "v": {}}]), 414),
        (json!([]), 414),
        (json!([{"t": "Property", "v": "text"}]), 414),
    ];
    for (items, code) in cases {
        let mut client = app.socket().await;
        let answer = client.request(24, 2, items).await;
        assert_eq!(answer["code"], code, "{answer}");
        client.vanish();
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_first_packet_that_is_no_login_closes(pool: PgPool) {
    let app = App::start(pool).await;
    for packet in [r#"3:::{"SER":1,"SID":24,"CID":31,"Q":[]}"#, r#"3:::{"SER":0,"SID":1,"CID":2,"Q":[]}"#] {
        let mut client = app.socket().await;
        client.send(packet).await;
        assert_eq!(client.closed().await, Some(1008), "{packet}");
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_second_login_on_one_socket_is_refused_and_harmless(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.login("ann", "a").await;
    let answer = client.request(24, 2, login_items("bob", "a", "bob-token")).await;
    assert_eq!(answer["code"], 417);
    client.ok(1, 2, json!([])).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn logout_is_answered_and_ends_the_session(pool: PgPool) {
    let app = App::start(pool).await;
    let mut watcher = app.login("ann", "watcher").await;
    let mut client = app.login("ann", "a").await;
    assert_eq!(watcher.push(24, 8).await[0], 1);
    assert_eq!(client.ok(24, 4, json!([])).await, json!([]));
    client.send("0::").await;
    let went = watcher.push(24, 8).await;
    assert_eq!((&went[0], &went[1]["8"]), (&json!(2), &json!("a")));
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_disabled_account_is_kicked(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.login("ann", "a").await;
    rotunda_core::account::set_disabled(&app.core, APP_KEY, "ann", true).await.unwrap();
    assert_eq!(client.push(24, 5).await[0]["2"], "2");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_stopping_server_sends_its_clients_away(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.login("ann", "a").await;
    app.gateway.shut_down();
    assert_eq!(client.closed().await, Some(1001));
}
