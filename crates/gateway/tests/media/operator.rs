//! What an operator does to a call: no member of it, and heard in the name of whom it concerns.

use rotunda_core::{
    Error,
    media::operator::{self, Moderation, Sending},
};
use rotunda_model::{Accid, ChannelId, Right, auths::AuthValue};
use rotunda_sfu::Command;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::support::{Client, Community, Server, produce_audio};

fn accid(name: &str) -> Accid {
    Accid::new(name).unwrap()
}

fn switch(name: &str, sources: &[Sending], on: bool) -> Moderation {
    Moderation::Switch { accid: accid(name), sources: sources.to_vec(), on }
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_operator_mutes_locks_opens_and_kicks(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let act = async |act: Moderation| operator::moderate(&server.core, community.channel, act).await;
    let audio = &[Sending::Audio][..];
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    assert!(matches!(act(switch("ann", audio, false)).await, Err(Error::NotFound(_))));
    let lock = || Moderation::MuteAll { sources: vec![Sending::Audio, Sending::Video], lock: true };
    assert!(matches!(act(lock()).await, Err(Error::NotFound(_))), "no call to lock");
    let lift = || Moderation::UnmuteAll { sources: vec![Sending::Audio, Sending::Video] };
    assert_eq!(act(lift()).await.unwrap(), []);

    let entry = ann.enter(&server).await;
    let mut ann_rtc = ann.join(&server, &entry).await;
    assert_eq!(ann_rtc.request("Produce", produce_audio(1111, None)).await["code"], 200);
    bob.enter(&server).await;
    let (mut ann_push, mut bob_push) = (ann.push_link().await, bob.push_link().await);
    server.table();

    assert_eq!(act(switch("ann", &[Sending::Audio, Sending::Video], false)).await.unwrap(), [accid("ann")]);
    // All of it has taken effect when it is answered.
    assert!(matches!(server.table().as_slice(), [Command::SetProducerActive(_, false)]));
    for push in [&mut ann_push, &mut bob_push] {
        let off = push.push_of(41).await;
        assert_eq!(off["data"]["streamType"], "audio");
        assert_eq!(off["data"]["operatorMember"]["userUuid"], "ann", "an operator that every client knows");
    }
    assert_eq!(act(switch("ann", audio, false)).await.unwrap(), [], "it was off");
    assert!(matches!(act(switch("eve", audio, false)).await, Err(Error::NotFound(_))));

    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "audio"), &json!({ "value": 1 })).await, 0);
    ann_push.push_of(40).await;
    bob_push.push_of(40).await;
    server.table();
    assert_eq!(act(lock()).await.unwrap(), [accid("ann")]);
    assert!(matches!(server.table().as_slice(), [Command::SetProducerActive(_, false)]));
    for (name, push) in [("ann", &mut ann_push), ("bob", &mut bob_push)] {
        let mut sequence = None;
        for (cmd, operator) in [(10, name), (41, "ann"), (10, name)] {
            let told = push.push_of(cmd).await;
            assert_eq!(told["data"]["operatorMember"]["userUuid"], operator, "{told}");
            let number = told["sequence"].as_i64().unwrap();
            assert!(sequence.is_none_or(|before| number == before + 1), "a number is missing");
            sequence = Some(number);
        }
    }
    let on = json!({ "value": 1 });
    assert_eq!(ann.code(&server, "PUT", &ann.stream("ann", "audio"), &on).await, 403);
    assert_eq!(act(switch("ann", audio, true)).await.unwrap(), [accid("ann")]);
    assert!(matches!(server.table().as_slice(), [Command::SetProducerActive(_, true)]));
    assert_eq!(bob.code(&server, "PUT", &bob.stream("bob", "audio"), &on).await, 403, "the others are bound");
    assert_eq!(act(lift()).await.unwrap(), []);
    assert_eq!(bob.code(&server, "PUT", &bob.stream("bob", "audio"), &on).await, 0);
    for cmd in [40, 10, 10, 40] {
        ann_push.push_of(cmd).await;
    }

    community.everyone(&server, Right::RTC_OPEN_CAMERA, AuthValue::Deny).await;
    let both = [Sending::Audio, Sending::Video];
    assert!(matches!(act(switch("bob", &both, true)).await, Err(Error::Forbidden(_))));

    let members = async || operator::members(&server.core, community.channel).await.unwrap().len();
    assert_eq!(act(Moderation::Kick(accid("bob"))).await.unwrap(), [accid("bob")]);
    let left = ann_push.push_of(33).await;
    assert_eq!(left["data"]["members"][0]["reason"]["type"], "ADMIN_KICK");
    assert_eq!(left["data"]["operatorMember"]["userUuid"], "bob");
    assert_eq!(members().await, 1);
    assert_eq!(bob.code(&server, "GET", &bob.room("/snapshot"), &Value::Null).await, 403);
    bob.enter(&server).await;
    assert_eq!(members().await, 2, "a member of the server as before");

    for unknown in [community.chat, ChannelId::new(99).unwrap()] {
        let kick = operator::moderate(&server.core, unknown, Moderation::Kick(accid("bob"))).await;
        assert!(matches!(kick, Err(Error::NotFound(_))));
    }
}
