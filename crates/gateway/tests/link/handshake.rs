//! `GET /socket.io/1/` and the way from there to an open socket.

use std::time::Duration;

use rotunda_gateway::DoorLimits;
use sqlx::PgPool;

use crate::support::App;

#[sqlx::test(migrations = "../../migrations")]
async fn the_handshake_answers_any_origin(pool: PgPool) {
    let app = App::start(pool).await;
    let answer = app.http("GET", "/socket.io/1/?t=1700000000000", "Origin: https://app.example\r\n").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains("access-control-allow-origin: *"), "{head}");
    let parts: Vec<&str> = body.split(':').collect();
    assert_eq!(&parts[1..], ["60", "60", "websocket"], "{body}");
    assert!(serde_json::from_str::<serde_json::Value>(body).is_err(), "the client would take it for JSON");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_preflight_of_the_room_kit_is_allowed(pool: PgPool) {
    let app = App::start(pool).await;
    let headers = "Origin: https://app.example\r\nAccess-Control-Request-Method: PUT\r\n\
                   Access-Control-Request-Headers: user,token,appkey,deviceid,authtype\r\n";
    let answer = app.http("OPTIONS", "/scene/apps/x/v1/rooms/1/members", headers).await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    assert!(answer.contains("access-control-allow-methods: get,post,put,delete"), "{answer}");
    assert!(answer.contains("access-control-max-age: 7200"), "{answer}");
    for header in ["user", "token", "appkey", "deviceid", "clienttype", "versioncode", "session-id"] {
        assert!(answer.contains(header), "{header} in {answer}");
    }
    assert!(!answer.contains("allow-credentials"), "{answer}");
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_sid_opens_one_socket(pool: PgPool) {
    let app = App::start(pool).await;
    let sid = app.handshake().await.unwrap();
    let first = app.websocket(&sid).await;
    assert!(first.is_some());
    assert!(app.websocket(&sid).await.is_none(), "a used one");
    assert!(app.websocket("r00000000000000000000000000000000").await.is_none(), "an invented one");
}

#[sqlx::test(migrations = "../../migrations")]
async fn strangers_are_bounded_and_login_gives_the_place_back(pool: PgPool) {
    let doors = DoorLimits { strangers_per_address: 2, ..DoorLimits::default() };
    let app = App::start_with(pool, doors).await;
    let first = app.socket().await;
    let _second = app.socket().await;
    let sid = app.handshake().await.unwrap();
    assert!(app.websocket(&sid).await.is_none(), "a third stranger");
    first.vanish();
    let mut tries = 0;
    let _third = loop {
        let sid = app.handshake().await.unwrap();
        match app.websocket(&sid).await {
            Some(client) => break client,
            // The server has not yet noticed that the first is gone.
            None if tries < 100 => tries += 1,
            None => panic!("no place came back"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
}

#[sqlx::test(migrations = "../../migrations")]
async fn logged_in_sessions_are_no_strangers(pool: PgPool) {
    let doors = DoorLimits { strangers_per_address: 1, ..DoorLimits::default() };
    let app = App::start_with(pool, doors).await;
    let _ann = app.login("ann", "a").await;
    let _bob = app.login("bob", "b").await;
    let _cid = app.login("cid", "c").await;
}
