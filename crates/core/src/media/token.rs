//! The token of 25_1: account and devices, nothing about a channel.

use rotunda_model::{DeviceId, Millis, UserKey};

use crate::{Actor, Core, Error, TokenError};

/// Lifetime of a 25_1 token, in seconds. The SDK renews 240 s before the end with a 32-bit timer, so it must lie
/// between 240 s and 24.8 days; longer means fewer renewals, and a longer life of a stolen token.
pub const MEDIA_TOKEN_SECONDS: i64 = 86_400;

#[derive(Debug, Clone)]
pub struct MediaToken {
    pub token: String,
    /// Seconds until it expires.
    pub expire_s: i64,
}

#[derive(Debug, Clone)]
pub struct MediaIdentity {
    pub user: UserKey,
    /// The room kit's device (`neroomDeviceId`).
    pub neroom_device: String,
    /// The QChat link's device that asked for the token.
    pub link_device: DeviceId,
    pub expires: Millis,
}

/// 25_1.
pub async fn issue_token(core: &Core, actor: &Actor, neroom_device_id: &str) -> Result<MediaToken, Error> {
    let _ = (core, actor, neroom_device_id);
    todo!()
}

/// For the `token` header of room REST and for 2_3: right signature, app key, account and device, not expired, account
/// not disabled. `device_id` is the room kit's.
pub async fn verify_token(
    core: &Core,
    app_key: &str,
    accid: &str,
    device_id: &str,
    token: &str,
) -> Result<MediaIdentity, TokenError> {
    let _ = (core, app_key, accid, device_id, token);
    todo!()
}
