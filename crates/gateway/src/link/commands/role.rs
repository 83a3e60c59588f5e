//! Server roles and permission queries: 24_61, 24_63, 24_64, 24_73, 24_82.

use rotunda_core::role::{self, NewRole, RoleUpdate};
use rotunda_model::{Accid, Code, Right};
use rotunda_wire::command::role::{
    AddRoleMembers, CheckPermission, CreateServerRole, GetServerRoles, RoleMembers, UpdateServerRole,
};
use serde_json::json;

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        61 => create(call).await,
        63 => update(call).await,
        64 => list(call).await,
        73 => add_members(call).await,
        82 => check(call).await,
        _ => Err(not_built(call.request.command)),
    }
}

async fn create(call: Call<'_>) -> Reply {
    let CreateServerRole { role: input } = call.read()?;
    let server = args::id(input.server_id.ok_or(Refusal::Code(Code::PARAMETER))?)?;
    let new = NewRole {
        name: input.name.unwrap_or_default(),
        icon: input.icon.unwrap_or_default(),
        ext: input.ext.unwrap_or_default(),
        priority: input.priority,
    };
    let made = role::create(call.core, call.actor, server, new).await?;
    Ok(vec![args::item(&entity::server_role(&made, None))])
}

async fn update(call: Call<'_>) -> Reply {
    let UpdateServerRole { role: edit } = call.read()?;
    let update = RoleUpdate {
        name: edit.name,
        icon: edit.icon,
        ext: edit.ext,
        auths: args::auths(&edit.auths.unwrap_or_default())?,
        priority: edit.priority,
    };
    let (server, id) = (args::id(edit.server_id)?, args::id(edit.role_id)?);
    let role = role::update(call.core, call.actor, server, id, update).await?;
    Ok(vec![args::item(&entity::server_role(&role, None))])
}

async fn list(call: Call<'_>) -> Reply {
    let GetServerRoles { page } = call.read()?;
    let after = page.priority.unwrap_or(0);
    let roles = role::list(call.core, call.actor, args::id(page.server_id)?, after, page.limit).await?;
    Ok(vec![args::list(&roles, |own| entity::server_role(&own.role, Some(own.is_member)))])
}

async fn add_members(call: Call<'_>) -> Reply {
    let AddRoleMembers { server_id, role_id, accids } = call.read()?;
    let accids = args::accids(&accids)?;
    let (server, role) = (args::id(server_id)?, args::id(role_id)?);
    let added = role::add_members(call.core, call.actor, server, role, &accids).await?;
    let names = |accids: &[Accid]| accids.iter().map(|accid| accid.as_str().to_owned()).collect();
    let answer = RoleMembers { succeeded: names(&added.done), failed: names(&added.failed) };
    Ok(vec![args::item(&answer)])
}

/// The answer is JSON true or false: nim-web-sdk-ng 0.17.2 hands the item on as it came.
async fn check(call: Call<'_>) -> Reply {
    let CheckPermission { check } = call.read()?;
    let right = u32::try_from(check.right).ok().and_then(|id| Right::try_from(id).ok());
    let right = right.ok_or(Refusal::Code(Code::PARAMETER))?;
    let channel = args::optional_id(check.channel_id)?;
    let allowed = role::check(call.core, call.actor, args::id(check.server_id)?, channel, right).await?;
    Ok(vec![json!(allowed)])
}
