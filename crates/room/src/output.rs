//! What an operation leads to, and why one is refused.

use std::sync::Arc;

use rotunda_model::{Accid, Code, DeviceId};
use serde_json::Value;

use crate::{ProducerId, SeatId, SocketId, Source};

/// One consequence. Apply them in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    Table(Table),
    /// A push body, as JSON text, for the push links of these members.
    Push {
        to: Vec<Recipient>,
        body: Arc<str>,
    },
    /// A notification over RTC signalling.
    Notify {
        to: SocketId,
        method: &'static str,
        data: Value,
    },
    /// The session on this socket is over: after `after_ms`, if it is still open, send `OnKickOff` with reason
    /// `kick`, then close it.
    CloseSignalling {
        socket: SocketId,
        kick: Option<u8>,
        after_ms: u32,
    },
    Persist(Persist),
    Seated {
        seat: SeatId,
        accid: Accid,
    },
    Unseated {
        seat: SeatId,
        accid: Accid,
        device: DeviceId,
        reason: EndReason,
    },
    /// The room is closed; nothing follows.
    Ended,
}

/// A change of what the media plane forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Forward {
        producer: ProducerId,
        on: bool,
    },
    RemoveProducer(ProducerId),
    /// Everything of this seat: both transports, its producers, its consumers.
    CloseSession(SeatId),
}

/// State that outlives the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Persist {
    Property { key: &'static str, value: Option<String> },
    ModeratorOff { accid: Accid, source: Source, off: bool },
    Clear,
}

/// A push link: account and room device.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Recipient {
    pub accid: Accid,
    pub device: DeviceId,
}

/// `reason.type` of push 33.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveType {
    Normal,
    AdminKick,
    SelfKick,
}

impl LeaveType {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::AdminKick => "ADMIN_KICK",
            Self::SelfKick => "SELF_KICK",
        }
    }
}

/// Why a seat ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The member left.
    Left,
    /// Removed by another member, or by whoever operates the server.
    Kicked,
    /// Lost the right to be here.
    Evicted,
    /// The same account entered from another device.
    Replaced,
    /// Signalling, push and media were gone for the whole grace.
    Silent,
    /// The QChat link was gone for the whole grace.
    LinkGone,
    /// The token expired long ago and was never renewed.
    TokenExpired,
    /// The room was closed.
    Closed,
}

impl EndReason {
    /// Label for a counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Kicked => "kicked",
            Self::Evicted => "evicted",
            Self::Replaced => "replaced",
            Self::Silent => "silent",
            Self::LinkGone => "link_gone",
            Self::TokenExpired => "token_expired",
            Self::Closed => "closed",
        }
    }
}

/// Why an operation was refused; nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the right for this is missing")]
    Forbidden,
    #[error("all {limit} seats are taken")]
    Full { limit: u32 },
    #[error("somebody else is sharing a screen")]
    SecondSharer,
    #[error("the target member is not in the room")]
    TargetAbsent,
    #[error("the caller holds no seat in this room")]
    NoSeat,
    #[error("no producer of this member has this id")]
    UnknownProducer,
    #[error("unusable: {0}")]
    Unusable(&'static str),
}

impl Refusal {
    /// The code of room REST and of signalling (`data.code`) alike.
    pub const fn code(&self) -> Code {
        match self {
            Self::Forbidden | Self::NoSeat => Code(403),
            Self::Full { .. } => Code(1002),
            Self::SecondSharer => Code(1012),
            Self::TargetAbsent => Code(1015),
            Self::UnknownProducer => Code(404),
            Self::Unusable(_) => Code(400),
        }
    }
}
