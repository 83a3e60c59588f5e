//! Webhooks over HTTP: what a backend receives, in which order, and how often.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::digest;
use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use md5::{Digest, Md5};
use rotunda_admin::webhook::{NAMES, Sender, signature};
use rotunda_core::{account, event, server, webhook};
use rotunda_model::{
    Accid, DeviceId,
    event::Link,
    webhook::{DeliveryState, Webhook},
};
use rotunda_outbound::{Outbound, OutboundConfig};
use rotunda_testkit::TestApp;
use serde_json::Value;
use sqlx::PgPool;

/// ms for what a sender does next, on a busy machine.
const PATIENCE_MS: u64 = 20_000;

#[derive(Default)]
struct Backend {
    /// Every request, as it came: headers, body.
    seen: Vec<(HeaderMap, String)>,
    /// What to answer to events of a name, until it is taken out; 200 otherwise.
    answers: HashMap<String, u16>,
}

#[derive(Clone, Default)]
struct Handle(Arc<Mutex<Backend>>);

impl Handle {
    fn refuse(&self, name: &str, status: u16) {
        self.0.lock().unwrap().answers.insert(name.to_owned(), status);
    }

    fn accept(&self, name: &str) {
        self.0.lock().unwrap().answers.remove(name);
    }

    fn bodies(&self) -> Vec<Value> {
        let backend = self.0.lock().unwrap();
        backend.seen.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }

    /// Names in the order they came, of one server or, with `None`, of those that have none.
    fn names(&self, server: Option<i64>) -> Vec<String> {
        let of = |body: &Value| body["serverId"].as_i64() == server;
        self.bodies().iter().filter(|body| of(body)).map(name).collect()
    }

    async fn count(&self, count: usize) {
        until(|| self.0.lock().unwrap().seen.len() >= count, "requests").await;
    }
}

fn name(body: &Value) -> String {
    body["eventType"].as_str().unwrap().to_owned()
}

async fn until(done: impl Fn() -> bool, what: &str) {
    for _ in 0..PATIENCE_MS / 20 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no {what} in time");
}

/// An app with a backend that listens, a webhook to it, and a sender that runs.
async fn world(pool: PgPool, kinds: &[&str]) -> anyhow::Result<(TestApp, Webhook, Handle)> {
    let app = TestApp::new(pool).await?;
    let backend = Handle::default();
    let note = backend.clone();
    let take = post(async move |headers: HeaderMap, body: String| {
        let mut backend = note.0.lock().unwrap();
        let status = backend.answers.get(&name(&serde_json::from_str(&body).unwrap())).copied();
        backend.seen.push((headers, body));
        StatusCode::from_u16(status.unwrap_or(200)).unwrap()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/events", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/events", take)).await });
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let made = webhook::create(&app.core, app.app.id, &url, &kinds).await?;
    let outbound = Outbound::new(OutboundConfig { allow_private: true })?;
    tokio::spawn(Sender::new(app.core.clone(), outbound, false).run(std::future::pending()));
    Ok((app, made, backend))
}

fn link(id: &str) -> Link {
    let device = DeviceId::new("phone").unwrap();
    Link { id: id.to_owned(), accid: Accid::new("ann").unwrap(), device, client_type: 16 }
}

async fn state(app: &TestApp, id: i64, event: i64) -> anyhow::Result<Option<DeliveryState>> {
    let all = webhook::deliveries(&app.core, app.app.id, id, None, None, 1_000).await?;
    Ok(all.into_iter().find(|delivery| delivery.event == event).map(|delivery| delivery.state))
}

async fn becomes(app: &TestApp, id: i64, event: i64, wanted: DeliveryState) -> anyhow::Result<()> {
    for _ in 0..PATIENCE_MS / 20 {
        if state(app, id, event).await? == Some(wanted) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("event {event} is {:?}", state(app, id, event).await?)
}

/// Waits until the webhook's oldest delivery was tried so often.
async fn tried(app: &TestApp, id: i64, attempts: u32) -> anyhow::Result<()> {
    for _ in 0..PATIENCE_MS / 20 {
        let all = webhook::deliveries(&app.core, app.app.id, id, None, None, 1_000).await?;
        if all.last().is_some_and(|delivery| delivery.attempts == attempts) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("not tried {attempts} times")
}

#[sqlx::test(migrations = "../../migrations")]
async fn events_come_signed_with_what_happened(pool: PgPool) -> anyhow::Result<()> {
    let (app, made, backend) = world(pool, &[]).await?;
    let ann = app.account("ann").await?;
    event::logged_in(&app.core, app.app.id, link("one"));
    app.deliver().await?;
    backend.count(1).await;
    let new = server::NewServer { name: "choir".into(), ..server::NewServer::default() };
    let made_server = server::create(&app.core, &ann, new).await?;
    app.deliver().await?;
    backend.count(2).await;

    let bodies = backend.bodies();
    let login = &bodies[0];
    assert_eq!((login["eventType"].as_str(), login["fromAccount"].as_str()), (Some("login"), Some("ann")));
    assert_eq!((login["consId"].as_str(), login["fromDeviceId"].as_str()), (Some("one"), Some("phone")));
    let told = &bodies[1];
    assert_eq!((name(told), told["type"].as_u64()), ("serverCreate".to_owned(), Some(5)));
    assert_eq!(told["serverId"].as_i64(), Some(made_server.id.get()));
    assert_eq!(told["attach"]["serverInfo"]["name"].as_str(), Some("choir"));
    assert!(bodies.iter().all(|body| NAMES.contains(&name(body).as_str())));

    let (headers, body) = backend.0.lock().unwrap().seen[0].clone();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (secret, time) = (account::app_secret(&app.core, &app.app.key).await?, header("curtime"));
    let md5 = hex::encode(Md5::digest(&body));
    let signed = format!("{secret}{md5}{time}");
    let sum = hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, signed.as_bytes()));
    assert_eq!((header("appkey"), header("md5"), header("checksum")), (app.app.key.clone(), md5, sum));
    assert_eq!(header("rotunda-signature"), signature(secret.as_bytes(), time.parse()?, body.as_bytes()));
    assert_eq!(header("rotunda-event"), login["eventId"].as_str().unwrap());
    becomes(&app, made.id, header("rotunda-event").parse()?, DeliveryState::Delivered).await
}

