//! The ways to log in, and who decides.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_STANDARD};
use parking_lot::Mutex;
use rotunda_core::{
    Callbacks, Error, account,
    login::{self, Client, LoggedIn, Login},
    ports::LoginQuestion,
};
use rotunda_model::{LoginSettings, LoginType, LoginTypes};
use rotunda_testkit::TestApp;
use serde_json::{Value, json};
use sqlx::PgPool;

const KEY: &str = "testkey";

async fn open(app: &TestApp, types: &[LoginType], callback: &str, allows: bool) -> anyhow::Result<()> {
    let types = types.iter().fold(LoginTypes::NONE, |all, way| all.with(*way));
    let settings = LoginSettings { types, callback: callback.into(), callback_allows: allows };
    Ok(login::set_settings(&app.core, KEY, &settings).await?)
}

fn code(done: Result<LoggedIn, Error>) -> u16 {
    done.map_or_else(|error| error.code().0, |_| 200)
}

async fn enter(app: &TestApp, auth_type: i64, token: &str) -> u16 {
    let client = Client { ip: "192.0.2.1", port: 7, client_type: 16, device: "d", custom_tag: "t" };
    code(login::login(&app.core, Login { app_key: KEY, accid: "ann", token, auth_type, client }).await)
}

fn signature(secret: &str, accid: &str, time: &str, ttl: &str) -> String {
    let text = format!("{KEY}{accid}{time}{ttl}{secret}");
    hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

fn token(of: Value) -> String {
    BASE64_STANDARD.encode(of.to_string())
}

#[sqlx::test(migrations = "../../migrations")]
async fn dynamic_tokens_hold_for_their_account_and_time(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    app.away("ann").await?;
    let secret = account::app_secret(&app.core, KEY).await?;
    let now = app.core.env().now().get();
    let made = |accid: &str, time: i64, ttl: i64| {
        let signature = signature(&secret, accid, &time.to_string(), &ttl.to_string());
        token(json!({ "signature": signature, "curTime": time, "ttl": ttl }))
    };
    let good = made("ann", now, 60);
    assert_eq!(enter(&app, 1, &good).await, 403, "not opened");
    open(&app, &[LoginType::Dynamic], "", false).await?;
    assert_eq!(enter(&app, 1, &good).await, 200);
    assert_eq!(enter(&app, 0, "a token").await, 403, "static ones are closed");
    assert_eq!(enter(&app, 2, "x").await, 403);
    assert_eq!(enter(&app, 3, "x").await, 403);
    let texts = json!({
        "signature": signature(&secret, "ann", &now.to_string(), "60").to_uppercase(),
        "curTime": now.to_string(),
        "ttl": "60",
    });
    assert_eq!(enter(&app, 1, &token(texts)).await, 200, "numbers as texts");
    let wrong = signature("guess", "ann", &now.to_string(), "60");
    for bad in [
        made("bob", now, 60),
        token(json!({ "signature": wrong, "curTime": now, "ttl": 60 })),
        token(
            json!({ "signature": signature(&secret, "ann", &now.to_string(), "60"), "curTime": now, "ttl": 6000 }),
        ),
        made("ann", now, 0),
        made("ann", now, -1),
        made("ann", now + 300_001, 60),
        made("ann", i64::MAX, i64::MAX),
        token(json!({ "signature": wrong })),
        token(json!([])),
        "not base64".into(),
        "a token".into(),
        String::new(),
        "A".repeat(10_000),
    ] {
        assert_eq!(enter(&app, 1, &bad).await, 302, "{bad}");
    }
    app.clock.advance(59_999);
    assert_eq!(enter(&app, 1, &good).await, 200);
    app.clock.advance(1);
    assert_eq!(enter(&app, 1, &good).await, 302, "expired");
    account::set_disabled(&app.core, KEY, "ann", true).await?;
    assert_eq!(enter(&app, 1, &made("ann", now + 60_000, 60)).await, 422);
    Ok(())
}

/// Answers what it was told to, and remembers who asked.
struct Server {
    answer: Mutex<Option<bool>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Callbacks for Server {
    async fn ask_login(&self, of: LoginQuestion<'_>) -> Option<bool> {
        let client = of.client;
        self.asked.lock().push(format!(
            "{} {} {} {} {}:{} {} {} {}",
            of.url,
            of.auth_type,
            of.accid.as_str(),
            of.token,
            client.ip,
            client.port,
            client.client_type,
            client.device,
            client.custom_tag
        ));
        *self.answer.lock()
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_apps_server_is_always_asked_and_has_the_last_word(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    app.away("ann").await?;
    let server = Arc::new(Server { answer: Mutex::new(Some(true)), asked: Mutex::default() });
    app.core.set_callbacks(server.clone());
    assert_eq!(enter(&app, 0, "a token").await, 200);
    assert!(server.asked.lock().is_empty(), "nobody is asked without an address");
    assert!(open(&app, &[LoginType::Callback], "", true).await.is_err(), "nobody to ask");

    open(&app, &[LoginType::Static, LoginType::Callback], "https://app.example/in", false).await?;
    assert_eq!(enter(&app, 2, "whatever").await, 200);
    assert_eq!(enter(&app, 0, "wrong").await, 302, "a wrong token is not asked about");
    assert_eq!(enter(&app, 0, "a token").await, 200);
    assert_eq!(
        *server.asked.lock(),
        [
            "https://app.example/in 2 ann whatever 192.0.2.1:7 16 d t",
            "https://app.example/in 0 ann a token 192.0.2.1:7 16 d t"
        ]
    );
    for (answer, allows, expected) in
        [(Some(false), true, 403), (Some(true), false, 200), (None, true, 200), (None, false, 403)]
    {
        *server.answer.lock() = answer;
        open(&app, &[LoginType::Static, LoginType::Callback], "https://app.example/in", allows).await?;
        for (auth_type, token) in [(0, "a token"), (2, "whatever")] {
            assert_eq!(enter(&app, auth_type, token).await, expected, "{answer:?} {allows} {auth_type}");
        }
    }
    let client = Client::default();
    let nobody = Login { app_key: KEY, accid: "nobody", token: "x", auth_type: 2, client };
    assert_eq!(code(login::login(&app.core, nobody).await), 302, "it lets in whom we know");
    assert!(login::account_of(&app.core, KEY, "ann", "a token").await.is_ok(), "no login, nobody is asked");
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_replaced_signing_key_is_good_for_reading(pool: PgPool) -> anyhow::Result<()> {
    use rotunda_core::{Keys, media};
    let before = TestApp::new(pool).await?;
    let ann = before.away("ann").await?;
    let old = media::issue_token(&before.core, &ann, "room device").await?.token;
    let reads = async |app: &TestApp, token: &str| {
        media::verify_token(&app.core, KEY, "ann", "room device", token).await.is_ok()
    };
    let keys = |previous: Option<&[u8]>| {
        let keys = Keys::new(&[1; 32], &[9; 32]).unwrap();
        previous
            .map_or_else(|| Keys::new(&[1; 32], &[9; 32]).unwrap(), |old| keys.with_previous(old).unwrap())
    };
    let rotated = before.sibling_with(|config| config.keys = keys(Some(&[2; 32]))).await?;
    let new = media::issue_token(&rotated.core, &ann, "room device").await?.token;
    assert!(reads(&rotated, &old).await && reads(&rotated, &new).await);
    assert!(!reads(&before, &new).await, "signed with the new key");
    let ended = before.sibling_with(|config| config.keys = keys(None)).await?;
    assert!(!reads(&ended, &old).await && reads(&ended, &new).await);
    Ok(())
}
