//! Why an operation is refused.

use rotunda_model::{Code, Right, RoleId};

use crate::{Rank, Scope};

/// The condition an operation did not meet. [`Self::code`] is what a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the actor is not a member of the server")]
    NotMember,
    #[error("only the owner may do this")]
    OwnerOnly,
    #[error("the owner cannot be the target of this")]
    OwnerUntouchable,
    #[error("the owner cannot leave the server")]
    OwnerStays,
    #[error("an account cannot do this to itself")]
    Oneself,
    #[error("{0:?} is not visible to the actor")]
    Hidden(Scope),
    #[error("the actor lacks right {} in {scope:?}", right.id())]
    Lacking { right: Right, scope: Scope },
    /// Rank rule.
    #[error("a role of priority {priority} is not below the actor's rank ({own})")]
    RankTooLow { own: Rank, priority: i64 },
    /// Grant guard G1.
    #[error("right {} cannot be set in {scope:?} by an actor who does not hold it there", right.id())]
    NotHeld { right: Right, scope: Scope },
    /// Grant guard G2.
    #[error("the actor would lose right {} in {scope:?} by its own change", right.id())]
    WouldLose { right: Right, scope: Scope },
    /// Grant guard G1, for what no update of auths names: an entry that goes, a category that is followed, a role that
    /// is entered.
    #[error("the actor would gain right {} in {scope:?} by its own change", right.id())]
    WouldGain { right: Right, scope: Scope },
    #[error("the actor would come to see {0:?} by its own change")]
    WouldSee(Scope),
    #[error("the role allows right {}, which the actor does not hold", right.id())]
    SelfPromotion { right: Right },
    #[error("of @everyone only the rights can change")]
    EveryoneIsFixed,
    #[error("no such place: {0:?}")]
    UnknownScope(Scope),
    #[error("role {0} is not a role of this server, or has no entry there")]
    UnknownRole(RoleId),
    #[error("the member has no override there")]
    UnknownOverride,
    #[error("right {} exists only on server roles", .0.id())]
    ServerOnlyRight(Right),
    #[error("priority {0} is outside 1 to 9007199254740991")]
    PriorityOutOfRange(i64),
    #[error("the list does not fit the view mode in force")]
    ListNotInForce,
    #[error("view mode and lists of a channel in sync are its category's")]
    InSync,
}

impl Refusal {
    /// 403 for want of right or rank, 404 for what does not exist, 414 for what makes no sense.
    pub const fn code(self) -> Code {
        match self {
            Self::UnknownScope(_) | Self::UnknownRole(_) | Self::UnknownOverride => Code::NOT_FOUND,
            Self::ServerOnlyRight(_) | Self::PriorityOutOfRange(_) | Self::ListNotInForce | Self::InSync => {
                Code::PARAMETER
            }
            Self::NotMember
            | Self::OwnerOnly
            | Self::OwnerUntouchable
            | Self::OwnerStays
            | Self::Oneself
            | Self::Hidden(_)
            | Self::Lacking { .. }
            | Self::RankTooLow { .. }
            | Self::NotHeld { .. }
            | Self::WouldLose { .. }
            | Self::WouldGain { .. }
            | Self::WouldSee(_)
            | Self::SelfPromotion { .. }
            | Self::EveryoneIsFixed => Code::FORBIDDEN,
        }
    }
}
