//! Accounts kept out of servers (封禁).

use rotunda_core::ban;

use super::{Call, Refusal, Reply, entity::Shape, nothing};

/// opeType 1 bans `faccid`, 2 lets it in again.
pub async fn update(call: Call<'_>) -> Reply {
    let form = call.form;
    let (server, accid) = (form.id("serverId")?, form.other()?);
    let (actor, ext) = (call.operator().await?, form.custom()?.unwrap_or_default());
    match form.number("opeType")? {
        Some(1) => ban::add(call.core, &actor, server, &accid, ext).await?,
        Some(2) => ban::remove(call.core, &actor, server, &accid).await?,
        _ => return Err(Refusal::Parameter("opeType")),
    }
    Ok(nothing())
}

pub async fn page(call: Call<'_>) -> Reply {
    let server = call.form.id("serverId")?;
    let page = ban::page(call.core, &call.reader(server).await?, server, call.form.page()?).await?;
    Ok(call.shape.page(&page, "members", Shape::ban))
}
