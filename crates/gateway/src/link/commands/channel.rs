//! Channels: 24_48 to 24_53, 24_60.

use rotunda_core::channel::{self, CategoryInfo, ChannelUpdate, NewChannel};
use rotunda_model::{ChannelKind, Code, SyncMode, ViewMode, VisitorMode};
use rotunda_wire::command::channel::{
    CreateChannel, DeleteChannel, GetChannelMembersPage, GetChannels, GetChannelsPage, UpdateChannel,
    UpdateChannelPlacement,
};

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        48 => create(call).await,
        49 => delete(call).await,
        50 => update(call).await,
        51 => by_ids(call).await,
        52 => page(call).await,
        53 => members(call).await,
        60 => set_category(call).await,
        _ => Err(not_built(call.request.command)),
    }
}

async fn create(call: Call<'_>) -> Reply {
    let CreateChannel { channel: input } = call.read()?;
    let server = args::id(input.server_id.ok_or(Refusal::Code(Code::PARAMETER))?)?;
    let new = NewChannel {
        kind: args::number(input.kind, ChannelKind::from_number)?,
        name: input.name.unwrap_or_default(),
        topic: input.topic.unwrap_or_default(),
        ext: input.ext.unwrap_or_default(),
        view_mode: args::number(input.view_mode, ViewMode::from_number)?,
        visitor_mode: args::number(input.visitor_mode, VisitorMode::from_number)?,
        category: args::optional_id(input.category_id)?,
        sync_mode: args::number(input.sync_mode, SyncMode::from_number)?,
    };
    let made = channel::create(call.core, call.actor, server, new).await?;
    Ok(vec![args::item(&entity::channel(&made))])
}

async fn delete(call: Call<'_>) -> Reply {
    let DeleteChannel { channel_id } = call.read()?;
    channel::delete(call.core, call.actor, args::id(channel_id)?).await?;
    Ok(Vec::new())
}

async fn update(call: Call<'_>) -> Reply {
    let UpdateChannel { channel: input } = call.read()?;
    let update = ChannelUpdate {
        name: input.name,
        topic: input.topic,
        ext: input.ext,
        view_mode: args::optional_number(input.view_mode, ViewMode::from_number)?,
        visitor_mode: args::optional_number(input.visitor_mode, VisitorMode::from_number)?,
    };
    let changed = channel::update(call.core, call.actor, args::id(input.channel_id)?, update).await?;
    Ok(vec![args::item(&entity::channel(&changed))])
}

async fn by_ids(call: Call<'_>) -> Reply {
    let GetChannels { channel_ids } = call.read()?;
    let found = channel::by_ids(call.core, call.actor, &args::ids(&channel_ids)?).await?;
    Ok(vec![args::list(&found, entity::channel)])
}

async fn page(call: Call<'_>) -> Reply {
    let GetChannelsPage { page } = call.read()?;
    let request = args::page(page.timetag, page.limit);
    let page = channel::page(call.core, call.actor, args::id(page.server_id)?, request).await?;
    Ok(args::paged(&page, entity::channel))
}

async fn members(call: Call<'_>) -> Reply {
    let GetChannelMembersPage { page } = call.read()?;
    let request = args::page(page.timetag, page.limit);
    let (server, id) = (args::id(page.server_id)?, args::id(page.place_id)?);
    let page = channel::members(call.core, call.actor, server, id, request).await?;
    Ok(args::paged(&page, entity::member))
}

async fn set_category(call: Call<'_>) -> Reply {
    let UpdateChannelPlacement { placement } = call.read()?;
    let info = CategoryInfo {
        category: placement.category_id.map(|id| args::optional_id(Some(id))).transpose()?,
        sync_mode: args::optional_number(placement.sync_mode, SyncMode::from_number)?,
    };
    let moved = channel::set_category(call.core, call.actor, args::id(placement.channel_id)?, info).await?;
    Ok(vec![args::item(&entity::channel(&moved))])
}
