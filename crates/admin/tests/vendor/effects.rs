//! An action has the effects of the command: links are told, calls obey.

use std::{net::SocketAddr, sync::Arc};

use rand::SeedableRng;
use rotunda_core::{Core, CoreConfig, Env, Keys, account, notify};
use rotunda_gateway::{
    CorsOrigins, DoorLimits, Gateway, GatewayConfig, PublicOrigin, RateLimits,
    room::{Registry, Times},
};
use rotunda_media_io::MediaHandle;
use rotunda_model::{Accid, Right};
use rotunda_sfu::ortc::Fingerprint;
use rotunda_store::Store;
use rotunda_testkit::{MockClock, RoomCall, TestApp};
use serde_json::json;
use sqlx::PgPool;
use tokio::net::TcpListener;

use crate::{
    link::Link,
    support::{Backend, config},
};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// The real gateway on a loopback port, and the backend of its app.
async fn gateway(pool: PgPool) -> anyhow::Result<(SocketAddr, Backend, Gateway)> {
    let env = Env::new(Arc::new(MockClock::new()), rand::rngs::StdRng::seed_from_u64(1));
    let keys = Keys::new(&[1; 32], &[2; 32]).unwrap();
    let core = Core::open(Store::from_pool(pool), env, CoreConfig::new(keys)).await?;
    let fingerprint = Fingerprint { algorithm: "sha-256".into(), value: "00".into() };
    let (media, _commands) = MediaHandle::recording(Vec::new(), fingerprint);
    let rooms = Registry::new(core.clone(), media, Times::default());
    let told = GatewayConfig {
        public_origin: PublicOrigin::Fixed("https://127.0.0.1:8443".into()),
        cors_origins: CorsOrigins::default(),
        doors: DoorLimits::default(),
        limits: RateLimits::default(),
    };
    let gateway = Gateway::new(core.clone(), rooms, told);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    account::create_app(&core, "test", Some(KEY), None).await?;
    let backend = Backend::new(&core, KEY, config()).await?;
    let routes = rotunda_gateway::router(gateway.clone()).merge(backend.router.clone());
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    tokio::spawn(notify::run_dispatcher(core, std::future::pending()));
    for accid in ["ann", "bob"] {
        backend.call("user/create", &format!("accid={accid};name={accid};token={accid}-token")).await;
    }
    Ok((address, backend, gateway))
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_link_hears_what_a_backend_does(pool: PgPool) -> anyhow::Result<()> {
    let (address, backend, _gateway) = gateway(pool).await?;
    let mut ann = Link::open(address, KEY, "ann", "ann-token").await;
    let mut bob = Link::open(address, KEY, "bob", "bob-token").await;
    let online = backend.call("user/userOnlineStatus", r#"accids=["bob"]"#).await;
    assert_eq!(online["uinfos"], json!([{"accid": "bob", "online": true}]));

    let made = backend.call("qchat/createServer", "accid=ann;name=home;inviteMode=1").await;
    let server = made["server"]["serverId"].as_i64().unwrap();
    let (told, attach) = ann.notification(5).await;
    assert_eq!((&told["5"], &attach["serverInfo"]["1"]), (&json!("ann"), &json!(server.to_string())));
    assert_eq!(ann.notification(32).await.1["event"], 1);

    backend.call("qchat/inviteServerMember", &format!(r#"accid=ann;serverId={server};accids=["bob"]"#)).await;
    assert_eq!(bob.notification(32).await.1["event"], 1);
    let made =
        backend.call("qchat/createChannel", &format!("accid=ann;serverId={server};name=talk;type=1")).await;
    let channel = made["channel"]["channelId"].to_string();
    for link in [&mut ann, &mut bob] {
        let (told, attach) = link.notification(15).await;
        assert_eq!((&told["3"], &attach["channelInfo"]["4"]), (&json!(channel), &json!("talk")));
    }
    assert_eq!(bob.notification(31).await.1["event"], 1);
    let hide =
        format!(r#"accid=ann;serverId={server};channelId={channel};type=2;opeType=1;toAccids=["bob"]"#);
    backend.call("qchat/updateWhiteBlackIdentifyUser", &hide).await;
    assert_eq!(bob.notification(31).await.1["event"], 2);

    backend.call("qchat/kickServerMember", &format!(r#"accid=ann;serverId={server};accids=["bob"]"#)).await;
    assert_eq!(ann.notification(12).await.1["kickedAccids"], json!(["bob"]));
    assert_eq!(bob.notification(32).await.1["event"], 2);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_blocked_account_is_kicked_with_the_apps_word_only_when_asked(pool: PgPool) -> anyhow::Result<()> {
    let (address, backend, _gateway) = gateway(pool).await?;
    let mut bob = Link::open(address, KEY, "bob", "bob-token").await;
    let online = async || {
        let answer = backend.call("user/userOnlineStatus", r#"accids=["bob"]"#).await;
        answer["uinfos"][0]["online"].as_bool().unwrap()
    };
    assert_eq!(backend.code("user/block", "accid=bob;needkick=false").await, 200);
    assert!(online().await, "who is there stays");
    assert_eq!(backend.code("user/block", "accid=bob;needkick=true;kickNotifyExt=rude").await, 200);
    let kicked = bob.push(24, 5).await;
    assert_eq!((&kicked[0]["2"], &kicked[0]["3"]), (&json!("2"), &json!("rude")));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn who_is_in_a_call_is_judged_again_at_once(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let backend = Backend::new(&app.core, &app.app.key, config()).await?;
    let made = backend.call("qchat/createServer", "accid=ann;name=home;inviteMode=1").await;
    let server = made["server"]["serverId"].to_string();
    let on = |fields: &str| format!("accid=ann;serverId={server};{fields}");
    backend.call("qchat/inviteServerMember", &on(r#"accids=["bob"]"#)).await;
    let made = backend.call("qchat/createChannel", &on("name=talk;type=1")).await;
    let channel = made["channel"]["channelId"].to_string();
    app.rooms.seat(server.parse()?, channel.parse()?, &bob.user.accid);
    app.rooms.seat(server.parse()?, channel.parse()?, &ann.user.accid);
    app.rooms.take();

    let there = |fields: &str| on(&format!("channelId={channel};{fields}"));
    backend.call("qchat/createUserIdentify", &there("faccid=bob")).await;
    backend.call("qchat/updateUserIdentify", &there(r#"faccid=bob;auths={"17":-1}"#)).await;
    let bobs = |calls: Vec<RoomCall>| -> Vec<Option<bool>> {
        let of = |call: RoomCall| match call {
            RoomCall::Rights { accid, verdict, .. } if accid == Accid::new("bob").unwrap() => {
                Some(verdict.map(|verdict| verdict.rights.has(Right::RTC_OPEN_MICROPHONE)))
            }
            _ => None,
        };
        calls.into_iter().filter_map(of).collect()
    };
    assert_eq!(bobs(app.rooms.take()).last(), Some(&Some(false)), "may speak no more");
    backend.call("qchat/updateServerMemberBan", &on("faccid=bob;opeType=1")).await;
    assert_eq!(bobs(app.rooms.take()).last(), Some(&None), "out");
    backend.call("user/block", "accid=ann;needkick=true").await;
    assert_eq!(app.rooms.take(), [RoomCall::Expel(ann.user.accid.clone())]);
    assert_eq!(app.hub.kicked(), [ann.user]);
    Ok(())
}
