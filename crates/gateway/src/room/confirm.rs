//! Seating: verdict, seat, and a second look at the verdict.

use rotunda_core::media;
use rotunda_model::{ChannelId, Code, DeviceId, Millis, UserKey};
use rotunda_room::{Entry, SeatId, Seated};

use super::{Owner, RoomHandle, Unavailable, desk::room_id};
use crate::Gateway;

/// Tries to reach the owner of a channel that ends just then. Each waits for the old owner's last write.
const TRIES: usize = 3;

/// A live session outlasts its token by this much, ms; REST refuses meanwhile.
const TOKEN_GRACE_MS: i64 = 24 * 60 * 60 * 1000;

/// Who wants in, and how they showed it.
#[derive(Debug, Clone)]
pub(crate) struct Entering {
    pub user: UserKey,
    pub device: DeviceId,
    pub link_device: DeviceId,
    /// Of the token.
    pub expires: Millis,
    pub name: String,
    pub icon: String,
    pub client_type: String,
    /// The seat and session serial of a token from before a restart.
    pub reseat: Option<(SeatId, u32)>,
}

/// Until when a seat lives without its token being renewed.
pub(crate) fn authorised_until(expires: Millis) -> Millis {
    expires.plus(TOKEN_GRACE_MS)
}

impl Gateway {
    /// Takes a seat, or finds the one already held, and runs `then` at the owner right after.
    pub(crate) async fn enter<T: Send + 'static>(
        &self,
        channel: ChannelId,
        entering: Entering,
        then: impl FnOnce(&mut Owner, Seated) -> T + Clone + Send + 'static,
    ) -> Result<(T, media::MediaVerdict), Code> {
        let code = |error: rotunda_core::Error| error.code();
        let verdict = media::verdict(&self.core, &entering.user, channel).await.map_err(code)?;
        let rtc_uid = media::rtc_uid(&self.core, channel, &entering.user.accid).await.map_err(code)?;
        self.admit(channel, &entering)?;
        for _ in 0..TRIES {
            let room = self.rooms.open(entering.user.app, verdict.server, channel);
            let entry = self.entry(&entering, &verdict, rtc_uid);
            let then = then.clone();
            let seated = room.call(move |owner| {
                let now = owner.now();
                owner.room.enter(now, entry).map(|seated| then(owner, seated))
            });
            match seated.await {
                Ok(Ok(value)) => {
                    confirm(self, &room, &entering.user, &verdict).await?;
                    return Ok((value, verdict));
                }
                Ok(Err(refusal)) => return Err(refusal.code()),
                Err(Unavailable::Busy) => return Err(Code::BUSY),
                Err(Unavailable::Gone) => {}
            }
        }
        Err(Code::BUSY)
    }

    /// Newcomers wait while the media workers are busy, so that those who are seated do not suffer; who had a seat before
    /// a restart comes back. A server that is about to stop takes neither. Who has a seat comes back in any case.
    fn admit(&self, channel: ChannelId, entering: &Entering) -> Result<(), Code> {
        if self.rooms.has_seat(&entering.user, &entering.device) {
            return Ok(());
        }
        if self.rooms.is_draining() {
            metrics::counter!("rotunda_media_refused_total", "reason" => "draining").increment(1);
            return Err(Code::BUSY);
        }
        if entering.reseat.is_some() {
            return Ok(());
        }
        self.rooms.media.admit(room_id(channel)).map_err(|busy| {
            metrics::counter!("rotunda_media_refused_total", "reason" => "busy").increment(1);
            tracing::warn!(%channel, %busy, "a newcomer was refused");
            Code::BUSY
        })
    }

    fn entry(&self, entering: &Entering, verdict: &media::MediaVerdict, rtc_uid: i64) -> Entry {
        let user = &entering.user;
        let push = (user.clone(), entering.device.clone());
        let (seat, sessions) = entering.reseat.unwrap_or_else(|| (self.rooms.new_seat(), 0));
        Entry {
            seat,
            accid: user.accid.clone(),
            device: entering.device.clone(),
            link_device: entering.link_device.clone(),
            link_up: self.rooms.is_link_up(user, &entering.link_device),
            push_up: self.rooms.pushes.is_up(&push),
            reseat: entering.reseat.is_some(),
            sessions,
            name: entering.name.clone(),
            icon: entering.icon.clone(),
            role: ROLE.to_owned(),
            client_type: entering.client_type.clone(),
            rtc_uid,
            rights: verdict.rights,
            version: verdict.version,
            is_owner: verdict.is_owner,
            limit: verdict.config.limit,
            authorised_until: authorised_until(entering.expires),
        }
    }
}

/// The only role there is; what a member may do comes from QChat's rights.
pub(crate) const ROLE: &str = "qchatAudience";

/// A commit may have overtaken the verdict before the seat was listed and could be re-evaluated with the others: if
/// so, asks again, and takes the seat away when the answer has changed.
pub(crate) async fn confirm(
    gateway: &Gateway,
    room: &RoomHandle,
    user: &UserKey,
    verdict: &media::MediaVerdict,
) -> Result<(), Code> {
    let version = media::version(&gateway.core, verdict.server);
    if version <= verdict.version {
        return Ok(());
    }
    let accid = user.accid.clone();
    match media::verdict(&gateway.core, user, verdict.channel).await {
        Ok(newer) => {
            room.control(move |owner| {
                owner.room.set_rights(owner.now(), &accid, newer.rights, newer.version)
            });
            Ok(())
        }
        Err(error) => {
            room.control(move |owner| owner.room.evict(owner.now(), &accid, version));
            Err(error.code())
        }
    }
}
