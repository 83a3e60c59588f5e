//! Streams: microphone, camera and screen, on and off.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use rotunda_room::Source;
use serde_json::Value;
use tokio::time::Instant;

use super::{Body, object};
use crate::{
    Gateway,
    room::{
        answer::{self, Failure},
        auth::{channel, member},
    },
};

type StreamPath = Path<(String, String, String, String)>;

/// `{value: 1}` is on, `{value: 0}` off.
pub(super) async fn put(
    State(gateway): State<Gateway>,
    Path(path): StreamPath,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let started = Instant::now();
    let on = object(body).and_then(|body| match body.get("value") {
        Some(Value::Number(number)) if number.as_i64() == Some(1) => Ok(true),
        Some(Value::Number(number)) if number.as_i64() == Some(0) => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        _ => Err(Failure::UNUSABLE),
    });
    let result = switch(&gateway, path, &headers, on).await;
    answer::write(&gateway, "stream", started, result)
}

pub(super) async fn delete(
    State(gateway): State<Gateway>,
    Path(path): StreamPath,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = switch(&gateway, path, &headers, Ok(false)).await;
    answer::write(&gateway, "stream", started, result)
}

async fn switch(
    gateway: &Gateway,
    (app_key, room, user, stream): (String, String, String, String),
    headers: &HeaderMap,
    on: Result<bool, Failure>,
) -> Result<Value, Failure> {
    let caller = gateway.authenticate(headers, &app_key).await?;
    let on = on?;
    let source = Source::from_stream(&stream).ok_or(Failure::UNUSABLE)?;
    let target = member(&user)?;
    gateway
        .with_seat(&caller, channel(&room)?, move |owner, seat| {
            owner.room.set_source(owner.now(), seat, &target, source, on).map(|()| Value::Null)
        })
        .await
}
