//! Who gets in, and with which code not.

use futures_util::future::join_all;
use rotunda_core::{
    Rooms,
    media::{self, ConfigUpdate},
};
use rotunda_model::{Right, auths::AuthValue};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::support::{APP_KEY, Client, Community, OWNER, Server, actor};

#[sqlx::test(migrations = "../../migrations")]
async fn an_entry_answers_everything_a_kit_needs(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;

    let login = ann.rest(&server, "POST", "/v1/login", &Value::Null).await;
    assert_eq!(login["data"]["userUuid"], "ann");
    assert_eq!(login["data"]["imKey"], APP_KEY);
    assert_eq!(ann.code(&server, "POST", "/v1/checkToken", &Value::Null).await, 0);

    let entry = ann.enter(&server).await;
    let member = &entry["member"];
    assert_eq!(member["userUuid"], "ann");
    assert!(member["rtcUid"].as_i64().is_some_and(|uid| uid > 0 && uid < 1 << 53));
    assert!(member["wbAuth"].is_object() && member["properties"]["states"].is_object());
    assert!(member["rtcToken"].as_str().is_some_and(|token| !token.is_empty()));
    assert_eq!(entry["room"]["roomUuid"], community.channel.to_string());
    assert_eq!(entry["room"]["config"]["roleConfigs"]["qchatAudience"]["limit"], 100);
    assert_eq!(entry["members"].as_array().unwrap().len(), 1);
    let audio = &entry["room"]["config"]["roleConfigs"]["qchatAudience"]["params"]["audio"];
    assert_eq!(audio["profile"], "speech_standard");

    let snapshot = ann.rest(&server, "GET", &ann.room("/snapshot"), &Value::Null).await;
    assert_eq!(snapshot["data"]["sequence"], entry["sequence"]);
    assert_eq!(snapshot["data"]["snapshot"]["members"], entry["members"]);
    let config = ann.rest(&server, "GET", &format!("/v2/rooms/{}/config", ann.channel), &Value::Null).await;
    assert_eq!(config["data"], entry["room"]["config"]);

    // Kits up to 1.17 ask for the parts one by one.
    let body = json!({ "userName": "ann", "role": "qchatAudience" });
    let v1 = ann.rest(&server, "POST", &ann.room("/entry"), &body).await;
    assert_eq!(v1["data"]["member"]["rtcUid"], member["rtcUid"]);
    assert!(v1["data"]["members"].is_null());
}

#[sqlx::test(migrations = "../../migrations")]
async fn refusals_have_the_documented_codes(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let mut ann = Client::new(&server, &community, "ann").await;
    for (channel, code) in
        [(community.hidden, 403), (community.chat, 414), (rotunda_model::ChannelId::new(99).unwrap(), 404)]
    {
        ann.channel = channel;
        assert_eq!(ann.try_enter(&server).await["code"], code);
        assert_eq!(ann.code(&server, "GET", &ann.room("/snapshot"), &Value::Null).await, code);
    }
    ann.channel = community.channel;
    // In the room's absence and in its presence.
    assert_eq!(ann.code(&server, "GET", &ann.room("/snapshot"), &Value::Null).await, 403);
    Client::new(&server, &community, "bob").await.enter(&server).await;
    assert_eq!(ann.code(&server, "GET", &ann.room("/snapshot"), &Value::Null).await, 403);

    let entry = format!("/v2/rooms/{}/entry", ann.channel);
    let role = json!({ "userName": "ann", "role": "host" });
    assert_eq!(ann.code(&server, "POST", &entry, &role).await, 1003);
    assert_eq!(ann.code(&server, "POST", &entry, &json!({})).await, 400);
    assert_eq!(ann.code(&server, "POST", "/v1/rooms/x/entry", &role).await, 404);
    assert_eq!(ann.code(&server, "POST", "/v1/anonymous/login", &Value::Null).await, 404);

    community.everyone(&server, Right::RTC_CONNECT, AuthValue::Deny).await;
    assert_eq!(ann.try_enter(&server).await["code"], 403);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_token_is_of_one_device_account_and_time(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    for (name, device, token) in [
        ("bob", ann.device.as_str(), ann.token.as_str()),
        ("ann", "other", ann.token.as_str()),
        ("ann", ann.device.as_str(), "rubbish"),
        ("ann", ann.device.as_str(), ""),
    ] {
        let other = Client { name: name.into(), device: device.into(), token: token.into(), ..ann };
        assert_eq!(other.code(&server, "POST", "/v1/login", &Value::Null).await, 1027);
    }
    ann.enter(&server).await;
    server.advance(86_400_000);
    assert_eq!(ann.code(&server, "POST", "/v1/checkToken", &Value::Null).await, 1026);
    // An expired token is good enough to leave with, but only for its own account.
    let bob = Client { name: "bob".into(), ..ann };
    assert_eq!(bob.code(&server, "DELETE", &bob.room("/members/bob"), &Value::Null).await, 1027);
    let ann = Client { name: "ann".into(), ..bob };
    assert_eq!(ann.code(&server, "DELETE", &ann.room("/members/ann"), &Value::Null).await, 0);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_full_room_refuses_the_next_and_never_one_who_is_in(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob", "cat"]).await;
    let owner = actor(community.app, OWNER);
    let update = ConfigUpdate { limit: Some(2), ..Default::default() };
    media::set_config(&server.core, &owner, community.server, community.channel, update).await.unwrap();
    let mut clients = Vec::new();
    for name in ["ann", "bob", "cat"] {
        clients.push(Client::new(&server, &community, name).await);
    }
    let entries = clients.iter().map(|client| client.try_enter(&server));
    let codes: Vec<Value> = futures_util::future::join_all(entries)
        .await
        .into_iter()
        .map(|answer| answer["code"].clone())
        .collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 2, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == 1002).count(), 1, "{codes:?}");
    let inside = codes.iter().position(|code| *code == 0).unwrap();
    assert_eq!(clients[inside].try_enter(&server).await["code"], 0);
}

