//! What no client of the wire would send.

use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_tungstenite::tungstenite::Message;

use super::support::{APP_KEY, Client, Community, Server, Socket, consume, produce_audio};

#[sqlx::test(migrations = "../../migrations")]
async fn signalling_answers_nonsense_with_codes_and_lives(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    let entry = ann.enter(&server).await;
    let mut rtc = ann.join(&server, &entry).await;
    let bob_entry = bob.enter(&server).await;
    let mut other = bob.join(&server, &bob_entry).await;
    let produced = other.request("Produce", produce_audio(9, None)).await;

    let mut absurd = produce_audio(1, None);
    absurd["rtpParameters"]["encodings"] = json!([{ "ssrc": 1 }, { "ssrc": 1 }]);
    let mut no_codecs = produce_audio(1, None);
    no_codecs["rtpParameters"]["codecs"] = json!([]);
    let mut wrong_kind = produce_audio(1, None);
    wrong_kind["kind"] = json!("video");
    let mut no_ufrag = produce_audio(1, None);
    no_ufrag["iceUfrag"] = Value::Null;
    let mut no_prints = produce_audio(1, None);
    no_prints["dtlsParameters"]["fingerprints"] = json!([]);
    let mut no_type = produce_audio(1, None);
    no_type["externData"]["producerInfo"]["mediaType"] = json!("hologram");
    for (method, data, code) in [
        ("Join", json!({}), 400),
        ("Dance", json!({}), 404),
        ("Produce", json!({}), 400),
        ("Produce", absurd, 400),
        ("Produce", no_codecs, 400),
        ("Produce", wrong_kind, 400),
        ("Produce", no_ufrag, 400),
        ("Produce", no_prints, 400),
        ("Produce", no_type, 400),
        ("Produce", produce_audio(1, Some(&json!("t1"))), 404),
        ("Produce", produce_audio(1, Some(&produced["transportId"])), 404),
        ("Consume", json!({}), 400),
        ("Consume", consume(&json!("p99999"), &json!(1)), 404),
        ("Consume", consume(&json!("p-1"), &json!(1)), 404),
        ("Consume", consume(&json!({}), &json!(1)), 400),
        ("CloseProducer", json!({ "producerId": produced["producerId"] }), 404),
        ("CloseTransport", json!({ "transportId": produced["transportId"] }), 404),
        ("CloseConsumer", json!({ "consumerId": "c1" }), 200),
        ("SetConsumerPreferredLayer", json!({ "consumerId": "c1", "spatialLayer": 0 }), 404),
        (
            "SendUserData",
            json!({ "externData": { "type": "Mute", "data": { "producerId": "p1", "mute": true } } }),
            404,
        ),
        ("SendUserData", json!({ "externData": { "type": "Mute", "data": "x" } }), 400),
        ("SendUserData", json!({}), 400),
        ("Heartbeat", json!({}), 200),
        ("PermKeyUpdate", json!({ "permKeySecret": "" }), 200),
    ] {
        let answer = rtc.request(method, data.clone()).await;
        assert_eq!(answer["code"], code, "{method} {data}: {answer}");
    }
    assert_eq!(rtc.request("Produce", produce_audio(1, None)).await["code"], 200);
}

