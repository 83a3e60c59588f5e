//! Commands over the socket: what is built works, the rest is refused at once.

use rotunda_wire::command;
use serde_json::json;
use sqlx::PgPool;

use crate::support::App;

#[sqlx::test(migrations = "../../migrations")]
async fn every_command_of_the_sdk_is_answered(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.login("ann", "a").await;
    for command in command::all().filter(|command| (command.sid, command.cid) != (24, 4)) {
        let answer = client.request(command.sid, command.cid, json!([])).await;
        let code = answer["code"].as_u64().unwrap();
        assert!(code == 200 || (302..500).contains(&code), "{command}: {answer}");
    }
    let answer = client.request(99, 1, json!([])).await;
    assert_eq!(answer["code"], 404);
    assert_eq!(client.request(24, 10, json!([])).await["code"], 404, "not built yet");
    assert_eq!(client.request(24, 14, json!([])).await["code"], 414, "only a server sends it");
}

#[sqlx::test(migrations = "../../migrations")]
async fn wrong_types_are_bad_parameters(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.login("ann", "a").await;
    for (cid, q) in [
        (31, json!([{"t": "Property", "v": [1]}])),
        (32, json!([{"t": "Long", "v": "seven"}])),
        (32, json!([{"t": "Long", "v": -7}])),
        (34, json!([{"t": "LongArray", "v": "7"}])),
        (36, json!([{"t": "Long", "v": "7"}, {"t": "StrArray", "v": {"a": 1}}])),
        (63, json!([{"t": "Property", "v": {"1": "1", "2": "2", "6": "{not json"}}])),
    ] {
        let answer = client.request(24, cid, q.clone()).await;
        assert_eq!(answer["code"], 414, "24_{cid} {q}");
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_answer_comes_before_the_pushes_it_caused(pool: PgPool) {
    let app = App::start(pool).await;
    let mut client = app.login("ann", "a").await;
    for n in 0..20 {
        let q = json!([{"t": "Property", "v": {"3": format!("server {n}"), "16": 1}}, {"t": "Property", "v": {}}]);
        client.send(&format!("3:::{}", json!({"SER": 100 + n, "SID": 24, "CID": 31, "Q": q}))).await;
        let first = loop {
            let packet = client.packet().await;
            if packet["cid"] == 31 || packet["cid"] == 14 {
                break packet;
            }
        };
        assert_eq!((&first["cid"], &first["ser"]), (&json!(31), &json!(100 + n)));
        let (notification, attach) = client.notification(5).await;
        assert_eq!(notification["2"], first["r"][0]["1"]);
        assert_eq!(attach["serverInfo"]["3"], format!("server {n}"));
        client.notification(32).await;
    }
}
