//! Servers (圈组服务器), and where clients connect.

use rotunda_core::server::{self, NewServer};
use rotunda_model::server::{ApplyMode, InviteMode};
use serde_json::json;

use super::{Call, Refusal, Reply, entity::Shape, fields, nothing};

pub async fn create(call: Call<'_>) -> Reply {
    let form = call.form;
    let search_type = i32::try_from(form.number("searchType")?.unwrap_or(0));
    let new = NewServer {
        name: form.owned("name").unwrap_or_default(),
        icon: form.owned("icon").unwrap_or_default(),
        ext: form.custom()?.unwrap_or_default(),
        invite_mode: form.choice("inviteMode", InviteMode::from_number)?.unwrap_or_default(),
        apply_mode: form.choice("applyMode", ApplyMode::from_number)?.unwrap_or_default(),
        search_type: search_type.map_err(|_| Refusal::Parameter("searchType"))?,
        search_enabled: form.flag("searchEnable")?.unwrap_or(true),
    };
    let made = server::create(call.core, &call.operator().await?, new).await?;
    Ok(fields([("server", call.shape.server(&made))]))
}

pub async fn remove(call: Call<'_>) -> Reply {
    server::delete(call.core, &call.operator().await?, call.form.id("serverId")?).await?;
    Ok(nothing())
}

/// Without an operator, as the app itself sees them.
pub async fn by_ids(call: Call<'_>) -> Reply {
    let ids = call.form.ids("serverIds")?;
    let found = match call.has_operator() {
        true => server::by_ids(call.core, &call.operator().await?, &ids).await?,
        false => server::of_app(call.core, call.app.id, &ids).await?,
    };
    Ok(call.shape.list(&found, "servers", Shape::server))
}

/// The servers the operator is in.
pub async fn page(call: Call<'_>) -> Reply {
    let page = server::page(call.core, &call.operator().await?, call.form.page()?).await?;
    Ok(call.shape.page(&page, "servers", Shape::server))
}

pub async fn address(call: Call<'_>) -> Reply {
    call.operator().await?;
    Ok(fields([("addr", json!([call.config.link]))]))
}
