//! Requests for what is another's, out of order, or absurd: a code from the documents, the room unharmed, nobody told.

use rotunda_core::channel::{self, NewChannel};
use rotunda_model::channel::ChannelKind;
use rotunda_sfu::Command;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_tungstenite::tungstenite::Message;

use super::support::{APP_KEY, Client, Community, OWNER, Server, Socket, actor, consume, produce_audio};

/// bob in a call, with what he has there; and how the room looks to him.
struct Victim {
    client: Client,
    push: Socket,
    rtc: Socket,
    produced: Value,
}

impl Victim {
    async fn seat(server: &Server, community: &Community) -> Self {
        let client = Client::new(server, community, "bob").await;
        let entry = client.enter(server).await;
        let mut push = client.push_link().await;
        let mut rtc = client.join(server, &entry).await;
        push.push_of(32).await;
        let produced = rtc.request("Produce", produce_audio(9, None)).await;
        assert_eq!(produced["code"], 200, "{produced}");
        push.push_of(40).await;
        Self { client, push, rtc, produced }
    }

    /// Members, sources, properties and the number of the last push.
    async fn room(&self, server: &Server) -> Value {
        self.client.rest(server, "GET", &self.client.room("/snapshot"), &Value::Null).await["data"].clone()
    }
}

fn with(mut data: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match data.pointer_mut(parent).unwrap() {
        Value::Array(list) => {
            let index: usize = key.parse().unwrap();
            list[index] = value;
        }
        object => object[key] = value,
    }
    data
}

/// `Produce` of a microphone with one thing changed.
fn produce_with(pointer: &str, value: Value) -> Value {
    with(produce_audio(1, None), pointer, value)
}

fn absurd_parameters() -> Vec<Value> {
    let codec = produce_audio(1, None)["rtpParameters"]["codecs"][0].clone();
    let numbered = |count: usize| {
        let codecs = (0..count)
            .map(|number| with(json!({ "c": codec }), "/c/payloadType", json!(number))["c"].clone());
        Value::Array(codecs.collect())
    };
    let mut rows = Vec::new();
    for ssrc in [
        json!(0),
        json!(-1),
        json!(4_294_967_296_u64),
        json!(u64::MAX),
        json!(1.5),
        json!("5"),
        json!([]),
        Value::Null,
    ] {
        rows.push(produce_with("/rtpParameters/encodings/0/ssrc", ssrc));
    }
    for number in [json!(-1), json!(128), json!(255), json!(256), json!(u64::MAX), json!("111"), Value::Null]
    {
        rows.push(produce_with("/rtpParameters/codecs/0/payloadType", number));
    }
    for encodings in [
        json!([]),
        json!([{ "ssrc": 1 }, { "ssrc": 1 }]),
        json!([{ "ssrc": 1, "rtx": { "ssrc": 1 } }]),
        json!([{ "ssrc": 1, "rtx": { "ssrc": 0 } }]),
        json!(vec![json!({ "ssrc": 1 }); 100]),
        json!({ "ssrc": 1 }),
    ] {
        rows.push(produce_with("/rtpParameters/encodings", encodings));
    }
    for codecs in [json!([]), json!([codec, codec]), numbered(129), numbered(1_000), json!("opus")] {
        rows.push(produce_with("/rtpParameters/codecs", codecs));
    }
    for (pointer, value) in [
        ("/rtpParameters/codecs/0/mimeType", json!("x".repeat(100_000))),
        ("/rtpParameters/codecs/0/mimeType", json!("audio/")),
        ("/rtpParameters/codecs/0/clockRate", json!(-48_000)),
        ("/rtpParameters/codecs/0/clockRate", json!(u64::MAX)),
        ("/rtpParameters/codecs/0/channels", json!(100_000)),
        ("/rtpParameters/codecs/0/parameters", json!({ "a": "x".repeat(100_000) })),
        ("/rtpParameters/codecs/0/parameters", json!({ "a": { "b": { "c": [1, 2, 3] } } })),
        ("/rtpParameters/headerExtensions", json!(vec![json!({ "uri": "u", "id": 1 }); 65])),
        ("/rtpParameters/headerExtensions/0/id", json!(-4)),
        ("/rtpParameters/headerExtensions/0/id", json!(1_000)),
        ("/rtpParameters/mid", json!("m".repeat(17))),
        ("/rtpParameters/mid", json!("")),
        ("/rtpParameters", json!([])),
        ("/kind", json!("data")),
        ("/iceUfrag", json!("abc")),
        ("/iceUfrag", json!("u".repeat(257))),
        ("/iceUfrag", json!({})),
        ("/dtlsParameters/fingerprints", json!([])),
        ("/dtlsParameters/fingerprints", json!(vec![json!({ "algorithm": "sha-256", "value": "00" }); 9])),
        ("/dtlsParameters/fingerprints/0/value", json!("A".repeat(1_000))),
        ("/dtlsParameters/fingerprints/0/algorithm", json!("sha-256".repeat(100))),
        ("/externData/producerInfo/mediaType", json!("video")),
        ("/externData/producerInfo/mediaType", json!(5)),
        ("/externData", json!([])),
    ] {
        rows.push(produce_with(pointer, value));
    }
    rows
}

