//! Overrides of members in channels (定制权限).

use rotunda_model::{
    Accid, AuthValue, Auths, ChannelId, Place, Right, ServerId,
    notification::{Audience, Fact},
    role::MemberRole,
};
use rotunda_permissions::{Scope, guard};
use rotunda_store::layer::{self as store, Override};

use crate::{
    Actor, Core, Error,
    change::Change,
    role::{auths_text, settable},
};

/// Which override.
#[derive(Debug, Clone)]
pub struct Key {
    pub server: ServerId,
    pub channel: ChannelId,
    pub accid: Accid,
}

/// 24_69. All rights are inherited at first.
///
/// Errors: 404 server, channel of that server, or member; 403 without manageRole and manageChannel there, or hidden;
/// 417 there is one already.
pub async fn add(core: &Core, actor: &Actor, key: &Key) -> Result<MemberRole, Error> {
    let mut change = Change::begin(core, actor, key.server).await?;
    let standing = change.actor_standing().await?;
    guard::add_or_remove_entry(&change.before, &standing.subject(), Scope::Channel(key.channel), None)?;
    if !change.standing(&key.accid).await?.is_member() {
        return Err(Error::NotFound("member"));
    }
    let created = change.tick();
    let new = Override {
        id: core.next_id()?,
        server: key.server,
        channel: key.channel,
        accid: key.accid.clone(),
        auths: Auths::new(),
        created,
        updated: created,
    };
    if !store::insert_override(&mut *change.tx, &new).await? {
        return Err(Error::Repeated("the member has an override there"));
    }
    let role = with_member(&mut change, new).await?;
    change.reload().await?;
    change.commit().await?;
    Ok(role)
}

/// 24_70. Notifies 30 when it had decided anything: those rights are inherited again.
///
/// Errors: 404; 403 as for [`add`].
pub async fn remove(core: &Core, actor: &Actor, key: &Key) -> Result<(), Error> {
    let mut change = Change::begin(core, actor, key.server).await?;
    let standing = change.actor_standing().await?;
    guard::add_or_remove_entry(&change.before, &standing.subject(), Scope::Channel(key.channel), None)?;
    let mut old = found(&mut change, key).await?;
    store::delete_override(&mut *change.tx, key.channel, &key.accid).await?;
    let freed: Vec<(Right, AuthValue)> =
        old.auths.iter().map(|(right, _)| (right, AuthValue::Ignore)).collect();
    if !freed.is_empty() {
        old.auths = Auths::new();
        old.updated = change.now().max(old.updated);
        let role = with_member(&mut change, old).await?;
        let fact = Fact::MemberRoleUpdate { role, auths: auths_text(&freed) };
        change.notify_about(Some(key.channel), Audience::Server { also: Vec::new() }, fact);
    }
    change.reload().await?;
    change.commit().await
}

/// 24_71. Notifies 30 to the server.
///
/// Errors: 404; 403 without manageRole there, hidden, or by the grant guards; 414 a right that exists only on server
/// roles, or more than 50.
pub async fn update(
    core: &Core,
    actor: &Actor,
    key: &Key,
    auths: &[(Right, AuthValue)],
) -> Result<MemberRole, Error> {
    settable(core, actor.user.app, auths).await?;
    let mut change = Change::begin(core, actor, key.server).await?;
    let standing = change.actor_standing().await?;
    let scope = Scope::Channel(key.channel);
    guard::update_override(&change.before, &standing.subject(), scope, &key.accid, auths)?;
    let mut changed = found(&mut change, key).await?;
    changed.auths = guard::updated(&changed.auths, scope, auths);
    changed.updated = change.now().max(changed.updated);
    store::update_override(&mut *change.tx, &changed).await?;
    let role = with_member(&mut change, changed).await?;
    let fact = Fact::MemberRoleUpdate { role: role.clone(), auths: auths_text(auths) };
    change.notify_about(Some(key.channel), Audience::Server { also: Vec::new() }, fact);
    change.reload().await?;
    change.commit().await?;
    Ok(role)
}

async fn found(change: &mut Change, key: &Key) -> Result<Override, Error> {
    let found = store::get_override(&mut *change.tx, key.channel, &key.accid).await?;
    found.ok_or(Error::NotFound("override"))
}

async fn with_member(change: &mut Change, of: Override) -> Result<MemberRole, Error> {
    let member = rotunda_store::member::get(&mut *change.tx, of.server, &of.accid).await?;
    Ok(MemberRole {
        id: of.id,
        server: of.server,
        place: Place::Channel(of.channel),
        accid: of.accid,
        auths: of.auths,
        member: member.ok_or(Error::NotFound("member"))?,
        created: of.created,
        updated: of.updated,
    })
}
