//! Which layers of a video are taken: our own kit is told of its own, engines are not.

use rotunda_sfu::{Command, Event, ProducerId, TransportId};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::support::{Client, Community, Server, produce_audio};

fn produce_video(ssrc: u32) -> Value {
    let mut data = produce_audio(ssrc, None);
    data["kind"] = json!("video");
    data["rtpParameters"]["codecs"] =
        json!([{ "mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000 }]);
    data["externData"]["producerInfo"]["mediaType"] = json!("video");
    data
}

/// The transport and the id under which the media worker knows the only producer.
fn produced(server: &Server) -> (TransportId, ProducerId) {
    let added = server.table().into_iter().find_map(|command| match command {
        Command::AddProducer(spec) => Some((spec.transport, spec.id)),
        _ => None,
    });
    added.expect("a producer")
}

#[sqlx::test(migrations = "../../migrations")]
async fn our_kit_is_told_of_its_own_video_and_an_engine_is_not(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    for (name, version, is_told) in [("ann", "rotunda-0.1.0", true), ("bob", "5.8.34", false)] {
        let client = Client::new(&server, &community, name).await;
        let entry = client.enter(&server).await;
        let info = client.info(&server, &entry).await;
        let (mut rtc, answer) = client.try_join_as(&info, "device", version).await;
        assert_eq!(answer["code"], 200, "{answer}");
        server.table();
        let answer = rtc.request("Produce", produce_video(1111)).await;
        assert_eq!(answer["code"], 200, "{answer}");
        let (id, producer) = produced(&server);
        server.reports.send(Event::LayersWanted { id, producer, layers: 1 }).await.unwrap();
        if is_told {
            let told = loop {
                let told = rtc.notification("OnUserData").await;
                if told["externData"]["type"] == "LayersWanted" {
                    break told;
                }
            };
            let expected = json!({ "producerId": answer["producerId"], "layers": 1 });
            assert_eq!(told["externData"]["data"], expected);
        } else {
            // Whatever it was sent would come before the answer.
            assert_eq!(rtc.request("Heartbeat", json!({})).await["code"], 200);
            let told = rtc.notified.iter().filter(|told| told["method"] == "OnUserData").count();
            assert_eq!(told, 0, "{:?}", rtc.notified);
        }
    }
}
