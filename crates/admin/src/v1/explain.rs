//! Why an account may do something, or may not.

use axum::extract::rejection::QueryRejection;
use rotunda_core::explain::{self as core, Question};
use rotunda_model::{Accid, Place, Right};
use utoipa::IntoParams;

use super::{
    Deserialize, Failure, HeaderMap, IntoResponse, Json, Query, Refused, Response, Scope, Serialize, State,
    ToSchema, V1, query,
};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Id of a server.
    pub server: String,
    /// In this channel of it.
    pub channel: Option<String>,
    /// In this category of it; not beside a channel.
    pub category: Option<String>,
    pub account: String,
    /// The SDK's name of the right, or its number.
    pub right: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Step {
    /// A sentence.
    pub text: String,
    /// 1 allows, 0 says nothing, −1 denies.
    pub value: i8,
    /// Exactly one step does.
    pub decides: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Explained {
    pub allowed: bool,
    /// Banned from the server, which is why it is no member.
    pub banned: bool,
    /// Blocked: it cannot log in at all.
    pub disabled: bool,
    /// Of the server's rules.
    pub version: i64,
    /// In the order in which the rules were asked.
    pub steps: Vec<Step>,
}

#[utoipa::path(
    get, path = "/v1/explain", tag = "permissions",
    operation_id = "explain", security(("token" = ["read"])), params(Asked),
    responses(
        (status = 200, description = "The verdict and its reasons", body = Explained),
        (status = 400, description = "An unfit query", body = Failure),
        (status = 401, description = "No good token", body = Failure),
        (status = 403, description = "Without the scope read", body = Failure),
        (status = 404, description = "No such server, place, account or right", body = Failure),
    )
)]
pub async fn explain(
    State(v1): State<V1>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refused> {
    v1.authorize(&headers, Scope::Read).await?;
    let asked = query(asked)?;
    let bad = |what: &'static str| move |_| Refused::bad(what);
    let place = match (&asked.channel, &asked.category) {
        (Some(_), Some(_)) => return Err(Refused::bad("a channel or a category, not both")),
        (Some(channel), None) => {
            Some(Place::Channel(channel.parse().map_err(|_| Refused::bad("channel is no id"))?))
        }
        (None, Some(category)) => {
            Some(Place::Category(category.parse().map_err(|_| Refused::bad("category is no id"))?))
        }
        (None, None) => None,
    };
    let by_number = asked.right.parse::<u32>().ok().and_then(|id| Right::try_from(id).ok());
    let right = by_number.or_else(|| Right::by_name(&asked.right));
    let question = Question {
        app_key: None,
        server: asked.server.parse().map_err(|_| Refused::bad("server is no id"))?,
        place,
        accid: Accid::new(&asked.account).map_err(bad("account is no account id"))?,
        right: right.ok_or_else(|| Refused::bad("there is no such right"))?,
    };
    let answer = core::explain(v1.core.store(), &question).await?;
    let steps = answer.explanation.steps.iter().map(|step| Step {
        text: step.sentence(&answer.names),
        value: step.value.number(),
        decides: step.decides,
    });
    let explained = Explained {
        allowed: answer.explanation.allowed,
        banned: answer.banned,
        disabled: answer.disabled,
        version: answer.explanation.version,
        steps: steps.collect(),
    };
    Ok(Json(explained).into_response())
}
