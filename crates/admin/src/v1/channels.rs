//! Media channels: who is in one, its end, its configuration.

use rotunda_core::media::{self, ConfigUpdate};
use rotunda_model::{Accid, ChannelId, RtcConfig};
use serde_json::{Map, json};

use super::{
    Body, Bytes, Changing, Deserialize, Failure, HeaderMap, IntoResponse, Json, Path, Refused, Response,
    Scope, Serialize, State, StatusCode, ToSchema, Unchanged, V1, Value, bytes, read,
};

#[derive(Debug, Serialize, ToSchema)]
pub struct Members {
    /// Accounts, in no order.
    pub items: Vec<String>,
}

impl Members {
    pub fn new(accids: &[Accid]) -> Self {
        Self { items: accids.iter().map(|accid| accid.as_str().to_owned()).collect() }
    }
}

/// What clients set up their devices with, and how many may come.
#[derive(Debug, Serialize, ToSchema)]
pub struct Config {
    /// Most members at once; 0: as many as want to.
    #[schema(maximum = 2147483647)]
    pub limit: u32,
    /// As the SDK has it: profile, scenario.
    pub audio: Map<String, Value>,
    /// As the SDK has it: width, height, fps.
    pub video: Map<String, Value>,
}

impl From<RtcConfig> for Config {
    fn from(of: RtcConfig) -> Self {
        // Only objects were ever stored.
        let object = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Self { limit: of.limit, audio: object(&of.audio), video: object(&of.video) }
    }
}

/// What is not named stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigChange {
    /// Most members at once; 0: as many as want to. Who is there stays.
    #[schema(maximum = 2147483647)]
    #[serde(default, deserialize_with = "super::whole_or_none")]
    pub limit: Option<u32>,
    /// Taken whole, at most 4096 bytes of JSON.
    pub audio: Option<Map<String, Value>>,
    /// Taken whole, at most 4096 bytes of JSON.
    pub video: Option<Map<String, Value>>,
}

pub(super) fn channel(text: &str) -> Result<ChannelId, Refused> {
    text.parse().map_err(|_| Refused::new(StatusCode::NOT_FOUND, "no such channel"))
}

#[utoipa::path(
    get, path = "/v1/channels/{channel}/members", tag = "media",
    operation_id = "listMembers", security(("token" = ["read"])),
    params(("channel" = String, Path, description = "Id")),
    responses(
        (status = 200, description = "Who is in the channel now", body = Members),
        (status = 401, description = "No good token", body = Failure),
        (status = 403, description = "Without the scope read", body = Failure),
        (status = 404, description = "No such channel", body = Failure),
    )
)]
pub async fn members(
    State(v1): State<V1>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    v1.authorize(&headers, Scope::Read).await?;
    let accids = media::operator::members(&v1.core, channel(&id)?).await?;
    Ok(Json(Members::new(&accids)).into_response())
}

#[utoipa::path(
    post, path = "/v1/channels/{channel}/end", tag = "media",
    operation_id = "endCall", security(("token" = ["media"])),
    params(
        ("channel" = String, Path, description = "Id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters"),
    ),
    responses(
        (status = 200, description = "Everybody is out, and may come again", body = Members),
        (status = 400, description = "An unfit key", body = Failure),
        (status = 403, description = "Without the scope media", body = Failure),
        (status = 404, description = "No such channel", body = Failure),
        Unchanged,
    )
)]
pub async fn end(
    State(v1): State<V1>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body: Bytes = bytes(body)?;
    let call =
        Changing { headers: &headers, scope: Scope::Media, action: "channel.end", target: &id, body: &body };
    v1.once(call, async || {
        let accids = media::operator::end(&v1.core, channel(&id)?).await?;
        Ok((StatusCode::OK, json!(Members::new(&accids))))
    })
    .await
}

#[utoipa::path(
    get, path = "/v1/channels/{channel}/config", tag = "media",
    operation_id = "getConfig", security(("token" = ["read"])),
    params(("channel" = String, Path, description = "Id")),
    responses(
        (status = 200, description = "The media configuration, or the default one", body = Config),
        (status = 400, description = "No media channel", body = Failure),
        (status = 401, description = "No good token", body = Failure),
        (status = 403, description = "Without the scope read", body = Failure),
        (status = 404, description = "No such channel", body = Failure),
    )
)]
pub async fn config(
    State(v1): State<V1>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    v1.authorize(&headers, Scope::Read).await?;
    let config = media::operator::config(&v1.core, channel(&id)?).await?;
    Ok(Json(Config::from(config)).into_response())
}

#[utoipa::path(
    patch, path = "/v1/channels/{channel}/config", tag = "media",
    operation_id = "setConfig", security(("token" = ["media"])),
    request_body = ConfigChange,
    params(
        ("channel" = String, Path, description = "Id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters"),
    ),
    responses(
        (status = 200, description = "The configuration of those who come from now on", body = Config),
        (status = 400, description = "An unfit body or key, or no media channel", body = Failure),
        (status = 403, description = "Without the scope media", body = Failure),
        (status = 404, description = "No such channel", body = Failure),
        (status = 415, description = "The body is no JSON", body = Failure),
        Unchanged,
    )
)]
pub async fn set_config(
    State(v1): State<V1>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body: Bytes = bytes(body)?;
    let call = Changing {
        headers: &headers,
        scope: Scope::Media,
        action: "channel.configure",
        target: &id,
        body: &body,
    };
    v1.once(call, async || {
        let ConfigChange { limit, audio, video } = read(&headers, &body)?;
        let text = |object: Map<String, Value>| Value::Object(object).to_string();
        let update =
            ConfigUpdate { limit: limit.map(i64::from), audio: audio.map(text), video: video.map(text) };
        let config = media::operator::set_config(&v1.core, channel(&id)?, update).await?;
        Ok((StatusCode::OK, json!(Config::from(config))))
    })
    .await
}
