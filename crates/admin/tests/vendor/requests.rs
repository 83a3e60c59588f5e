//! What is checked of a request before any action.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{Extension, extract::ConnectInfo};
use rotunda_admin::{
    Vendor,
    vendor::{self, BODY_MAX, BUILT, RateLimit, Strangers, UNBUILT},
};
use rotunda_testkit::TestApp;
use serde_json::json;
use sqlx::PgPool;

use crate::support::{Backend, code, config, form};

async fn start(pool: PgPool) -> anyhow::Result<(TestApp, Backend)> {
    let app = TestApp::new(pool).await?;
    app.away("ann").await?;
    let backend = Backend::new(&app.core, &app.app.key, config()).await?;
    Ok((app, backend))
}

const READ: &str = "qchat/getServerListPage";
const ANN: &str = "accid=ann";

#[sqlx::test(migrations = "../../migrations")]
async fn only_who_knows_the_secret_is_answered(pool: PgPool) -> anyhow::Result<()> {
    let (app, backend) = start(pool).await?;
    assert_eq!(backend.code(READ, ANN).await, 200);
    let stranger = Backend { secret: "guess".into(), ..backend.clone() };
    let answer = stranger.call(READ, ANN).await;
    assert_eq!(code(&answer), 414);
    assert_eq!(answer["desc"], "CheckSum is wrong");
    let nobody = Backend { key: "no such app".into(), ..backend.clone() };
    assert_eq!(nobody.code(READ, ANN).await, 414);
    // Another app's secret does not sign for this one, and its own accounts are not in it.
    let other = app.other_app().await?;
    let other = Backend::new(&app.core, &other.key, config()).await?;
    assert_eq!(Backend { key: backend.key.clone(), ..other.clone() }.code(READ, ANN).await, 414);
    assert_eq!(other.code(READ, ANN).await, 414, "ann is not registered there");
    for missing in 0..4 {
        let mut headers = backend.headers();
        headers.remove(missing);
        assert_eq!(code(&backend.send(READ, &headers, form(ANN)).await), 414);
    }
    Ok(())
}

/// Listens to nobody after three wrong signatures.
#[derive(Default)]
struct Three(AtomicU32);

impl Strangers for Three {
    fn may_sign(&self, _: SocketAddr) -> bool {
        self.0.load(Ordering::Relaxed) < 3
    }

