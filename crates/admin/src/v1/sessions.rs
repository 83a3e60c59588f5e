//! Records of stays in media channels.

use axum::extract::rejection::QueryRejection;
use rotunda_core::media::record::{self, Of};
use rotunda_model::{Accid, MediaSession};
use utoipa::IntoParams;

use super::{
    Deserialize, Failure, HeaderMap, IntoResponse, Json, Query, Refused, Response, Scope, Serialize, State,
    ToSchema, V1, query,
};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Id of a server; this or a channel.
    pub server: Option<String>,
    /// Id of a channel.
    pub channel: Option<String>,
    /// Only this account.
    pub account: Option<String>,
    /// Only those before this one: the last id of the page before.
    pub before: Option<String>,
    /// 1 to 1000; 50 when not given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionItem {
    pub id: String,
    pub account: String,
    pub server: String,
    pub channel: String,
    /// As the room kit calls itself.
    pub client: String,
    /// Milliseconds since 1970.
    pub entered: i64,
    pub seen: i64,
    pub ended: Option<i64>,
    pub reason: Option<String>,
    pub protocol: Option<String>,
    pub srtp: Option<String>,
    pub packets_up: u64,
    pub bytes_up: u64,
    pub lost_up: u64,
    pub packets_down: u64,
    pub bytes_down: u64,
    pub lost_down: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Sessions {
    /// Newest first.
    pub items: Vec<SessionItem>,
    pub has_more: bool,
}

#[utoipa::path(
    get, path = "/v1/sessions", tag = "media",
    operation_id = "listSessions", security(("token" = ["read"])), params(Asked),
    responses(
        (status = 200, description = "Who was in media channels", body = Sessions),
        (status = 400, description = "An unfit query", body = Failure),
        (status = 401, description = "No good token", body = Failure),
        (status = 403, description = "Without the scope read", body = Failure),
    )
)]
pub async fn list(
    State(v1): State<V1>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    v1.authorize(&headers, Scope::Read).await?;
    let asked = query(asked)?;
    fn id<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Refused> {
        text.parse().map_err(|_| Refused::bad(format!("{what} is no id")))
    }
    let of = match (&asked.server, &asked.channel) {
        (Some(server), None) => Of::Server(id(server, "server")?),
        (None, Some(channel)) => Of::Channel(id(channel, "channel")?),
        _ => return Err(Refused::bad("a server or a channel, one of them")),
    };
    let account = asked.account.as_deref().map(Accid::new).transpose();
    let account = account.map_err(|_| Refused::bad("account is no account id"))?;
    let before = asked.before.as_deref().map(|before| id(before, "before")).transpose()?;
    let wanted = record::Query { of, account, before, limit: asked.limit.unwrap_or(50) };
    let found = record::list(v1.core.store(), &wanted).await?;
    let items = found.items.into_iter().map(item).collect();
    Ok(Json(Sessions { items, has_more: found.has_more }).into_response())
}

fn item(of: MediaSession) -> SessionItem {
    let (ended, reason) = of.end.map_or((None, None), |end| (Some(end.at.get()), Some(end.reason)));
    SessionItem {
        id: of.id.to_string(),
        account: of.user.accid.as_str().to_owned(),
        server: of.server.to_string(),
        channel: of.channel.to_string(),
        client: of.client,
        entered: of.entered.get(),
        seen: of.seen.get(),
        ended,
        reason,
        protocol: of.protocol,
        srtp: of.srtp,
        packets_up: of.traffic.packets_up,
        bytes_up: of.traffic.bytes_up,
        lost_up: of.traffic.lost_up,
        packets_down: of.traffic.packets_down,
        bytes_down: of.traffic.bytes_down,
        lost_down: of.traffic.lost_down,
    }
}
