//! Server roles (身份组), who is in them, and permission queries.

use rotunda_model::{
    Accid, AppId, AuthValue, ChannelId, Right, RoleId, ServerId,
    notification::{Audience, Fact},
    role::{RoleKind, RoleMember, ServerRole},
};
use rotunda_permissions::{Scope, guard};
use rotunda_store::role as store;

use crate::{
    Actor, Core, Error,
    change::{Change, Standing},
    custom_right,
    page::PageRequest,
    server::view,
    text,
};

/// Rights in one update (the vendor's limit).
const AUTHS_MAX: usize = 50;

/// Rights in one question (the vendor's limit).
const CHECKS_MAX: usize = 10;

/// Members named by one notice of a deleted role. It may have had thousands who are online: more make the notice that
/// everybody in the server reads longer, fewer make more notices.
const NAMED_MAX: usize = 100;

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
    let max = core.limits().roles_per_server;
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
    if update.auths.is_empty() && !asked.appearance && update.priority.is_none() {
        return Ok(role);
    }
    role.name = update.name.unwrap_or(role.name);
    role.icon = update.icon.unwrap_or(role.icon);
    role.ext = update.ext.unwrap_or(role.ext);
    role.priority = update.priority.unwrap_or(role.priority);
    role.auths = guard::updated(&role.auths, Scope::Server, &update.auths);
    role.updated = change.now().max(role.updated);
    store::update(&mut *change.tx, &role).await?;
    change.reload().await?;
    // What they say now: a server role stores ignore as deny.
    let auths: Vec<(Right, AuthValue)> =
        update.auths.iter().map(|(right, _)| (*right, role.auths.get(*right))).collect();
    let fact = Fact::ServerRoleUpdate { role: role.clone(), auths: auths_text(&auths) };
    change.notify(everybody(&[]), fact);
    change.commit().await?;
    Ok(role)
}

/// 24_62. What it says in channels and categories, and where it is listed, goes with it. Notifies 27 to the server, and
/// names each member who is online in one; the vendor's pages tell of no notice, but nothing else says that the role is
/// gone, and the SDK keeps its own roles by 26 and 27.
///
/// Errors: 404; 403 without manageRole, by rank, or @everyone.
pub async fn delete(core: &Core, actor: &Actor, server: ServerId, id: RoleId) -> Result<(), Error> {
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::delete_role(&change.before, &standing.subject(), id)?;
    let mut role = store::get(&mut *change.tx, server, id).await?.ok_or(Error::NotFound("role"))?;
    let online = core.hub().map_or_else(Vec::new, |hub| hub.online_members(actor.user.app, server));
    let mut removed = store::among(&mut *change.tx, id, &online).await?;
    let losing = change.standings(&removed).await?;
    change.touch(&losing);
    removed.sort_unstable();
    store::delete(&mut *change.tx, id).await?;
    change.reload().await?;
    role.member_count = 0;
    let (some, rest) = removed.split_at(removed.len().min(NAMED_MAX));
    let fact =
        |named: &[Accid]| Fact::ServerRoleMembersRemove { role: role.clone(), removed: named.to_vec() };
    change.notify(everybody(some), fact(some));
    for named in rest.chunks(NAMED_MAX) {
        change.notify(Audience::ServerAccounts(named.to_vec()), fact(named));
    }
    change.commit().await
}

