//! `/v1` over a real Postgres.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header, request::Builder},
};
use rotunda_admin::v1::{self, Document, V1};
use rotunda_core::{
    admin::{self, Scope},
    channel,
    media::{
        self,
        operator::{Moderation, Sending},
    },
    server,
};
use rotunda_model::{ChannelKind, Millis};
use rotunda_testkit::{RoomCall, TestApp};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt;
use utoipa::OpenApi;

struct Operator {
    router: Router,
    token: String,
}

impl Operator {
    async fn new(app: &TestApp, scopes: &[Scope]) -> anyhow::Result<Self> {
        let (_, token) = admin::create(&app.core, "tests", scopes, None).await?;
        Ok(Self { router: v1::v1(V1 { core: app.core.clone() }), token })
    }

    async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let token = format!("Bearer {}", self.token);
        let request = Request::get(path).header(header::AUTHORIZATION, token);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        self.change(Request::post(path), key, body).await
    }

    async fn patch(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        self.change(Request::patch(path), key, body).await
    }

    async fn change(&self, request: Builder, key: &str, body: Value) -> (u16, Value) {
        let token = format!("Bearer {}", self.token);
        let request = request.header(header::AUTHORIZATION, token);
        let request = request.header("Idempotency-Key", key).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body.to_string().into()).unwrap()).await
    }
}

const GETS: [(&str, Scope); 7] = [
    ("/v1/apps", Scope::Apps),
    ("/v1/sessions?server=1", Scope::Read),
    ("/v1/explain?server=1&account=a&right=1", Scope::Read),
    ("/v1/channels/1/members", Scope::Read),
    ("/v1/channels/1/config", Scope::Read),
    ("/v1/events?app=testkey", Scope::Read),
    ("/v1/audit", Scope::Audit),
];

const POSTS: [(&str, Scope); 8] = [
    ("/v1/apps", Scope::Apps),
    ("/v1/apps/testkey/secret", Scope::Apps),
    ("/v1/channels/1/end", Scope::Media),
    ("/v1/channels/1/mute-all", Scope::Media),
    ("/v1/channels/1/unmute-all", Scope::Media),
    ("/v1/channels/1/members/ann/mute", Scope::Media),
    ("/v1/channels/1/members/ann/unmute", Scope::Media),
    ("/v1/channels/1/members/ann/kick", Scope::Media),
];

const PATCHES: [(&str, Scope); 1] = [("/v1/channels/1/config", Scope::Media)];

