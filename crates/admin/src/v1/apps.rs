//! Apps and their secrets.

use rotunda_core::account;
use serde_json::json;

use super::{
    Body, Bytes, Changing, Deserialize, Failure, HeaderMap, IntoResponse, Json, Path, Refused, Response,
    Scope, Serialize, State, StatusCode, ToSchema, Unchanged, Unread, V1, bytes, read,
};

/// Longest overlap of two secrets, in seconds: a week. One that is never taken away is no rotation.
const OVERLAP_MAX: u32 = 7 * 24 * 3_600;

#[derive(Debug, Serialize, ToSchema)]
pub struct AppItem {
    pub app_key: String,
    pub name: String,
    /// Milliseconds since 1970.
    pub created: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Apps {
    pub items: Vec<AppItem>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApp {
    /// 1 to 64 characters.
    #[schema(min_length = 1, max_length = 64, pattern = "^[^\\x00]*$")]
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MadeApp {
    pub app_key: String,
    /// Told this once.
    pub app_secret: String,
    pub name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// How long the old secret still signs, in seconds; 0 ends it at once.
    #[schema(maximum = 604800)]
    #[serde(deserialize_with = "super::whole")]
    pub overlap_secs: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Rotated {
    /// Told this once.
    pub app_secret: String,
    /// Until when the old one signs, in milliseconds since 1970.
    pub previous_until: i64,
}

#[utoipa::path(
    get, path = "/v1/apps", tag = "apps",
    operation_id = "listApps", security(("token" = ["apps"])),
    responses(
        (status = 200, description = "All apps, oldest first", body = Apps),
        (status = 401, description = "No good token", body = Failure),
        (status = 403, description = "Without the scope apps", body = Failure),
    )
)]
pub async fn list(State(v1): State<V1>, headers: HeaderMap) -> Result<Response, Refused> {
    v1.authorize(&headers, Scope::Apps).await?;
    let items = account::apps(&v1.core).await?.into_iter().map(|app| AppItem {
        app_key: app.key,
        name: app.name,
        created: app.created.get(),
    });
    Ok(Json(Apps { items: items.collect() }).into_response())
}

#[utoipa::path(
    post, path = "/v1/apps", tag = "apps",
    operation_id = "createApp", security(("token" = ["apps"])), request_body = NewApp,
    params(("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters")),
    responses(
        (status = 201, description = "Made; the secret is told this once", body = MadeApp),
        (status = 403, description = "Without the scope apps", body = Failure),
        Unchanged, Unread,
    )
)]
pub async fn create(State(v1): State<V1>, headers: HeaderMap, body: Body) -> Result<Response, Refused> {
    let body: Bytes = bytes(body)?;
    let call =
        Changing { headers: &headers, scope: Scope::Apps, action: "app.create", target: "", body: &body };
    v1.once(call, async || {
        let NewApp { name } = read(&headers, &body)?;
        if name.is_empty() {
            return Err(Refused::bad("an empty name"));
        }
        let made = account::create_app(&v1.core, &name, None, None).await?;
        let answer = MadeApp { app_key: made.app.key, app_secret: made.secret, name };
        Ok((StatusCode::CREATED, json!(answer)))
    })
    .await
}

#[utoipa::path(
    post, path = "/v1/apps/{app_key}/secret", tag = "apps",
    operation_id = "rotateSecret", security(("token" = ["apps"])),
    request_body = Rotation,
    params(
        ("app_key" = String, Path),
        ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters"),
    ),
    responses(
        (status = 200, description = "A new secret; the old one signs for a while", body = Rotated),
        (status = 403, description = "Without the scope apps", body = Failure),
        (status = 404, description = "No such app", body = Failure),
        Unchanged, Unread,
    )
)]
pub async fn rotate(
    State(v1): State<V1>,
    Path(app_key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body: Bytes = bytes(body)?;
    let call = Changing {
        headers: &headers,
        scope: Scope::Apps,
        action: "app.rotate_secret",
        target: &app_key,
        body: &body,
    };
    v1.once(call, async || {
        let Rotation { overlap_secs } = read(&headers, &body)?;
        if overlap_secs > OVERLAP_MAX {
            return Err(Refused::bad("an overlap of more than a week"));
        }
        let (secret, until) = account::rotate_secret(&v1.core, &app_key, overlap_secs).await?;
        let answer = Rotated { app_secret: secret, previous_until: until.get() };
        Ok((StatusCode::OK, json!(answer)))
    })
    .await
}
