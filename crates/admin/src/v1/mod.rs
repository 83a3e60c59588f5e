//! Our own REST for operators: what the vendor's has no action for. JSON over `/v1`, bearer tokens with scopes.
//!
//! A call that changes something carries an `Idempotency-Key`: it is done once, and within a day answered alike when it
//! comes again. It is written down, done or refused.

mod apps;
mod audit;
mod channels;
mod document;
mod events;
mod explain;
mod moderation;
mod sessions;

use std::{fmt, future::Future};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{self, DefaultBodyLimit, FromRequestParts, Query, State, rejection::BytesRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use rotunda_core::{
    Core, Error,
    admin::{self, Claim, Scope, Token},
};
use rotunda_model::Code;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned, de::Error as _};
use serde_json::{Number, Value};
use utoipa::{IntoResponses, OpenApi, ToSchema};

pub use document::Document;

/// Longest body, bytes. The longest real one is a name and a secret.
const BODY_MAX: usize = 16 * 1024;

/// What the handlers need. Cheap to clone.
#[derive(Clone)]
pub struct V1 {
    pub core: Core,
}

impl fmt::Debug for V1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("V1")
    }
}

/// Everything below `/v1`, for a listener that strangers do not reach.
pub fn v1(state: V1) -> Router {
    let routes = Router::new()
        .route("/v1/openapi.json", get(openapi))
        .route("/v1/docs", get(page))
        .route("/v1/apps", get(apps::list).post(apps::create))
        .route("/v1/apps/{app_key}/secret", post(apps::rotate))
        .route("/v1/sessions", get(sessions::list))
        .route("/v1/events", get(events::list))
        .route("/v1/explain", get(explain::explain))
        .route("/v1/channels/{channel}/members", get(channels::members))
        .route("/v1/channels/{channel}/end", post(channels::end))
        .route("/v1/channels/{channel}/config", get(channels::config).patch(channels::set_config))
        .route("/v1/channels/{channel}/mute-all", post(moderation::mute_all))
        .route("/v1/channels/{channel}/unmute-all", post(moderation::unmute_all))
        .route("/v1/channels/{channel}/members/{account}/mute", post(moderation::mute))
        .route("/v1/channels/{channel}/members/{account}/unmute", post(moderation::unmute))
        .route("/v1/channels/{channel}/members/{account}/kick", post(moderation::kick))
        .route("/v1/audit", get(audit::list))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(state);
    crate::http::finish(routes)
}

async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}

async fn page() -> Html<String> {
    Html(document::page(&Document::openapi()))
}

/// Why a call is not done.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// The HTTP status again.
    pub status: u16,
    pub message: String,
}

/// A refused call.
#[derive(Debug)]
pub struct Refused(StatusCode, String);

impl Refused {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(status, message.into())
    }

    fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match (&error, error.code()) {
            (Error::WrongCredentials, _) => StatusCode::UNAUTHORIZED,
            (_, Code::NOT_FOUND) => StatusCode::NOT_FOUND,
            (_, Code::PARAMETER | Code::TOO_LONG) => StatusCode::BAD_REQUEST,
            (_, Code::REPEATED | Code::OVER_LIMIT) => StatusCode::CONFLICT,
            (_, Code::FORBIDDEN) => StatusCode::FORBIDDEN,
            (_, Code::BUSY) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(%error, "a call of /v1 failed");
            return Self::new(status, "internal error");
        }
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(Failure { status: self.0.as_u16(), message: self.1 });
        let mut response = (self.0, body).into_response();
        if self.0 == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What a call that changes something may answer instead, whatever it is.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "they describe")]
enum Unchanged {
    #[response(status = 401, description = "No good token")]
    Unknown(Failure),
    #[response(status = 409, description = "The call is being done")]
    UnderWay(Failure),
    #[response(status = 413, description = "The body is too long")]
    TooLong(Failure),
    #[response(status = 422, description = "The key was used for another call")]
    OtherCall(Failure),
}

/// The same, of one with a body.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "they describe")]
enum Unread {
    #[response(status = 400, description = "An unfit body or key")]
    Unfit(Failure),
    #[response(status = 415, description = "The body is no JSON")]
    NoJson(Failure),
}

/// What a path names. Errors: 404, in our own words.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = extract::Path::<T>::from_request_parts(parts, state).await;
        let unreadable = |_| Refused::new(StatusCode::NOT_FOUND, "the path names nothing");
        path.map(|extract::Path(named)| Self(named)).map_err(unreadable)
    }
}

