//! The log of what happened, for backends that ask instead of being told.

use axum::extract::rejection::QueryRejection;
use rotunda_core::{account, event};
use serde_json::Map;
use utoipa::IntoParams;

use super::{
    Deserialize, Failure, HeaderMap, IntoResponse, Json, Query, Refused, Response, Scope, Serialize, State,
    StatusCode, ToSchema, V1, Value, query,
};
use crate::{vendor::entity::Shape, webhook::body};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// App key.
    pub app: String,
    /// Those after this one: `next` of the page before. From the oldest that is kept when not given.
    pub after: Option<String>,
    /// 1 to 1000; 100 when not given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Events {
    /// Oldest first; each as webhooks send it. Ids in them are texts.
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<Value>,
    /// For `after` of the next call, which may be made at any time.
    pub next: String,
    pub has_more: bool,
    /// Events after `after` are no longer kept: read anew what they may have told.
    pub gap: bool,
}

#[utoipa::path(
    get, path = "/v1/events", tag = "apps",
    operation_id = "listEvents", security(("token" = ["read"])), params(Asked),
    responses(
        (status = 200, description = "What happened in the app", body = Events),
        (status = 400, description = "An unfit query", body = Failure),
        (status = 401, description = "No good token", body = Failure),
        (status = 403, description = "Without the scope read", body = Failure),
        (status = 404, description = "No such app", body = Failure),
    )
)]
pub async fn list(
    State(v1): State<V1>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    v1.authorize(&headers, Scope::Read).await?;
    let asked = query(asked)?;
    let after = asked.after.as_deref().unwrap_or("0").parse::<i64>();
    let after = after.map_err(|_| Refused::bad("after is no id"))?;
    let app = account::app_by_key(&v1.core, &asked.app).await?;
    let app = app.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "no such app"))?;
    let found = event::list(&v1.core, app.id, after, asked.limit.unwrap_or(100)).await?;
    let next = found.items.last().map_or(after, |entry| entry.id).to_string();
    let items = found.items.iter().map(item).collect();
    Ok(Json(Events { items, next, has_more: found.has_more, gap: found.gap }).into_response())
}

fn item(entry: &event::Entry) -> Value {
    match &entry.event {
        Ok(event) => body::write(Shape { ids_as_text: true }, entry.id, event),
        // Kept, so that the cursor passes it, by whatever release wrote it.
        Err(_) => Value::Object(Map::from_iter([
            ("eventId".to_owned(), entry.id.to_string().into()),
            ("eventType".to_owned(), "unreadable".into()),
        ])),
    }
}
