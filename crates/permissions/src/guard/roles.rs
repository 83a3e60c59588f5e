//! Server roles: making, changing, ranking, filling and deleting them.

use rotunda_model::{Accid, AuthValue, Auths, Right, RoleId};

use super::{Changes, holds, may_set, updated};
use crate::{PRIORITY_MAX, PRIORITY_MIN, Rank, Refusal, Scope, Snapshot, Subject};

/// What an update asks of a server role.
#[derive(Debug, Clone, Copy, Default)]
pub struct RoleChange<'a> {
    pub auths: Changes<'a>,
    pub priority: Option<i64>,
    /// Name, icon or ext is given.
    pub appearance: bool,
}

/// Needs manageRole, and a priority strictly below the actor's rank.
pub fn create_role(snapshot: &Snapshot, actor: &Subject<'_>, priority: i64) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::MANAGE_ROLE)?;
    in_range(priority)?;
    below(snapshot, actor, priority)
}

/// What a new custom role says: the union of its creator's roles, or a copy of @everyone for one who has no other.
/// The owner gets the union of the owner's roles, not every right.
pub fn new_role_auths(snapshot: &Snapshot, creator: &Subject<'_>) -> Auths {
    let own = || {
        let everyone = std::iter::once(snapshot.everyone());
        everyone.chain(creator.roles().iter().copied()).filter_map(|role| snapshot.role_auths(role))
    };
    let listed = own().flat_map(Auths::iter).map(|(right, _)| right);
    let rights = Right::BUILT_IN.into_iter().chain(listed);
    rights
        .map(|right| {
            let allowed = own().any(|auths| auths.get(right) == AuthValue::Allow);
            (right, if allowed { AuthValue::Allow } else { AuthValue::Deny })
        })
        .collect()
}

/// Custom role: manageRole, role and new priority strictly below the actor's rank, grant guards.
/// @everyone: the owner alone, and only its rights.
pub fn update_role(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    role: RoleId,
    change: RoleChange<'_>,
) -> Result<(), Refusal> {
    if role == snapshot.everyone() {
        holds(snapshot, actor, Scope::Server, Right::MANAGE_ROLE)?;
        if snapshot.best_rank(actor) != Rank::Owner {
            return Err(Refusal::OwnerOnly);
        }
        return match change.appearance || change.priority.is_some() {
            true => Err(Refusal::EveryoneIsFixed),
            false => Ok(()),
        };
    }
    touch(snapshot, actor, role)?;
    if let Some(priority) = change.priority {
        in_range(priority)?;
        below(snapshot, actor, priority)?;
    }
    let auths = snapshot.role_auths(role).ok_or(Refusal::UnknownRole(role))?;
    may_set(snapshot, actor, Scope::Server, change.auths, |after| {
        after.set_role_auths(role, updated(auths, Scope::Server, change.auths));
    })
}

/// Needs manageRole and a role strictly below the actor's rank; @everyone stays.
pub fn delete_role(snapshot: &Snapshot, actor: &Subject<'_>, role: RoleId) -> Result<(), Refusal> {
    touch(snapshot, actor, role)
}

/// Every listed role must rank strictly below the actor before and after; one that does not fails them all.
pub fn set_priorities(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    priorities: &[(RoleId, i64)],
) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::MANAGE_ROLE)?;
    for &(role, priority) in priorities {
        touch(snapshot, actor, role)?;
        in_range(priority)?;
        below(snapshot, actor, priority)?;
    }
    Ok(())
}

/// Needs manageRole and a role strictly below the actor's rank. Who adds itself must already hold every right the
/// role allows, in the server and in each place, and see every place it opens (decided here; the vendor's pages are
/// silent): a role cannot be a ladder.
pub fn add_role_members(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    role: RoleId,
    targets: &[Accid],
) -> Result<(), Refusal> {
    touch(snapshot, actor, role)?;
    if !targets.contains(actor.accid()) {
        return Ok(());
    }
    let auths = snapshot.role_auths(role).ok_or(Refusal::UnknownRole(role))?;
    let mut allowed = auths.iter().filter(|(_, value)| *value == AuthValue::Allow).map(|(right, _)| right);
    match allowed.find(|right| !snapshot.server_allows(actor, *right)) {
        Some(right) => Err(Refusal::SelfPromotion { right }),
        None => opens_nothing(snapshot, actor, role),
    }
}

/// With the role beside its own the actor sees no more places, and holds no more rights in them. What the role allows
/// in the server is looked at already, so only what layers say of it can add anything.
fn opens_nothing(snapshot: &Snapshot, actor: &Subject<'_>, role: RoleId) -> Result<(), Refusal> {
    let roles: Vec<RoleId> = actor.roles().iter().copied().chain([role]).collect();
    let with = Subject::member(actor.accid(), &roles);
    let channels = snapshot.channels().map(|(id, _)| Scope::Channel(id));
    for scope in channels.chain(snapshot.categories().map(|(id, _)| Scope::Category(id))) {
        let Some(place) = snapshot.place(scope) else { continue };
        let sees = |who: &Subject<'_>| snapshot.sight_of(who, scope, &place).is_visible();
        if sees(&with) && !sees(actor) {
            return Err(Refusal::WouldSee(scope));
        }
        let said = place.layer.roles.get(&role).into_iter().flat_map(Auths::iter);
        let mut allowed = said.filter(|(_, value)| *value == AuthValue::Allow).map(|(right, _)| right);
        let holds = |who: &Subject<'_>, right| snapshot.allows(who, scope, right) == Some(true);
        if let Some(right) = allowed.find(|right| holds(&with, *right) && !holds(actor, *right)) {
            return Err(Refusal::WouldGain { right, scope });
        }
    }
    Ok(())
}

/// Needs manageRole and a role strictly below the actor's rank. Whoever removes nobody but itself may leave its
/// highest role too (decided here).
pub fn remove_role_members(
    snapshot: &Snapshot,
    actor: &Subject<'_>,
    role: RoleId,
    targets: &[Accid],
) -> Result<(), Refusal> {
    let only_oneself = !targets.is_empty() && targets.iter().all(|target| target == actor.accid());
    match touch(snapshot, actor, role) {
        Err(Refusal::RankTooLow { .. }) if only_oneself && actor.roles().contains(&role) => Ok(()),
        verdict => verdict,
    }
}

/// manageRole, and a custom role of this server strictly below the actor's rank.
fn touch(snapshot: &Snapshot, actor: &Subject<'_>, role: RoleId) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::MANAGE_ROLE)?;
    if role == snapshot.everyone() {
        return Err(Refusal::EveryoneIsFixed);
    }
    let rules = snapshot.roles().get(&role).ok_or(Refusal::UnknownRole(role))?;
    below(snapshot, actor, rules.priority)
}

fn below(snapshot: &Snapshot, actor: &Subject<'_>, priority: i64) -> Result<(), Refusal> {
    let own = snapshot.best_rank(actor);
    if own.is_above(priority) { Ok(()) } else { Err(Refusal::RankTooLow { own, priority }) }
}

fn in_range(priority: i64) -> Result<(), Refusal> {
    if (PRIORITY_MIN..=PRIORITY_MAX).contains(&priority) {
        Ok(())
    } else {
        Err(Refusal::PriorityOutOfRange(priority))
    }
}
