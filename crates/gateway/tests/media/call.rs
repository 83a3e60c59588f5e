//! Two members in a call: streams, rights, moderation, leaving.

use rotunda_model::{Right, auths::AuthValue};
use rotunda_sfu::{Command, Event, FailReason, LostReason, SrtpOffer};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::support::{Client, Community, OWNER, Server, consume, produce_audio};

#[sqlx::test(migrations = "../../migrations")]
async fn publish_subscribe_mute_and_leave_reach_table_and_peers(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    let mut ann_push = ann.push_link().await;
    let ann_entry = ann.enter(&server).await;
    let mut ann_rtc = ann.join(&server, &ann_entry).await;
    assert_eq!(ann_push.push_of(32).await["data"]["members"][0]["userUuid"], "ann");

    let bob_entry = bob.enter(&server).await;
    let joined = ann_push.push_of(30).await;
    assert_eq!(joined["sequence"], bob_entry["sequence"]);
    let mut bob_push = bob.push_link().await;
    let mut bob_rtc = bob.join(&server, &bob_entry).await;
    ann_push.push_of(32).await;
    bob_push.push_of(32).await;
    let peer = ann_rtc.notification("OnPeerJoin").await;
    assert_eq!(peer["externData"]["uid"], bob_entry["member"]["rtcUid"]);

    let produced = bob_rtc.request("Produce", produce_audio(1111, None)).await;
    assert_eq!(produced["code"], 200, "{produced}");
    assert_eq!(produced["iceParameters"]["iceLite"], true);
    match server.table().as_slice() {
        [Command::OpenTransport(open), Command::AddProducer(add)] => {
            assert_eq!(open.srtp, SrtpOffer::Gcm128Only);
            assert!(add.active);
        }
        other => panic!("{other:?}"),
    }
    let on = ann_push.push_of(40).await;
    assert_eq!(on["data"]["operatorMember"]["userUuid"], "bob");
    bob_push.push_of(40).await;
    let new = ann_rtc.notification("OnNewProducer").await;
    assert_eq!(new["externData"]["producerInfo"]["producerId"], produced["producerId"]);
    assert_eq!(new["externData"]["producerInfo"]["mute"], false);

    // Whoever cannot decode what is sent is refused, and nothing is opened for it.
    let mut deaf = consume(&produced["producerId"], &json!(1));
    deaf["rtpCapabilities"]["codecs"] = json!([{ "kind": "video", "mimeType": "video/AV1",
        "preferredPayloadType": 45, "clockRate": 90000 }]);
    assert_eq!(ann_rtc.request("Consume", deaf).await["code"], 400);
    assert!(server.table().is_empty());

    let consumed = ann_rtc.request("Consume", consume(&produced["producerId"], &json!(1))).await;
    assert_eq!(consumed["code"], 200, "{consumed}");
    assert_eq!(consumed["rtpParameters"]["codecs"][0]["payloadType"], 111);
    assert!(matches!(server.table().as_slice(), [Command::OpenTransport(_), Command::AddConsumer(_)]));

    // The other doors to the same state: a repeat is nothing, off is one push.
    assert_eq!(bob.code(&server, "PUT", &bob.stream("bob", "audio"), &json!({ "value": 1 })).await, 0);
    let mute = json!({ "externData": { "type": "Mute", "cid": 1, "uid": 1,
        "data": { "producerId": produced["producerId"], "mute": true } } });
    assert_eq!(bob_rtc.request("SendUserData", mute).await["code"], 200);
    assert!(matches!(server.table().as_slice(), [Command::SetProducerActive(_, false)]));
    assert_eq!(ann_push.push_of(41).await["data"]["streamType"], "audio");
    assert_eq!(ann_rtc.notification("OnUserData").await["externData"]["data"]["mute"], true);
    assert_eq!(bob.code(&server, "DELETE", &bob.stream("bob", "audio"), &Value::Null).await, 0);
    ann_push.is_quiet().await;

    let close = json!({ "producerId": produced["producerId"] });
    assert_eq!(bob_rtc.request("CloseProducer", close).await["code"], 200);
    assert!(matches!(server.table().as_slice(), [Command::RemoveProducer(_)]));
    let closed = ann_rtc.notification("OnProducerClose").await["externData"].take();
    for facts in [&closed, &closed["producerInfo"]] {
        assert_eq!(
            facts["producerId"], produced["producerId"],
            "engines and our kit read it in different places"
        );
        assert_eq!(facts["mediaType"], "audio");
        assert_eq!(facts["uid"], bob_entry["member"]["rtcUid"]);
    }

    bob_rtc.send(r#"{"notification":true,"method":"Leave","data":{"externData":{"reason":0}}}"#).await;
    let left = ann_rtc.notification("OnPeerLeave").await;
    assert_eq!(left["externData"]["userList"][0]["uid"], bob_entry["member"]["rtcUid"]);
    ann_push.push_of(31).await;
    bob_push.push_of(41).await;
    bob_push.push_of(31).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn publishing_needs_the_right_and_losing_it_cuts_the_source(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut push = ann.push_link().await;
    let mut rtc = ann.join(&server, &entry).await;
    push.push_of(32).await;

    community.everyone(&server, Right::RTC_OPEN_MICROPHONE, AuthValue::Deny).await;
    let refused = rtc.request("Produce", produce_audio(1111, None)).await;
    assert_eq!(refused["code"], 403, "{refused}");
    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "audio"), &json!({ "value": 1 })).await, 403);
    assert!(server.table().is_empty(), "a refused Produce opens nothing");

    community.everyone(&server, Right::RTC_OPEN_MICROPHONE, AuthValue::Allow).await;
    assert_eq!(rtc.request("Produce", produce_audio(1111, None)).await["code"], 200);
    push.push_of(40).await;
    server.table();
    community.everyone(&server, Right::RTC_OPEN_MICROPHONE, AuthValue::Deny).await;
    let off = push.push_of(41).await;
    assert_eq!(off["data"]["operatorMember"]["userUuid"], "ann", "the system is no operator");
    assert!(matches!(server.table().as_slice(), [Command::SetProducerActive(_, false)]));
}

