//! The two tokens between `entry` and `Join`: `rtcToken`, and the session token of channel info.

use rotunda_model::{Accid, ChannelId, DeviceId, Millis, UserKey};
use serde::{Deserialize, Serialize};

/// `typ` of the token that `entry` answers.
pub(crate) const RTC_TOKEN: &str = "rtc";
/// `typ` of the token that channel info answers.
pub(crate) const SESSION_TOKEN: &str = "session";

/// How long both are taken, seconds. A seat that lives longer enters again; a token of before a restart re-seats
/// within this time.
const LIFETIME_S: i64 = 24 * 60 * 60;

/// Names one seat. Both tokens live as long as it does: a token whose seat is gone opens nothing, save once, after a
/// restart, by [`SessionClaims::jti`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SessionClaims {
    pub typ: String,
    pub app: i64,
    pub accid: Accid,
    pub channel: ChannelId,
    pub cid: i64,
    pub uid: i64,
    pub seat: u64,
    /// The process that gave the seat.
    pub boot: u64,
    /// Rises with each session token of a seat; 0 in an rtcToken.
    pub serial: u32,
    /// The room kit's device and its QChat link, to seat the member again after a restart.
    pub device: DeviceId,
    pub link_device: DeviceId,
    pub name: String,
    /// When the 25_1 token of the entry expires.
    pub token_expires: Millis,
    /// Of a session token: random, to be used once for a new seat.
    pub jti: String,
    /// Seconds since the epoch.
    pub exp: i64,
}

impl SessionClaims {
    pub fn expiry(now: Millis) -> i64 {
        now.get() / 1000 + LIFETIME_S
    }

    /// `None` when the app id is none, which no token signed here has.
    pub fn user(&self) -> Option<UserKey> {
        Some(UserKey { app: self.app.try_into().ok()?, accid: self.accid.clone() })
    }
}
