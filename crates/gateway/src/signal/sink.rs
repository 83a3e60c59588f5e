//! Where engines send their statistics, so that nothing is reported to anybody else. Nothing is kept.

use axum::{
    Json,
    extract::{
        WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Longest report, bytes; longer ones close the socket.
const REPORT_MAX: usize = 64 * 1024;

/// Answers `{}` to everything.
pub(super) async fn stat() -> Json<serde_json::Value> {
    Json(json!({ "code": 200 }))
}

/// Accepts the socket and reads it empty.
pub(super) async fn socket(
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    match upgrade {
        Ok(upgrade) => upgrade.max_message_size(REPORT_MAX).max_frame_size(REPORT_MAX).on_upgrade(drain),
        Err(_) => stat().await.into_response(),
    }
}

async fn drain(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Close(_)) {
            break;
        }
    }
}
