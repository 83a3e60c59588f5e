//! `v1/login` and `v1/checkToken`.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Gateway, room::answer};

/// The kit logs in to its push link with `imToken`, for which the 25_1 token serves.
pub(super) async fn login(
    State(gateway): State<Gateway>,
    Path(app_key): Path<String>,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = gateway.authenticate(&headers, &app_key).await.map(|caller| {
        let token = headers.get("token").and_then(|token| token.to_str().ok()).unwrap_or_default();
        json!({
            "userUuid": caller.user.accid,
            "imKey": caller.app_key,
            "imToken": token,
            "rtcKey": caller.app_key,
            "userToken": token,
        })
    });
    answer::write(&gateway, "login", started, result)
}

/// The kit asks with a new token before it takes it in (`renewToken`); it also keeps the live session going.
pub(super) async fn check_token(
    State(gateway): State<Gateway>,
    Path(app_key): Path<String>,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = gateway.authenticate(&headers, &app_key).await.map(|caller| {
        gateway.rooms.renewed(&caller.user, &caller.device, caller.expires);
        Value::Null
    });
    answer::write(&gateway, "checkToken", started, result)
}