#[sqlx::test(migrations = "../../migrations")]
async fn absurd_rtp_parameters_are_refused_and_open_nothing(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let mut bob = Victim::seat(&server, &community).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut rtc = ann.join(&server, &entry).await;
    bob.push.push_of(30).await;
    bob.push.push_of(32).await;
    bob.rtc.notification("OnPeerJoin").await;
    let before = bob.room(&server).await;
    server.table();
    for data in absurd_parameters() {
        let answer = rtc.request("Produce", data.clone()).await;
        assert_eq!(answer["code"], 400, "{:.300} {answer}", data.to_string());
    }
    let subscribe =
        |pointer: &str, value: Value| with(consume(&bob.produced["producerId"], &json!(1)), pointer, value);
    let codec = consume(&json!("p1"), &json!(1))["rtpCapabilities"]["codecs"][0].clone();
    for (pointer, value) in [
        ("/rtpCapabilities", json!([])),
        ("/rtpCapabilities/codecs", json!([])),
        ("/rtpCapabilities/codecs", json!(vec![codec; 257])),
        ("/rtpCapabilities/codecs/0/preferredPayloadType", json!(-1)),
        ("/rtpCapabilities/codecs/0/preferredPayloadType", json!(u64::MAX)),
        ("/rtpCapabilities/headerExtensions/0/preferredId", json!(-1)),
        ("/mid", json!("m".repeat(17))),
        ("/mid", json!([])),
        ("/iceUfrag", Value::Null),
    ] {
        let answer = rtc.request("Consume", subscribe(pointer, value.clone())).await;
        assert_eq!(answer["code"], 400, "{pointer} {:.100}: {answer}", value.to_string());
    }
    assert!(server.table().is_empty(), "nothing reached the media worker");
    assert_eq!(bob.room(&server).await, before);
    bob.push.is_quiet().await;
    bob.rtc.is_quiet().await;
    assert_eq!(rtc.request("Produce", produce_audio(1, None)).await["code"], 200, "its socket lives");
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_is_anothers_cannot_be_touched_over_signalling(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob", "cat"]).await;
    let mut bob = Victim::seat(&server, &community).await;
    // cat publishes in another room of the same server.
    let new = NewChannel { kind: ChannelKind::Media, name: "other".into(), ..Default::default() };
    let owner = actor(community.app, OWNER);
    let elsewhere = channel::create(&server.core, &owner, community.server, new).await.unwrap().id;
    let mut cat = Client::new(&server, &community, "cat").await;
    cat.channel = elsewhere;
    let cat_entry = cat.enter(&server).await;
    let mut cat_rtc = cat.join(&server, &cat_entry).await;
    let foreign = cat_rtc.request("Produce", produce_audio(3, None)).await;

    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut rtc = ann.join(&server, &entry).await;
    bob.push.push_of(30).await;
    bob.push.push_of(32).await;
    bob.rtc.notification("OnPeerJoin").await;
    let own = rtc.request("Produce", produce_audio(1, None)).await;
    let own_transport = own["transportId"].clone();
    bob.push.push_of(40).await;
    bob.rtc.notification("OnNewProducer").await;
    let consumed = bob.rtc.request("Consume", consume(&own["producerId"], &json!(1))).await;
    assert_eq!(consumed["code"], 200, "{consumed}");
    let closed = {
        let video = with(
            with(produce_audio(2, Some(&own_transport)), "/kind", json!("video")),
            "/externData/producerInfo/mediaType",
            json!("video"),
        );
        let codec = json!({ "mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000 });
        let produced = rtc.request("Produce", with(video, "/rtpParameters/codecs/0", codec)).await;
        assert_eq!(produced["code"], 200, "{produced}");
        rtc.request("CloseProducer", json!({ "producerId": produced["producerId"] })).await;
        bob.push.push_of(40).await;
        bob.rtc.notification("OnNewProducer").await;
        bob.push.push_of(41).await;
        bob.rtc.notification("OnProducerClose").await;
        produced["producerId"].clone()
    };
    let before = bob.room(&server).await;
    server.table();

    let (his, transport, consumer) =
        (&bob.produced["producerId"], &bob.produced["transportId"], &consumed["consumerId"]);
    let layer = |consumer: &Value, layer: Value| json!({ "consumerId": consumer, "spatialLayer": layer });
    let mute = |producer: &Value| json!({ "externData": { "type": "Mute", "data": { "producerId": producer, "mute": true } } });
    let mut rows = vec![
        ("Produce", produce_audio(5, Some(transport)), 404),
        ("Produce", produce_audio(5, Some(&consumed["transportId"])), 404),
        ("Produce", produce_audio(5, Some(&json!("t18446744073709551616"))), 404),
        ("Produce", produce_audio(5, Some(&json!(5))), 400),
        ("Consume", consume(&foreign["producerId"], &json!(1)), 404),
        ("Consume", consume(&closed, &json!(1)), 404),
        ("Consume", consume(&own_transport, &json!(1)), 404),
        ("CloseProducer", json!({ "producerId": his }), 404),
        ("CloseProducer", json!({ "producerId": closed }), 404),
        ("CloseProducer", json!({ "producerId": foreign["producerId"] }), 404),
        ("CloseTransport", json!({ "transportId": transport }), 404),
        ("CloseTransport", json!({ "transportId": foreign["transportId"] }), 404),
        ("CloseTransport", json!({}), 400),
        // A repeat, as far as ann can know.
        ("CloseConsumer", json!({ "consumerId": consumer }), 200),
        ("SendUserData", mute(his), 404),
        ("SendUserData", mute(&foreign["producerId"]), 404),
        ("SendUserData", mute(&closed), 404),
        ("SendUserData", json!({ "externData": { "type": "UserRole", "data": { "userRole": {} } } }), 400),
        ("SendUserData", json!({ "externData": { "type": "Eval", "data": {} } }), 404),
        ("Join", json!({}), 400),
        ("join", json!({}), 404),
        ("", json!({}), 404),
    ];
    for number in [json!(0), json!(1), json!(-1), json!(i64::MAX), json!(i64::MIN), json!("0")] {
        rows.push(("SetConsumerPreferredLayer", layer(consumer, number), 404));
    }
    for nothing in [json!(u64::MAX), json!(0.5), json!("high"), json!([]), Value::Null] {
        rows.push(("SetConsumerPreferredLayer", layer(consumer, nothing), 400));
    }
    for (method, data, code) in rows {
        let answer = rtc.request(method, data.clone()).await;
        assert_eq!(answer["code"], code, "{method} {data}: {answer}");
    }
    // Streams of one transport are told apart by SSRC: the microphone's number for a camera would be both.
    let twice = with(
        with(produce_audio(1, Some(&own_transport)), "/kind", json!("video")),
        "/externData/producerInfo/mediaType",
        json!("video"),
    );
    let codec = json!({ "mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000 });
    assert_eq!(rtc.request("Produce", with(twice, "/rtpParameters/codecs/0", codec)).await["code"], 400);

    assert!(server.table().is_empty(), "nothing reached the media worker");
    assert_eq!(bob.room(&server).await, before);
    bob.push.is_quiet().await;
    bob.rtc.is_quiet().await;
    cat_rtc.is_quiet().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn publishing_again_with_the_same_ssrc_takes_the_place_of_the_older(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut rtc = ann.join(&server, &entry).await;
    let first = rtc.request("Produce", produce_audio(7, None)).await;
    server.table();
    let again = rtc.request("Produce", produce_audio(7, Some(&first["transportId"]))).await;
    assert_eq!(again["code"], 200, "{again}");
    // The worker refuses a second producer with an SSRC that is taken: the older must be gone before.
    match server.table().as_slice() {
        [Command::RemoveProducer(gone), Command::AddProducer(new)] => {
            assert_eq!(format!("p{}", gone.0), first["producerId"].as_str().unwrap());
            assert_eq!(format!("p{}", new.id.0), again["producerId"].as_str().unwrap());
            assert!(new.active);
        }
        other => panic!("{other:?}"),
    };
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_member_has_one_producer_per_medium_and_512_consumers(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let bob = Victim::seat(&server, &community).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut rtc = ann.join(&server, &entry).await;
    drop(bob.rtc);
    server.table();

    let first = rtc.request("Produce", produce_audio(1_000, None)).await;
    for ssrc in 1_001..3_000 {
        let produced = rtc.request("Produce", produce_audio(ssrc, Some(&first["transportId"]))).await;
        assert_eq!(produced["code"], 200, "{produced}");
    }
    let (mut added, mut removed) = (0, 0);
    for command in server.table() {
        match command {
            Command::AddProducer(_) => added += 1,
            Command::RemoveProducer(_) => removed += 1,
            _ => {}
        }
    }
    assert_eq!((added, removed), (2_000, 1_999), "two thousand, one at a time");

    let mut ask = consume(&bob.produced["producerId"], &json!(1));
    let consumed = rtc.request("Consume", ask.clone()).await;
    assert_eq!(consumed["code"], 200, "{consumed}");
    ask["dtlsParameters"] = Value::Null;
    ask["transportId"] = consumed["transportId"].clone();
    for number in 1..512 {
        assert_eq!(rtc.request("Consume", ask.clone()).await["code"], 200, "{number}");
    }
    assert_eq!(rtc.request("Consume", ask.clone()).await["code"], 503);
    let close = json!({ "consumerId": consumed["consumerId"] });
    assert_eq!(rtc.request("CloseConsumer", close).await["code"], 200);
    assert_eq!(rtc.request("Consume", ask.clone()).await["code"], 200, "a place is free again");
    assert_eq!(rtc.request("Consume", ask).await["code"], 503);
    let consumers =
        server.table().iter().filter(|command| matches!(command, Command::AddConsumer(_))).count();
    assert_eq!(consumers, 513);
}

#[sqlx::test(migrations = "../../migrations")]
async fn requests_out_of_order_are_refused(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let mut bob = Victim::seat(&server, &community).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    bob.push.push_of(30).await;
    let info = ann.info(&server, &entry).await;
    let url = format!(
        "{}?&cid={}&uid={}&deviceid=engine",
        info["ips"]["webrtcarray"][0].as_str().unwrap(),
        info["cid"].as_str().unwrap(),
        info["ips"]["uid"]
    );
    let before = bob.room(&server).await;
    server.table();

    // Before Join: every method, and a Join whose address or token is another's.
    let mut rtc = Socket::open(&url, Some("protoo")).await;
    for (method, data) in [
        ("Produce", produce_audio(1, None)),
        ("Consume", consume(&bob.produced["producerId"], &json!(1))),
        ("CloseProducer", json!({ "producerId": bob.produced["producerId"] })),
        ("CloseConsumer", json!({ "consumerId": "c1" })),
        ("CloseTransport", json!({ "transportId": bob.produced["transportId"] })),
        ("SetConsumerPreferredLayer", json!({ "consumerId": "c1", "spatialLayer": 1 })),
        ("PermKeyUpdate", json!({})),
    ] {
        assert_eq!(rtc.request(method, data).await["code"], 400, "{method}");
    }
    let join = |token: &Value, cname: Value| json!({ "externData": { "token": token, "cname": cname } });
    let bob_entry = bob.client.enter(&server).await;
    let bob_info = bob.client.info(&server, &bob_entry).await;
    for (token, cname, code) in [
        (&bob_info["token"], json!(community.channel.to_string()), 403),
        (&info["token"], json!(community.hidden.to_string()), 403),
        (&json!(ann.token), json!(community.channel.to_string()), 403),
        (&entry["member"]["rtcToken"], json!(community.channel.to_string()), 403),
        (&json!(""), Value::Null, 403),
        (&json!("a.b.c"), Value::Null, 403),
        (&json!(5), Value::Null, 403),
        (&json!("x".repeat(10_000)), Value::Null, 403),
    ] {
        assert_eq!(rtc.request("Join", join(token, cname)).await["code"], code, "{token:.40}");
    }
    let huge = json!({ "externData": { "token": info["token"], "customData": "x".repeat(1_025) } });
    assert_eq!(rtc.request("Join", huge).await["code"], 400);
    for wrong in ["cid", "uid"] {
        let url = url.replace(&format!("&{wrong}="), &format!("&{wrong}=1"));
        let mut other = Socket::open(&url, Some("protoo")).await;
        assert_eq!(other.request("Join", join(&info["token"], Value::Null)).await["code"], 403, "{wrong}");
    }
    assert!(server.table().is_empty());
    assert_eq!(bob.room(&server).await, before);
    bob.push.is_quiet().await;

    // Two Joins: the second is refused, the first goes on.
    assert_eq!(rtc.request("Join", join(&info["token"], Value::Null)).await["code"], 200);
    bob.push.push_of(32).await;
    bob.rtc.notification("OnPeerJoin").await;
    assert_eq!(rtc.request("Join", join(&info["token"], Value::Null)).await["code"], 400);
    assert_eq!(rtc.request("Produce", produce_audio(1, None)).await["code"], 200);
    bob.push.push_of(40).await;
    bob.rtc.notification("OnNewProducer").await;

    // From another device, and with a number that an older socket had.
    assert_eq!(ann.try_join(&info, "elsewhere").await.1["code"], 403);
    let (mut newer, answer) = ann.try_join(&info, "engine").await;
    assert_eq!(answer["code"], 200);
    assert_eq!(rtc.close_code().await, 1000, "replaced");
    assert_eq!(newer.request("Heartbeat", json!({})).await["code"], 200);
    bob.push.is_quiet().await;

    // After Leave the socket says nothing more, and after the seat nothing opens it.
    server.table();
    newer.send(r#"{"notification":true,"method":"Leave","data":{}}"#).await;
    newer.send_raw(Message::Text(r#"{"request":true,"id":9,"method":"Heartbeat"}"#.into())).await;
    assert_eq!(newer.close_code().await, 1000);
    assert_eq!(ann.code(&server, "DELETE", &ann.room("/members/ann"), &Value::Null).await, 0);
    assert_eq!(ann.try_join(&info, "engine").await.1["code"], 403);
    assert_eq!(ann.info(&server, &entry).await["code"], 403);
}

#[sqlx::test(migrations = "../../migrations")]
async fn room_rest_takes_no_token_but_the_callers_own(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let mut bob = Victim::seat(&server, &community).await;
    let ann = Client::new(&server, &community, "ann").await;
    let second = Client::on(&server, &community, "ann", "second").await;
    ann.enter(&server).await;
    bob.push.push_of(30).await;
    let before = bob.room(&server).await;
    server.table();

    let routes = |room: &str| {
        [
            ("POST", format!("/v2/rooms/{room}/entry"), json!({ "role": "qchatAudience" })),
            ("GET", format!("/v2/rooms/{room}/config"), Value::Null),
            ("GET", format!("/v1/rooms/{room}/snapshot"), Value::Null),
            ("GET", format!("/v1/rooms/{room}/sequence?nextId=1"), Value::Null),
            ("POST", format!("/v1/rooms/{room}/members/joinRtc"), json!({})),
            ("POST", format!("/v1/rooms/{room}/members/leaveRtc"), json!({})),
            ("PUT", format!("/v1/rooms/{room}/members/bob/streams/audio"), json!({ "value": 1 })),
            ("DELETE", format!("/v1/rooms/{room}/members/bob/streams/audio"), Value::Null),
            ("PUT", format!("/v1/rooms/{room}/properties/audioOff"), json!({ "value": "disable" })),
            ("DELETE", format!("/v1/rooms/{room}/properties/audioOff"), Value::Null),
            ("PUT", format!("/v1/rooms/{room}/members/bob/properties/mood"), json!({ "value": "x" })),
            ("DELETE", format!("/v1/rooms/{room}/members/bob/properties/mood"), Value::Null),
            ("DELETE", format!("/v1/rooms/{room}/members/bob"), Value::Null),
            ("DELETE", format!("/v2/rooms/{room}"), Value::Null),
        ]
    };
    let forged = format!("{}x", &ann.token[..ann.token.len() - 1]);
    for (user, device, token, app) in [
        ("bob", "room-bob", ann.token.as_str(), APP_KEY),
        ("ann", "room-bob", ann.token.as_str(), APP_KEY),
        ("ann", "second", ann.token.as_str(), APP_KEY),
        ("ann", "room-ann", second.token.as_str(), APP_KEY),
        ("ann", "room-ann", forged.as_str(), APP_KEY),
        ("ann", "room-ann", "secret-token", APP_KEY),
        ("ann", "room-ann", "", APP_KEY),
        ("ann", "", ann.token.as_str(), APP_KEY),
        ("ann", "room-ann", ann.token.as_str(), "another-app"),
    ] {
        let headers = [("user", user), ("token", token), ("AppKey", app), ("deviceId", device)];
        for (method, path, body) in routes(&community.channel.to_string()) {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let path = format!("/scene/apps/{app}{path}");
            let (_, text) = server.http(method, &path, &headers, &body).await;
            let answer: Value = serde_json::from_str(&text).unwrap_or_default();
            assert_eq!(answer["code"], 1027, "{user} {device} {method} {path}: {text}");
        }
    }
    // The caller's own token, for rooms it has no seat in, that are none, or whose number is none.
    for (room, code) in [
        (community.hidden.to_string(), 403),
        (community.chat.to_string(), 414),
        ("999999".into(), 404),
        ("0".into(), 404),
        ("-1".into(), 404),
        ("9223372036854775808".into(), 404),
        ("1e3".into(), 404),
        ("..%2f1".into(), 404),
    ] {
        for (method, path, body) in routes(&room) {
            let answer = ann.rest(&server, method, &path, &body).await;
            assert_eq!(answer["code"], code, "{method} {path}: {answer}");
        }
    }
    // For another member, without the right to it.
    for (method, path, body) in [
        ("PUT", ann.stream("bob", "audio"), json!({ "value": 1 })),
        ("DELETE", ann.stream("bob", "audio"), Value::Null),
        ("DELETE", ann.room("/members/bob"), Value::Null),
        ("PUT", ann.room("/members/bob/properties/mood"), json!({ "value": "x" })),
        ("DELETE", ann.room("/members/bob/properties/mood"), Value::Null),
        ("PUT", ann.room("/properties/audioOff"), json!({ "value": "offNotAllowSelfOn_1" })),
        ("DELETE", ann.room("/properties/audioOff"), Value::Null),
    ] {
        assert_eq!(ann.code(&server, method, &path, &body).await, 403, "{method} {path}");
    }
    assert!(server.table().is_empty(), "nothing reached the media worker");
    assert_eq!(bob.room(&server).await, before);
    bob.push.is_quiet().await;
    bob.rtc.is_quiet().await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_expired_token_is_told_apart_and_only_leaves(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    server.advance(24 * 60 * 60 * 1_000);
    for (method, path, body) in [
        ("POST", format!("/v2/rooms/{}/entry", ann.channel), json!({ "role": "qchatAudience" })),
        ("GET", ann.room("/snapshot"), Value::Null),
        ("PUT", ann.stream("ann", "audio"), json!({ "value": 1 })),
        ("DELETE", ann.room(&format!("/members/{OWNER}")), Value::Null),
    ] {
        assert_eq!(ann.code(&server, method, &path, &body).await, 1026, "{method} {path}");
    }
    assert_eq!(ann.code(&server, "DELETE", &ann.room("/members/ann"), &Value::Null).await, 0);
}
