//! Server roles (身份组) and permission queries.

use rotunda_model::{
    Accid, AppId, AuthValue, ChannelId, Right, RoleId, ServerId,
    notification::{Audience, Fact},
    role::{RoleKind, ServerRole},
};
use rotunda_permissions::{Scope, guard};
use rotunda_store::role as store;

use crate::{Actor, Core, Error, change::Change, custom_right, page::PageRequest, server::view, text};

/// Rights in one update (the vendor's limit).
const AUTHS_MAX: usize = 50;

/// What 24_61 carries.
#[derive(Debug, Clone, Default)]
pub struct NewRole {
    pub name: String,
    pub icon: String,
    pub ext: String,
    /// `None`: after the last.
    pub priority: Option<i64>,
}

/// What 24_63 carries; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct RoleUpdate {
    pub name: Option<String>,
    pub icon: Option<String>,
    pub ext: Option<String>,
    pub auths: Vec<(Right, AuthValue)>,
    pub priority: Option<i64>,
}

/// A role, and whether the caller is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnRole {
    pub role: ServerRole,
    pub is_member: bool,
}

/// 24_61. The new role allows what its creator's roles allow together.
///
/// Errors: 404; 403 without manageRole, or a priority not below the creator's rank; 414 priority out of range;
/// 419 too many roles; 405 unfit texts.
pub async fn create(core: &Core, actor: &Actor, server: ServerId, new: NewRole) -> Result<ServerRole, Error> {
    appearance(Some(&new.name), Some(&new.icon), Some(&new.ext))?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    let subject = standing.subject();
    let priority = new.priority.unwrap_or_else(|| change.before.next_priority());
    guard::create_role(&change.before, &subject, priority)?;
    let max = core.config().limits.roles_per_server;
    if change.before.roles().len() >= usize::try_from(max).unwrap_or(usize::MAX) {
        return Err(Error::OverLimit { what: "roles of a server", max });
    }
    let auths = guard::new_role_auths(&change.before, &subject);
    let created = change.tick();
    let role = ServerRole {
        id: core.next_id()?,
        server,
        name: new.name,
        icon: new.icon,
        ext: new.ext,
        auths,
        kind: RoleKind::Custom,
        member_count: 0,
        priority,
        created,
        updated: created,
    };
    store::insert(&mut *change.tx, &role).await?;
    change.reload().await?;
    change.commit().await?;
    Ok(role)
}

/// 24_63. Notifies 28 to the server.
///
/// Errors: 404; 403 by rank or grant guards, or @everyone by another than the owner or in more than its rights;
/// 414, 405 unfit values.
pub async fn update(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: RoleId,
    update: RoleUpdate,
) -> Result<ServerRole, Error> {
    appearance(update.name.as_deref(), update.icon.as_deref(), update.ext.as_deref())?;
    settable(core, actor.user.app, &update.auths).await?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    let asked = guard::RoleChange {
        auths: &update.auths,
        priority: update.priority,
        appearance: update.name.is_some() || update.icon.is_some() || update.ext.is_some(),
    };
    guard::update_role(&change.before, &standing.subject(), id, asked)?;
    let mut role = store::get(&mut *change.tx, server, id).await?.ok_or(Error::NotFound("role"))?;
    role.name = update.name.unwrap_or(role.name);
    role.icon = update.icon.unwrap_or(role.icon);
    role.ext = update.ext.unwrap_or(role.ext);
    role.priority = update.priority.unwrap_or(role.priority);
    role.auths = guard::updated(&role.auths, Scope::Server, &update.auths);
    role.updated = change.now().max(role.updated);
    store::update(&mut *change.tx, &role).await?;
    change.reload().await?;
    let fact = Fact::ServerRoleUpdate { role: role.clone(), auths: auths_text(&update.auths) };
    change.notify(Audience::Server { also: Vec::new() }, fact);
    change.commit().await?;
    Ok(role)
}

