//! The RTC half of a seat: `Join`, `Leave`, and what the peers hear over signalling.

use rotunda_model::Millis;
use serde_json::{Value, json};

use crate::{
    MediaType, Output, Refusal, Room, SeatId, SocketId, Source, Table,
    push::Cmd,
    room::KICK_MEMBER,
    seat::{Presence, Rtc, Seat},
    stream::producer_info,
};

/// A `Join` whose session token names this seat.
#[derive(Debug, Clone)]
pub struct RtcJoin {
    /// Of the session token: rises with every token handed out for the seat.
    pub serial: u32,
    /// `deviceid` of the socket's URL.
    pub device: String,
    pub socket: SocketId,
    pub platform_type: i64,
    pub custom_data: Option<Value>,
}

/// How a `Join` was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    New,
    /// The same session on a new socket. `replaced` is the old one, if it was still open.
    Again {
        replaced: Option<SocketId>,
    },
    /// A newer session of the same device; the older one is told `OnPeerClose`.
    Instead,
}

impl Room {
    /// Number for the next session token of this seat.
    pub fn next_session(&mut self, id: SeatId) -> Option<u32> {
        let seat = self.seat_mut(id)?;
        seat.sessions = seat.sessions.saturating_add(1);
        Some(seat.sessions)
    }

    /// Whether the member is in RTC.
    pub fn is_in_rtc(&self, id: SeatId) -> bool {
        self.seat(id).is_some_and(|seat| seat.rtc.is_some())
    }

    /// The member's signalling socket, while it is open.
    pub fn socket_of(&self, id: SeatId) -> Option<SocketId> {
        self.seat(id).and_then(Seat::socket)
    }

    /// `Join`. A session token belongs to the socket device that used it first, and an older token than the last
    /// used one is void.
    pub fn join_rtc(&mut self, now: Millis, id: SeatId, join: RtcJoin) -> Result<Joined, Refusal> {
        let seat = self.seat(id).ok_or(Refusal::NoSeat)?;
        let same = match &seat.bound {
            Some((serial, _)) if join.serial < *serial => return Err(Refusal::Forbidden),
            Some((serial, device)) if join.serial == *serial && *device != join.device => {
                return Err(Refusal::Forbidden);
            }
            Some((serial, _)) => *serial == join.serial,
            None => false,
        };
        let in_rtc = seat.rtc.is_some();
        let old = seat.socket().filter(|socket| *socket != join.socket);
        if in_rtc && !same {
            self.retire_session(now, id, old);
        }
        let Some(seat) = self.seat_mut(id) else { return Err(Refusal::NoSeat) };
        seat.bound = Some((join.serial, join.device));
        seat.signalling = Presence::Here;
        let platform_type = join.platform_type;
        seat.rtc =
            Some(Rtc { socket: Some(join.socket), platform_type, custom_data: join.custom_data.clone() });
        if in_rtc && same {
            seat.rebuilt(now);
            return Ok(Joined::Again { replaced: old });
        }
        if in_rtc {
            return Ok(Joined::Instead);
        }
        let (accid, uid, member) = (seat.accid.clone(), seat.rtc_uid, seat.to_json());
        self.push(now, self.everyone(), Cmd::JoinedRtc, Some(&accid), json!({ "members": [member] }));
        let mut data = json!({ "uid": uid, "platformType": platform_type });
        if let (Some(data), Some(custom)) = (data.as_object_mut(), join.custom_data) {
            data.insert("customData".to_owned(), custom);
        }
        self.notify_peers(Some(id), "OnPeerJoin", &json!({ "externData": data }));
        Ok(Joined::New)
    }

    /// A newer session starts with nothing published, so the old one's sources end with it.
    fn retire_session(&mut self, now: Millis, id: SeatId, old: Option<SocketId>) {
        self.end_sources(now, id);
        self.table.push(Table::CloseSession(id));
        if let Some(socket) = old {
            self.outputs.push(Output::Notify { to: socket, method: "OnPeerClose", data: json!({}) });
            self.outputs.push(Output::CloseSignalling { socket, kick: None, after_ms: 0 });
        }
    }

