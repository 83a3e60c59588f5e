//! Where engines send their statistics, so that nothing is reported to anybody else. Nothing is kept.

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

/// Answers `{}` to everything.
pub(super) async fn stat() -> Json<serde_json::Value> {
    Json(json!({ "code": 200 }))
}

/// Accepts the socket and reads it empty.
pub(super) async fn socket(upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
    let Ok(upgrade) = upgrade else { return stat().await.into_response() };
    let Ok(place) = PLACES.try_acquire() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    upgrade.max_message_size(REPORT_MAX).max_frame_size(REPORT_MAX).on_upgrade(async move |socket| {
        drain(socket).await;
        drop(place);
    })
}

async fn drain(mut socket: WebSocket) {
    while let Ok(Some(Ok(message))) = tokio::time::timeout(SILENCE, socket.recv()).await {
        if matches!(message, Message::Close(_)) {
            break;
        }
    }
}
