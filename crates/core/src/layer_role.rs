//! Roles of channels (频道身份组) and categories: what a server role says there.

use rotunda_model::{
    AuthValue, Auths, Place, Right, RoleId, ServerId,
    notification::{Audience, Fact},
    role::LayerRole,
};
use rotunda_permissions::{Scope, guard};
use rotunda_store::layer as store;

use crate::{
    Actor, Core, Error,
    change::Change,
    page::PageRequest,
    role::{auths_text, settable},
    server::view,
    text,
};

/// 24_65, 24_83: a role there for a custom server role. All rights are inherited at first. Notifies 29 to the server.
///
/// Errors: 404 server, place of that server, or server role; 403 hidden, without manageRole (and manageChannel in a
/// channel), or @everyone, which has its role from the start; 417 there is one already.
pub async fn add(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    place: Place,
    server_role: RoleId,
) -> Result<LayerRole, Error> {
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::add_entry(&change.before, &standing.subject(), place.into(), Some(server_role))?;
    let (id, created) = (core.next_id()?, change.tick());
    if !store::insert_role(&mut *change.tx, id, place, server_role, created).await? {
        return Err(Error::Repeated("the server role has a role there"));
    }
    let role = store::get_role(&mut *change.tx, place, id).await?.ok_or(Error::NotFound("role"))?;
    tell(&mut change, &role, &[]);
    change.reload().await?;
    change.commit().await?;
    Ok(role)
}

/// 24_66, 24_84, by the role's own id. Notifies 29 to the server: what it had decided is inherited again.
///
/// Errors: 404; 403 as for [`add`], or when it denies the caller a right that the caller would have without it.
pub async fn remove(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    place: Place,
    id: RoleId,
) -> Result<(), Error> {
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    let found = store::get_role(&mut *change.tx, place, id).await?;
    let Some(mut role) = found else {
        guard::add_entry(&change.before, &standing.subject(), place.into(), None)?;
        return Err(Error::NotFound("role"));
    };
    guard::remove_layer_role(&change.before, &standing.subject(), place.into(), role.server_role)?;
    store::delete_role(&mut *change.tx, place, id).await?;
    let freed = inherited_again(&role.auths);
    role.auths = Auths::new();
    role.updated = change.now().max(role.updated);
    tell(&mut change, &role, &freed);
    change.reload().await?;
    change.commit().await
}

/// 24_67, 24_85, by the role's own id; the one of @everyone too. Notifies 29 to the server. Without rights nothing
/// changes and nobody is told.
///
/// Errors: 404; 403 hidden, without manageRole (and manageChannel in a channel), or by the grant guards; 414 a right
/// that exists only on server roles or is not defined, or more than 50.
pub async fn update(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    place: Place,
    id: RoleId,
    auths: &[(Right, AuthValue)],
) -> Result<LayerRole, Error> {
    settable(core, actor.user.app, auths).await?;
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    let scope = Scope::from(place);
    let found = store::get_role(&mut *change.tx, place, id).await?;
    let Some(mut role) = found else {
        guard::add_entry(&change.before, &standing.subject(), scope, None)?;
        return Err(Error::NotFound("role"));
    };
    guard::update_layer_role(&change.before, &standing.subject(), scope, role.server_role, auths)?;
    if auths.is_empty() {
        return Ok(role);
    }
    role.auths = guard::updated(&role.auths, scope, auths);
    role.updated = change.now().max(role.updated);
    store::update_role(&mut *change.tx, &role).await?;
    tell(&mut change, &role, auths);
    change.reload().await?;
    change.commit().await?;
    Ok(role)
}

/// 24_68, 24_86: the roles there, the one of @everyone among them, newest first. Of a channel in sync its own, which
/// have no effect: when it leaves the sync a copy of its category's takes their place.
///
/// Errors: 404; 403 not a member, or hidden; 414 an unfit page.
pub async fn page(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    place: Place,
    request: PageRequest,
) -> Result<Vec<LayerRole>, Error> {
    let (before, limit) = (request.before()?, request.limit()?);
    sees(core, actor, server, place).await?;
    Ok(store::role_page(core.store().pool(), place, before, limit).await?)
}

/// 24_78: those of the server roles that have a role there.
///
/// Errors: 404; 403 not a member, or hidden; 414 none or more than 100 asked.
pub async fn existing(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    place: Place,
    server_roles: &[RoleId],
) -> Result<Vec<LayerRole>, Error> {
    text::batch("more than 100 roles at once", server_roles)?;
    sees(core, actor, server, place).await?;
    Ok(store::roles_for(core.store().pool(), place, server_roles).await?)
}

/// Requires that the actor sees the place, and that it is of the server.
pub(crate) async fn sees(core: &Core, actor: &Actor, server: ServerId, place: Place) -> Result<(), Error> {
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    Ok(guard::sees(&snapshot, &standing.subject(), place.into())?)
}

/// What the end of an entry changes.
pub(crate) fn inherited_again(auths: &Auths) -> Vec<(Right, AuthValue)> {
    auths.iter().map(|(right, _)| (right, AuthValue::Ignore)).collect()
}

fn tell(change: &mut Change, role: &LayerRole, auths: &[(Right, AuthValue)]) {
    let fact = Fact::LayerRoleUpdate { role: role.clone(), auths: auths_text(auths) };
    change.notify_about(channel_of(role.place), Audience::Server { also: Vec::new() }, fact);
}

/// The channel of a notification's envelope; it has no field for a category.
pub(crate) fn channel_of(place: Place) -> Option<rotunda_model::ChannelId> {
    match place {
        Place::Channel(channel) => Some(channel),
        Place::Category(_) => None,
    }
}