    fn signature_failed(&self, _: SocketAddr) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_address_with_too_many_wrong_signatures_is_not_listened_to(pool: PgPool) -> anyhow::Result<()> {
    let (app, mut backend) = start(pool).await?;
    let strangers = Arc::new(Three::default());
    let routes = vendor::routes(Vendor::guarded(app.core.clone(), config(), strangers.clone()));
    backend.router = routes.clone();
    let guess = Backend { secret: "guess".into(), ..backend.clone() };
    assert_eq!(guess.code(READ, ANN).await, 414);
    assert_eq!(strangers.0.load(Ordering::Relaxed), 0, "of no address");
    let peer: SocketAddr = "192.0.2.1:1".parse()?;
    let from = |backend: &Backend| Backend {
        router: routes.clone().layer(Extension(ConnectInfo(peer))),
        ..backend.clone()
    };
    let (mut backend, guess) = (from(&backend), from(&guess));
    // Who signs well is no stranger, whatever else is wrong.
    let late = backend.signed("late", backend.seconds() - 400);
    assert_eq!(code(&backend.send(READ, &late, form(ANN)).await), 414);
    assert_eq!(backend.code(READ, "accid=nobody").await, 414);
    assert_eq!(backend.code("qchat/none", ANN).await, 404);
    assert_eq!(strangers.0.load(Ordering::Relaxed), 0);
    let nobody = Backend { key: "no such app".into(), ..guess.clone() };
    assert_eq!(nobody.code(READ, ANN).await, 414);
    assert_eq!(code(&guess.send(READ, &guess.headers()[1..], form(ANN)).await), 414);
    assert_eq!(backend.code(READ, ANN).await, 200);
    assert_eq!(guess.code(READ, ANN).await, 414);
    let unheard = guess.call(READ, ANN).await;
    assert_eq!(code(&unheard), 416);
    assert!(unheard["desc"].as_str().is_some_and(|text| text.contains("wrong signatures")), "{unheard}");
    assert_eq!(backend.code(READ, ANN).await, 416, "nor is it told that a guess was right");
    backend.router = routes;
    assert_eq!(backend.code(READ, ANN).await, 200);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_signature_holds_five_minutes_either_way(pool: PgPool) -> anyhow::Result<()> {
    let (_app, backend) = start(pool).await?;
    let now = backend.seconds();
    for (seconds, expected) in
        [(now - 300, 200), (now + 300, 200), (now - 301, 414), (now + 301, 414), (now * 1_000, 414)]
    {
        let headers = backend.signed(&format!("skew {seconds}"), seconds);
        let answer = backend.send(READ, &headers, form(ANN)).await;
        assert_eq!(code(&answer), expected, "{}", seconds - now);
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_request_is_done_once(pool: PgPool) -> anyhow::Result<()> {
    let (app, backend) = start(pool).await?;
    let (headers, body) = (backend.headers(), form("accid=ann;name=home"));
    assert_eq!(code(&backend.send("qchat/createServer", &headers, body.clone()).await), 200);
    for path in ["qchat/createServer", READ, "user/refreshToken"] {
        assert_eq!(code(&backend.send(path, &headers, body.clone()).await), 431, "{path}");
    }
    let page = backend.call(READ, ANN).await;
    assert_eq!(page["servers"].as_array().unwrap().len(), 1);
    // The same nonce at another second is another request, and of another app too.
    let nonce = headers[1].1.clone();
    let later = backend.signed(&nonce, backend.seconds() + 1);
    assert_eq!(code(&backend.send(READ, &later, form(ANN)).await), 200);
    app.clock.advance(301_000);
    assert_eq!(code(&backend.send(READ, &headers, form(ANN)).await), 414, "too old by now");
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_body_that_is_no_form_is_refused(pool: PgPool) -> anyhow::Result<()> {
    let (_app, backend) = start(pool).await?;
    let post = async |body: Vec<u8>| code(&backend.send(READ, &backend.headers(), body).await);
    assert_eq!(post(b"accid=ann&accid=ann".to_vec()).await, 414, "a field twice");
    assert_eq!(post(b"accid=ann&bid=1&new+field=%20".to_vec()).await, 200, "fields we do not know");
    assert_eq!(post(b"accid=%ff".to_vec()).await, 414);
    assert_eq!(post(b"".to_vec()).await, 414);
    let mut long = b"accid=ann&x=".to_vec();
    long.resize(BODY_MAX, b'x');
    assert_eq!(post(long.clone()).await, 200);
    long.push(b'x');
    assert_eq!(post(long).await, 414, "one byte over");
    let mut headers = backend.headers();
    headers.push(("Content-Type", "application/json".into()));
    assert_eq!(code(&backend.send(READ, &headers, json!({"accid": "ann"}).to_string()).await), 414);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn one_action_called_too_often_is_blocked_for_a_while(pool: PgPool) -> anyhow::Result<()> {
    let (app, backend) = start(pool).await?;
    let rate = RateLimit { per_second: 5, blocked_secs: 10 };
    let hasty =
        Backend::new(&app.core, &backend.key, rotunda_admin::VendorConfig { rate, ..config() }).await?;
    for _ in 0..5 {
        assert_eq!(hasty.code(READ, ANN).await, 200);
    }
    assert_eq!(hasty.code(READ, ANN).await, 416);
    assert_eq!(hasty.code("user/getUinfos", r#"accids=["ann"]"#).await, 200, "another action");
    app.clock.advance(9_999);
    assert_eq!(hasty.code(READ, ANN).await, 416);
    app.clock.advance(1);
    assert_eq!(hasty.code(READ, ANN).await, 200);
    // What strangers send does not count.
    let stranger = Backend { secret: "guess".into(), ..hasty.clone() };
    app.clock.advance(1_000);
    for _ in 0..10 {
        assert_eq!(stranger.code(READ, ANN).await, 414);
    }
    assert_eq!(hasty.code(READ, ANN).await, 200);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn actions_that_are_not_built_answer_at_once(pool: PgPool) -> anyhow::Result<()> {
    let (_app, backend) = start(pool).await?;
    for name in UNBUILT {
        assert_eq!(backend.code(&format!("qchat/{name}"), ANN).await, 403, "{name}");
        assert!(BUILT.iter().all(|built| built.name != *name));
    }
    for path in ["qchat/nonsense", "qchat/refreshToken", "user/createServer", "qchat/createServer.action"] {
        assert_eq!(backend.code(path, ANN).await, 404, "{path}");
    }
    let stranger = Backend { secret: "guess".into(), ..backend };
    assert_eq!(stranger.code("qchat/nonsense", ANN).await, 414, "names are told to those who may ask");
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn ids_are_numbers_or_texts(pool: PgPool) -> anyhow::Result<()> {
    let (app, backend) = start(pool).await?;
    let made = backend.call("qchat/createServer", "accid=ann;name=home").await;
    let id = made["server"]["serverId"].as_i64().expect("a number");
    let shape = rotunda_admin::VendorConfig { ids_as_text: true, ..config() };
    let texts = Backend::new(&app.core, &backend.key, shape).await?;
    let found = texts.call("qchat/getServers", &format!("serverIds=[{id}]")).await;
    assert_eq!(found["servers"][0]["serverId"], json!(id.to_string()));
    let found = backend.call("qchat/getServers", &format!("serverIds=[\"{id}\"]")).await;
    assert_eq!(found["servers"][0]["serverId"], json!(id));
    Ok(())
}