#[sqlx::test(migrations = "../../migrations")]
async fn while_the_media_workers_are_busy_newcomers_wait_and_the_seated_stay(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    ann.enter(&server).await;
    server.media.be_busy(rotunda_media_io::REFUSE_ABOVE);
    let refused = bob.try_enter(&server).await;
    assert_eq!((&refused["code"], &refused["data"]), (&json!(503), &Value::Null));
    assert_eq!(refused["msg"], "the server is busy, try again later");
    // Who has a seat keeps it, and may ask again.
    ann.enter(&server).await;
    let snapshot = ann.rest(&server, "GET", &ann.room("/snapshot"), &Value::Null).await;
    assert_eq!(snapshot["data"]["snapshot"]["members"].as_array().unwrap().len(), 1);
    // Ann may still cost something that does not show.
    server.media.be_busy(rotunda_media_io::ADMIT_BELOW - 50);
    bob.enter(&server).await;
}

#[sqlx::test(migrations = "../../migrations")]
async fn of_a_thousand_entries_at_once_the_limit_gets_in(pool: PgPool) {
    const LIMIT: usize = 10;
    let server = Server::start(&pool, 1).await;
    let names: Vec<String> = (0..1_000).map(|n| format!("user{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let community = Community::make(&server, &names).await;
    let owner = actor(community.app, OWNER);
    let update = ConfigUpdate { limit: Some(LIMIT as i64), ..Default::default() };
    media::set_config(&server.core, &owner, community.server, community.channel, update).await.unwrap();
    let mut clients = Vec::new();
    for name in names {
        clients.push(Client::new(&server, &community, name).await);
    }
    let answers = join_all(clients.iter().map(|client| client.try_enter(&server))).await;
    let inside: Vec<&str> = answers
        .iter()
        .filter(|answer| answer["code"] == 0)
        .map(|answer| answer["data"]["member"]["userUuid"].as_str().unwrap())
        .collect();
    assert_eq!(inside.len(), LIMIT);
    assert!(answers.iter().all(|answer| answer["code"] == 0 || answer["code"] == 1002));
    let mut online: Vec<String> = server
        .gateway
        .rooms
        .online(community.channel)
        .iter()
        .map(|accid| accid.as_str().to_owned())
        .collect();
    online.sort_unstable();
    let mut inside: Vec<String> = inside.iter().map(|&name| name.to_owned()).collect();
    inside.sort_unstable();
    assert_eq!(online, inside);

    // Each seat that is given back is taken once.
    let leaver = clients.iter().find(|client| client.name == inside[0]).unwrap();
    let leave = leaver.room(&format!("/members/{}", leaver.name));
    assert_eq!(leaver.code(&server, "DELETE", &leave, &Value::Null).await, 0);
    let others = clients.iter().filter(|client| !inside.contains(&client.name)).take(100);
    let answers = join_all(others.map(|client| client.try_enter(&server))).await;
    assert_eq!(answers.iter().filter(|answer| answer["code"] == 0).count(), 1);
    assert_eq!(server.gateway.rooms.online(community.channel).len(), LIMIT);
}
