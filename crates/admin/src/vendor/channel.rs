//! Channels (频道).

use rotunda_core::channel::{self, CategoryInfo, ChannelUpdate, NewChannel};
use rotunda_model::{ChannelKind, SyncMode, ViewMode, VisitorMode};

use super::{Call, Reply, entity::Shape, fields, nothing};

pub async fn create(call: Call<'_>) -> Reply {
    let form = call.form;
    let new = NewChannel {
        kind: form.choice("type", ChannelKind::from_number)?.unwrap_or_default(),
        name: form.owned("name").unwrap_or_default(),
        topic: form.owned("topic").unwrap_or_default(),
        ext: form.custom()?.unwrap_or_default(),
        view_mode: form.choice("viewMode", ViewMode::from_number)?.unwrap_or_default(),
        visitor_mode: form.choice("visitorMode", VisitorMode::from_number)?.unwrap_or_default(),
        category: form.optional_id("categoryId")?,
        sync_mode: form.choice("syncMode", SyncMode::from_number)?.unwrap_or_default(),
    };
    let made = channel::create(call.core, &call.operator().await?, form.id("serverId")?, new).await?;
    Ok(fields([("channel", call.shape.channel(&made))]))
}

pub async fn update(call: Call<'_>) -> Reply {
    let form = call.form;
    let update = ChannelUpdate {
        name: form.owned("name"),
        topic: form.owned("topic"),
        ext: form.custom()?,
        view_mode: form.choice("viewMode", ViewMode::from_number)?,
        visitor_mode: form.choice("visitorMode", VisitorMode::from_number)?,
    };
    let changed = channel::update(call.core, &call.operator().await?, form.id("channelId")?, update).await?;
    Ok(fields([("channel", call.shape.channel(&changed))]))
}

/// categoryId 0 takes it out of its category, none leaves it there.
pub async fn set_category(call: Call<'_>) -> Reply {
    let form = call.form;
    let named = form.text("categoryId").is_some_and(|text| !text.trim().is_empty());
    let info = CategoryInfo {
        category: if named { Some(form.optional_id("categoryId")?) } else { None },
        sync_mode: form.choice("syncMode", SyncMode::from_number)?,
    };
    let moved =
        channel::set_category(call.core, &call.operator().await?, form.id("channelId")?, info).await?;
    Ok(fields([("channel", call.shape.channel(&moved))]))
}

pub async fn remove(call: Call<'_>) -> Reply {
    channel::delete(call.core, &call.operator().await?, call.form.id("channelId")?).await?;
    Ok(nothing())
}

pub async fn page(call: Call<'_>) -> Reply {
    let server = call.form.id("serverId")?;
    let page = channel::page(call.core, &call.reader(server).await?, server, call.form.page()?).await?;
    Ok(call.shape.page(&page, "channels", Shape::channel))
}

/// Without an operator, as the app itself sees them.
pub async fn by_ids(call: Call<'_>) -> Reply {
    let ids = call.form.ids("channelIds")?;
    let found = match call.has_operator() {
        true => channel::by_ids(call.core, &call.operator().await?, &ids).await?,
        false => channel::of_app(call.core, call.app.id, &ids).await?,
    };
    Ok(call.shape.list(&found, "channels", Shape::channel))
}

/// The members who see the channel.
pub async fn members(call: Call<'_>) -> Reply {
    let (server, id) = (call.form.id("serverId")?, call.form.id("channelId")?);
    let page =
        channel::members(call.core, &call.reader(server).await?, server, id, call.form.page()?).await?;
    Ok(call.shape.page(&page, "members", Shape::member))
}
