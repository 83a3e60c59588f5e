//! No log line at info or above names an account, a token, a device or an address.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use serde_json::json;
use sqlx::PgPool;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{APP_KEY, App, login_items};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn logs_name_nobody(pool: PgPool) {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .with_writer(captured.clone())
        .finish();
    // Global, since the server's tasks run on other threads too; the one test of this binary that sets it.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let app = App::start(pool).await;
    let mut ann = app.login("ann", "private-device").await;
    let q = json!([{"t": "Property", "v": {"3": "secret-place", "16": 1}}, {"t": "Property", "v": {}}]);
    ann.ok(24, 31, q).await;
    ann.request(24, 10, json!([{"t": "Property", "v": {"10": "secret-text"}}])).await;
    ann.request(99, 99, json!([])).await;
    let mut wrong = app.socket().await;
    wrong.request(24, 2, login_items("bob", "private-device", "secret-guess")).await;
    let mut garbage = app.socket().await;
    garbage.send("secret-garbage").await;
    garbage.closed().await;
    app.http(
        "GET",
        "/scene/apps/secret-app/v1/rooms/1/snapshot?token=secret-query",
        "token: secret-header\r\n",
    )
    .await;
    let _replaced = app.login("ann", "private-device").await;
    ann.closed().await;

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("link session opened"), "{log}");
    assert!(log.contains("link session ended"), "{log}");
    for private in ["127.0.0.1", "ann-token", "bob", "secret", "private-device", APP_KEY] {
        assert!(!log.contains(private), "{private} in:\n{log}");
    }
    let words = log.split(|c: char| !c.is_ascii_alphanumeric());
    assert!(!words.into_iter().any(|word| word == "ann"), "an account in:\n{log}");
}
