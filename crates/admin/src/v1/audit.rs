//! What operators did.

use axum::extract::rejection::QueryRejection;
use rotunda_core::admin;
use utoipa::IntoParams;

use super::{
    Deserialize, Failure, HeaderMap, IntoResponse, Json, Query, Refused, Response, Scope, Serialize, State,
    ToSchema, V1, query,
};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Only those before this one: the last id of the page before.
    pub before: Option<i64>,
    /// 1 to 1000; 50 when not given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AuditItem {
    pub id: i64,
    /// Milliseconds since 1970.
    pub at: i64,
    /// Id of the token, and its name.
    pub token: i64,
    pub name: String,
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// The answer's HTTP status: refused calls are written down too.
    pub status: i16,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Audit {
    /// Newest first.
    pub items: Vec<AuditItem>,
}

#[utoipa::path(
    get, path = "/v1/audit", tag = "audit",
    operation_id = "listAudit", security(("token" = ["audit"])), params(Asked),
    responses(
        (status = 200, description = "What was done, and what was refused", body = Audit),
        (status = 400, description = "An unfit query", body = Failure),
        (status = 401, description = "No good token", body = Failure),
        (status = 403, description = "Without the scope audit", body = Failure),
    )
)]
pub async fn list(
    State(v1): State<V1>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    v1.authorize(&headers, Scope::Audit).await?;
    let asked = query(asked)?;
    let found = admin::log(&v1.core, asked.before, asked.limit.unwrap_or(50)).await?;
    let items = found.into_iter().map(|entry| AuditItem {
        id: entry.id,
        at: entry.at.get(),
        token: entry.token,
        name: entry.name,
        action: entry.action,
        target: entry.target,
        status: entry.status,
    });
    Ok(Json(Audit { items: items.collect() }).into_response())
}
