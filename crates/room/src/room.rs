//! Seats: entering, leaving, being removed, and time running out.

use std::{collections::BTreeMap, sync::Arc};

use rotunda_model::{Accid, ChannelId, DeviceId, Millis, RightSet};
use serde_json::{Value, json};

use crate::{
    EndReason, LeaveType, MediaType, Output, Persist, ProducerId, Recipient, Refusal, SeatId, SocketId,
    Source, Table,
    property::{Lock, RoomProperty},
    push::{Cmd, Sequence},
    seat::{Presence, Seat},
    source::Producer,
};

/// How long a seat outlives what shows that its member is there.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// After the last of signalling, push and media. Longer survives longer cuts, shorter shows fewer ghosts.
    pub grace_ms: i64,
    /// After the QChat link of the device went away. The SDK leaves by itself then, so this catches only its death.
    pub link_grace_ms: i64,
    /// Same, when the server itself was restarted: the SDK's reconnect waits up to 8 s between tries.
    pub reseat_link_grace_ms: i64,
    /// From the answer to a member's own leave to the end of its signalling socket, which the client closes itself.
    pub leave_delay_ms: u32,
}

impl Default for Times {
    fn default() -> Self {
        Self { grace_ms: 15_000, link_grace_ms: 10_000, reseat_link_grace_ms: 20_000, leave_delay_ms: 2_000 }
    }
}

/// What was written through before a restart.
#[derive(Debug, Clone, Default)]
pub struct Saved {
    /// `audioOff` and `videoOff` with their text.
    pub properties: BTreeMap<String, String>,
    pub moderator_off: Vec<(Accid, Source)>,
}

/// An entry whose verdict was favourable.
#[derive(Debug, Clone)]
pub struct Entry {
    /// For a new seat; one that the same device already holds keeps its own.
    pub seat: SeatId,
    pub accid: Accid,
    pub device: DeviceId,
    pub link_device: DeviceId,
    /// Whether the QChat link and the push link of these devices are up now.
    pub link_up: bool,
    pub push_up: bool,
    /// Re-seated from a session token after a restart.
    pub reseat: bool,
    /// Serial of the session token that re-seats; 0 for an entry through REST.
    pub sessions: u32,
    pub name: String,
    pub icon: String,
    pub role: String,
    pub client_type: String,
    pub rtc_uid: i64,
    pub rights: RightSet,
    pub version: i64,
    pub is_owner: bool,
    /// Most seats; 0 for no limit.
    pub limit: u32,
    /// When the seat ends unless [`Room::authorise`] moves it: a live session outlasts its token, but not for ever.
    pub authorised_until: Millis,
}

/// Where the entry led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seated {
    pub seat: SeatId,
    /// False when the same device held the seat already.
    pub new: bool,
}

/// The state of one open media channel.
#[derive(Debug)]
pub struct Room {
    pub(crate) channel: ChannelId,
    pub(crate) cid: i64,
    pub(crate) times: Times,
    /// In order of entry.
    pub(crate) seats: Vec<Seat>,
    pub(crate) properties: BTreeMap<RoomProperty, String>,
    saved_off: Vec<(Accid, Source)>,
    sequence: Sequence,
    empty_since: Option<Millis>,
    ended: bool,
    pub(crate) table: Vec<Table>,
    pub(crate) outputs: Vec<Output>,
}

