//! A member's seat and the three ways it shows that it is alive.

use std::collections::BTreeMap;

use rotunda_model::{Accid, DeviceId, Millis, RightSet};
use serde_json::{Value, json};

use crate::{Recipient, Source, source::SourceState};

/// One stay of one member, random so that it can be named in a token that outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeatId(pub u64);

/// One signalling socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// Something that is either there, or was last seen at some time. What is there but unheard counts as the latter, so
/// that a dead link ends a seat as soon as a closed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Here,
    GoneSince(Millis),
}

impl Presence {
    pub fn new(here: bool, now: Millis) -> Self {
        if here { Self::Here } else { Self::GoneSince(now) }
    }

    /// Keeps the earlier time when it was gone already.
    pub fn lost(&mut self, since: Millis) {
        if *self == Self::Here {
            *self = Self::GoneSince(since);
        }
    }

    /// Heard now, or not since the given time. What happened later than a time known so far moves it: its end is the
    /// last sign of a connection.
    pub fn heard(&mut self, silent_since: Option<Millis>) {
        *self = match (silent_since, *self) {
            (None, _) => Self::Here,
            (Some(since), Self::Here) => Self::GoneSince(since),
            (Some(since), Self::GoneSince(known)) => Self::GoneSince(known.max(since)),
        };
    }
}

/// From a rejoin to the last `Produce` that counts as the client's own recovery, ms. Longer takes a member's wish for
/// recovery, shorter lets a slow client undo a moderator; four sources take a few round trips.
const RECOVERY_MS: i64 = 5_000;

/// The RTC half of a seat, from an accepted `Join` to `Leave`.
#[derive(Debug, Clone)]
pub(crate) struct Rtc {
    /// `None` while the socket is cut and may come back.
    pub socket: Option<SocketId>,
    pub platform_type: i64,
    pub custom_data: Option<Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub id: SeatId,
    pub accid: Accid,
    pub device: DeviceId,
    pub link_device: DeviceId,
    pub name: String,
    pub icon: String,
    pub role: String,
    pub client_type: String,
    pub rtc_uid: i64,
    pub rights: RightSet,
    /// Of the permission snapshot that `rights` come from.
    pub version: i64,
    pub is_owner: bool,
    pub properties: BTreeMap<String, Value>,
    pub sources: [SourceState; 3],
    pub rtc: Option<Rtc>,
    /// Until when a `Produce` of a rebuilt session counts as recovery.
    pub recovers_until: Millis,
    /// Serial and socket device of the last accepted `Join`: a session token belongs to one device.
    pub bound: Option<(u32, String)>,
    /// Session tokens handed out so far.
    pub sessions: u32,
    pub signalling: Presence,
    pub push: Presence,
    pub media: Presence,
    pub link: Presence,
    /// How long `link` may be gone.
    pub link_grace_ms: i64,
    pub authorised_until: Millis,
}

impl Seat {
    pub fn source(&self, source: Source) -> &SourceState {
        &self.sources[source.index()]
    }

    pub fn source_mut(&mut self, source: Source) -> &mut SourceState {
        &mut self.sources[source.index()]
    }

    /// The session was rebuilt: what it publishes next by itself is no wish of its member.
    pub fn rebuilt(&mut self, now: Millis) {
        self.recovers_until = now.plus(RECOVERY_MS);
        for state in &mut self.sources {
            state.rebuilt = true;
        }
    }

    /// Whether a `Produce` at `now` would only undo what a moderator did while the member could not hear of it.
    pub fn undoes_moderator(&self, now: Millis, source: Source) -> bool {
        let state = self.source(source);
        state.rebuilt && state.moderator_off && now < self.recovers_until
    }

    pub fn recipient(&self) -> Recipient {
        Recipient { accid: self.accid.clone(), device: self.device.clone() }
    }

    pub fn socket(&self) -> Option<SocketId> {
        self.rtc.as_ref().and_then(|rtc| rtc.socket)
    }

    /// Since when nothing of the member was seen; `None` while something is there.
    pub fn silent_since(&self) -> Option<Millis> {
        self.latest(&[self.signalling, self.push, self.media])
    }

    /// Since when the RTC half was not seen. The push link says nothing about it.
    pub fn rtc_silent_since(&self) -> Option<Millis> {
        self.latest(&[self.signalling, self.media])
    }

    fn latest(&self, all: &[Presence]) -> Option<Millis> {
        all.iter().try_fold(Millis(i64::MIN), |latest, presence| match presence {
            Presence::Here => None,
            Presence::GoneSince(since) => Some(latest.max(*since)),
        })
    }

    /// Member as kits 1.4 to 1.20 read it. `properties` must hold `states`, or the vendor's kit throws.
    pub fn to_json(&self) -> Value {
        let streams: serde_json::Map<String, Value> = Source::ALL
            .into_iter()
            .filter(|&source| self.source(source).on)
            .map(|source| (source.stream().to_owned(), json!({ "value": 1 })))
            .collect();
        let mut properties: serde_json::Map<String, Value> =
            self.properties.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let states = if self.rtc.is_some() { json!({ "rtcState": 2 }) } else { json!({}) };
        properties.insert("states".to_owned(), states);
        json!({
            "userUuid": self.accid,
            "userName": self.name,
            "userIcon": self.icon,
            "role": self.role,
            "rtcUid": self.rtc_uid,
            "clientType": self.client_type,
            "streams": streams,
            "properties": properties,
        })
    }
}
