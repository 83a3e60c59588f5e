//! Overrides of members in channels and categories (定制权限).

use std::collections::HashMap;

use rotunda_model::{
    Accid, AuthValue, Auths, Place, Right, ServerId,
    notification::{Audience, Fact},
    role::MemberRole,
    server::Member,
};
use rotunda_permissions::{Scope, Snapshot, guard};
use rotunda_store::layer::{self as store, Override};

use crate::{
    Actor, Core, Error,
    change::Change,
    layer_role::{channel_of, inherited_again, sees},
    page::PageRequest,
    role::{auths_text, settable},
    text,
};

/// Which override.
#[derive(Debug, Clone)]
pub struct Key {
    pub server: ServerId,
    pub place: Place,
    pub accid: Accid,
}

/// 24_69, 24_87. All rights are inherited at first.
///
/// Errors: 404 server, place of that server, or member; 403 hidden, or without manageRole (and manageChannel in a
/// channel); 417 there is one already; 419 too many there.
pub async fn add(core: &Core, actor: &Actor, key: &Key) -> Result<MemberRole, Error> {
    let mut change = Change::begin(core, actor, key.server).await?;
    let standing = change.actor_standing().await?;
    guard::add_entry(&change.before, &standing.subject(), key.place.into(), None)?;
    if !change.standing(&key.accid).await?.is_member() {
        return Err(Error::NotFound("member"));
    }
    let created = change.tick();
    let new = Override {
        id: core.next_id()?,
        server: key.server,
        place: key.place,
        accid: key.accid.clone(),
        auths: Auths::new(),
        created,
        updated: created,
    };
    if !store::insert_override(&mut *change.tx, &new).await? {
        return Err(Error::Repeated("the member has an override there"));
    }
    let max = core.limits().overrides_per_place;
    if overrides(&change.before, key.place) >= usize::try_from(max).unwrap_or(usize::MAX) {
        return Err(Error::OverLimit { what: "overrides of a place", max });
    }
    let role = with_member(&mut change, new).await?;
    change.reload().await?;
    change.commit().await?;
    Ok(role)
}

/// 24_70, 24_88. Notifies 30 to the server and to the member when it had decided anything: those rights are inherited
/// again.
///
/// Errors: 404; 403 as for [`add`], or when it denies the caller a right that the caller would have without it.
pub async fn remove(core: &Core, actor: &Actor, key: &Key) -> Result<(), Error> {
    let mut change = Change::begin(core, actor, key.server).await?;
    let standing = change.actor_standing().await?;
    guard::remove_override(&change.before, &standing.subject(), key.place.into(), &key.accid)?;
    let mut old = found(&mut change, key).await?;
    store::delete_override(&mut *change.tx, key.place, &key.accid).await?;
    let freed = inherited_again(&old.auths);
    if !freed.is_empty() {
        old.auths = Auths::new();
        old.updated = change.now().max(old.updated);
        let role = with_member(&mut change, old).await?;
        tell(&mut change, role, &freed);
    }
    change.reload().await?;
    change.commit().await
}

/// 24_71, 24_89. Notifies 30 to the server and to the member. Without rights nothing changes and nobody is told.
///
/// Errors: 404; 403 hidden, without manageRole there, or by the grant guards; 414 a right that exists only on server
/// roles or is not defined, or more than 50.
pub async fn update(
    core: &Core,
    actor: &Actor,
    key: &Key,
    auths: &[(Right, AuthValue)],
) -> Result<MemberRole, Error> {
    settable(core, actor.user.app, auths).await?;
    let mut change = Change::begin(core, actor, key.server).await?;
    let standing = change.actor_standing().await?;
    let scope = Scope::from(key.place);
    guard::update_override(&change.before, &standing.subject(), scope, &key.accid, auths)?;
    let mut changed = found(&mut change, key).await?;
    if auths.is_empty() {
        return with_member(&mut change, changed).await;
    }
    changed.auths = guard::updated(&changed.auths, scope, auths);
    changed.updated = change.now().max(changed.updated);
    store::update_override(&mut *change.tx, &changed).await?;
    let role = with_member(&mut change, changed).await?;
    tell(&mut change, role.clone(), auths);
    change.reload().await?;
    change.commit().await?;
    Ok(role)
}

/// 24_72, 24_90: the overrides there, newest first. Of a channel in sync its own, which have no effect: when it leaves
/// the sync a copy of its category's takes their place.
///
/// Errors: 404; 403 not a member, or hidden; 414 an unfit page.
pub async fn page(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    place: Place,
    request: PageRequest,
) -> Result<Vec<MemberRole>, Error> {
    let (before, limit) = (request.before()?, request.limit()?);
    sees(core, actor, server, place).await?;
    let found = store::override_page(core.store().pool(), place, before, limit).await?;
    with_members(core, server, found).await
}

/// 24_79: those of the accounts that have an override there.
///
/// Errors: 404; 403 not a member, or hidden; 414 none or more than 100 asked.
pub async fn existing(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    place: Place,
    accids: &[Accid],
) -> Result<Vec<MemberRole>, Error> {
    text::batch("more than 100 accounts at once", accids)?;
    sees(core, actor, server, place).await?;
    let found = store::overrides_for(core.store().pool(), place, accids).await?;
    with_members(core, server, found).await
}

fn overrides(rules: &Snapshot, place: Place) -> usize {
    let layer = match place {
        Place::Channel(id) => rules.channel(id).map(|rules| &rules.layer),
        Place::Category(id) => rules.category(id).map(|rules| &rules.layer),
    };
    layer.map_or(0, |layer| layer.members.len())
}

async fn found(change: &mut Change, key: &Key) -> Result<Override, Error> {
    let found = store::get_override(&mut *change.tx, key.place, &key.accid).await?;
    found.ok_or(Error::NotFound("override"))
}

fn tell(change: &mut Change, role: MemberRole, auths: &[(Right, AuthValue)]) {
    let (channel, also) = (channel_of(role.place), vec![role.accid.clone()]);
    let fact = Fact::MemberRoleUpdate { role, auths: auths_text(auths) };
    change.notify_about(channel, Audience::Server { also }, fact);
}

async fn with_member(change: &mut Change, of: Override) -> Result<MemberRole, Error> {
    let member = rotunda_store::member::get(&mut *change.tx, of.server, &of.accid).await?;
    Ok(joined(of, member.ok_or(Error::NotFound("member"))?))
}

/// In the order of the overrides. Who left in between has none any more.
async fn with_members(core: &Core, server: ServerId, of: Vec<Override>) -> Result<Vec<MemberRole>, Error> {
    let accids: Vec<Accid> = of.iter().map(|found| found.accid.clone()).collect();
    let servers = vec![server; accids.len()];
    let members = rotunda_store::member::by_keys(core.store().pool(), &servers, &accids).await?;
    let mut members: HashMap<Accid, Member> = members.into_iter().map(|m| (m.accid.clone(), m)).collect();
    Ok(of.into_iter().filter_map(|of| members.remove(&of.accid).map(|member| joined(of, member))).collect())
}

fn joined(of: Override, member: Member) -> MemberRole {
    MemberRole {
        id: of.id,
        server: of.server,
        place: of.place,
        accid: of.accid,
        auths: of.auths,
        member,
        created: of.created,
        updated: of.updated,
    }
}
