//! What Postgres knows of a stay, and that Postgres holds up no stay.

use std::time::Duration;

use rotunda_core::{
    Rooms,
    media::record::{self, Of, Query},
};
use rotunda_model::{MediaSession, Traffic};
use rotunda_sfu::{Command, Event, SrtpProfile, TransportId, Usage, ortc::IceProtocol};
use serde_json::Value;
use sqlx::PgPool;

use super::support::{Client, Community, OWNER, Server, consume, produce_audio};

/// Longest wait for the writer, which needs milliseconds, and 2 s after a failure.
const PATIENCE: Duration = Duration::from_secs(15);

async fn read(server: &Server, community: &Community) -> Vec<MediaSession> {
    let query = Query { of: Of::Channel(community.channel), account: None, before: None, limit: 100 };
    record::list(server.core.store(), &query).await.unwrap().items
}

/// The channel's records, newest first, once they are as they should be.
async fn records(
    server: &Server,
    community: &Community,
    hold: impl Fn(&[MediaSession]) -> bool,
) -> Vec<MediaSession> {
    let reading = async {
        loop {
            let found = read(server, community).await;
            if hold(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(found) => found,
        Err(_) => panic!("not recorded: {:?}", read(server, community).await),
    }
}

fn reasons(records: &[MediaSession]) -> Vec<&str> {
    records.iter().map(|record| record.end.as_ref().map_or("", |end| end.reason.as_str())).collect()
}

fn opened(server: &Server) -> TransportId {
    let opened = server.table().into_iter().find_map(|command| match command {
        Command::OpenTransport(spec) => Some(spec.id),
        _ => None,
    });
    opened.expect("a transport is opened")
}

fn usage(up: u64, down: u64) -> Usage {
    Usage {
        protocol: Some(IceProtocol::Udp),
        profile: Some(SrtpProfile::AeadAes128Gcm),
        packets_up: up,
        bytes_up: up * 100,
        lost_up: up / 10,
        packets_down: down,
        bytes_down: down * 100,
        lost_down: down / 20,
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_stay_is_recorded_with_its_traffic(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut rtc = ann.join(&server, &entry).await;
    let found = records(&server, &community, |all| all.len() == 1).await;
    assert_eq!((found[0].end.as_ref(), found[0].srtp.as_ref()), (None, None));

    let produced = rtc.request("Produce", produce_audio(1, None)).await;
    let send = opened(&server);
    rtc.request("Consume", consume(&produced["producerId"], &Value::from(1))).await;
    let receive = opened(&server);
    server.advance(7_000);
    // What is asked for in between does not count twice.
    server.reports.send(Event::Usage(vec![(send, usage(50, 0)), (receive, usage(0, 40))])).await.unwrap();
    let leave = ann.room("/members/ann");
    assert_eq!(ann.code(&server, "DELETE", &leave, &Value::Null).await, 0);
    for (id, usage) in [(send, usage(100, 0)), (receive, usage(0, 80))] {
        server.reports.send(Event::TransportClosed { id, usage }).await.unwrap();
    }
    let expected = Traffic {
        packets_up: 100,
        bytes_up: 10_000,
        lost_up: 10,
        packets_down: 80,
        bytes_down: 8_000,
        lost_down: 4,
    };
    let found = records(&server, &community, |all| all[0].traffic == expected).await;
    let [record] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(reasons(&found), ["left"]);
    assert_eq!((record.user.accid.as_str(), record.client.as_str()), ("ann", "web"));
    assert_eq!((record.device.as_str(), record.link_device.as_str()), ("room-ann", "link-ann"));
    assert_eq!((record.server, record.channel), (community.server, community.channel));
    assert_eq!(record.end.as_ref().unwrap().at.get() - record.entered.get(), 7_000);
    assert_eq!(record.protocol.as_deref(), Some("udp"));
    assert_eq!(record.srtp.as_deref(), Some("AEAD_AES_128_GCM"));
}

#[sqlx::test(migrations = "../../migrations")]
async fn each_end_has_its_reason(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob", "cat"]).await;
    let owner = Client::new(&server, &community, OWNER).await;
    owner.enter(&server).await;
    let ann = Client::new(&server, &community, "ann").await;
    ann.enter(&server).await;
    Client::on(&server, &community, "ann", "second").await.enter(&server).await;
    records(&server, &community, |all| reasons(all).contains(&"replaced")).await;
    let kick = owner.room("/members/ann");
    assert_eq!(owner.code(&server, "DELETE", &kick, &Value::Null).await, 0);
    let found = records(&server, &community, |all| reasons(all).contains(&"kicked")).await;
    assert_eq!(reasons(&found), ["kicked", "replaced", ""]);
    assert_eq!((found[0].device.as_str(), found[1].device.as_str()), ("second", "room-ann"));

    // Nothing of bob but its entry.
    let _link = owner.push_link().await;
    Client::new(&server, &community, "bob").await.enter(&server).await;
    server.advance(15_000);
    owner.rest(&server, "GET", &owner.room("/snapshot"), &Value::Null).await;
    let found = records(&server, &community, |all| reasons(all).contains(&"silent")).await;
    assert_eq!(found[0].end.as_ref().unwrap().at.get() - found[0].entered.get(), 15_000);

    Client::new(&server, &community, "cat").await.enter(&server).await;
    server.gateway.rooms.close(community.channel);
    let found = records(&server, &community, |all| !reasons(all).contains(&"")).await;
    assert_eq!(reasons(&found), ["closed", "silent", "kicked", "replaced", "closed"]);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_stopping_server_ends_what_goes_on_and_a_starting_one_what_a_crash_left(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let ann = Client::new(&server, &community, "ann").await;
    let entry = ann.enter(&server).await;
    let mut rtc = ann.join(&server, &entry).await;
    rtc.request("Produce", produce_audio(1, None)).await;
    let transport = opened(&server);
    server.advance(5_000);
    let closed = Event::TransportClosed { id: transport, usage: usage(10, 0) };
    server.reports.send(closed).await.unwrap();
    records(&server, &community, |all| all.iter().any(|record| record.traffic.packets_up == 10)).await;
    server.stop_records().await;

    let next = Server::start(&pool, 2).await;
    let found = read(&next, &community).await;
    assert_eq!(reasons(&found), ["server_stopped"]);
    assert_eq!(found[0].end.as_ref().unwrap().at.get() - found[0].entered.get(), 5_000);
    Client::new(&next, &community, "ann").await.enter(&next).await;
    records(&next, &community, |all| all.len() == 2).await;
    next.kill_records().await;
    let third = Server::start(&pool, 3).await;
    assert_eq!(record::end_abandoned(&third.core).await.unwrap(), 1);
    let found = read(&third, &community).await;
    assert_eq!(reasons(&found), ["server_stopped", "server_stopped"]);
    assert_eq!(found[0].end.as_ref().unwrap().at, found[0].seen);
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_slow_or_failing_database_holds_up_no_call(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann", "bob"]).await;
    let (ann, bob) =
        (Client::new(&server, &community, "ann").await, Client::new(&server, &community, "bob").await);
    let come_and_go = async |client: &Client| {
        let entry = client.enter(&server).await;
        let mut rtc = client.join(&server, &entry).await;
        assert_eq!(rtc.request("Produce", produce_audio(1, None)).await["code"], 200);
        let leave = client.room(&format!("/members/{}", client.name));
        assert_eq!(client.code(&server, "DELETE", &leave, &Value::Null).await, 0);
    };
    // Every write waits for this lock.
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE media_sessions IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    for _ in 0..3 {
        come_and_go(&ann).await;
    }
    lock.commit().await.unwrap();
    let found = records(&server, &community, |all| all.len() == 3 && !reasons(all).contains(&"")).await;
    assert_eq!(reasons(&found), ["left", "left", "left"]);

    sqlx::query("ALTER TABLE media_sessions RENAME TO away").execute(&pool).await.unwrap();
    come_and_go(&bob).await;
    sqlx::query("ALTER TABLE away RENAME TO media_sessions").execute(&pool).await.unwrap();
    let found = records(&server, &community, |all| all.len() == 4 && !reasons(all).contains(&"")).await;
    assert_eq!(found[0].user.accid.as_str(), "bob");
}
