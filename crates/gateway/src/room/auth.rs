//! Who calls room REST: headers `user`, `token`, `AppKey` and `deviceId`.

use axum::http::HeaderMap;
use rotunda_core::{TokenError, account, media};
use rotunda_model::{Accid, ChannelId, Code, DeviceId, Millis, UserKey};
use rotunda_room::SeatId;

use super::{Owner, answer::Failure, confirm::authorised_until};
use crate::Gateway;

/// A caller with a good 25_1 token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub user: UserKey,
    /// The room kit's device.
    pub device: DeviceId,
    /// The QChat link that got the token.
    pub link_device: DeviceId,
    pub expires: Millis,
    pub app_key: String,
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty())
}

/// The app key is in the path and, from every kit, in a header too: both must be of the same app.
fn credentials<'a>(headers: &'a HeaderMap, app_key: &str) -> Option<(&'a str, &'a str, &'a str)> {
    if header(headers, "appkey").is_some_and(|named| named != app_key) {
        return None;
    }
    Some((header(headers, "user")?, header(headers, "deviceid")?, header(headers, "token")?))
}

impl Gateway {
    /// Codes: 1026 expired; 1027 missing, wrong, or of another device, account or app.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap, app_key: &str) -> Result<Caller, Failure> {
        let (accid, device, token) = credentials(headers, app_key).ok_or(Failure::TOKEN_WRONG)?;
        match media::verify_token(&self.core, app_key, accid, device, token).await {
            Ok(identity) => Ok(Caller {
                user: identity.user,
                device: DeviceId::new(&identity.neroom_device).ok_or(Failure::TOKEN_WRONG)?,
                link_device: identity.link_device,
                expires: identity.expires,
                app_key: app_key.to_owned(),
            }),
            Err(TokenError::Expired) => Err(Failure::TOKEN_EXPIRED),
            Err(TokenError::Wrong) => Err(Failure::TOKEN_WRONG),
            Err(TokenError::Unavailable) => Err(Failure(Code::BUSY)),
        }
    }

    /// For leaving, for which an expired token is good enough: an otherwise wrong one is not.
    pub(crate) async fn authenticate_leaver(
        &self,
        headers: &HeaderMap,
        app_key: &str,
    ) -> Result<(UserKey, DeviceId), Failure> {
        match self.authenticate(headers, app_key).await {
            Ok(caller) => return Ok((caller.user, caller.device)),
            Err(Failure::TOKEN_EXPIRED) => {}
            Err(other) => return Err(other),
        }
        let (accid, device, _) = credentials(headers, app_key).ok_or(Failure::TOKEN_WRONG)?;
        let app = account::app_by_key(&self.core, app_key).await?.ok_or(Failure::TOKEN_WRONG)?;
        let accid = Accid::new(accid).map_err(|_| Failure::TOKEN_WRONG)?;
        let device = DeviceId::new(device).ok_or(Failure::TOKEN_WRONG)?;
        Ok((UserKey { app: app.id, accid }, device))
    }

    /// Runs `act` for the caller's seat in this channel.
    ///
    /// Codes without a seat: 404 unknown channel, 414 not of type media, else 403.
    pub(crate) async fn with_seat<T: Send + 'static, E: Into<Failure> + Send + 'static>(
        &self,
        caller: &Caller,
        channel: ChannelId,
        act: impl FnOnce(&mut Owner, SeatId) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Failure> {
        let Some(room) = self.rooms.find(caller.user.app, channel) else {
            media::verdict(&self.core, &caller.user, channel).await?;
            return Err(Failure::NO_SEAT);
        };
        let (accid, device) = (caller.user.accid.clone(), caller.device.clone());
        let until = authorised_until(caller.expires);
        room.call(move |owner| {
            let seat = owner.room.seat_on(&accid, &device).ok_or(Failure::NO_SEAT)?;
            owner.room.authorise(seat, until);
            act(owner, seat).map_err(Into::into)
        })
        .await?
    }
}

/// The channel a path names. No id, no channel.
pub(crate) fn channel(text: &str) -> Result<ChannelId, Failure> {
    text.parse().map_err(|_| Failure::NOT_FOUND)
}

/// The member a path names.
pub(crate) fn member(text: &str) -> Result<Accid, Failure> {
    Accid::new(text).map_err(|_| Failure(Code(1015)))
}
