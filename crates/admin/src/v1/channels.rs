//! Open media channels.

use rotunda_core::media;
use rotunda_model::ChannelId;
use serde_json::json;

use super::{
    Body, Bytes, Changing, Failure, HeaderMap, IntoResponse, Json, Path, Refused, Response, Scope, Serialize,
    State, StatusCode, ToSchema, V1, bytes,
};

#[derive(Debug, Serialize, ToSchema)]
pub struct Members {
    /// Accounts, in no order.
    pub items: Vec<String>,
}

fn channel(text: &str) -> Result<ChannelId, Refused> {
    text.parse().map_err(|_| Refused::new(StatusCode::NOT_FOUND, "no such channel"))
}

#[utoipa::path(
    get, path = "/v1/channels/{channel}/members", tag = "media", security(("token" = ["read"])),
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
    let items = accids.iter().map(|accid| accid.as_str().to_owned()).collect();
    Ok(Json(Members { items }).into_response())
}

#[utoipa::path(
    post, path = "/v1/channels/{channel}/end", tag = "media", security(("token" = ["media"])),
    params(
        ("channel" = String, Path, description = "Id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 characters"),
    ),
    responses(
        (status = 200, description = "Everybody is out, and may come again", body = Members),
        (status = 400, description = "An unfit key", body = Failure),
        (status = 401, description = "No good token", body = Failure),
        (status = 403, description = "Without the scope media", body = Failure),
        (status = 404, description = "No such channel", body = Failure),
        (status = 409, description = "The call is being done", body = Failure),
        (status = 413, description = "The body is too long", body = Failure),
        (status = 422, description = "The key was used for another call", body = Failure),
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
        let items = accids.iter().map(|accid| accid.as_str().to_owned()).collect();
        Ok((StatusCode::OK, json!(Members { items })))
    })
    .await
}