/// 24_80: all or none. Notifies 28 to the server for each that moved. Answers the roles in the order asked.
///
/// Errors: 404; 403 without manageRole, by rank before or after, or @everyone; 414 none, more than 100, one twice, or a
/// priority out of range.
pub async fn set_priorities(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    priorities: &[(RoleId, i64)],
) -> Result<Vec<ServerRole>, Error> {
    text::batch("more than 100 roles at once", priorities)?;
    let mut distinct: Vec<RoleId> = priorities.iter().map(|(role, _)| *role).collect();
    distinct.sort_unstable();
    if distinct.windows(2).any(|pair| matches!(pair, [one, next] if one == next)) {
        return Err(Error::Parameter("a role twice"));
    }
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::set_priorities(&change.before, &standing.subject(), priorities)?;
    let now = change.now();
    let old = store::of_server(&mut *change.tx, server).await?;
    let moves = |role: &ServerRole| priorities.iter().any(|(id, to)| *id == role.id && *to != role.priority);
    let moved: Vec<RoleId> = old.iter().filter(|role| moves(role)).map(|role| role.id).collect();
    let steps: Vec<_> = priorities.iter().filter(|(role, _)| moved.contains(role)).copied().collect();
    store::set_priorities(&mut *change.tx, server, &steps, now).await?;
    let mut roles = store::of_server(&mut *change.tx, server).await?;
    roles.retain(|role| distinct.contains(&role.id));
    roles.sort_by_key(|role| priorities.iter().position(|(id, _)| *id == role.id));
    if moved.is_empty() {
        return Ok(roles);
    }
    change.reload().await?;
    for role in roles.iter().filter(|role| moved.contains(&role.id)) {
        change.notify(everybody(&[]), Fact::ServerRoleUpdate { role: role.clone(), auths: auths_text(&[]) });
    }
    change.commit().await?;
    Ok(roles)
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

/// Of those named, for whom it is as asked now, and for whom it cannot be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Also those for whom it was so before.
    pub done: Vec<Accid>,
    /// Not members of the server.
    pub failed: Vec<Accid>,
}

impl Batch {
    fn new(standings: &[Standing]) -> Self {
        let (done, failed): (Vec<_>, Vec<_>) = standings.iter().partition(|standing| standing.is_member());
        let names = |of: Vec<&Standing>| of.into_iter().map(|standing| standing.accid.clone()).collect();
        Self { done: names(done), failed: names(failed) }
    }
}

/// 24_73. Notifies 26 to the server.
///
/// Errors: 404; 403 without manageRole, by rank, @everyone, or oneself into a role that gives one more rights or
/// places; 414 none or more than 100 accounts.
pub async fn add_members(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: RoleId,
    accids: &[Accid],
) -> Result<Batch, Error> {
    let accids = text::accids(accids)?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::add_role_members(&change.before, &standing.subject(), id, &accids)?;
    let mut standings = change.standings(&accids).await?;
    let batch = Batch::new(&standings);
    let first = change.ticks(batch.done.len());
    let added = store::add_members(&mut change.tx, server, id, &batch.done, first).await?;
    if added.is_empty() {
        return Ok(batch);
    }
    standings.retain(|standing| added.contains(&standing.accid));
    change.touch(&standings);
    let role = store::get(&mut *change.tx, server, id).await?.ok_or(Error::NotFound("role"))?;
    change.notify(everybody(&added), Fact::ServerRoleMembersAdd { role, added });
    change.commit().await?;
    Ok(batch)
}

/// 24_74. Notifies 27 to the server.
///
/// Errors: 404; 403 without manageRole, by rank (but who removes only itself may leave its highest role), or @everyone;
/// 414 none or more than 100 accounts.
pub async fn remove_members(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: RoleId,
    accids: &[Accid],
) -> Result<Batch, Error> {
    let accids = text::accids(accids)?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::remove_role_members(&change.before, &standing.subject(), id, &accids)?;
    let mut standings = change.standings(&accids).await?;
    let batch = Batch::new(&standings);
    let removed = store::remove_members(&mut change.tx, id, &batch.done).await?;
    if removed.is_empty() {
        return Ok(batch);
    }
    standings.retain(|standing| removed.contains(&standing.accid));
    change.touch(&standings);
    let role = store::get(&mut *change.tx, server, id).await?.ok_or(Error::NotFound("role"))?;
    change.notify(everybody(&removed), Fact::ServerRoleMembersRemove { role, removed });
    change.commit().await?;
    Ok(batch)
}

/// 24_75: newest in the role first. @everyone has none: all are in it.
///
/// Errors: 404; 403 not a member; 414 limit or timetag.
pub async fn members_page(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: RoleId,
    request: PageRequest,
) -> Result<Vec<RoleMember>, Error> {
    let (before, limit) = (request.before()?, request.limit()?);
    look(core, actor, server, Some(id)).await?;
    let mut tx = core.store().begin_read().await?;
    Ok(store::members_page(&mut tx, server, id, before, limit).await?)
}

