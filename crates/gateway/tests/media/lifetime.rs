//! Cuts, reconnects, restarts, and what ends a seat.

use std::time::Duration;

use rotunda_core::{Rooms, ban, channel, media, member};
use rotunda_sfu::Command;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::support::{Client, Community, OWNER, Server, actor, produce_audio};

#[sqlx::test(migrations = "../../migrations")]
async fn a_cut_socket_comes_back_to_its_seat_without_an_event(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    let bob_entry = bob.enter(&server).await;
    let mut watch = bob.push_link().await;
    let mut peer = bob.join(&server, &bob_entry).await;
    watch.push_of(32).await;
    let entry = ann.enter(&server).await;
    watch.push_of(30).await;
    let info = ann.info(&server, &entry).await;
    let (mut first, answer) = ann.try_join(&info, "engine").await;
    assert_eq!(answer["code"], 200);
    watch.push_of(32).await;
    peer.notification("OnPeerJoin").await;
    assert_eq!(first.request("Produce", produce_audio(1, None)).await["code"], 200);
    watch.push_of(40).await;
    peer.notification("OnNewProducer").await;
    drop(first);

    server.advance(10_000);
    let (_, refused) = ann.try_join(&info, "another").await;
    assert_eq!(refused["code"], 403, "a session token is of one device");
    let (mut second, again) = ann.try_join(&info, "engine").await;
    assert_eq!(again["code"], 200);
    watch.is_quiet().await;
    peer.is_quiet().await;

    // The rebuilt session republishes: peers get the new producer, the switch never moved.
    assert_eq!(second.request("Produce", produce_audio(2, None)).await["code"], 200);
    peer.notification("OnProducerClose").await;
    peer.notification("OnNewProducer").await;
    watch.is_quiet().await;

    // A third Join while the second lives takes its place.
    let (_third, again) = ann.try_join(&info, "engine").await;
    assert_eq!(again["code"], 200);
    assert_eq!(second.close_code().await, 1000);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_silent_member_is_out_after_the_grace(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    bob.enter(&server).await;
    let mut watch = bob.push_link().await;
    let entry = ann.enter(&server).await;
    watch.push_of(30).await;
    let socket = ann.join(&server, &entry).await;
    watch.push_of(32).await;
    drop(socket);
    watch.is_quiet().await;
    server.advance(14_000);
    bob.rest(&server, "GET", &bob.room("/snapshot"), &Value::Null).await;
    watch.is_quiet().await;
    server.advance(2_000);
    bob.rest(&server, "GET", &bob.room("/snapshot"), &Value::Null).await;
    assert_eq!(watch.push_of(33).await["data"]["members"][0]["reason"]["type"], "NORMAL");
    let info = ann.info(&server, &entry).await;
    assert_eq!(info["code"], 403);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_dead_link_counts_as_gone_since_its_last_sign(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob", "cat", "dan"]).await;
    let mut clients = Vec::new();
    for name in ["ann", "bob", "cat", "dan"] {
        let client = Client::new(&server, &community, name).await;
        let entry = client.enter(&server).await;
        let push = client.push_link().await;
        clients.push((client, push, entry));
    }
    let [(ann, ann_push, entry), (bob, mut watch, _), (_, mut listening, _), (_, mut returning, _)] =
        <[_; 4]>::try_from(clients).ok().unwrap();
    let rtc = ann.join(&server, &entry).await;
    while watch.push().await["cmd"] != 32 {}
    // Nobody reads ann's sockets, nor for a while dan's: beats go unanswered, and nothing closes.
    let noticed = Duration::from_millis(10_500);
    tokio::join!(watch.listen(noticed), listening.listen(noticed));
    returning.listen(Duration::from_millis(200)).await;
    let snapshot = async || bob.rest(&server, "GET", &bob.room("/snapshot"), &Value::Null).await;
    server.advance(14_000);
    snapshot().await;
    watch.is_quiet().await;
    server.advance(2_000);
    snapshot().await;
    assert_eq!(watch.push_of(33).await["data"]["members"][0]["userUuid"], "ann");
    watch.is_quiet().await;
    let members = snapshot().await["data"]["snapshot"]["members"].as_array().unwrap().len();
    assert_eq!(members, 3, "who answers stays, also after a while of silence");
    drop((ann_push, rtc));
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_seat_ends_with_its_qchat_link(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    bob.enter(&server).await;
    let mut watch = bob.push_link().await;
    ann.enter(&server).await;
    watch.push_of(30).await;
    let mut push = ann.push_link().await;
    let link = actor(community.app, "ann");
    server.gateway.rooms.link_down(&link.user, &link.device);
    server.advance(9_000);
    server.gateway.rooms.link_up(&link.user, &link.device);
    server.advance(9_000);
    bob.rest(&server, "GET", &bob.room("/snapshot"), &Value::Null).await;
    watch.is_quiet().await;
    server.gateway.rooms.link_down(&link.user, &link.device);
    bob.rest(&server, "GET", &bob.room("/snapshot"), &Value::Null).await;
    server.advance(10_000);
    bob.rest(&server, "GET", &bob.room("/snapshot"), &Value::Null).await;
    watch.push_of(33).await;
    push.push_of(33).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_restart_seats_the_owner_of_a_session_token_once(pool: PgPool) {
    let first = Server::start(&pool, 1).await;
    let community = Community::make(&first, &["ann"]).await;
    let ann = Client::new(&first, &community, "ann").await;
    let entry = ann.enter(&first).await;
    let mut info = ann.info(&first, &entry).await;
    let (_socket, answer) = ann.try_join(&info, "engine").await;
    assert_eq!(answer["code"], 200);

    for (seed, code) in [(2, 200), (3, 403)] {
        let next = Server::start(&pool, seed).await;
        info["ips"]["webrtcarray"] = json!([format!("ws://{}/rtc/signal", next.address)]);
        let (mut socket, answer) = ann.try_join(&info, "engine").await;
        assert_eq!(answer["code"], code, "{answer}");
        if code == 200 {
            assert_eq!(socket.request("Produce", produce_audio(1, None)).await["code"], 200);
            drop(socket);
            // In the new process it is an ordinary seat: its socket may be cut again.
            let (_socket, answer) = ann.try_join(&info, "engine").await;
            assert_eq!(answer["code"], 200);
            assert_eq!(ann.code(&next, "GET", &ann.room("/snapshot"), &Value::Null).await, 0);
        }
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_deleted_channel_closes_its_room(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut push = ann.push_link().await;
    let mut rtc = ann.join(&server, &entry).await;
    push.push_of(32).await;
    channel::delete(&server.core, &actor(community.app, OWNER), community.channel).await.unwrap();
    assert_eq!(push.push_of(51).await["data"]["reason"], "CLOSE_BY_BACKEND");
    assert_eq!(rtc.notification("OnKickOff").await["externData"]["reason"], 1);
    assert_eq!(ann.try_enter(&server).await["code"], 404);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_kicked_and_the_banned_are_out_of_their_calls(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let owner = actor(community.app, OWNER);
    for name in ["ann", "bob"] {
        let client = Client::new(&server, &community, name).await;
        let entry = client.enter(&server).await;
        let mut push = client.push_link().await;
        let mut rtc = client.join(&server, &entry).await;
        push.push_of(32).await;
        rtc.request("Produce", produce_audio(1, None)).await;
        push.push_of(40).await;
        server.table();

        let accid = actor(community.app, name).user.accid;
        if name == "ann" {
            member::kick(&server.core, &owner, community.server, &[accid]).await.unwrap();
        } else {
            ban::add(&server.core, &owner, community.server, &accid, String::new()).await.unwrap();
        }
        assert_eq!(push.push_of(33).await["data"]["members"][0]["reason"]["type"], "ADMIN_KICK");
        assert_eq!(rtc.notification("OnKickOff").await["externData"]["reason"], 2);
        assert!(matches!(server.table().as_slice(), [Command::CloseTransport(_)]));
        assert_eq!(client.try_enter(&server).await["code"], 403);
        assert_eq!(client.info(&server, &entry).await["code"], 403, "the rtcToken is void");
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn missed_pushes_can_be_asked_for(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let sequence = ann.enter(&server).await["sequence"].as_i64().unwrap();
    for value in [1, 0, 1] {
        ann.rest(&server, "PUT", &ann.stream("ann", "audio"), &json!({ "value": value })).await;
    }
    let missed = |from: i64| ann.room(&format!("/sequence?nextId={from}&trigger=1"));
    let answer = ann.rest(&server, "GET", &missed(sequence + 1), &Value::Null).await;
    let commands: Vec<_> =
        answer["data"]["list"].as_array().unwrap().iter().map(|push| push["cmd"].clone()).collect();
    assert_eq!(commands, [40, 41, 40]);
    let answer = ann.rest(&server, "GET", &missed(1), &Value::Null).await;
    assert_eq!(answer["data"]["list"], json!([]));
    assert_eq!(ann.code(&server, "GET", &ann.room("/sequence"), &Value::Null).await, 400);
}

#[sqlx::test(migrations = "../../migrations")]
async fn mute_all_outlives_a_restart_but_not_the_call(pool: PgPool) {
    let first = Server::start(&pool, 1).await;
    let community = Community::make(&first, &["ann"]).await;
    let owner = Client::new(&first, &community, OWNER).await;
    owner.enter(&first).await;
    let lock = json!({ "value": "offNotAllowSelfOn_1" });
    assert_eq!(owner.code(&first, "PUT", &owner.room("/properties/audioOff"), &lock).await, 0);
    // Written through behind the answer.
    let saved = async {
        while media::load_room(&first.core, community.channel).await.unwrap().properties.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), saved).await.unwrap();

    let second = Server::start(&pool, 2).await;
    let ann = Client::new(&second, &community, "ann").await;
    let entry = ann.enter(&second).await;
    assert_eq!(entry["room"]["properties"]["audioOff"]["value"], "offNotAllowSelfOn_1");
    assert_eq!(ann.code(&second, "PUT", &ann.stream("ann", "audio"), &json!({ "value": 1 })).await, 403);

    let third = Server::start(&pool, 3).await;
    third.advance(61_000);
    let ann = Client::new(&third, &community, "ann").await;
    let entry = ann.enter(&third).await;
    assert_eq!(entry["room"]["properties"], json!({}));
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_emptied_room_forgets_its_properties(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let owner = Client::new(&server, &community, OWNER).await;
    owner.enter(&server).await;
    let key = owner.room("/properties/videoOff");
    owner.rest(&server, "PUT", &key, &json!({ "value": "offNotAllowSelfOn_1" })).await;
    let leave = owner.room(&format!("/members/{OWNER}"));
    assert_eq!(owner.code(&server, "DELETE", &leave, &Value::Null).await, 0);
    let entry = owner.enter(&server).await;
    assert_eq!(entry["room"]["properties"]["videoOff"]["value"], "offNotAllowSelfOn_1", "within the grace");
    assert_eq!(owner.code(&server, "DELETE", &leave, &Value::Null).await, 0);
    server.advance(16_000);
    let entry = owner.enter(&server).await;
    assert_eq!(entry["room"]["properties"], json!({}));
}
