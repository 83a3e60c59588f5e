//! How good the members' lines are: our own kit is told, engines are not.

use std::time::Duration;

use rotunda_sfu::{Command, Event, LinkReport, Quality, TransportId};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::support::{Client, Community, Server, produce_audio};

/// The transports of the next question; the server asks every 2 s.
async fn question(server: &Server) -> Vec<TransportId> {
    for _ in 0..200 {
        for command in server.table() {
            if let Command::ReportQuality(of) = command {
                return of;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the media worker was not asked");
}

fn lossy(fraction_lost: u8) -> LinkReport {
    LinkReport { up: Some(Quality { fraction_lost, ..Quality::default() }), ..LinkReport::default() }
}

#[sqlx::test(migrations = "../../migrations")]
async fn our_kit_is_told_of_every_member_and_an_engine_of_none(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    let bob_entry = bob.enter(&server).await;
    let mut engine = bob.join(&server, &bob_entry).await;
    let produced = engine.request("Produce", produce_audio(1111, None)).await;
    assert_eq!(produced["code"], 200, "{produced}");
    server.table();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(server.table().is_empty(), "nobody listens, so nothing is asked");

    let ann_entry = ann.enter(&server).await;
    let info = ann.info(&server, &ann_entry).await;
    let (mut kit, answer) = ann.try_join_as(&info, "kit", "rotunda-0.1.0").await;
    assert_eq!(answer["code"], 200, "{answer}");
    engine.notification("OnPeerJoin").await;
    let of = question(&server).await;
    assert_eq!(json!(of[0].to_string()), produced["transportId"]);

    server.reports.send(Event::Quality(vec![(of[0], lossy(0))])).await.unwrap();
    let told = kit.notification("OnUserData").await;
    assert_eq!(told["externData"]["type"], "NetworkQuality");
    let (ann_uid, bob_uid) = (&ann_entry["member"]["rtcUid"], &bob_entry["member"]["rtcUid"]);
    let mut list = told["externData"]["data"]["list"].as_array().unwrap().clone();
    list.sort_by_key(|item| item["uid"] != *ann_uid);
    let expected =
        [json!({ "uid": ann_uid, "up": 0, "down": 0 }), json!({ "uid": bob_uid, "up": 1, "down": 0 })];
    assert_eq!(list, expected, "a uid and two numbers, nothing else");

    server.reports.send(Event::Quality(vec![(of[0], lossy(0))])).await.unwrap();
    server.reports.send(Event::Quality(vec![(of[0], lossy(200))])).await.unwrap();
    let told = kit.notification("OnUserData").await;
    assert_eq!(
        told["externData"]["data"]["list"],
        json!([{ "uid": bob_uid, "up": 5, "down": 0 }]),
        "only what changed"
    );
    // Whatever the engine was sent would come before the answer.
    assert_eq!(engine.request("Heartbeat", json!({})).await["code"], 200);
    assert_eq!(engine.notified, Vec::<Value>::new());
}
