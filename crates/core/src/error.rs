//! What a use case may refuse, and the vendor code of each refusal.

use rotunda_model::Code;
use rotunda_permissions::Refusal;
use rotunda_store::StoreError;

/// A refused or failed use case. Clients see only [`Error::code`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("app key, account or token is wrong")]
    WrongCredentials,
    #[error("the account is disabled")]
    AccountDisabled,
    #[error("login type {0} is not enabled")]
    AuthTypeDisabled(i64),
    #[error("not a member of the server")]
    NotMember,
    #[error("the channel is not visible to the caller")]
    Invisible,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("refused: {0}")]
    Forbidden(&'static str),
    #[error("no such {0}")]
    NotFound(&'static str),
    #[error("bad parameter: {0}")]
    Parameter(&'static str),
    #[error("{what} has {actual} bytes or items, at most {max} are taken")]
    TooLong { what: &'static str, actual: usize, max: usize },
    #[error("already so: {0}")]
    Repeated(&'static str),
    #[error("over the limit of {max} {what}")]
    OverLimit { what: &'static str, max: u32 },
    #[error("the {0} expired")]
    Expired(&'static str),
    #[error("busy: {0}")]
    Busy(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Internal(&'static str),
    #[error("a stored secret does not open: {0}")]
    Sealed(&'static str),
}

impl Error {
    /// The number the client gets.
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::WrongCredentials => Code::UNAUTHORIZED,
            Self::AccountDisabled => Code::DISABLED,
            Self::AuthTypeDisabled(_) | Self::NotMember | Self::Invisible | Self::Forbidden(_) => {
                Code::FORBIDDEN
            }
            Self::NotFound(_) => Code::NOT_FOUND,
            Self::Parameter(_) => Code::PARAMETER,
            Self::TooLong { .. } => Code::TOO_LONG,
            Self::Repeated(_) => Code::REPEATED,
            Self::OverLimit { .. } => Code::OVER_LIMIT,
            Self::Expired(_) => Code::EXPIRED,
            Self::Busy(_) => Code::BUSY,
            Self::Store(error) if error.is_busy() => Code::BUSY,
            Self::Store(_) | Self::Sealed(_) | Self::Internal(_) => Code::INTERNAL,
        }
    }
}