/// 24_64: by rising priority, @everyone first. `after`: the priority of the last one seen; 0 is from the start.
/// Errors: 404; 403 not a member.
pub async fn list(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    after: i64,
    limit: Option<i64>,
) -> Result<Vec<OwnRole>, Error> {
    let limit = PageRequest { timetag: 0, limit }.limit()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    guard::sees(&snapshot, &standing.subject(), Scope::Server)?;
    let own = standing.roles.as_deref().unwrap_or_default();
    let roles = store::of_server(core.store().pool(), server).await?;
    let mut page: Vec<OwnRole> = Vec::new();
    for role in roles.into_iter().filter(|role| after <= 0 || role.priority > after) {
        // The next page begins above the last priority, so equal ones stay together.
        if page.len() >= limit && page.last().is_some_and(|last| last.role.priority != role.priority) {
            break;
        }
        let is_member = role.kind == RoleKind::Everyone || own.contains(&role.id);
        page.push(OwnRole { role, is_member });
    }
    Ok(page)
}

/// Who was added and who could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Added {
    /// In the role now; also those who were before.
    pub done: Vec<Accid>,
    /// Not members of the server.
    pub failed: Vec<Accid>,
}

/// 24_73. Notifies 26 to the server, and 31 to everybody who sees other channels by it.
///
/// Errors: 404; 403 without manageRole, by rank, @everyone, or oneself into a role above one's own rights;
/// 414 none or more than 100 accounts.
pub async fn add_members(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: RoleId,
    accids: &[Accid],
) -> Result<Added, Error> {
    text::batch("more than 100 accounts at once", accids)?;
    let mut accids = accids.to_vec();
    accids.sort_unstable();
    accids.dedup();
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::add_role_members(&change.before, &standing.subject(), id, &accids)?;
    let standings = change.standings(&accids).await?;
    let (members, others): (Vec<_>, Vec<_>) = standings.into_iter().partition(|s| s.is_member());
    let names = |standings: &[crate::change::Standing]| -> Vec<Accid> {
        standings.iter().map(|standing| standing.accid.clone()).collect()
    };
    let done = names(&members);
    let first = change.ticks(done.len());
    change.touch(&members);
    let added = store::add_members(&mut change.tx, server, id, &done, first).await?;
    if !added.is_empty() {
        let role = store::get(&mut *change.tx, server, id).await?.ok_or(Error::NotFound("role"))?;
        let fact = Fact::ServerRoleMembersAdd { role, added };
        change.notify(Audience::Server { also: Vec::new() }, fact);
    }
    change.commit().await?;
    Ok(Added { done, failed: names(&others) })
}

/// 24_82. Not a member: false. Errors: 404 unknown server, or a channel that is not of it; 414 a custom right that is
/// not defined.
pub async fn check(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    channel: Option<ChannelId>,
    right: Right,
) -> Result<bool, Error> {
    custom_right::defined(core, actor.user.app, std::iter::once(right)).await?;
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    let scope = channel.map_or(Scope::Server, Scope::Channel);
    snapshot.allows(&standing.subject(), scope, right).ok_or(Error::NotFound("channel"))
}

/// Requires that an update's rights may be set at all. Errors: 414 too many, or one that the app has not defined.
pub(crate) async fn settable(core: &Core, app: AppId, auths: &[(Right, AuthValue)]) -> Result<(), Error> {
    if auths.len() > AUTHS_MAX {
        return Err(Error::Parameter("more than 50 rights in one update"));
    }
    custom_right::defined(core, app, auths.iter().map(|(right, _)| *right)).await
}

/// The JSON text of an update's rights, as clients are told of it.
pub(crate) fn auths_text(changes: &[(Right, AuthValue)]) -> String {
    let map: std::collections::BTreeMap<u32, i8> =
        changes.iter().map(|(right, value)| (right.id(), value.number())).collect();
    serde_json::to_string(&map).unwrap_or_default()
}

fn appearance(name: Option<&str>, icon: Option<&str>, ext: Option<&str>) -> Result<(), Error> {
    text::name("role name", name.unwrap_or_default())?;
    text::bytes("icon", icon.unwrap_or_default(), text::ICON_MAX)?;
    text::bytes("ext", ext.unwrap_or_default(), text::EXT_MAX)
}
