//! What no client of the wire would send.

use rotunda_gateway::DoorLimits;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame, FrameHeader,
        coding::{Data, OpCode},
    },
};

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

/// The head of the answer to a WebSocket handshake that offers compression.
async fn handshake(server: &Server, path: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: protoo\r\n\
         sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// What is not inflated cannot be a bomb: the limits on the wire are the limits in memory.
#[sqlx::test(migrations = "../../migrations")]
async fn no_websocket_takes_compression(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let (_, opened) = server.http("GET", "/socket.io/1/?t=1", &[], "").await;
    let sid = opened.split(':').next().unwrap().to_owned();
    for path in [
        "/rtc/signal?&cid=1&uid=1&deviceid=d".to_owned(),
        format!("/socket.io/1/websocket/{sid}"),
        "/rtc/statws".into(),
    ] {
        let head = handshake(&server, &path).await;
        assert!(head.starts_with("http/1.1 101 "), "{path}: {head}");
        assert!(!head.contains("sec-websocket-extensions"), "{path}: {head}");
    }
    // A frame that claims to be compressed all the same ends its socket.
    let url = format!("ws://{}/rtc/signal?&cid=1&uid=1&deviceid=d", server.address);
    let mut socket = Socket::open(&url, Some("protoo")).await;
    let frame = Frame::from_payload(
        FrameHeader { rsv1: true, opcode: OpCode::Data(Data::Text), ..Default::default() },
        vec![0; 64].into(),
    );
    socket.send_raw(Message::Frame(frame)).await;
    socket.close_code().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn one_byte_too_many_after_join_closes_with_1009(pool: PgPool) {
    const LONGEST: usize = 256 * 1024;
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut rtc = ann.join(&server, &entry).await;
    let padded = |length: usize| {
        let empty = r#"{"request":true,"id":77,"method":"Heartbeat","data":{"pad":""}}"#;
        empty.replace(r#""pad":"""#, &format!(r#""pad":"{}""#, "x".repeat(length - empty.len())))
    };
    rtc.send(&padded(LONGEST)).await;
    assert!(rtc.text().await.contains(r#""id":77"#));
    rtc.send_raw(Message::Text(padded(LONGEST + 1).into())).await;
    assert_eq!(rtc.close_code().await, 1009);
}

#[sqlx::test(migrations = "../../migrations")]
async fn signalling_sockets_without_a_join_are_few_and_short_lived(pool: PgPool) {
    let doors = DoorLimits { strangers_per_address: 2, ..DoorLimits::default() };
    let server = Server::start_with(&pool, 1, doors).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    // One who has joined is no stranger.
    let _rtc = ann.join(&server, &entry).await;
    let url = format!("ws://{}/rtc/signal?&cid=1&uid=1&deviceid=d", server.address);
    #[expect(clippy::disallowed_methods, reason = "the limit is on real time")]
    let started = std::time::Instant::now();
    let mut first = Socket::open(&url, Some("protoo")).await;
    let _second = Socket::open(&url, Some("protoo")).await;
    let third = handshake(&server, "/rtc/signal?&cid=1&uid=1&deviceid=d").await;
    assert!(third.starts_with("http/1.1 503 "), "{third}");
    assert_eq!(first.close_code().await, 1008, "no Join in ten seconds");
    let waited = started.elapsed().as_secs_f32();
    assert!(waited > 9.5, "{waited} s");
}