#[sqlx::test(migrations = "../../migrations")]
async fn signalling_sockets_out_of_step_are_closed(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let url = format!("ws://{}/rtc/signal?&cid=1&uid=1&deviceid=d", server.address);
    for (message, code) in [
        (Message::Binary(vec![1, 2, 3].into()), 1003),
        (Message::Text("nonsense".into()), 1007),
        (Message::Text("{}".into()), 1007),
        (Message::Text(format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000)).into()), 1007),
        (Message::Text(" ".repeat(64 * 1024 + 1).into()), 1009),
        (Message::Text(" ".repeat(300 * 1024).into()), 1009),
    ] {
        let mut socket = Socket::open(&url, Some("protoo")).await;
        socket.send_raw(message).await;
        assert_eq!(socket.close_code().await, code);
    }
    let mut socket = Socket::open(&url, Some("protoo")).await;
    assert_eq!(socket.request("Produce", produce_audio(1, None)).await["code"], 400, "before Join");
    let join = |token: &str| json!({ "externData": { "token": token } });
    assert_eq!(socket.request("Join", join("x")).await["code"], 403);
    let encrypted = json!({ "externData": { "token": "", "gmEnable": true } });
    assert_eq!(socket.request("Join", encrypted).await["code"], 4009);
    let bare = format!("ws://{}/rtc/signal", server.address);
    let mut socket = Socket::open(&bare, Some("protoo")).await;
    assert_eq!(socket.request("Join", join("x")).await["code"], 400, "an address without its query");
}

#[sqlx::test(migrations = "../../migrations")]
async fn rest_refuses_bodies_it_cannot_use(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    ann.enter(&server).await;
    let headers = [
        ("user", "ann"),
        ("token", ann.token.as_str()),
        ("AppKey", APP_KEY),
        ("deviceId", ann.device.as_str()),
    ];
    let deep = format!("{}1{}", r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
    let huge = format!(r#"{{"value":"{}"}}"#, "x".repeat(17 * 1024));
    let path = format!("/scene/apps/{APP_KEY}{}", ann.room("/members/ann/properties/mood"));
    for body in ["{", "[]", "null", "1", deep.as_str(), huge.as_str(), r#"{"value":1}"#, "{}"] {
        let (status, text) = server.http("PUT", &path, &headers, body).await;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!((status, &answer["code"]), (200, &json!(400)), "{:.40}", body);
    }
    let long = json!({ "value": "x".repeat(2_049) });
    assert_eq!(ann.code(&server, "PUT", &ann.room("/members/ann/properties/mood"), &long).await, 400);
    let fine = json!({ "value": "good" });
    assert_eq!(ann.code(&server, "PUT", &ann.room("/members/ann/properties/mood"), &fine).await, 0);
    assert_eq!(ann.code(&server, "PUT", &ann.room("/members/ann/properties/states"), &fine).await, 403);
    assert_eq!(ann.code(&server, "PUT", &ann.room("/properties/colour"), &fine).await, 403);
    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "smell"), &json!({ "value": 1 })).await, 400);
    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "audio"), &json!({ "value": 7 })).await, 400);
    let other_app = [("AppKey", "other"), headers[0], headers[1], headers[3]];
    let (_, text) = server.http("PUT", &path, &other_app, &fine.to_string()).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["code"], 1027);
}

#[sqlx::test(migrations = "../../migrations")]
async fn channel_info_takes_only_its_own_token(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let mut ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let good = ann.info(&server, &entry).await;
    assert_eq!(good["time"]["t1"], 5);
    assert!(good["cid"].as_str().is_some_and(|cid| cid != ann.channel.to_string()));
    let mut other_uid = entry.clone();
    other_uid["member"]["rtcUid"] = json!(12345);
    assert_eq!(ann.info(&server, &other_uid).await["code"], 403);
    let mut other_token = entry.clone();
    other_token["member"]["rtcToken"] = json!(ann.token);
    assert_eq!(ann.info(&server, &other_token).await["code"], 403, "a 25_1 token is no rtcToken");
    ann.channel = community.hidden;
    assert_eq!(ann.info(&server, &entry).await["code"], 403);
    ann.channel = community.channel;
    let mut session_as_rtc = entry.clone();
    session_as_rtc["member"]["rtcToken"] = good["token"].clone();
    assert_eq!(ann.info(&server, &session_as_rtc).await["code"], 403);
    let mut rtc_as_session = good.clone();
    rtc_as_session["token"] = entry["member"]["rtcToken"].clone();
    assert_eq!(ann.try_join(&rtc_as_session, "engine").await.1["code"], 403);
}
