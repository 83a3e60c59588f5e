//! Where engines send their statistics, so that nothing is reported to anybody else, and their probes. Nothing is kept.

use std::time::Duration;

use axum::{
    Json,
    extract::{
        WebSocketUpgrade,
        ws::{Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::sync::Semaphore;

/// Sockets open at once. Nobody logs in here, so this alone bounds them; an engine without one loses nothing.
const SOCKETS_MAX: usize = 2_048;

static PLACES: Semaphore = Semaphore::const_new(SOCKETS_MAX);

/// Silence after which a socket is closed. Engines report every few seconds.
const SILENCE: Duration = Duration::from_secs(90);

/// Longest report, bytes; longer ones close the socket.
const REPORT_MAX: usize = 64 * 1024;

/// Longest probe, bytes; one is 13 digits.
const PROBE_MAX: usize = 64;

/// Answers `{}` to everything.
pub(super) async fn stat() -> Json<serde_json::Value> {
    Json(json!({ "code": 200 }))
}

/// An address that is tried out: what comes is sent back (nertc-web-sdk 5.4.0 sends the time).
pub(super) async fn probe(upgrade: WebSocketUpgrade) -> Response {
    accept(upgrade, PROBE_MAX, true)
}

/// Accepts the socket and reads it empty.
pub(super) async fn socket(upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
    match upgrade {
        Ok(upgrade) => accept(upgrade, REPORT_MAX, false),
        Err(_) => stat().await.into_response(),
    }
}

fn accept(upgrade: WebSocketUpgrade, longest: usize, echo: bool) -> Response {
    let Ok(place) = PLACES.try_acquire() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    upgrade.max_message_size(longest).max_frame_size(longest).on_upgrade(async move |socket| {
        drain(socket, echo).await;
        drop(place);
    })
}

async fn drain(mut socket: WebSocket, echo: bool) {
    while let Ok(Some(Ok(message))) = tokio::time::timeout(SILENCE, socket.recv()).await {
        match message {
            Message::Close(_) => break,
            Message::Text(_) if echo => {
                let sent = tokio::time::timeout(SILENCE, socket.send(message)).await;
                if !matches!(sent, Ok(Ok(()))) {
                    break;
                }
            }
            _ => {}
        }
    }
}
