//! The server itself, its members and the ways in.

use rotunda_model::{Accid, Right};

use super::{holds, sees};
use crate::{Rank, Refusal, Scope, Snapshot, Subject};

/// The owner, or manageServer (the typings and the guide disagree; both are served).
pub fn update_server(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::MANAGE_SERVER)
}

/// The owner alone.
pub fn delete_server(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    sees(snapshot, actor, Scope::Server)?;
    if snapshot.best_rank(actor) == Rank::Owner { Ok(()) } else { Err(Refusal::OwnerOnly) }
}

/// Any member but the owner.
pub fn leave(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    sees(snapshot, actor, Scope::Server)?;
    if snapshot.best_rank(actor) == Rank::Owner { Err(Refusal::OwnerStays) } else { Ok(()) }
}

/// Inviting accounts and making invite codes.
pub fn invite(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::INVITE_SERVER)
}

/// Accepting and rejecting applications.
pub fn handle_applications(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::MANAGE_INVITE_APPLY)
}

/// Reading the invitations and applications of the whole server.
pub fn read_invite_history(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::MANAGE_INVITE_APPLY_HISTORY)
}

pub fn edit_own_info(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::ACCOUNT_INFO_SELF)
}

pub fn edit_other_info(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::ACCOUNT_INFO_OTHER)
}

/// kickServer; never the owner, never oneself. Rank plays no part.
pub fn kick(snapshot: &Snapshot, actor: &Subject<'_>, target: &Accid) -> Result<(), Refusal> {
    against(snapshot, actor, target, Right::KICK_SERVER)
}

/// banServerMember; never the owner, never oneself. Rank plays no part.
pub fn ban(snapshot: &Snapshot, actor: &Subject<'_>, target: &Accid) -> Result<(), Refusal> {
    against(snapshot, actor, target, Right::BAN_SERVER_MEMBER)
}

pub fn unban(snapshot: &Snapshot, actor: &Subject<'_>, target: &Accid) -> Result<(), Refusal> {
    against(snapshot, actor, target, Right::BAN_SERVER_MEMBER)
}

/// Reading who is banned: the right to ban.
pub fn read_bans(snapshot: &Snapshot, actor: &Subject<'_>) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, Right::BAN_SERVER_MEMBER)
}

fn against(snapshot: &Snapshot, actor: &Subject<'_>, target: &Accid, right: Right) -> Result<(), Refusal> {
    holds(snapshot, actor, Scope::Server, right)?;
    if *target == snapshot.owner {
        return Err(Refusal::OwnerUntouchable);
    }
    if target == actor.accid() { Err(Refusal::Oneself) } else { Ok(()) }
}
