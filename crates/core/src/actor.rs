//! Who acts.

use rotunda_model::{DeviceId, UserKey};

/// A logged-in account on one device. Everything a use case knows of its caller.
#[derive(Debug, Clone)]
pub struct Actor {
    pub user: UserKey,
    pub device: DeviceId,
    /// The wire's client type; 16 is Web.
    pub client_type: u8,
    /// Display name of the account; shown as `fromNick` of the notifications it causes.
    pub nick: String,
}