/// `printf %s '1700000000000.{}' | openssl dgst -sha256 -hmac secret`
#[test]
fn the_signature_is_an_hmac_of_time_and_body() {
    let sum = "8399216d111287e3bb28e25c0f4f31dffdf831c68c9ee2b96c2f67c9b81d341b";
    let made = signature(b"secret", 1_700_000_000_000, b"{}");
    assert_eq!(made, format!("t=1700000000000,v1={sum}"));
}

#[sqlx::test(migrations = "../../migrations")]
async fn only_what_was_asked_for_comes_and_only_from_then_on(pool: PgPool) -> anyhow::Result<()> {
    let (app, made, backend) = world(pool, &["logout"]).await?;
    for id in ["one", "two"] {
        event::logged_in(&app.core, app.app.id, link(id));
        event::logged_out(&app.core, app.app.id, link(id));
    }
    app.deliver().await?;
    backend.count(2).await;
    assert_eq!(backend.names(None), ["logout", "logout"]);
    webhook::remove(&app.core, app.app.id, made.id).await?;
    let url = made.url.clone();
    event::logged_out(&app.core, app.app.id, link("three"));
    app.deliver().await?;
    webhook::create(&app.core, app.app.id, &url, &[]).await?;
    event::logged_in(&app.core, app.app.id, link("four"));
    app.deliver().await?;
    backend.count(3).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(backend.names(None), ["logout", "logout", "login"]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_refused_event_holds_back_its_server_alone_and_comes_again(pool: PgPool) -> anyhow::Result<()> {
    let (app, made, backend) = world(pool, &[]).await?;
    let ann = app.account("ann").await?;
    let create = async |name: &str| {
        let new = server::NewServer { name: name.into(), ..server::NewServer::default() };
        server::create(&app.core, &ann, new).await
    };
    backend.refuse("serverCreate", 503);
    let held = create("held").await?.id;
    app.deliver().await?;
    backend.count(1).await;
    backend.accept("serverCreate");
    // The clock stands still, so the first is not due again; its server's next event waits behind it.
    server::delete(&app.core, &ann, held).await?;
    let free = create("free").await?.id;
    app.deliver().await?;
    backend.count(2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(backend.names(Some(free.get())), ["serverCreate"]);
    assert_eq!(backend.names(Some(held.get())), ["serverCreate"]);

    tried(&app, made.id, 1).await?;
    app.clock.advance(5_000);
    backend.count(4).await;
    assert_eq!(backend.names(Some(held.get())), ["serverCreate", "serverCreate", "serverRemove"]);
    let first = backend.bodies()[0]["eventId"].as_str().unwrap().parse()?;
    becomes(&app, made.id, first, DeliveryState::Delivered).await?;

    webhook::redeliver(&app.core, app.app.id, made.id, first).await?;
    backend.count(5).await;
    assert_eq!(backend.bodies()[4]["eventId"], backend.bodies()[0]["eventId"]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn who_never_takes_it_is_given_up_and_the_next_is_tried(pool: PgPool) -> anyhow::Result<()> {
    let (app, made, backend) = world(pool, &[]).await?;
    backend.refuse("login", 500);
    event::logged_in(&app.core, app.app.id, link("one"));
    event::logged_out(&app.core, app.app.id, link("one"));
    app.deliver().await?;
    for attempts in 1..=13 {
        // Not before it is noted: the pause begins then.
        tried(&app, made.id, attempts).await?;
        // Longer than the longest pause, so that the next look finds it due.
        app.clock.advance(100_000_000);
    }
    backend.count(14).await;
    let names = backend.names(None);
    assert_eq!(names.iter().filter(|name| *name == "login").count(), 13);
    assert_eq!(names.last().map(String::as_str), Some("logout"));
    let first = backend.bodies()[0]["eventId"].as_str().unwrap().parse()?;
    becomes(&app, made.id, first, DeliveryState::GivenUp).await?;
    let all = webhook::deliveries(&app.core, app.app.id, made.id, None, None, 10).await?;
    let given_up = all.iter().find(|delivery| delivery.event == first).unwrap();
    assert_eq!((given_up.attempts, given_up.status), (13, Some(500)));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_address_inside_is_not_asked_and_the_reason_is_kept(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let made = webhook::create(&app.core, app.app.id, "http://169.254.169.254/latest", &[]).await?;
    let outbound = Outbound::new(OutboundConfig::default())?;
    tokio::spawn(Sender::new(app.core.clone(), outbound, false).run(std::future::pending()));
    event::logged_in(&app.core, app.app.id, link("one"));
    app.deliver().await?;
    for _ in 0..PATIENCE_MS / 20 {
        let all = webhook::deliveries(&app.core, app.app.id, made.id, None, None, 10).await?;
        if let Some(failure) = all.first().and_then(|delivery| delivery.failure.clone()) {
            assert!(failure.contains("webhooks.allow_private"), "{failure}");
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("it was never tried")
}