impl Room {
    /// `cid` is the channel's number on the RTC wire.
    pub fn open(channel: ChannelId, cid: i64, saved: Saved, times: Times, now: Millis) -> Self {
        let properties = saved
            .properties
            .into_iter()
            .filter_map(|(key, value)| RoomProperty::from_key(&key).map(|key| (key, value)))
            .collect();
        Self {
            channel,
            cid,
            times,
            seats: Vec::new(),
            properties,
            saved_off: saved.moderator_off,
            sequence: Sequence::open(now),
            empty_since: Some(now),
            ended: false,
            table: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Everything since the last call, in the order in which it must take effect: the media plane first, then those
    /// who are told.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        let table = std::mem::take(&mut self.table).into_iter().map(Output::Table);
        table.chain(std::mem::take(&mut self.outputs)).collect()
    }

    pub fn channel(&self) -> ChannelId {
        self.channel
    }

    pub fn cid(&self) -> i64 {
        self.cid
    }

    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Number of the last push.
    pub fn sequence(&self) -> i64 {
        self.sequence.last()
    }

    /// Push bodies from number `from` on; empty when they are no longer kept.
    pub fn pushes_since(&self, from: i64) -> Vec<Arc<str>> {
        self.sequence.since(from)
    }

    pub fn seat_count(&self) -> usize {
        self.seats.len()
    }

    pub fn seat_of(&self, accid: &Accid) -> Option<SeatId> {
        self.seats.iter().find(|seat| seat.accid == *accid).map(|seat| seat.id)
    }

    /// The account's seat, if it is this device's.
    pub fn seat_on(&self, accid: &Accid, device: &DeviceId) -> Option<SeatId> {
        self.seats.iter().find(|seat| seat.accid == *accid && seat.device == *device).map(|seat| seat.id)
    }

    /// Room device and QChat device of a seat.
    pub fn devices_of(&self, seat: SeatId) -> Option<(&DeviceId, &DeviceId)> {
        self.seat(seat).map(|seat| (&seat.device, &seat.link_device))
    }

    pub fn account_of(&self, seat: SeatId) -> Option<&Accid> {
        self.seat(seat).map(|seat| &seat.accid)
    }

    /// What the kit calls itself.
    pub fn client_of(&self, seat: SeatId) -> Option<&str> {
        self.seat(seat).map(|seat| seat.client_type.as_str())
    }

    pub fn uid_of(&self, seat: SeatId) -> Option<i64> {
        self.seat(seat).map(|seat| seat.rtc_uid)
    }

    pub fn version_of(&self, seat: SeatId) -> Option<i64> {
        self.seat(seat).map(|seat| seat.version)
    }

    /// Member object of the wire.
    pub fn member(&self, seat: SeatId) -> Option<Value> {
        self.seat(seat).map(Seat::to_json)
    }

    /// All members, in order of entry.
    pub fn members(&self) -> Vec<Value> {
        self.seats.iter().map(Seat::to_json).collect()
    }

    /// Whether the member's source is on.
    pub fn is_on(&self, accid: &Accid, source: Source) -> Option<bool> {
        self.seats.iter().find(|seat| seat.accid == *accid).map(|seat| seat.source(source).on)
    }

    pub(crate) fn seat(&self, id: SeatId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.id == id)
    }