    fn end_sources(&mut self, now: Millis, id: SeatId) {
        let mut ended = Vec::new();
        for source in Source::ALL {
            if self.seat(id).is_some_and(|seat| seat.source(source).on) {
                self.cut(id, source);
                ended.push(source);
            }
        }
        for media in [MediaType::Audio, MediaType::Video, MediaType::ScreenShare, MediaType::SubAudio] {
            self.drop_producer(id, media);
        }
        for source in ended {
            self.tell_off(now, id, source, None);
        }
    }

    /// `Leave` over signalling, or `leaveRtc`: the seat stays, the RTC half ends with what it published.
    pub fn leave_rtc(&mut self, now: Millis, id: SeatId) -> Result<(), Refusal> {
        self.seat(id).ok_or(Refusal::NoSeat)?;
        self.leave_rtc_of(now, id);
        Ok(())
    }

    pub(crate) fn leave_rtc_of(&mut self, now: Millis, id: SeatId) {
        let Some(seat) = self.seat(id).filter(|seat| seat.rtc.is_some()) else { return };
        let (accid, uid, socket) = (seat.accid.clone(), seat.rtc_uid, seat.socket());
        self.end_sources(now, id);
        self.table.push(Table::CloseSession(id));
        let Some(seat) = self.seat_mut(id) else { return };
        seat.rtc = None;
        seat.signalling.lost(now);
        seat.media.lost(now);
        let member = seat.to_json();
        self.push(now, self.everyone(), Cmd::LeftRtc, Some(&accid), json!({ "members": [member] }));
        self.notify_peers(
            Some(id),
            "OnPeerLeave",
            &json!({ "externData": { "userList": [{ "uid": uid }] } }),
        );
        if let Some(socket) = socket {
            let after_ms = self.times.leave_delay_ms;
            self.outputs.push(Output::CloseSignalling { socket, kick: Some(KICK_MEMBER), after_ms });
        }
    }

    /// `SendUserData UserRole`: passed on, it gives no right.
    pub fn user_role(&mut self, id: SeatId, role: i64) -> Result<(), Refusal> {
        let uid = self.uid_of(id).ok_or(Refusal::NoSeat)?;
        let data = json!({ "externData": { "type": "UserRole", "uid": uid, "data": { "userRole": role } } });
        self.notify_peers(Some(id), "OnUserData", &data);
        Ok(())
    }

    /// `externData.userList` of the answer to `Join`: everybody else in RTC with what they publish.
    pub fn peers_of(&self, id: SeatId) -> Vec<Value> {
        self.seats.iter().filter(|seat| seat.id != id).filter_map(peer).collect()
    }

    pub(crate) fn notify_peers(&mut self, except: Option<SeatId>, method: &'static str, data: &Value) {
        let sockets: Vec<SocketId> =
            self.seats.iter().filter(|seat| Some(seat.id) != except).filter_map(Seat::socket).collect();
        for to in sockets {
            self.outputs.push(Output::Notify { to, method, data: data.clone() });
        }
    }
}

fn peer(seat: &Seat) -> Option<Value> {
    let rtc = seat.rtc.as_ref()?;
    let producers: Vec<Value> = seat
        .sources
        .iter()
        .flat_map(|state| state.producers.iter().map(|p| producer_info(seat.rtc_uid, p, !state.forwards(p))))
        .collect();
    let mut peer = json!({
        "uid": seat.rtc_uid,
        "platformType": rtc.platform_type,
        "producerInfoList": producers,
    });
    if let (Some(peer), Some(custom)) = (peer.as_object_mut(), rtc.custom_data.clone()) {
        peer.insert("customData".to_owned(), custom);
    }
    Some(peer)
}