#[sqlx::test(migrations = "../../migrations")]
async fn losing_right_15_evicts_and_keeps_out(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut push = ann.push_link().await;
    let mut rtc = ann.join(&server, &entry).await;
    push.push_of(32).await;
    rtc.request("Produce", produce_audio(1111, None)).await;
    push.push_of(40).await;
    server.table();

    community.everyone(&server, Right::RTC_CONNECT, AuthValue::Deny).await;
    let left = push.push_of(33).await;
    assert_eq!(left["data"]["members"][0]["reason"], json!({ "type": "ADMIN_KICK", "deviceId": ann.device }));
    assert_eq!(rtc.notification("OnKickOff").await["externData"]["reason"], 2);
    assert!(matches!(server.table().as_slice(), [Command::CloseTransport(_)]));
    assert_eq!(ann.try_enter(&server).await["code"], 403);
    let info = ann.info(&server, &entry).await;
    assert_eq!(info["code"], 403, "the rtcToken is void");
}

#[sqlx::test(migrations = "../../migrations")]
async fn moderators_mute_kick_and_mute_all(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let (ann, owner) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, OWNER).await);
    ann.enter(&server).await;
    owner.enter(&server).await;
    let mut push = ann.push_link().await;
    let on = json!({ "value": 1 });
    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "audio"), &on).await, 0);
    push.push_of(40).await;
    assert_eq!(ann.code(&server, "DELETE", &ann.stream(OWNER, "audio"), &Value::Null).await, 403);
    assert_eq!(owner.code(&server, "DELETE", &owner.stream("ann", "audio"), &Value::Null).await, 0);
    assert_eq!(push.push_of(41).await["data"]["operatorMember"]["userUuid"], OWNER);
    // It binds nobody.
    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "audio"), &on).await, 0);
    push.push_of(40).await;

    let text = "offNotAllowSelfOn_1700000000000";
    let lock = json!({ "value": json!({ "value": text }).to_string() });
    let key = ann.room("/properties/audioOff");
    assert_eq!(ann.code(&server, "PUT", &key, &lock).await, 403);
    assert_eq!(owner.code(&server, "PUT", &key, &lock).await, 0);
    assert_eq!(push.push_of(10).await["data"]["properties"]["audioOff"]["value"], text);
    assert_eq!(push.push_of(41).await["data"]["member"]["userUuid"], "ann");
    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "audio"), &on).await, 403);
    // A holder of 21 may open one member under the lock.
    assert_eq!(owner.code(&server, "PUT", &owner.stream("ann", "audio"), &on).await, 0);
    push.push_of(40).await;

    // One sharer.
    assert_eq!(owner.code(&server, "PUT", &owner.stream(OWNER, "subVideo"), &on).await, 0);
    push.push_of(40).await;
    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "subVideo"), &on).await, 1012);

    let member = |name: &str| ann.room(&format!("/members/{name}"));
    assert_eq!(ann.code(&server, "PUT", &member("ann"), &json!({ "role": "host" })).await, 403);
    assert_eq!(ann.code(&server, "DELETE", &member(OWNER), &Value::Null).await, 403);
    assert_eq!(owner.code(&server, "DELETE", &member("nobody"), &Value::Null).await, 1015);
    assert_eq!(owner.code(&server, "DELETE", &member("ann"), &Value::Null).await, 0);
    let kicked = push.push_of(33).await;
    assert_eq!(kicked["data"]["operatorMember"]["userUuid"], OWNER);
    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "audio"), &on).await, 403);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_leaver_hears_of_it_before_its_answer(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    ann.enter(&server).await;
    let mut push = ann.push_link().await;
    assert_eq!(ann.code(&server, "DELETE", &ann.room("/members/ann"), &Value::Null).await, 0);
    // Written before the answer was: it is there without waiting.
    let left = tokio::time::timeout(std::time::Duration::from_millis(50), push.push_of(33)).await.unwrap();
    assert_eq!(left["data"]["members"][0]["reason"]["type"], "NORMAL");
    assert_eq!(ann.code(&server, "DELETE", &ann.room("/members/ann"), &Value::Null).await, 0);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_newest_device_wins(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    bob.enter(&server).await;
    let mut watch = bob.push_link().await;
    let entry = ann.enter(&server).await;
    watch.push_of(30).await;
    let mut push = ann.push_link().await;
    let mut rtc = ann.join(&server, &entry).await;
    watch.push_of(32).await;
    push.push_of(32).await;
    let second = Client::on(&server, &community, "ann", "second").await;
    let again = second.enter(&server).await;
    assert_eq!(again["member"]["rtcUid"], entry["member"]["rtcUid"]);
    let left = push.push_of(33).await;
    assert_eq!(left["data"]["members"][0]["reason"], json!({ "type": "SELF_KICK", "deviceId": ann.device }));
    rtc.notification("OnKickOff").await;
    assert_eq!(
        watch.push_of(33).await["sequence"].as_i64().unwrap() + 1,
        watch.push_of(30).await["sequence"]
    );
    assert_eq!(
        ann.code(&server, "GET", &ann.room("/snapshot"), &Value::Null).await,
        403,
        "the seat is the other's"
    );
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_transport_without_a_common_profile_is_rebuilt_with_cm(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut rtc = ann.join(&server, &entry).await;
    let mut offered = Vec::new();
    for _ in 0..2 {
        let produced = rtc.request("Produce", produce_audio(1111, None)).await;
        let opened = server.table().into_iter().find_map(|command| match command {
            Command::OpenTransport(open) => Some(open),
            _ => None,
        });
        let open = opened.unwrap();
        offered.push(open.srtp);
        let failed = Event::TransportFailed { id: open.id, reason: FailReason::NoCommonProfile };
        server.reports.send(failed).await.unwrap();
        let gone = rtc.notification("OnTransportClose").await;
        assert_eq!(gone["transportId"], produced["transportId"]);
        assert!(server.table().is_empty(), "it is gone at the worker already");
    }
    assert_eq!(offered, [SrtpOffer::Gcm128Only, SrtpOffer::CmOnly]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn media_alone_keeps_a_seat_and_its_silence_ends_it(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    bob.enter(&server).await;
    let mut watch = bob.push_link().await;
    let entry = ann.enter(&server).await;
    watch.push_of(30).await;
    let mut rtc = ann.join(&server, &entry).await;
    watch.push_of(32).await;
    rtc.request("Produce", produce_audio(1111, None)).await;
    watch.push_of(40).await;
    let transport = server.table().iter().find_map(|command| match command {
        Command::OpenTransport(open) => Some(open.id),
        _ => None,
    });
    let id = transport.unwrap();
    let connected = Event::TransportConnected { id, profile: rotunda_sfu::SrtpProfile::AeadAes128Gcm };
    server.reports.send(connected).await.unwrap();
    // The report is at the owner before this is answered.
    bob.rest(&server, "GET", &bob.room("/snapshot"), &Value::Null).await;
    drop(rtc);
    watch.is_quiet().await;
    server.advance(40_000);
    bob.rest(&server, "GET", &bob.room("/snapshot"), &Value::Null).await;
    watch.is_quiet().await;
    // Lost after 15 s without a packet: those count.
    server.reports.send(Event::TransportLost { id, reason: LostReason::Silence }).await.unwrap();
    assert_eq!(watch.push_of(33).await["data"]["members"][0]["userUuid"], "ann");
}
