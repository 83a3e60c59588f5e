//! The token of 25_1: account and devices, nothing about a channel.

use rotunda_model::{Accid, AppId, DeviceId, Millis, UserKey};
use serde::{Deserialize, Serialize};

use crate::{Actor, Core, Error, TokenError, keys::Validity, text};

/// Lifetime of a 25_1 token unless configured, in seconds. The SDK renews 240 s before the end with a 32-bit timer, so it must lie
/// between 240 s and 24.8 days; longer means fewer renewals, and a longer life of a stolen token.
pub const MEDIA_TOKEN_SECONDS: i64 = 86_400;

/// Longest device id of a room kit, in bytes.
const NEROOM_DEVICE_MAX: usize = 128;

/// What tells this token from other tokens of the same key.
const PURPOSE: &str = "media";

#[derive(Debug, Clone)]
pub struct MediaToken {
    pub token: String,
    /// Seconds until it expires.
    pub expire_s: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct MediaIdentity {
    pub user: UserKey,
    /// The room kit's device (`neroomDeviceId`).
    pub neroom_device: String,
    /// The QChat link's device that asked for the token.
    pub link_device: DeviceId,
    pub expires: Millis,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    /// Purpose.
    typ: String,
    app: AppId,
    sub: Accid,
    neroom_device: String,
    link_device: DeviceId,
    iat: i64,
    exp: i64,
}

/// 25_1. Errors: 414 an unfit device id.
pub async fn issue_token(core: &Core, actor: &Actor, neroom_device_id: &str) -> Result<MediaToken, Error> {
    text::bytes("neroomDeviceId", neroom_device_id, NEROOM_DEVICE_MAX)?;
    if neroom_device_id.is_empty() {
        return Err(Error::Parameter("an empty neroomDeviceId"));
    }
    let life = core.config().media_token_secs;
    let now_s = core.env().now().get().div_euclid(1_000);
    let token = core.sign(&Claims {
        typ: PURPOSE.to_owned(),
        app: actor.user.app,
        sub: actor.user.accid.clone(),
        neroom_device: neroom_device_id.to_owned(),
        link_device: actor.device.clone(),
        iat: now_s,
        exp: now_s + life,
    })?;
    Ok(MediaToken { token, expire_s: life })
}

/// For the `token` header of room REST and for 2_3: right signature, app key, account and device, not expired, account
/// not disabled. `device_id` is the room kit's. [`TokenError::Expired`] only when all the rest is right.
pub async fn verify_token(
    core: &Core,
    app_key: &str,
    accid: &str,
    device_id: &str,
    token: &str,
) -> Result<MediaIdentity, TokenError> {
    // Postgres out of reach must not read as "wrong": the client would throw its token away.
    let (claims, validity): (Claims, Validity) = core.read(token)?;
    let accid = Accid::new(accid).map_err(|_| TokenError::Wrong)?;
    if claims.typ != PURPOSE || claims.sub != accid || claims.neroom_device != device_id {
        return Err(TokenError::Wrong);
    }
    let app = crate::account::app_by_key(core, app_key).await.map_err(|_| TokenError::Unavailable)?;
    if app.is_none_or(|app| app.id != claims.app) {
        return Err(TokenError::Wrong);
    }
    let user = UserKey { app: claims.app, accid };
    let account = crate::account::find(core, &user).await.map_err(|_| TokenError::Unavailable)?;
    if account.is_none_or(|account| account.disabled) {
        return Err(TokenError::Wrong);
    }
    // Last, so that "expired" says that all the rest is right: an expired token is still good enough to leave with.
    if validity == Validity::Expired {
        return Err(TokenError::Expired);
    }
    Ok(MediaIdentity {
        user,
        neroom_device: claims.neroom_device,
        link_device: claims.link_device,
        expires: Millis(claims.exp.saturating_mul(1_000)),
    })
}