/// 24_81: those of `accids` that are in the role. Errors: 404; 403 not a member; 414 none or more than 100 accounts.
pub async fn members_among(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: RoleId,
    accids: &[Accid],
) -> Result<Vec<RoleMember>, Error> {
    let accids = text::accids(accids)?;
    look(core, actor, server, Some(id)).await?;
    let mut tx = core.store().begin_read().await?;
    Ok(store::members_among(&mut tx, server, id, &accids).await?)
}

/// 24_76: the custom roles of one account, newest role first; none of an account that is not a member.
///
/// Errors: 404; 403 not a member; 414 limit or timetag.
pub async fn of_account(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    accid: &Accid,
    request: PageRequest,
) -> Result<Vec<ServerRole>, Error> {
    let (before, limit) = (request.before()?, request.limit()?);
    let found = of_accounts(core, actor, server, std::slice::from_ref(accid)).await?;
    let mut roles: Vec<ServerRole> = found.into_iter().flat_map(|(_, roles)| roles).collect();
    roles.retain(|role| role.created < before);
    roles.sort_by_key(|role| std::cmp::Reverse(role.created));
    roles.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(roles)
}

/// 24_77: the custom roles of each of `accids` that is a member, by rising priority.
///
/// Errors: 404; 403 not a member; 414 none or more than 100 accounts.
pub async fn of_accounts(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    accids: &[Accid],
) -> Result<Vec<(Accid, Vec<ServerRole>)>, Error> {
    let accids = text::accids(accids)?;
    look(core, actor, server, None).await?;
    let mut tx = core.store().begin_read().await?;
    let all = store::of_server(&mut *tx, server).await?;
    let mut standings = rotunda_store::member::standings(&mut *tx, server, &accids).await?;
    let members = accids.into_iter().filter_map(|accid| standings.remove(&accid).map(|roles| (accid, roles)));
    Ok(members
        .map(|(accid, ids)| (accid, all.iter().filter(|role| ids.contains(&role.id)).cloned().collect()))
        .collect())
}

/// Requires that the caller is a member, and that the role is one of the server's.
async fn look(core: &Core, actor: &Actor, server: ServerId, role: Option<RoleId>) -> Result<(), Error> {
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    guard::sees(&snapshot, &standing.subject(), Scope::Server)?;
    match role {
        Some(role) if snapshot.role_auths(role).is_none() => Err(Error::NotFound("role")),
        _ => Ok(()),
    }
}

/// The subscribers of the server, and those whom it is about: they need not subscribe.
fn everybody(concerned: &[Accid]) -> Audience {
    Audience::Server { also: concerned.to_vec() }
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

/// 24_126: each right asked for and whether it is allowed, in the order asked. Not a member: none is.
///
/// Errors: as for [`check`]; 414 none or more than 10 rights.
pub async fn check_all(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    channel: Option<ChannelId>,
    rights: &[Right],
) -> Result<Vec<(Right, bool)>, Error> {
    if !(1..=CHECKS_MAX).contains(&rights.len()) {
        return Err(Error::Parameter("1 to 10 rights in one question"));
    }
    custom_right::defined(core, actor.user.app, rights.iter().copied()).await?;
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    let subject = standing.subject();
    let scope = channel.map_or(Scope::Server, Scope::Channel);
    let held = snapshot.rights(&subject, scope).ok_or(Error::NotFound("channel"))?;
    let allows = |right: Right| match right.is_custom() {
        true => snapshot.allows(&subject, scope, right) == Some(true),
        false => held.has(right),
    };
    Ok(rights.iter().map(|right| (*right, allows(*right))).collect())
}

/// Every right there is, built in or defined by the app, and whether the caller has it. Not a member: none.
///
/// Errors: 404 unknown server, or a channel that is not of it.
pub async fn held(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    channel: Option<ChannelId>,
) -> Result<Vec<(Right, bool)>, Error> {
    let custom = custom_right::list(core, actor.user.app).await?;
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    let subject = standing.subject();
    let scope = channel.map_or(Scope::Server, Scope::Channel);
    let held = snapshot.rights(&subject, scope).ok_or(Error::NotFound("channel"))?;
    let built_in = Right::BUILT_IN.into_iter().map(|right| (right, held.has(right)));
    let custom = custom
        .into_iter()
        .map(|known| (known.right, snapshot.allows(&subject, scope, known.right) == Some(true)));
    Ok(built_in.chain(custom).collect())
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
