//! What each operation requires of its actor.
//!
//! One function per operation: `Ok(())`, or the first condition that is not met. They look only at the snapshot, so
//! whether an account exists, is a member or is banned, and whether a limit is reached, is for the caller to know.

mod channels;
mod layers;
mod members;
mod roles;

pub use channels::{
    create_category, create_channel, edit_list, move_channel, read_list, set_view_mode, update_category,
    update_channel, update_media_config,
};
pub use layers::{add_entry, remove_layer_role, remove_override, update_layer_role, update_override};
pub use members::{
    ban, delete_server, edit_other_info, edit_own_info, handle_applications, invite, kick, leave, read_bans,
    read_invite_history, unban, update_server,
};
pub use roles::{
    RoleChange, add_role_members, create_role, delete_role, new_role_auths, remove_role_members,
    set_priorities, update_role,
};

pub use rotunda_model::ListKind;
use rotunda_model::{AuthValue, Auths, Right, right::RightScope};

use crate::{Refusal, Scope, Sight, Snapshot, Subject};

/// An update of auths: only the rights it lists change. The last of two equal rights counts.
pub type Changes<'a> = &'a [(Right, AuthValue)];

/// Requires that the actor is a member and sees the place.
pub fn sees(snapshot: &Snapshot, actor: &Subject<'_>, scope: Scope) -> Result<(), Refusal> {
    let sight = snapshot.sight(actor, scope).ok_or(Refusal::UnknownScope(scope))?;
    if !actor.is_member() {
        return Err(Refusal::NotMember);
    }
    if sight.is_visible() { Ok(()) } else { Err(Refusal::Hidden(scope)) }
}

/// Requires that the actor sees the place, as a member or as a visitor: for reading what visitors may read.
pub fn looks(snapshot: &Snapshot, actor: &Subject<'_>, scope: Scope) -> Result<(), Refusal> {
    match snapshot.sight(actor, scope).ok_or(Refusal::UnknownScope(scope))? {
        Sight::Outsider => Err(Refusal::NotMember),
        sight if sight.is_visible() => Ok(()),
        _ => Err(Refusal::Hidden(scope)),
    }
}

/// Requires that the actor holds the right there, which includes being a member and seeing the place.
pub fn holds(snapshot: &Snapshot, actor: &Subject<'_>, scope: Scope, right: Right) -> Result<(), Refusal> {
    sees(snapshot, actor, scope)?;
    match snapshot.allows(actor, scope, right) {
        Some(true) => Ok(()),
        _ => Err(Refusal::Lacking { right, scope }),
    }
}

/// The auths after an update. On a server role ignore is stored as deny; in a layer it means to inherit.
#[must_use]
pub fn updated(auths: &Auths, scope: Scope, changes: Changes<'_>) -> Auths {
    let mut auths = auths.clone();
    for &(right, value) in changes {
        let value = match (scope, value) {
            (Scope::Server, AuthValue::Ignore) => AuthValue::Deny,
            (_, value) => value,
        };
        auths.set(right, value);
    }
    auths
}

/// The grant guards of every update of auths. `apply` makes the change on a copy.
///
/// G1: only rights that the actor holds in that scope. G2: none of them is lost to the actor by the change. The
/// vendor states G2 as "at least one of one's own roles must keep allow"; here it is asked of the evaluation itself,
/// so that it holds in a channel too, whose layers can take a right away in more ways. G3, that the owner is above
/// both, follows: the evaluation gives the owner every right before and after.
fn may_set(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    scope: Scope,
    changes: Changes<'_>,
    apply: impl FnOnce(&mut Snapshot),
) -> Result<(), Refusal> {
    if scope != Scope::Server
        && let Some((right, _)) = changes.iter().find(|(right, _)| right.scope() == RightScope::Server)
    {
        return Err(Refusal::ServerOnlyRight(*right));
    }
    let held = |snapshot: &Snapshot, right| snapshot.allows(actor, scope, right).unwrap_or(false);
    if let Some(&(right, _)) = changes.iter().find(|(right, _)| !held(snapshot, *right)) {
        return Err(Refusal::NotHeld { right, scope });
    }
    let mut after = snapshot.clone();
    apply(&mut after);
    match changes.iter().find(|(right, _)| !held(&after, *right)) {
        Some(&(right, _)) => Err(Refusal::WouldLose { right, scope }),
        None => Ok(()),
    }
}
