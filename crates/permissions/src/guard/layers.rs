//! Channel and category roles and member overrides. Rank plays no part in them.

use rotunda_model::{Accid, AuthValue, Auths, Right, RoleId};

use super::{Changes, holds, may_set, sees, updated};
use crate::{Layer, Refusal, Scope, Snapshot, Subject};

/// Adding a role or an override in a channel or category; the layer's @everyone is there from the start.
///
/// Channel: manageRole and manageChannel there. Category: manageRole there or in the server, and seeing it.
pub fn add_entry(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    role: Option<RoleId>,
) -> Result<(), Refusal> {
    manage(snapshot, actor, scope)?;
    match role {
        Some(role) if role == snapshot.everyone() => Err(Refusal::EveryoneIsFixed),
        Some(role) if snapshot.role_auths(role).is_none() => Err(Refusal::UnknownRole(role)),
        _ => Ok(()),
    }
}

/// Removing a role, by its server role: as [`add_entry`], and what it denied must not keep the actor itself from a
/// right. Removing sets every right of the entry to ignore, so without this it would be the way around G1.
pub fn remove_layer_role(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    role: RoleId,
) -> Result<(), Refusal> {
    add_entry(snapshot, actor, scope, Some(role))?;
    let auths = layer(snapshot, scope).and_then(|layer| layer.roles.get(&role));
    gains_nothing(snapshot, actor, scope, auths.ok_or(Refusal::UnknownRole(role))?, |layer| {
        layer.roles.remove(&role);
    })
}

/// Removing a member's override: as [`remove_layer_role`].
pub fn remove_override(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    target: &Accid,
) -> Result<(), Refusal> {
    add_entry(snapshot, actor, scope, None)?;
    let auths = layer(snapshot, scope).and_then(|layer| layer.members.get(target));
    gains_nothing(snapshot, actor, scope, auths.ok_or(Refusal::UnknownOverride)?, |layer| {
        layer.members.remove(target);
    })
}

/// The actor holds no right after `remove` that it lacks before. Only rights that the entry denied can come back.
fn gains_nothing(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    entry: &Auths,
    remove: impl FnOnce(&mut Layer),
) -> Result<(), Refusal> {
    let mut after = snapshot.clone();
    if let Some(layer) = layer_mut(&mut after, scope) {
        remove(layer);
    }
    let mut denied = entry.iter().filter(|(_, value)| *value == AuthValue::Deny).map(|(right, _)| right);
    let held = |snapshot: &Snapshot, right| snapshot.allows(actor, scope, right).unwrap_or(false);
    match denied.find(|right| !held(snapshot, *right) && held(&after, *right)) {
        Some(right) => Err(Refusal::WouldGain { right, scope }),
        None => Ok(()),
    }
}

/// Setting what a role (by its server role, @everyone included) says there: as [`add_entry`], and the grant guards.
pub fn update_layer_role(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    role: RoleId,
    changes: Changes<'_>,
) -> Result<(), Refusal> {
    manage(snapshot, actor, scope)?;
    let layer = layer(snapshot, scope).ok_or(Refusal::UnknownScope(scope))?;
    let everyone = role == snapshot.everyone();
    let auths = if everyone { Some(&layer.everyone) } else { layer.roles.get(&role) };
    let auths = updated(auths.ok_or(Refusal::UnknownRole(role))?, scope, changes);
    may_set(snapshot, actor, scope, changes, |after| match layer_mut(after, scope) {
        Some(layer) if everyone => layer.everyone = auths,
        Some(layer) => {
            layer.roles.put(role, auths);
        }
        None => {}
    })
}

/// Setting a member's override. Channel: manageRole there. Category: manageRole there or in the server, and seeing
/// it. Both: the grant guards.
pub fn update_override(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    target: &Accid,
    changes: Changes<'_>,
) -> Result<(), Refusal> {
    manage_role(snapshot, actor, scope)?;
    let layer = layer(snapshot, scope).ok_or(Refusal::UnknownScope(scope))?;
    let auths = updated(layer.members.get(target).ok_or(Refusal::UnknownOverride)?, scope, changes);
    may_set(snapshot, actor, scope, changes, |after| {
        if let Some(layer) = layer_mut(after, scope) {
            layer.members.put(target.clone(), auths);
        }
    })
}

fn manage(snapshot: &Snapshot, actor: &Subject<'_>, scope: Scope) -> Result<(), Refusal> {
    manage_role(snapshot, actor, scope)?;
    match scope {
        Scope::Channel(_) => holds(snapshot, actor, scope, Right::MANAGE_CHANNEL),
        Scope::Server | Scope::Category(_) => Ok(()),
    }
}

fn manage_role(snapshot: &Snapshot, actor: &Subject<'_>, scope: Scope) -> Result<(), Refusal> {
    sees(snapshot, actor, scope)?;
    match scope {
        Scope::Category(_) if snapshot.server_allows(actor, Right::MANAGE_ROLE) => Ok(()),
        _ => holds(snapshot, actor, scope, Right::MANAGE_ROLE),
    }
}

/// The layer that an edit there changes: its own, whether or not it is in force.
fn layer(snapshot: &Snapshot, scope: Scope) -> Option<&Layer> {
    match scope {
        Scope::Server => None,
        Scope::Channel(id) => snapshot.channel(id).map(|channel| &channel.layer),
        Scope::Category(id) => snapshot.category(id).map(|category| &category.layer),
    }
}

fn layer_mut(snapshot: &mut Snapshot, scope: Scope) -> Option<&mut Layer> {
    match scope {
        Scope::Server => None,
        Scope::Channel(id) => snapshot.channel_mut(id).map(|channel| &mut channel.layer),
        Scope::Category(id) => snapshot.category_mut(id).map(|category| &mut category.layer),
    }
}
