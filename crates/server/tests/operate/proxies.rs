//! Whose address a client has, seen from a server behind a proxy.

use std::net::SocketAddr;

use serde_json::Value;
use sqlx::PgPool;

use crate::program::{Client, Program, http};

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn the_login_shows_the_address_that_the_proxy_tells(pool: PgPool) {
    let program = Program::start(&pool, "operate-told", &[]);
    let token = program.token("ann");
    let address = program.address();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let sid = tokio::task::spawn_blocking(move || http(address, "GET", "/socket.io/1/?t=1", &[], "").1)
        .await
        .unwrap();
    let sid = sid.split(':').next().unwrap();
    // What a proxy adds to the upgrade, put here by hand.
    let request = tokio_tungstenite::tungstenite::http::Request::builder()
        .uri(format!("ws://{address}/socket.io/1/websocket/{sid}"))
        .header("Host", address.to_string())
        .header("X-Forwarded-For", "1.2.3.4, 203.0.113.7")
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    let client = Client::upgrading(stream, address, request, "ann", &token).await;
    assert_eq!(shown_address(&client.login), "203.0.113.7");
}

/// The client's address in the answer to a login.
pub fn shown_address(login: &Value) -> String {
    let item = login["r"][0].as_object().unwrap();
    let address = item
        .values()
        .filter_map(Value::as_str)
        .find(|text| text.parse::<std::net::IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok());
    address.unwrap_or_else(|| panic!("no address in {login}")).to_owned()
}
