//! Where an app's events are sent, and what became of them.

use crate::{AppId, Millis};

/// An address of an app's backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: i64,
    pub app: AppId,
    /// The app's public key: named in every request.
    pub app_key: String,
    /// `http` or `https`.
    pub url: String,
    /// Names of the events it gets; none: all.
    pub kinds: Vec<String>,
    pub created: Millis,
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub event: i64,
    pub state: DeliveryState,
    pub attempts: u32,
    /// When it is tried next, or when it was done with.
    pub at: Millis,
    /// HTTP status of the last answer.
    pub status: Option<u16>,
    /// What failed instead of an answer, in a few words.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    Waiting,
    Delivered,
    GivenUp,
}

impl DeliveryState {
    /// As stored.
    pub const fn number(self) -> i16 {
        match self {
            Self::Waiting => 0,
            Self::Delivered => 1,
            Self::GivenUp => 2,
        }
    }

    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            0 => Some(Self::Waiting),
            1 => Some(Self::Delivered),
            2 => Some(Self::GivenUp),
            _ => None,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}
