//! Servers: 24_31, 24_32, 24_34, 24_35.

use rotunda_core::server::{self, NewServer};
use rotunda_model::{
    Code,
    server::{ApplyMode, InviteMode},
};
use rotunda_wire::command::server::{CreateServer, DeleteServer, GetServers, GetServersPage};

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        31 => create(call).await,
        32 => delete(call).await,
        34 => by_ids(call).await,
        35 => page(call).await,
        _ => Err(not_built(call.request.command)),
    }
}

async fn create(call: Call<'_>) -> Reply {
    let CreateServer { server: input } = call.read()?;
    let new = NewServer {
        name: input.name.unwrap_or_default(),
        icon: input.icon.unwrap_or_default(),
        ext: input.ext.unwrap_or_default(),
        invite_mode: args::number(input.invite_mode, InviteMode::from_number)?,
        apply_mode: args::number(input.apply_mode, ApplyMode::from_number)?,
        search_type: i32::try_from(input.search_type.unwrap_or(0))
            .map_err(|_| Refusal::Code(Code::PARAMETER))?,
        search_enabled: input.search_enable.unwrap_or(true),
    };
    let made = server::create(call.core, call.actor, new).await?;
    Ok(vec![args::item(&entity::server(&made))])
}

async fn delete(call: Call<'_>) -> Reply {
    let DeleteServer { server_id } = call.read()?;
    server::delete(call.core, call.actor, args::id(server_id)?).await?;
    Ok(Vec::new())
}

async fn by_ids(call: Call<'_>) -> Reply {
    let GetServers { server_ids } = call.read()?;
    let found = server::by_ids(call.core, call.actor, &args::ids(&server_ids)?).await?;
    Ok(vec![args::list(&found, entity::server)])
}

async fn page(call: Call<'_>) -> Reply {
    let GetServersPage { page } = call.read()?;
    let request = args::page(page.timestamp, page.limit);
    let page = server::page(call.core, call.actor, request).await?;
    Ok(args::paged(&page, entity::server))
}