    pub(crate) fn seat_mut(&mut self, id: SeatId) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.id == id)
    }

    pub(crate) fn everyone(&self) -> Vec<Recipient> {
        self.seats.iter().map(Seat::recipient).collect()
    }

    pub(crate) fn push(
        &mut self,
        now: Millis,
        to: Vec<Recipient>,
        cmd: Cmd,
        operator: Option<&Accid>,
        data: Value,
    ) {
        // Numbered even when nobody listens, so that the sequence tells the truth to one who asks later.
        let body = self.sequence.body(now, self.channel, cmd, operator, data);
        if !to.is_empty() {
            self.outputs.push(Output::Push { to, body });
        }
    }

    /// Tells everybody of something that the system did to the room. Each is told its own name as the operator: clients
    /// drop operators they do not know.
    pub(crate) fn push_by_system(&mut self, now: Millis, cmd: Cmd, data: Value) {
        self.sequence.body(now, self.channel, cmd, None, data.clone());
        for to in self.everyone() {
            let body = self.sequence.text(now, self.channel, cmd, Some(&to.accid), data.clone());
            self.outputs.push(Output::Push { to: vec![to], body });
        }
    }

    /// Takes a seat.
    ///
    /// The same account on the same device keeps its seat; on another device the newest wins and the older is told
    /// `SELF_KICK`. A full room refuses, but never one who is already in it.
    pub fn enter(&mut self, now: Millis, entry: Entry) -> Result<Seated, Refusal> {
        if self.ended {
            return Err(Refusal::NoSeat);
        }
        let held = self
            .seats
            .iter()
            .find(|seat| seat.accid == entry.accid)
            .map(|seat| (seat.id, seat.device.clone()));
        let others = self.seats.len() - usize::from(held.is_some());
        if entry.limit != 0 && others >= entry.limit as usize && held.is_none() {
            return Err(Refusal::Full { limit: entry.limit });
        }
        match held {
            Some((id, device)) if device == entry.device => {
                self.refresh(now, id, entry);
                return Ok(Seated { seat: id, new: false });
            }
            Some((id, _)) => self.remove(now, id, LeaveType::SelfKick, EndReason::Replaced, None),
            None => {}
        }
        let seat = self.new_seat(now, entry);
        let (id, accid) = (seat.id, seat.accid.clone());
        let member = seat.to_json();
        let to = self.everyone();
        self.seats.push(seat);
        self.empty_since = None;
        self.outputs.push(Output::Seated { seat: id, accid: accid.clone() });
        self.push(now, to, Cmd::Joined, Some(&accid), json!({ "members": [member] }));
        Ok(Seated { seat: id, new: true })
    }

    fn new_seat(&self, now: Millis, entry: Entry) -> Seat {
        let link_grace_ms =
            if entry.reseat { self.times.reseat_link_grace_ms } else { self.times.link_grace_ms };
        let mut seat = Seat {
            id: entry.seat,
            accid: entry.accid,
            device: entry.device,
            link_device: entry.link_device,
            name: entry.name,
            icon: entry.icon,
            role: entry.role,
            client_type: entry.client_type,
            rtc_uid: entry.rtc_uid,
            rights: entry.rights,
            version: entry.version,
            is_owner: entry.is_owner,
            properties: BTreeMap::new(),
            sources: Default::default(),
            rtc: None,
            recovers_until: Millis(i64::MIN),
            bound: None,
            sessions: entry.sessions,
            signalling: Presence::GoneSince(now),
            push: Presence::new(entry.push_up, now),
            media: Presence::GoneSince(now),
            link: Presence::new(entry.link_up, now),
            link_grace_ms,
            authorised_until: entry.authorised_until,
        };
        if entry.reseat {
            seat.rebuilt(now);
        }
        for (accid, source) in &self.saved_off {
            if *accid == seat.accid {
                seat.source_mut(*source).moderator_off = true;
            }
        }
        seat
    }

    fn refresh(&mut self, now: Millis, id: SeatId, entry: Entry) {
        let grace = self.times.link_grace_ms;
        let Some(seat) = self.seat_mut(id) else { return };
        seat.name = entry.name;
        seat.icon = entry.icon;
        seat.link_device = entry.link_device;
        seat.link_grace_ms = grace;
        seat.authorised_until = entry.authorised_until;
        seat.link = Presence::new(entry.link_up, now);
        seat.push = Presence::new(entry.push_up, now);
        if seat.signalling != Presence::Here {
            // The entry itself is a sign of life.
            seat.signalling = Presence::GoneSince(now);
        }
        let accid = seat.accid.clone();
        self.set_rights(now, &accid, entry.rights, entry.version);
    }

    /// The member's own leave.
    pub fn leave(&mut self, now: Millis, seat: SeatId) -> Result<(), Refusal> {
        let accid = self.account_of(seat).cloned().ok_or(Refusal::NoSeat)?;
        self.remove(now, seat, LeaveType::Normal, EndReason::Left, Some(&accid));
        Ok(())
    }

    /// The member lost membership, visibility or right 15. The operator is the member itself, because clients drop
    /// events of operators they do not know.
    ///
    /// `version` is the server's, as with [`Room::set_rights`]: a seat judged under a newer one stays.
    pub fn evict(&mut self, now: Millis, accid: &Accid, version: i64) {
        let judged = self.seats.iter().find(|seat| seat.accid == *accid);
        if let Some(seat) = judged.filter(|seat| seat.version <= version).map(|seat| seat.id) {
            self.remove(now, seat, LeaveType::AdminKick, EndReason::Evicted, None);
        }
    }

    /// The channel or its server is gone, or a member with the right to ended the room. Everybody is told `reason`.
    pub fn close(&mut self, now: Millis, reason: &str, operator: Option<&Accid>) {
        if self.ended {
            return;
        }
        let seats = std::mem::take(&mut self.seats);
        for seat in &seats {
            self.table.push(Table::CloseSession(seat.id));
        }
        let to = seats.iter().map(Seat::recipient).collect();
        self.push(now, to, Cmd::RoomEnded, operator, json!({ "reason": reason }));
        for seat in seats {
            self.unseat(seat, EndReason::Closed, KICK_ROOM_CLOSED, 0);
        }
        self.end();
    }

    pub(crate) fn remove(
        &mut self,
        now: Millis,
        id: SeatId,
        leave: LeaveType,
        reason: EndReason,
        operator: Option<&Accid>,
    ) {
        let Some(index) = self.seats.iter().position(|seat| seat.id == id) else { return };
        let to = self.everyone();
        let seat = self.seats.remove(index);
        self.table.push(Table::CloseSession(id));
        let mut member = seat.to_json();
        if let Some(member) = member.as_object_mut() {
            member.insert("reason".to_owned(), json!({ "type": leave.name(), "deviceId": seat.device }));
        }
        let operator = operator.unwrap_or(&seat.accid).clone();
        self.push(now, to, Cmd::Left, Some(&operator), json!({ "members": [member] }));
        if seat.rtc.is_some() {
            self.notify_peers(
                None,
                "OnPeerLeave",
                &json!({ "externData": { "userList": [{ "uid": seat.rtc_uid }] } }),
            );
        }
        // One who leaves by itself closes RTC by itself, and hears `OnKickOff` only if it is still there later.
        let after_ms = if reason == EndReason::Left { self.times.leave_delay_ms } else { 0 };
        self.saved_off.retain(|(accid, _)| *accid != seat.accid);
        for source in Source::ALL {
            if seat.source(source).moderator_off {
                let accid = seat.accid.clone();
                self.outputs.push(Output::Persist(Persist::ModeratorOff { accid, source, off: false }));
            }
        }
        self.unseat(seat, reason, KICK_MEMBER, after_ms);
        if self.seats.is_empty() {
            self.empty_since = Some(now);
        }
    }

    fn unseat(&mut self, seat: Seat, reason: EndReason, kick: u8, after_ms: u32) {
        if let Some(socket) = seat.socket() {
            self.outputs.push(Output::CloseSignalling { socket, kick: Some(kick), after_ms });
        }
        self.outputs.push(Output::Unseated { seat: seat.id, accid: seat.accid, device: seat.device, reason });
    }

    fn end(&mut self) {
        self.ended = true;
        self.outputs.push(Output::Persist(Persist::Clear));
        self.outputs.push(Output::Ended);
    }

    /// The push link of this device is heard, or it was last heard at `silent_since`: it went, or it may be dead.
    pub fn push_link(&mut self, accid: &Accid, device: &DeviceId, silent_since: Option<Millis>) {
        for seat in self.seats.iter_mut().filter(|seat| seat.accid == *accid && seat.device == *device) {
            seat.push.heard(silent_since);
        }
    }

    /// An open signalling socket is heard, or it was last heard at `silent_since` and may be dead. One that was
    /// replaced meanwhile changes nothing.
    pub fn signalling_link(&mut self, id: SeatId, socket: SocketId, silent_since: Option<Millis>) {
        if let Some(seat) = self.seat_mut(id)
            && seat.socket() == Some(socket)
        {
            seat.signalling.heard(silent_since);
        }
    }

    /// The QChat link of this device came or went.
    pub fn qchat_link(&mut self, now: Millis, accid: &Accid, link_device: &DeviceId, up: bool) {
        for seat in
            self.seats.iter_mut().filter(|seat| seat.accid == *accid && seat.link_device == *link_device)
        {
            if up { seat.link = Presence::Here } else { seat.link.lost(now) }
        }
    }

    /// Whether any transport of the seat carries authenticated packets. `silent_ms` is how long there were none
    /// when that was noticed, so that the grace counts from the last packet.
    pub fn media_link(&mut self, now: Millis, seat: SeatId, up: bool, silent_ms: i64) {
        if let Some(seat) = self.seat_mut(seat) {
            if up { seat.media = Presence::Here } else { seat.media.lost(now.plus(-silent_ms)) }
        }
    }

    /// The member showed a valid token again.
    pub fn authorise(&mut self, id: SeatId, until: Millis) {
        if let Some(seat) = self.seat_mut(id) {
            seat.authorised_until = seat.authorised_until.max(until);
        }
    }

    /// A signalling socket closed, last heard at `since`. One that was replaced meanwhile changes nothing.
    pub fn socket_closed(&mut self, id: SeatId, socket: SocketId, since: Millis) {
        if let Some(seat) = self.seat_mut(id)
            && seat.socket() == Some(socket)
        {
            if let Some(rtc) = &mut seat.rtc {
                rtc.socket = None;
            }
            seat.signalling.heard(Some(since));
        }
    }

    /// When [`Room::tick`] has something to do next.
    pub fn next_deadline(&self) -> Option<Millis> {
        let seats = self.seats.iter().flat_map(|seat| self.deadlines(seat)).map(|(deadline, _)| deadline);
        let empty = self.empty_since.filter(|_| !self.ended).map(|since| since.plus(self.times.grace_ms));
        seats.chain(empty).min()
    }

    fn deadlines(&self, seat: &Seat) -> impl Iterator<Item = (Millis, Expiry)> {
        let grace = self.times.grace_ms;
        let silent = seat.silent_since().map(|since| (since.plus(grace), Expiry::Seat(EndReason::Silent)));
        let link = match seat.link {
            Presence::Here => None,
            Presence::GoneSince(since) => {
                Some((since.plus(seat.link_grace_ms), Expiry::Seat(EndReason::LinkGone)))
            }
        };
        let rtc = seat
            .rtc
            .as_ref()
            .and_then(|_| seat.rtc_silent_since())
            .map(|since| (since.plus(grace), Expiry::Rtc));
        let token = Some((seat.authorised_until, Expiry::Seat(EndReason::TokenExpired)));
        silent.into_iter().chain(link).chain(rtc).chain(token)
    }

    /// Ends what is overdue at `now`.
    pub fn tick(&mut self, now: Millis) {
        let mut due: Vec<(SeatId, Millis, Expiry)> = self
            .seats
            .iter()
            .flat_map(|seat| self.deadlines(seat).map(|(deadline, expiry)| (seat.id, deadline, expiry)))
            .filter(|(_, deadline, _)| *deadline <= now)
            .collect();
        due.sort_by_key(|(_, _, expiry)| matches!(expiry, Expiry::Rtc));
        for (seat, _, expiry) in due {
            match expiry {
                Expiry::Seat(EndReason::Silent) => {
                    self.remove(now, seat, LeaveType::Normal, EndReason::Silent, None);
                }
                // Its client may still be there and must learn that it was not its own doing.
                Expiry::Seat(reason) => self.remove(now, seat, LeaveType::AdminKick, reason, None),
                Expiry::Rtc => self.leave_rtc_of(now, seat),
            }
        }
        let over = self.empty_since.is_some_and(|since| since.plus(self.times.grace_ms) <= now);
        if over && !self.ended && self.seats.is_empty() {
            self.end();
        }
    }

    /// Every producer with what it carries and whether it is forwarded, for tests and counters.
    pub fn producers(&self) -> impl Iterator<Item = (ProducerId, MediaType, bool)> + '_ {
        self.seats.iter().flat_map(|seat| &seat.sources).flat_map(|state| {
            state
                .producers
                .iter()
                .map(|producer: &Producer| (producer.id, producer.media, state.forwards(producer)))
        })
    }

    pub(crate) fn locks(&self, source: Source) -> bool {
        let property = match source {
            Source::Microphone => RoomProperty::AudioOff,
            Source::Camera => RoomProperty::VideoOff,
            Source::Screen => return false,
        };
        self.properties.get(&property).is_some_and(|value| Lock::of(value) == Some(Lock::NoSelfOn))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    Seat(EndReason),
    Rtc,
}

/// `OnKickOff` reasons (nertc-web-sdk 4.6.50 to 5.8.34).
const KICK_ROOM_CLOSED: u8 = 1;
pub(crate) const KICK_MEMBER: u8 = 2;
