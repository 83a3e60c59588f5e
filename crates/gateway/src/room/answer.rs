//! The envelope of room REST: HTTP 200 and `{code, msg, data, ts, requestId, cost}`, code 0 for success
//! (neroom-web-sdk 1.4 to 1.20).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use rotunda_core::Error;
use rotunda_model::Code;
use rotunda_room::Refusal;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Unavailable;
use crate::Gateway;

/// A refused or failed request: the kit shows the number to the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure(pub Code);

impl Failure {
    pub const UNUSABLE: Self = Self(Code(400));
    pub const NO_SEAT: Self = Self(Code(403));
    pub const NOT_FOUND: Self = Self(Code(404));
    pub const ROLE_UNDEFINED: Self = Self(Code(1003));
    pub const TOKEN_EXPIRED: Self = Self(Code(1026));
    pub const TOKEN_WRONG: Self = Self(Code(1027));

    const fn text(self) -> &'static str {
        match self.0.0 {
            400 => "the request cannot be used",
            403 => "no permission",
            404 => "not found",
            414 => "not a media channel",
            503 => "the server is busy, try again later",
            1002 => "the room is full",
            1003 => "the role is not defined",
            1012 => "somebody else is sharing",
            1015 => "the member is not in the room",
            1026 => "the token expired",
            1027 => "the token is incorrect",
            _ => "failed",
        }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self(code)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.code())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error.code())
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Busy => Self(Code::BUSY),
            // The seat went with its room.
            Unavailable::Gone => Self::NO_SEAT,
        }
    }
}

/// Writes the envelope. `endpoint` names a counter's label.
pub(crate) fn write(
    gateway: &Gateway,
    endpoint: &'static str,
    started: Instant,
    result: Result<Value, Failure>,
) -> Response {
    metrics::histogram!("rotunda_room_request_seconds", "endpoint" => endpoint)
        .record(started.elapsed().as_secs_f64());
    let (code, text, data) = match result {
        Ok(data) => (0, "Success", data),
        // An app that shows the text should not blame the load.
        Err(Failure(Code::BUSY)) if gateway.rooms.is_draining() => {
            (Code::BUSY.0, "the server is about to restart, try again in a minute", Value::Null)
        }
        Err(failure) => (failure.0.0, failure.text(), Value::Null),
    };
    metrics::counter!("rotunda_room_requests_total", "endpoint" => endpoint, "code" => code.to_string())
        .increment(1);
    let request = u128::from_be_bytes(gateway.core.env().bytes());
    Json(json!({
        "code": code,
        "msg": text,
        "data": data,
        "ts": gateway.core.env().now(),
        "requestId": format!("{request:032x}"),
        "cost": format!("{}ms", started.elapsed().as_millis()),
    }))
    .into_response()
}
