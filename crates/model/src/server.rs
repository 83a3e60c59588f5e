//! Servers (communities), their members, and the ways in.

use serde::{Deserialize, Serialize};

use crate::{Accid, AppId, Millis, RequestId, ServerId};

/// Members a server may have before notifications need a subscription (the vendor's threshold).
pub const SUBSCRIPTION_THRESHOLD: u32 = 2_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub id: ServerId,
    pub app: AppId,
    pub name: String,
    pub icon: String,
    pub ext: String,
    pub owner: Accid,
    pub invite_mode: InviteMode,
    pub apply_mode: ApplyMode,
    pub search_type: i32,
    pub search_enabled: bool,
    pub reorder_weight: i64,
    pub member_count: u32,
    pub channel_count: u32,
    pub category_count: u32,
    pub created: Millis,
    pub updated: Millis,
    /// Rises with every change that can alter a verdict.
    pub version: i64,
}

/// Whether an invited account must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum InviteMode {
    #[default]
    NeedsConsent,
    NoConsent,
}

/// Whether an application must be approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ApplyMode {
    #[default]
    Open,
    NeedsApproval,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub server: ServerId,
    pub accid: Accid,
    /// The member's own nick here, else the account's name.
    pub nick: String,
    pub avatar: String,
    pub ext: String,
    pub is_owner: bool,
    pub inviter: Option<Accid>,
    pub joined: Millis,
    pub created: Millis,
    pub updated: Millis,
}

/// An account kept out of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    pub server: ServerId,
    pub accid: Accid,
    pub ext: String,
    pub created: Millis,
    pub updated: Millis,
}

/// A pending or settled invitation or application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub id: RequestId,
    pub expires: Millis,
}

macro_rules! wire_number {
    ($name:ident { $($variant:ident = $number:literal),* $(,)? }) => {
        impl $name {
            pub const fn number(self) -> i16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// `None` for a number outside the vendor's enum (code 414).
            pub const fn from_number(number: i64) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use wire_number;

wire_number!(InviteMode { NeedsConsent = 0, NoConsent = 1 });
wire_number!(ApplyMode { Open = 0, NeedsApproval = 1 });
