//! Login callbacks over HTTP.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::digest;
use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect},
    routing::post,
};
use md5::{Digest, Md5};
use rotunda_admin::callback::AppCallbacks;
use rotunda_core::{Callbacks, login::Client, ports::LoginQuestion};
use rotunda_model::{Accid, Millis};
use rotunda_outbound::{Outbound, OutboundConfig};
use serde_json::Value;

type Seen = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// An app's server: one answer per path.
async fn server() -> (String, Seen) {
    let seen = Seen::default();
    let note = seen.clone();
    let allow = post(async move |headers: HeaderMap, body: String| {
        note.lock().unwrap().push((headers, body));
        r#"{"errCode":0,"callbackExt":"x"}"#
    });
    let routes = Router::new()
        .route("/allow", allow)
        .route("/deny", post(async || r#"{"errCode":1}"#))
        .route("/garbage", post(async || "yes"))
        .route("/failed", post(async || (StatusCode::INTERNAL_SERVER_ERROR, r#"{"errCode":0}"#)))
        .route("/elsewhere", post(async || Redirect::temporary("/allow").into_response()))
        .route("/long", post(async || format!(r#"{{"errCode":0,"x":"{}"}}"#, "x".repeat(20_000))))
        .route(
            "/slow",
            post(async || {
                tokio::time::sleep(Duration::from_secs(3)).await;
                r#"{"errCode":0}"#
            }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (format!("http://{address}"), seen)
}

async fn ask(callbacks: &AppCallbacks, url: &str) -> Option<bool> {
    let accid = Accid::new("ann").unwrap();
    let client = Client { ip: "192.0.2.1", port: 7, client_type: 16, device: "d", custom_tag: "t" };
    let question = LoginQuestion {
        url,
        app_key: "key",
        secret: "secret",
        auth_type: 2,
        accid: &accid,
        token: "whatever",
        client,
        now: Millis(1_700_000_000_000),
    };
    callbacks.ask_login(question).await
}

#[tokio::test]
async fn the_answer_counts_and_no_answer_is_none() {
    let (origin, seen) = server().await;
    let callbacks = AppCallbacks::new(Outbound::new(OutboundConfig { allow_private: true }).unwrap());
    for (path, answer) in [
        ("/allow", Some(true)),
        ("/deny", Some(false)),
        ("/garbage", None),
        ("/failed", None),
        ("/elsewhere", None),
        ("/long", None),
        ("/slow", None),
        ("/nowhere", None),
    ] {
        assert_eq!(ask(&callbacks, &format!("{origin}{path}")).await, answer, "{path}");
    }
    assert_eq!(ask(&callbacks, "ftp://127.0.0.1/").await, None);
    let seen = seen.lock().unwrap();
    let [(headers, body)] = seen.as_slice() else { panic!("{} questions", seen.len()) };
    let read: Value = serde_json::from_str(body).unwrap();
    for (name, value) in
        [("eventType", "40"), ("authType", "2"), ("fromClientPort", "7"), ("fromClientType", "16")]
    {
        assert_eq!(read[name].to_string(), value, "{name}");
    }
    for (name, value) in [
        ("fromAccount", "ann"),
        ("token", "whatever"),
        ("fromClientIp", "192.0.2.1"),
        ("fromDeviceId", "d"),
        ("customTag", "t"),
    ] {
        assert_eq!(read[name], value, "{name}");
    }
    let md5 = hex::encode(Md5::digest(body));
    let signed = format!("secret{md5}1700000000000");
    let sum = hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, signed.as_bytes()));
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert_eq!((header("appkey"), header("curtime")), ("key".into(), "1700000000000".into()));
    assert_eq!((header("md5"), header("checksum")), (md5, sum));
}

#[tokio::test]
async fn this_machine_is_not_asked_unless_the_operator_says_so() {
    let (origin, seen) = server().await;
    let callbacks = AppCallbacks::new(Outbound::new(OutboundConfig::default()).unwrap());
    let port = origin.rsplit(':').next().unwrap();
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0x7f.1", "127.1"] {
        assert_eq!(ask(&callbacks, &format!("http://{host}:{port}/allow")).await, None, "{host}");
    }
    assert!(seen.lock().unwrap().is_empty());
}
