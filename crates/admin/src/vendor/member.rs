//! Members of servers, and the ways in.

use rotunda_core::{
    invite,
    member::{self, MemberUpdate},
};
use rotunda_model::{Accid, ServerId, server::Request};
use serde_json::{Value, json};

use super::{Call, Refusal, Reply, entity, entity::Shape, fields, nothing};

pub async fn invite(call: Call<'_>) -> Reply {
    let form = call.form;
    let (server, accids) = (form.id("serverId")?, form.accids()?);
    let ps = form.text("ps").unwrap_or_default();
    let done =
        invite::invite(call.core, &call.operator().await?, server, &accids, ps, form.number("ttl")?).await?;
    Ok(fields([
        ("failByOverAccids", json!(done.over)),
        ("failByBanAccids", json!(done.banned)),
        ("recordInfo", request(call.shape, done.request)),
    ]))
}

/// The operator is the invited; `faccid` invited it.
pub async fn accept_invite(call: Call<'_>) -> Reply {
    let form = call.form;
    let (server, inviter, request) = (form.id("serverId")?, form.other()?, form.id("requestId")?);
    invite::accept_invite(call.core, &call.operator().await?, server, &inviter, request).await?;
    Ok(nothing())
}

pub async fn apply(call: Call<'_>) -> Reply {
    let form = call.form;
    let (server, ps) = (form.id("serverId")?, form.text("ps").unwrap_or_default());
    let made = invite::apply(call.core, &call.operator().await?, server, ps, form.number("ttl")?).await?;
    Ok(fields([("recordInfo", request(call.shape, made))]))
}

/// `faccid` applied.
pub async fn accept_application(call: Call<'_>) -> Reply {
    let form = call.form;
    let (server, applicant, request) = (form.id("serverId")?, form.other()?, form.id("requestId")?);
    invite::accept_application(call.core, &call.operator().await?, server, &applicant, request).await?;
    Ok(nothing())
}

pub async fn kick(call: Call<'_>) -> Reply {
    let (server, accids) = (call.form.id("serverId")?, call.form.accids()?);
    member::kick(call.core, &call.operator().await?, server, &accids).await?;
    Ok(nothing())
}

pub async fn leave(call: Call<'_>) -> Reply {
    member::leave(call.core, &call.operator().await?, call.form.id("serverId")?).await?;
    Ok(nothing())
}

pub async fn update_own(call: Call<'_>) -> Reply {
    let actor = call.operator().await?;
    let own = actor.user.accid.clone();
    update(call, &actor, &own, call.form.custom()?).await
}

/// `faccid` is changed. Its extension is its own.
pub async fn update_other(call: Call<'_>) -> Reply {
    let other = call.form.other()?;
    update(call, &call.operator().await?, &other, None).await
}

async fn update(call: Call<'_>, actor: &rotunda_core::Actor, accid: &Accid, ext: Option<String>) -> Reply {
    let new = MemberUpdate { nick: call.form.owned("nick"), avatar: call.form.owned("avatar"), ext };
    let member = member::update(call.core, actor, call.form.id("serverId")?, accid, new).await?;
    Ok(fields([("serverMember", call.shape.member(&member))]))
}

pub async fn page(call: Call<'_>) -> Reply {
    let server = call.form.id("serverId")?;
    let page = member::page(call.core, &call.reader(server).await?, server, call.form.page()?).await?;
    Ok(call.shape.page(&page, "serverMembers", Shape::member))
}

/// Those of `accids` that are members.
pub async fn by_accids(call: Call<'_>) -> Reply {
    let server: ServerId = call.form.id("serverId")?;
    let keys: Vec<_> = call.form.asked()?.into_iter().map(|accid| (server, accid)).collect();
    if keys.is_empty() {
        return Err(Refusal::Parameter("accids"));
    }
    let found = member::by_keys(call.core, &call.reader(server).await?, &keys).await?;
    Ok(call.shape.list(&found, "serverMembers", Shape::member))
}

fn request(shape: Shape, request: Request) -> Value {
    json!({ "requestId": shape.id(request.id.get()), "expireTime": entity::time(request.expires) })
}