impl V1 {
    /// Errors: 401 no good token; 403 without the scope.
    async fn authorize(&self, headers: &HeaderMap, scope: Scope) -> Result<Token, Refused> {
        let token = self.token(headers).await?;
        if !admin::has(&token, scope) {
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                format!("the token lacks the scope {}", scope.name()),
            ));
        }
        Ok(token)
    }

    async fn token(&self, headers: &HeaderMap) -> Result<Token, Refused> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' '));
        let given = given.filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        let (_, token) = given.ok_or(Refused::new(StatusCode::UNAUTHORIZED, "a bearer token is needed"))?;
        Ok(admin::authenticate(&self.core, token.trim()).await?)
    }

    /// Does a call that changes something: once per key, and written down.
    ///
    /// Errors: 401, 403; 400 no key; 409 it is being done; 422 the key was used for another call.
    async fn once<F: Future<Output = Result<(StatusCode, Value), Refused>>>(
        &self,
        call: Changing<'_>,
        act: impl FnOnce() -> F,
    ) -> Result<Response, Refused> {
        let token = self.token(call.headers).await?;
        let outcome = self.claimed(&token, &call, act).await;
        let status = match &outcome {
            Ok((status, _)) => *status,
            Err(refused) => refused.0,
        };
        admin::note(&self.core, &token, call.action, call.target, status.as_u16()).await?;
        let (status, text) = outcome?;
        let mut response = (status, text).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(response)
    }

    async fn claimed<F: Future<Output = Result<(StatusCode, Value), Refused>>>(
        &self,
        token: &Token,
        call: &Changing<'_>,
        act: impl FnOnce() -> F,
    ) -> Result<(StatusCode, String), Refused> {
        if !admin::has(token, call.scope) {
            let message = format!("the token lacks the scope {}", call.scope.name());
            return Err(Refused::new(StatusCode::FORBIDDEN, message));
        }
        let key = call.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
        // Tabs are the only other thing that such a header may hold; one may be lost on the way.
        let key = key.filter(|key| !key.contains('\t'));
        let key = key.ok_or_else(|| {
            Refused::bad("an Idempotency-Key header of 1 to 128 printable ASCII characters is needed")
        })?;
        let request = [call.action.as_bytes(), call.target.as_bytes(), call.body];
        match admin::claim(&self.core, token, key, &request).await? {
            Claim::New => {}
            Claim::Done { status, answer } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Ok((status, answer));
            }
            Claim::UnderWay => return Err(Refused::new(StatusCode::CONFLICT, "this call is being done")),
            Claim::Other => {
                let message = "the Idempotency-Key was used for another call";
                return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, message));
            }
        }
        let (status, answer) = match act().await {
            Ok((status, answer)) => (status, answer.to_string()),
            Err(Refused(status, message)) => {
                let failure = Failure { status: status.as_u16(), message };
                (status, serde_json::to_string(&failure).unwrap_or_default())
            }
        };
        admin::finish(&self.core, token, key, status.as_u16(), &answer).await?;
        Ok((status, answer))
    }
}

/// A call that changes something.
struct Changing<'a> {
    headers: &'a HeaderMap,
    scope: Scope,
    action: &'static str,
    target: &'a str,
    body: &'a [u8],
}

type Body = Result<Bytes, BytesRejection>;

/// The body's bytes. Errors: 413 too long.
fn bytes(body: Body) -> Result<Bytes, Refused> {
    body.map_err(|rejection| Refused::new(rejection.status(), "the body is too long or was cut short"))
}

/// The body as JSON of the right shape. Errors: 400, 415.
fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Refused> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refused::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type is not application/json"));
    }
    serde_json::from_slice(body).map_err(|error| Refused::bad(error.to_string()))
}

/// A whole number, also written as `7.0`: for JSON Schema that is the same.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let number = Number::deserialize(deserializer)?;
    let float =
        number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(float));
    let whole = number.as_u64().and_then(|number| u32::try_from(number).ok());
    whole
        .or(float.map(|float| float as u32))
        .ok_or_else(|| D::Error::custom(format!("{number} is no whole number of 32 bits")))
}

/// The same, or none.
fn whole_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] u32);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|Whole(number)| number))
}

/// A query of the right shape. Errors: 400.
fn query<T>(query: Result<Query<T>, axum::extract::rejection::QueryRejection>) -> Result<T, Refused> {
    query.map(|Query(query)| query).map_err(|rejection| Refused::bad(rejection.body_text()))
}