#[sqlx::test(migrations = "../../migrations")]
async fn every_route_wants_a_token_with_its_scope(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    for scope in Scope::ALL {
        let operator = Operator::new(&app, &[scope]).await?;
        for (path, wanted) in GETS {
            let status = operator.get(path).await.0;
            assert_eq!(status == 403, wanted != scope, "{path} {scope:?} {status}");
            assert_ne!(status, 401, "{path}");
        }
        for (path, wanted) in POSTS {
            let status = operator.post(path, &format!("{scope:?} {path}"), json!({})).await.0;
            assert_eq!(status == 403, wanted != scope, "{path} {scope:?} {status}");
        }
        for (path, wanted) in PATCHES {
            let status = operator.patch(path, &format!("{scope:?} {path}"), json!({})).await.0;
            assert_eq!(status == 403, wanted != scope, "{path} {scope:?} {status}");
        }
    }
    let mut stranger = Operator::new(&app, &Scope::ALL).await?;
    let last = stranger.token.pop().unwrap();
    stranger.token.push(if last == '0' { '1' } else { '0' });
    for (path, _) in GETS {
        assert_eq!(stranger.get(path).await.0, 401, "{path}");
        assert_eq!(stranger.send(Request::get(path).body(Body::empty())?).await.0, 401, "{path}");
    }
    for (path, _) in POSTS {
        assert_eq!(stranger.post(path, "k", json!({})).await.0, 401, "{path}");
    }
    for (path, _) in PATCHES {
        assert_eq!(stranger.patch(path, "k", json!({})).await.0, 401, "{path}");
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_token_ends_when_it_is_revoked_or_its_time_comes(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let mut operator = Operator::new(&app, &[Scope::Apps]).await?;
    assert_eq!(operator.get("/v1/apps").await.0, 200);
    let id = admin::list(&app.core).await?[0].id;
    admin::revoke(&app.core, id).await?;
    assert!(admin::revoke(&app.core, id).await.is_err(), "once");
    assert_eq!(operator.get("/v1/apps").await.0, 401);
    let end = Millis(app.core.env().now().get() + 1_000);
    operator.token = admin::create(&app.core, "short", &[Scope::Apps], Some(end)).await?.1;
    assert_eq!(operator.get("/v1/apps").await.0, 200);
    app.clock.advance(1_000);
    assert_eq!(operator.get("/v1/apps").await.0, 401);
    for (name, scopes, end) in
        [("", &[Scope::Apps][..], None), ("x", &[], None), ("x", &[Scope::Apps], Some(end))]
    {
        assert!(admin::create(&app.core, name, scopes, end).await.is_err(), "{name:?}");
    }
    let stored: Vec<(Vec<u8>,)> =
        sqlx::query_as("SELECT token_hash FROM admin_tokens").fetch_all(app.pool()).await?;
    assert!(stored.iter().all(|(hash,)| hash.len() == 32 && !operator.token.contains(&hex::encode(hash))));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_call_that_changes_something_is_done_once_and_written_down(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let operator = Operator::new(&app, &Scope::ALL).await?;
    let (status, made) = operator.post("/v1/apps", "one", json!({ "name": "shop" })).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(operator.post("/v1/apps", "one", json!({ "name": "shop" })).await, (201, made.clone()));
    assert_eq!(operator.post("/v1/apps", "one", json!({ "name": "other" })).await.0, 422);
    assert_eq!(operator.post("/v1/apps/testkey/secret", "one", json!({ "name": "shop" })).await.0, 422);
    let apps = operator.get("/v1/apps").await.1;
    assert_eq!(apps["items"].as_array().unwrap().len(), 2, "testkey and the new one");
    // Refusals are answered alike too, and nothing in clear is kept.
    for _ in 0..2 {
        assert_eq!(operator.post("/v1/apps", "two", json!({ "name": "" })).await.0, 400);
    }
    let secret = made["app_secret"].as_str().unwrap().to_owned();
    let kept: Vec<(Option<Vec<u8>>,)> =
        sqlx::query_as("SELECT answer FROM admin_calls").fetch_all(app.pool()).await?;
    let clear = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
    assert!(kept.iter().flat_map(|(answer,)| answer).all(|answer| !clear(answer)));
    let other = Operator::new(&app, &Scope::ALL).await?;
    assert_eq!(
        other.post("/v1/apps", "one", json!({ "name": "third" })).await.0,
        201,
        "keys are a token's own"
    );
    app.clock.advance(25 * 3_600 * 1_000);
    assert_eq!(
        operator.post("/v1/apps", "one", json!({ "name": "late" })).await.0,
        201,
        "forgotten after a day"
    );
    let log = operator.get("/v1/audit?limit=100").await.1;
    let said: Vec<(String, i64)> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["action"].as_str().unwrap().to_owned(), entry["status"].as_i64().unwrap()))
        .collect();
    assert_eq!(said.first(), Some(&("app.create".to_owned(), 201)));
    assert!(
        said.contains(&("app.rotate_secret".to_owned(), 422))
            && said.contains(&("app.create".to_owned(), 400))
    );
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn two_secrets_sign_during_a_rotation(pool: PgPool) -> anyhow::Result<()> {
    use rotunda_admin::{Vendor, VendorConfig, vendor, vendor::sign::check_sum};
    let app = TestApp::new(pool).await?;
    app.away("ann").await?;
    let operator = Operator::new(&app, &[Scope::Apps]).await?;
    let old = rotunda_core::account::app_secret(&app.core, "testkey").await?;
    let told = VendorConfig {
        link: "x".into(),
        ids_as_text: false,
        rate: vendor::RateLimit { per_second: 0, blocked_secs: 0 },
    };
    let actions = vendor::routes(Vendor::new(app.core.clone(), told));
    let signs = async |secret: &str, nonce: &str| {
        let time = (app.core.env().now().get() / 1_000).to_string();
        let request = Request::post("/nimserver/user/refreshToken.action")
            .header("AppKey", "testkey")
            .header("Nonce", nonce)
            .header("CheckSum", check_sum(secret, nonce, &time))
            .header("CurTime", time);
        let response = actions.clone().oneshot(request.body(Body::from("accid=ann")).unwrap()).await.unwrap();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        serde_json::from_slice::<Value>(&body).unwrap()["code"] == 200
    };
    assert!(signs(&old, "a").await);
    let (status, answer) = operator.post("/v1/apps/testkey/secret", "r", json!({ "overlap_secs": 60 })).await;
    assert_eq!(status, 200, "{answer}");
    let new = answer["app_secret"].as_str().unwrap().to_owned();
    app.clock.advance(5_000);
    assert!(signs(&old, "b").await && signs(&new, "c").await);
    assert!(!signs("guess", "d").await);
    app.clock.advance(60_000);
    assert!(!signs(&old, "e").await && signs(&new, "f").await);
    assert_eq!(operator.post("/v1/apps/none/secret", "n", json!({ "overlap_secs": 0 })).await.0, 404);
    assert_eq!(
        operator.post("/v1/apps/testkey/secret", "m", json!({ "overlap_secs": 700_000 })).await.0,
        400
    );
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_operator_sees_and_ends_calls_and_asks_why(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let operator = Operator::new(&app, &Scope::ALL).await?;
    let home =
        server::create(&app.core, &ann, server::NewServer { name: "home".into(), ..Default::default() })
            .await?;
    let new = channel::NewChannel { kind: ChannelKind::Media, name: "talk".into(), ..Default::default() };
    let talk = channel::create(&app.core, &ann, home.id, new).await?;
    app.rooms.seat(home.id, talk.id, &ann.user.accid);
    app.rooms.take();
    let path = format!("/v1/channels/{}", talk.id);
    assert_eq!(operator.get(&format!("{path}/members")).await, (200, json!({ "items": ["ann"] })));
    assert_eq!(
        operator.post(&format!("{path}/end"), "e", json!({})).await,
        (200, json!({ "items": ["ann"] }))
    );
    assert_eq!(app.rooms.take(), [RoomCall::Close(talk.id)]);
    assert_eq!(operator.get(&format!("{path}/members")).await, (200, json!({ "items": [] })));
    for wrong in ["/v1/channels/1/members", "/v1/channels/x/members"] {
        assert_eq!(operator.get(wrong).await.0, 404, "{wrong}");
    }
    let ask = format!("/v1/explain?server={}&channel={}&account=ann&right=sendMsg", home.id, talk.id);
    let (status, answer) = operator.get(&ask).await;
    assert_eq!((status, &answer["allowed"]), (200, &json!(true)), "{answer}");
    assert_eq!(answer["steps"].as_array().unwrap().iter().filter(|step| step["decides"] == true).count(), 1);
    for (wrong, expected) in [
        (format!("/v1/explain?server={}&account=ann&right=fly", home.id), 400),
        (format!("/v1/explain?server={}&account=eve&right=1", home.id), 404),
        ("/v1/explain?server=x&account=ann&right=1".into(), 400),
        ("/v1/explain".into(), 400),
        (format!("/v1/sessions?server={}&limit=0", home.id), 400),
        (format!("/v1/sessions?server={}&limit=x", home.id), 400),
        (format!("/v1/sessions?server={}&unknown=1", home.id), 400),
        ("/v1/audit?before=x".into(), 400),
    ] {
        assert_eq!(operator.get(&wrong).await.0, expected, "{wrong}");
    }
    assert_eq!(
        operator.get(&format!("/v1/sessions?server={}", home.id)).await,
        (200, json!({ "items": [], "has_more": false }))
    );
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_operator_moderates_who_is_seated(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let operator = Operator::new(&app, &Scope::ALL).await?;
    let home =
        server::create(&app.core, &ann, server::NewServer { name: "home".into(), ..Default::default() })
            .await?;
    let new = channel::NewChannel { kind: ChannelKind::Media, name: "talk".into(), ..Default::default() };
    let talk = channel::create(&app.core, &ann, home.id, new).await?.id;
    let path = |rest: &str| format!("/v1/channels/{talk}{rest}");
    let both = json!({ "sources": ["video", "audio"] });
    for (number, rest) in
        ["/members/ann/mute", "/members/ann/unmute", "/members/ann/kick", "/mute-all"].into_iter().enumerate()
    {
        let (status, answer) = operator.post(&path(rest), &format!("early {number}"), both.clone()).await;
        assert_eq!(status, 404, "{rest}");
        assert!(answer["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }
    app.rooms.seat(home.id, talk, &ann.user.accid);
    app.rooms.take();
    let accid = || ann.user.accid.clone();
    let (audio, video) = (Sending::Audio, Sending::Video);
    let acts = [
        (
            "/members/Ann/mute",
            both.clone(),
            Moderation::Switch { accid: accid(), sources: vec![audio, video], on: false },
        ),
        (
            "/members/ann/unmute",
            json!({ "sources": ["audio", "audio"] }),
            Moderation::Switch { accid: accid(), sources: vec![audio], on: true },
        ),
        ("/mute-all", both.clone(), Moderation::MuteAll { sources: vec![audio, video], lock: true }),
        (
            "/mute-all",
            json!({ "sources": ["video"], "allow_self_on": true }),
            Moderation::MuteAll { sources: vec![video], lock: false },
        ),
        ("/unmute-all", both.clone(), Moderation::UnmuteAll { sources: vec![audio, video] }),
        ("/members/ann/kick", json!({}), Moderation::Kick(accid())),
    ];
    for (number, (rest, body, act)) in acts.into_iter().enumerate() {
        // Done once, however often it is asked for under one key.
        for _ in 0..2 {
            let answer = operator.post(&path(rest), &format!("act {number}"), body.clone()).await;
            assert_eq!(answer, (200, json!({ "items": ["ann"] })), "{rest}");
        }
        assert_eq!(app.rooms.take(), [RoomCall::Moderate(talk, act)], "{rest}");
    }
    assert_eq!(operator.get(&path("/members")).await, (200, json!({ "items": [] })));
    for (number, (rest, body, status)) in [
        ("/members/ann/mute", json!({}), 400),
        ("/members/ann/mute", json!({ "sources": [] }), 400),
        ("/members/ann/mute", json!({ "sources": ["audio", "video", "audio"] }), 400),
        ("/members/ann/mute", json!({ "sources": ["screen"] }), 400),
        ("/members/ann/mute", json!({ "sources": ["audio"], "allow_self_on": true }), 400),
        ("/members/a%20b/mute", both.clone(), 404),
        ("/mute-all", json!({ "sources": ["audio"], "lock": true }), 400),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(operator.post(&path(rest), &format!("bad {number}"), body).await.0, status, "{rest}");
    }
    assert_eq!(app.rooms.take(), []);
    let log = operator.get("/v1/audit?limit=100").await.1;
    let log = log["items"].as_array().unwrap();
    let written = |action: &str, target: String, status: u16| {
        let same = |entry: &&Value| {
            entry["action"] == action && entry["target"] == target && entry["status"] == status
        };
        assert!(log.iter().any(|entry| same(&entry)), "{action} {target} {status}");
    };
    written("member.kick", format!("{talk}/ann"), 404);
    written("member.kick", format!("{talk}/ann"), 200);
    written("member.mute", format!("{talk}/Ann"), 200);
    written("member.unmute", format!("{talk}/ann"), 200);
    written("channel.mute_all", talk.to_string(), 200);
    written("channel.unmute_all", talk.to_string(), 200);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_operator_reads_and_sets_the_configuration_that_the_sdk_sees(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let operator = Operator::new(&app, &Scope::ALL).await?;
    let home =
        server::create(&app.core, &ann, server::NewServer { name: "home".into(), ..Default::default() })
            .await?;
    let new = |kind| channel::NewChannel { kind, name: "talk".into(), ..Default::default() };
    let talk = channel::create(&app.core, &ann, home.id, new(ChannelKind::Media)).await?.id;
    let chat = channel::create(&app.core, &ann, home.id, new(ChannelKind::Message)).await?.id;
    let path = format!("/v1/channels/{talk}/config");
    let default = json!({
        "limit": 100,
        "audio": { "profile": "speech_standard", "scenario": "default" },
        "video": { "width": 640, "height": 480, "fps": 15 },
    });
    assert_eq!(operator.get(&path).await, (200, default.clone()));
    let video = json!({ "width": 1280, "height": 720, "fps": 30 });
    let change = json!({ "limit": 7, "video": video });
    let changed = json!({ "limit": 7, "audio": default["audio"], "video": video });
    app.rooms.take();
    assert_eq!(operator.patch(&path, "one", change.clone()).await, (200, changed.clone()));
    assert_eq!(operator.patch(&path, "one", change).await, (200, changed.clone()), "done once");
    assert!(matches!(app.rooms.take()[..], [RoomCall::Config(channel, _)] if channel == talk));
    assert_eq!(operator.get(&path).await, (200, changed.clone()));
    let whole = operator.patch(&path, "whole", json!({ "limit": 7.0 })).await;
    assert_eq!(whole, (200, changed.clone()), "7.0 is a whole number");
    assert_eq!(operator.patch(&path, "two", json!({})).await, (200, changed.clone()), "nothing named");
    let seen = media::config(&app.core, &ann, home.id, talk).await?;
    assert_eq!((seen.limit, serde_json::from_str::<Value>(&seen.video)?), (7, video));
    for (number, (path, body, status)) in [
        (path.as_str(), json!({ "limit": -1 }), 400),
        (&path, json!({ "limit": 4_000_000_000_u32 }), 400),
        (&path, json!({ "limit": "7" }), 400),
        (&path, json!({ "limit": 7.5 }), 400),
        (&path, json!({ "limit": 1e300 }), 400),
        (&path, json!({ "audio": "{}" }), 400),
        (&path, json!({ "audio": { "profile": "x".repeat(5_000) } }), 400),
        (&path, json!({ "capacity": 7 }), 400),
        (&format!("/v1/channels/{chat}/config"), json!({ "limit": 7 }), 400),
        ("/v1/channels/1/config", json!({ "limit": 7 }), 404),
        ("/v1/channels/x/config", json!({ "limit": 7 }), 404),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(operator.patch(path, &format!("bad {number}"), body).await.0, status, "{path} {number}");
    }
    assert_eq!(operator.get(&format!("/v1/channels/{chat}/config")).await.0, 400);
    assert_eq!(operator.get(&path).await, (200, changed));
    Ok(())
}

#[test]
fn the_description_is_as_committed() {
    let text = Document::openapi().to_pretty_json().unwrap() + "\n";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap_or_default(), text, "UPDATE=1 writes it");
}

#[sqlx::test(migrations = "../../migrations")]
async fn events_are_read_from_a_cursor(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let operator = Operator::new(&app, &[Scope::Read]).await?;
    let ann = app.account("ann").await?;
    for name in ["choir", "band"] {
        let new = server::NewServer { name: name.into(), ..server::NewServer::default() };
        server::create(&app.core, &ann, new).await?;
    }
    app.deliver().await?;
    let (status, first) = operator.get("/v1/events?app=testkey&limit=1").await;
    assert_eq!((status, &first["has_more"], &first["gap"]), (200, &json!(true), &json!(false)));
    assert_eq!(first["items"][0]["eventType"], "serverCreate");
    assert_eq!(first["items"][0]["attach"]["serverInfo"]["name"], "choir");
    assert!(first["items"][0]["serverId"].is_string());
    let next = first["next"].as_str().unwrap();
    let (_, second) = operator.get(&format!("/v1/events?app=testkey&after={next}")).await;
    assert_eq!(second["items"][0]["attach"]["serverInfo"]["name"], "band");
    let end = second["next"].as_str().unwrap();
    let (_, none) = operator.get(&format!("/v1/events?app=testkey&after={end}")).await;
    assert_eq!((&none["items"], &none["next"]), (&json!([]), &json!(end)));
    for (path, status) in [
        ("/v1/events?app=nobody", 404),
        ("/v1/events?app=testkey&after=x", 400),
        ("/v1/events?app=testkey&after=-1", 400),
        ("/v1/events?app=testkey&limit=0", 400),
        ("/v1/events", 400),
    ] {
        assert_eq!(operator.get(path).await.0, status, "{path}");
    }
    Ok(())
}
