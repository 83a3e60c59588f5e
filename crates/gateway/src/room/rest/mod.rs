//! Room REST: `/scene/apps/{appKey}/…` and `/lbs`, as neroom-web-sdk 1.4 to 1.20 asks. One file per group.

mod entry;
mod lbs;
mod login;
mod members;
mod properties;
mod streams;

use std::net::SocketAddr;

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, DefaultBodyLimit, Path, Request, State, rejection::BytesRejection},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{any, delete, get, post, put},
};
use rotunda_model::Code;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::{self, Failure};
use crate::Gateway;

/// Longest request body, bytes. The longest real one is an entry with its properties, under 4 KiB.
const BODY_MAX: usize = 16 * 1024;

/// Every route of room REST.
pub fn routes(gateway: &Gateway) -> Router<Gateway> {
    let api = Router::new()
        .route("/v1/login", post(login::login))
        .route("/v1/checkToken", post(login::check_token))
        .route("/v2/rooms/{room}/config", get(entry::config))
        .route("/v1/rooms/{room}/entry", post(entry::entry_v1))
        .route("/v2/rooms/{room}/entry", post(entry::entry_v2))
        .route("/v1/rooms/{room}/snapshot", get(entry::snapshot))
        .route("/v1/rooms/{room}/sequence", get(entry::sequence))
        .route("/v1/rooms/{room}/members/joinRtc", post(members::join_rtc))
        .route("/v1/rooms/{room}/members/leaveRtc", post(members::leave_rtc))
        .route("/v1/rooms/{room}/members/{user}", put(members::update).delete(members::remove))
        .route("/v1/rooms/{room}/members/{user}/streams/{stream}", put(streams::put).delete(streams::delete))
        .route("/v1/rooms/{room}/properties/{key}", put(properties::put_room).delete(properties::delete_room))
        .route(
            "/v1/rooms/{room}/members/{user}/properties/{key}",
            put(properties::put_member).delete(properties::delete_member),
        )
        .route("/v2/rooms/{room}", delete(members::end_room).fallback(unknown))
        .fallback(unknown);
    Router::new()
        .nest("/scene/apps/{app_key}", api.layer(from_fn_with_state(gateway.clone(), limited)))
        .route("/lbs", any(lbs::lbs))
        .layer(DefaultBodyLimit::max(BODY_MAX))
}

/// Each request asks the database about its token, so there are only so many of one address.
async fn limited(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    if peer.is_some_and(|peer| !gateway.limits.may_check_token(peer)) {
        return answer::write(&gateway, "limited", Instant::now(), Err(Failure(Code::BUSY)));
    }
    next.run(request).await
}

/// What no media channel needs: creating rooms, live streams, handing roles over, custom messages.
async fn unknown(State(gateway): State<Gateway>) -> Response {
    answer::write(&gateway, "unknown", Instant::now(), Err(Failure::NOT_FOUND))
}

type RoomPath = Path<(String, String)>;
type MemberPath = Path<(String, String, String)>;
type Body = Result<Bytes, BytesRejection>;

/// The body as an object; none is an empty one. Nesting is bounded by the parser (128 levels).
fn object(body: Body) -> Result<Map<String, Value>, Failure> {
    let bytes = body.map_err(|_| Failure::UNUSABLE)?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Failure::UNUSABLE),
    }
}

/// One body, read as each route that takes one reads it.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_body(data: &[u8]) {
    let Ok(body) = object(Ok(Bytes::copy_from_slice(data))) else { return };
    for key in ["role", "userName", "userIcon"] {
        let _ = text(&body, key);
    }
    if let Ok(Some(value)) = text(&body, "value") {
        let inner = rotunda_room::unwrap_text(value);
        assert!(inner.len() <= value.len(), "unwrapping never makes a text longer");
    }
}

/// A text field; absent is `None`, another type unusable.
fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, Failure> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Failure::UNUSABLE),
    }
}
