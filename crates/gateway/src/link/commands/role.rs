//! Server roles, who is in them, and permission queries: 24_61 to 24_64, 24_73 to 24_77, 24_80 to 24_82, 24_126.

use rotunda_core::role::{self, Batch, NewRole, RoleUpdate};
use rotunda_model::{Accid, Code, Right, RoleId};
use rotunda_wire::command::role::{
    AddRoleMembers, CheckPermission, CheckPermissions, CreateServerRole, DeleteServerRole,
    GetExistingRoleMembers, GetExistingRolesOfMembers, GetRoleMembers, GetRolesOfMember, GetServerRoles,
    RemoveRoleMembers, RightAnswer, RoleMembers, UpdateRolePriorities, UpdateServerRole,
};
use serde_json::{Map, Value, json};

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

/// Accounts in one call (the vendor's limit).
const BATCH_MAX: usize = 100;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        61 => create(call).await,
        62 => delete(call).await,
        63 => update(call).await,
        64 => list(call).await,
        73 => add_members(call).await,
        74 => remove_members(call).await,
        75 => members_page(call).await,
        76 => of_account(call).await,
        77 => of_accounts(call).await,
        80 => set_priorities(call).await,
        81 => members_among(call).await,
        82 => check(call).await,
        126 => check_all(call).await,
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

async fn delete(call: Call<'_>) -> Reply {
    let DeleteServerRole { server_id, role_id } = call.read()?;
    role::delete(call.core, call.actor, args::id(server_id)?, args::id(role_id)?).await?;
    Ok(Vec::new())
}

async fn add_members(call: Call<'_>) -> Reply {
    let AddRoleMembers { server_id, role_id, accids } = call.read()?;
    let (accids, nameless) = named(accids)?;
    let (server, role) = (args::id(server_id)?, args::id(role_id)?);
    let batch = role::add_members(call.core, call.actor, server, role, &accids).await?;
    Ok(vec![args::item(&members(&batch, nameless))])
}

async fn remove_members(call: Call<'_>) -> Reply {
    let RemoveRoleMembers { server_id, role_id, accids } = call.read()?;
    let (accids, nameless) = named(accids)?;
    let (server, role) = (args::id(server_id)?, args::id(role_id)?);
    let batch = role::remove_members(call.core, call.actor, server, role, &accids).await?;
    Ok(vec![args::item(&members(&batch, nameless))])
}

/// Those that may be accounts, and those that cannot be the name of one. None of the first: 404, as for one account.
fn named(texts: Vec<String>) -> Result<(Vec<Accid>, Vec<String>), Refusal> {
    if texts.len() > BATCH_MAX {
        return Err(Refusal::Code(Code::PARAMETER));
    }
    let (mut accids, mut nameless) = (Vec::new(), Vec::new());
    for text in texts {
        match Accid::new(&text) {
            Ok(accid) => accids.push(accid),
            Err(_) => nameless.push(text),
        }
    }
    if accids.is_empty() && !nameless.is_empty() {
        Err(Refusal::Code(Code::NOT_FOUND))
    } else {
        Ok((accids, nameless))
    }
}

fn members(batch: &Batch, nameless: Vec<String>) -> RoleMembers {
    let names = |accids: &[Accid]| accids.iter().map(|accid| accid.as_str().to_owned()).collect::<Vec<_>>();
    let mut failed = names(&batch.failed);
    failed.extend(nameless);
    RoleMembers { succeeded: names(&batch.done), failed }
}

async fn members_page(call: Call<'_>) -> Reply {
    let GetRoleMembers { page } = call.read()?;
    let (server, role) = (args::id(page.server_id)?, args::id(page.role_id)?);
    // The account of a page parts members who were added at one time; here no two are.
    let request = args::page(page.timetag, page.limit);
    let members = role::members_page(call.core, call.actor, server, role, request).await?;
    Ok(vec![args::list(&members, entity::role_member)])
}

async fn members_among(call: Call<'_>) -> Reply {
    let GetExistingRoleMembers { server_id, role_id, accids } = call.read()?;
    let (server, role) = (args::id(server_id)?, args::id(role_id)?);
    let (accids, _) = named(accids)?;
    let members = role::members_among(call.core, call.actor, server, role, &accids).await?;
    Ok(vec![args::list(&members, entity::role_member)])
}

async fn of_account(call: Call<'_>) -> Reply {
    let GetRolesOfMember { page } = call.read()?;
    let (server, accid) = (args::id(page.server_id)?, args::accid(&page.accid)?);
    let request = args::page(page.timetag, page.limit);
    let roles = role::of_account(call.core, call.actor, server, &accid, request).await?;
    Ok(vec![args::list(&roles, entity::server_role_without_auths)])
}

/// The answer is JSON text: an object of lists (nim-web-sdk-ng 0.17.2 and 10.8.1).
async fn of_accounts(call: Call<'_>) -> Reply {
    let GetExistingRolesOfMembers { server_id, accids } = call.read()?;
    let (accids, _) = named(accids)?;
    let found = role::of_accounts(call.core, call.actor, args::id(server_id)?, &accids).await?;
    let lists: Map<String, Value> = found
        .iter()
        .map(|(accid, roles)| {
            (accid.as_str().to_owned(), args::list(roles, |role| entity::server_role(role, None)))
        })
        .collect();
    Ok(vec![Value::Object(lists).to_string().into()])
}

async fn set_priorities(call: Call<'_>) -> Reply {
    let UpdateRolePriorities { server_id, roles } = call.read()?;
    // Each names its server again; a role of another one is not there.
    if roles.iter().any(|role| role.server_id.is_some_and(|id| id != server_id)) {
        return Err(Refusal::Code(Code::NOT_FOUND));
    }
    let priorities: Result<Vec<(RoleId, i64)>, Refusal> =
        roles.iter().map(|role| Ok((args::id(role.role_id)?, role.priority))).collect();
    let roles = role::set_priorities(call.core, call.actor, args::id(server_id)?, &priorities?).await?;
    Ok(vec![args::list(&roles, |role| entity::server_role(role, None))])
}

/// The answer is JSON true or false: nim-web-sdk-ng 0.17.2 hands the item on as it came.
async fn check(call: Call<'_>) -> Reply {
    let CheckPermission { check } = call.read()?;
    let channel = args::optional_id(check.channel_id)?;
    let (server, right) = (args::id(check.server_id)?, right(check.right)?);
    let allowed = role::check(call.core, call.actor, server, channel, right).await?;
    Ok(vec![json!(allowed)])
}

async fn check_all(call: Call<'_>) -> Reply {
    let CheckPermissions { check } = call.read()?;
    let channel = args::optional_id(check.channel_id)?;
    let rights: Vec<Right> = check.rights.into_iter().map(right).collect::<Result<_, _>>()?;
    let server = args::id(check.server_id)?;
    let answers = role::check_all(call.core, call.actor, server, channel, &rights).await?;
    Ok(vec![args::list(&answers, |(right, allowed)| RightAnswer {
        right: right.id().into(),
        allowed: if *allowed { 1 } else { -1 },
    })])
}

fn right(id: i64) -> Result<Right, Refusal> {
    let right = u32::try_from(id).ok().and_then(|id| Right::try_from(id).ok());
    right.ok_or(Refusal::Code(Code::PARAMETER))
}
