//! Server roles (服务器身份组), who is in them, and what an account may do.

use rotunda_core::role::{self, Batch, NewRole, RoleUpdate};
use rotunda_model::{Accid, role::RoleKind};
use serde_json::{Map, Value};

use super::{Call, Refusal, Reply, entity::Shape, fields, nothing};

/// Accounts in one call (the vendor's limit).
const BATCH_MAX: usize = 100;

/// `type` may only say what is made anyway.
pub async fn create(call: Call<'_>) -> Reply {
    let form = call.form;
    if !matches!(form.choice("type", RoleKind::from_number)?, None | Some(RoleKind::Custom)) {
        return Err(Refusal::Parameter("type"));
    }
    let new = NewRole {
        name: form.owned("name").unwrap_or_default(),
        icon: form.owned("icon").unwrap_or_default(),
        ext: form.custom()?.unwrap_or_default(),
        priority: form.number("priority")?,
    };
    let made = role::create(call.core, &call.operator().await?, form.id("serverId")?, new).await?;
    Ok(fields([("identify", call.shape.server_role(&made))]))
}

pub async fn update(call: Call<'_>) -> Reply {
    let form = call.form;
    let update = RoleUpdate {
        name: form.owned("name"),
        icon: form.owned("icon"),
        ext: form.custom()?,
        auths: form.auths()?,
        priority: form.number("priority")?,
    };
    let (server, id) = (form.id("serverId")?, form.id("roleId")?);
    let changed = role::update(call.core, &call.operator().await?, server, id, update).await?;
    Ok(fields([("identify", call.shape.server_role(&changed))]))
}

pub async fn remove(call: Call<'_>) -> Reply {
    let (server, id) = (call.form.id("serverId")?, call.form.id("roleId")?);
    role::delete(call.core, &call.operator().await?, server, id).await?;
    Ok(nothing())
}

/// `roleIdPriorityMap`: the JSON text `{"<role>": <priority>}`.
pub async fn set_priorities(call: Call<'_>) -> Reply {
    let priorities = call.form.numbers("roleIdPriorityMap")?;
    let server = call.form.id("serverId")?;
    let roles = role::set_priorities(call.core, &call.operator().await?, server, &priorities).await?;
    Ok(call.shape.list(&roles, "identifies", Shape::server_role))
}

/// By rising priority, after `priority`.
pub async fn page(call: Call<'_>) -> Reply {
    let server = call.form.id("serverId")?;
    let (after, limit) = (call.form.number("priority")?.unwrap_or(0), call.form.page()?.limit);
    let found = role::list(call.core, &call.reader(server).await?, server, after, limit).await?;
    Ok(call.shape.list(&found, "identifies", |shape, own| shape.server_role(&own.role)))
}

pub async fn add_members(call: Call<'_>) -> Reply {
    let (server, id) = (call.form.id("serverId")?, call.form.id("roleId")?);
    let (accids, nameless) = named(call)?;
    let batch = role::add_members(call.core, &call.operator().await?, server, id, &accids).await?;
    Ok(outcome(&batch, nameless))
}

pub async fn remove_members(call: Call<'_>) -> Reply {
    let (server, id) = (call.form.id("serverId")?, call.form.id("roleId")?);
    let (accids, nameless) = named(call)?;
    let batch = role::remove_members(call.core, &call.operator().await?, server, id, &accids).await?;
    Ok(outcome(&batch, nameless))
}

/// Those that may be accounts, and those that cannot be the name of one.
fn named(call: Call<'_>) -> Result<(Vec<Accid>, Vec<String>), Refusal> {
    let texts = call.form.names()?;
    if texts.len() > BATCH_MAX {
        return Err(Refusal::Parameter("more than 100 accounts at once"));
    }
    let (mut accids, mut nameless) = (Vec::new(), Vec::new());
    for text in texts {
        match Accid::new(&text) {
            Ok(accid) => accids.push(accid),
            Err(_) => nameless.push(text),
        }
    }
    if accids.is_empty() && !nameless.is_empty() {
        Err(Refusal::Missing("faccids"))
    } else {
        Ok((accids, nameless))
    }
}

/// JSON texts of lists, as documented.
fn outcome(batch: &Batch, nameless: Vec<String>) -> Map<String, Value> {
    let names = |accids: &[Accid]| accids.iter().map(|accid| accid.as_str().to_owned()).collect::<Vec<_>>();
    let mut failed = names(&batch.failed);
    failed.extend(nameless);
    let text = |names: &[String]| Value::from(serde_json::to_string(names).unwrap_or_default());
    fields([("successAccids", text(&names(&batch.done))), ("failAccids", text(&failed))])
}

pub async fn members(call: Call<'_>) -> Reply {
    let (server, id) = (call.form.id("serverId")?, call.form.id("roleId")?);
    let reader = call.reader(server).await?;
    let found = role::members_page(call.core, &reader, server, id, call.form.page()?).await?;
    Ok(call.shape.list(&found, "members", Shape::role_member))
}

/// The custom roles of `faccid`, or of the operator itself.
pub async fn of_account(call: Call<'_>) -> Reply {
    let server = call.form.id("serverId")?;
    let asked = ["faccid", "toAccid"].iter().any(|name| call.form.text(name).is_some());
    let reader = if asked { call.reader(server).await? } else { call.operator().await? };
    let accid = if asked { call.form.other()? } else { reader.user.accid.clone() };
    let found = role::of_account(call.core, &reader, server, &accid, call.form.page()?).await?;
    Ok(call.shape.list(&found, "identifies", Shape::server_role))
}

/// `auths`: the JSON text of every right, 1 where the operator has it in the server or channel and −1 where not.
pub async fn held(call: Call<'_>) -> Reply {
    let (server, channel) = (call.form.id("serverId")?, call.form.optional_id("channelId")?);
    let held = role::held(call.core, &call.operator().await?, server, channel).await?;
    let map: std::collections::BTreeMap<u32, i8> =
        held.into_iter().map(|(right, has)| (right.id(), if has { 1 } else { -1 })).collect();
    Ok(fields([("auths", serde_json::to_string(&map).unwrap_or_default().into())]))
}
