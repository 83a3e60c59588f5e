//! Bans: 24_104, 24_105.

use rotunda_core::ban;
use rotunda_model::Code;
use rotunda_wire::command::member::{GetBannedMembersPage, UpdateMemberBan};

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        104 => update(call).await,
        105 => page(call).await,
        _ => Err(not_built(call.request.command)),
    }
}

/// opeType 1 bans, 2 lets in again.
async fn update(call: Call<'_>) -> Reply {
    let UpdateMemberBan { ban: edit } = call.read()?;
    let server = args::id(edit.server_id)?;
    let accid = args::accid(&edit.accid)?;
    match edit.operation {
        1 => ban::add(call.core, call.actor, server, &accid, edit.ext.unwrap_or_default()).await?,
        2 => ban::remove(call.core, call.actor, server, &accid).await?,
        _ => return Err(Refusal::Code(Code::PARAMETER)),
    }
    Ok(Vec::new())
}

async fn page(call: Call<'_>) -> Reply {
    let GetBannedMembersPage { page } = call.read()?;
    let request = args::page(page.timetag, page.limit);
    let page = ban::page(call.core, call.actor, args::id(page.server_id)?, request).await?;
    Ok(args::paged(&page, entity::ban))
}
