//! The QChat link: handshake, sockets, sessions, commands, fan-out.

pub mod commands;
pub mod doors;
pub mod entity;
pub mod hub;
pub mod login;
pub mod render;
pub mod session;
pub mod socket;

use std::{net::SocketAddr, panic::AssertUnwindSafe};

use axum::{
    Router,
    extract::{ConnectInfo, Path, State, WebSocketUpgrade},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::FutureExt;
use tokio::time::Instant;

use crate::Gateway;

pub use hub::Hub;
pub use socket::LinkSocket;

/// Seconds of silence after which nim-web-sdk-ng 0.17.2 reconnects (10.8.1 ignores it); more than two heartbeats.
const SILENCE_S: u32 = 60;

/// Bytes the WebSocket layer reads at once. Its own default of 128 KiB would be paid by every idle session.
const READ_BUFFER: usize = 8 * 1024;

/// Bytes written that may wait below the session's own queue before writing counts as blocked.
const WRITE_BUFFER_MAX: usize = 2 * socket::HARD_MAX;

/// Paths that nim-web-sdk-ng 0.17.2 and 10.8.1 have built in.
pub fn routes() -> Router<Gateway> {
    Router::new().route("/socket.io/1/", get(handshake)).route("/socket.io/1/websocket/{sid}", get(upgrade))
}

/// `GET /socket.io/1/?t=<ms>` → `SID:T:T:websocket`.
async fn handshake(State(gateway): State<Gateway>, ConnectInfo(peer): ConnectInfo<SocketAddr>) -> Response {
    let random = gateway.core.env().bytes();
    match gateway.doors.open(peer, random, Instant::now()) {
        Some(sid) => {
            let headers =
                [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            (headers, format!("{sid}:{SILENCE_S}:{SILENCE_S}:websocket")).into_response()
        }
        None => turned_away("handshake"),
    }
}

/// The WebSocket of a handshake.
async fn upgrade(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(sid): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !gateway.doors.redeem(&sid, Instant::now()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(permit) = gateway.doors.admit(peer) else { return turned_away("socket") };
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(socket::HARD_MAX)
        .max_frame_size(socket::HARD_MAX)
        .on_upgrade(async move |ws| {
            let session = async {
                if let Ok(socket) = LinkSocket::open(ws, peer, permit).await {
                    session::serve(gateway, socket).await;
                }
            };
            if AssertUnwindSafe(session).catch_unwind().await.is_err() {
                metrics::counter!("rotunda_panics_total", "at" => "link session").increment(1);
                tracing::error!("a link session panicked");
            }
        })
}

/// Counted always, logged by [`Doors`](doors::Doors) when it begins: a crowd at the door must not fill the disk.
fn turned_away(what: &'static str) -> Response {
    metrics::counter!("rotunda_link_turned_away_total", "at" => what).increment(1);
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}
