//! Random histories of a room, replayed against a client that believes only what it is told.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rotunda_model::{Accid, ChannelId, DeviceId, Millis, RightSet};
use rotunda_room::{
    Entry, MediaType, MuteAll, Output, ProducerId, Recipient, Room, RtcJoin, Saved, SeatId, SocketId, Source,
    Table, Times,
};
use serde_json::Value;

const LIMIT: u32 = 3;
const ACCOUNTS: u8 = 5;

fn accid(n: u8) -> Accid {
    Accid::new(&format!("user{n}")).unwrap()
}

fn device(n: u8) -> DeviceId {
    DeviceId::new(&format!("device{n}")).unwrap()
}

#[derive(Debug, Clone)]
enum Op {
    Enter { who: u8, device: u8, rights: u64 },
    Leave { who: u8 },
    Kick { who: u8, target: u8 },
    Evict { who: u8, stale: bool },
    Rights { who: u8, rights: u64 },
    Switch { who: u8, target: u8, source: Source, on: bool },
    Produce { who: u8, media: MediaType, muted: bool },
    Mute { who: u8, nth: usize, mute: bool },
    CloseProducer { who: u8, nth: usize },
    TransportGone { who: u8, nth: usize },
    Join { who: u8, renew: bool },
    SocketClosed { who: u8 },
    LeaveRtc { who: u8 },
    MuteAll { who: u8, key: &'static str, mode: &'static str },
    SystemSwitch { target: u8, sources: Vec<Source>, on: bool },
    SystemMuteAll { sources: Vec<Source>, mode: MuteAll },
    SystemKick { target: u8 },
    Media { who: u8, up: bool },
    PushLink { who: u8, device: u8, up: bool },
    Link { who: u8, device: u8, up: bool },
    Wait { ms: i64 },
}

fn source() -> impl Strategy<Value = Source> {
    prop::sample::select(Source::ALL.to_vec())
}

fn sources() -> impl Strategy<Value = Vec<Source>> {
    prop::sample::subsequence(Source::ALL.to_vec(), 1..=Source::ALL.len())
}

fn media() -> impl Strategy<Value = MediaType> {
    prop::sample::select(vec![
        MediaType::Audio,
        MediaType::Video,
        MediaType::ScreenShare,
        MediaType::SubAudio,
    ])
}

/// Rights are mostly there, or nothing would ever happen.
fn rights() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(RightSet::ALL.bits()), 1 => any::<u64>()]
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..ACCOUNTS;
    let mode = prop::sample::select(vec![
        "offNotAllowSelfOn_1",
        "offNotAllowSelfOn_2",
        "offAllowSelfOn_1",
        "disable_1",
    ]);
    prop_oneof![
        6 => (who.clone(), 0..2u8, rights()).prop_map(|(who, device, rights)| Op::Enter { who, device, rights }),
        1 => who.clone().prop_map(|who| Op::Leave { who }),
        1 => (who.clone(), who.clone()).prop_map(|(who, target)| Op::Kick { who, target }),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, stale)| Op::Evict { who, stale }),
        2 => (who.clone(), rights()).prop_map(|(who, rights)| Op::Rights { who, rights }),
        6 => (who.clone(), who.clone(), source(), any::<bool>())
            .prop_map(|(who, target, source, on)| Op::Switch { who, target, source, on }),
        6 => (who.clone(), media(), any::<bool>()).prop_map(|(who, media, muted)| Op::Produce { who, media, muted }),
        3 => (who.clone(), 0..4usize, any::<bool>()).prop_map(|(who, nth, mute)| Op::Mute { who, nth, mute }),
        2 => (who.clone(), 0..4usize).prop_map(|(who, nth)| Op::CloseProducer { who, nth }),
        1 => (who.clone(), 0..4usize).prop_map(|(who, nth)| Op::TransportGone { who, nth }),
        6 => (who.clone(), any::<bool>()).prop_map(|(who, renew)| Op::Join { who, renew }),
        2 => who.clone().prop_map(|who| Op::SocketClosed { who }),
        1 => who.clone().prop_map(|who| Op::LeaveRtc { who }),
        1 => (who.clone(), prop::sample::select(vec!["audioOff", "videoOff"]), mode)
            .prop_map(|(who, key, mode)| Op::MuteAll { who, key, mode }),
        2 => (who.clone(), sources(), any::<bool>())
            .prop_map(|(target, sources, on)| Op::SystemSwitch { target, sources, on }),
        1 => (sources(), prop::sample::select(vec![MuteAll::Locked, MuteAll::Once, MuteAll::Lifted]))
            .prop_map(|(sources, mode)| Op::SystemMuteAll { sources, mode }),
        1 => who.clone().prop_map(|target| Op::SystemKick { target }),
        2 => (who.clone(), any::<bool>()).prop_map(|(who, up)| Op::Media { who, up }),
        2 => (who.clone(), 0..2u8, any::<bool>()).prop_map(|(who, device, up)| Op::PushLink { who, device, up }),
        2 => (who, 0..2u8, any::<bool>()).prop_map(|(who, device, up)| Op::Link { who, device, up }),
        2 => (0..12_000i64).prop_map(|ms| Op::Wait { ms }),
    ]
}

/// What a client knows from the entry answer and from pushes alone.
#[derive(Debug, Clone, Default)]
struct Client {
    sequence: i64,
    /// Streams that are on, per member.
    members: BTreeMap<String, BTreeSet<String>>,
}

impl Client {
    fn apply(&mut self, body: &Value) -> Result<(), TestCaseError> {
        let sequence = body["sequence"].as_i64().unwrap();
        prop_assert_eq!(sequence, self.sequence + 1, "a member misses no number");
        self.sequence = sequence;
        let data = &body["data"];
        let member = data["member"]["userUuid"].as_str().map(str::to_owned);
        match body["cmd"].as_u64().unwrap() {
            30 => {
                let new = data["members"][0]["userUuid"].as_str().unwrap().to_owned();
                prop_assert!(self.members.insert(new, BTreeSet::new()).is_none(), "joined twice");
            }
            33 => {
                let gone = data["members"][0]["userUuid"].as_str().unwrap();
                prop_assert!(self.members.remove(gone).is_some(), "left without being here");
            }
            40 => {
                let stream = data["streams"].as_object().unwrap().keys().next().unwrap().clone();
                let streams = self.members.get_mut(&member.unwrap()).unwrap();
                prop_assert!(streams.insert(stream), "a repeated on was pushed");
            }
            41 => {
                let stream = data["streamType"].as_str().unwrap();
                let streams = self.members.get_mut(&member.unwrap()).unwrap();
                prop_assert!(streams.remove(stream), "a repeated off was pushed");
            }
            _ => {}
        }
        if let Some(operator) = data["operatorMember"]["userUuid"].as_str() {
            let leaves = body["cmd"] == 33 && data["members"][0]["userUuid"] == operator;
            prop_assert!(leaves || self.members.contains_key(operator), "an operator nobody knows");
        }
        Ok(())
    }
}

fn snapshot(room: &Room) -> BTreeMap<String, BTreeSet<String>> {
    room.members()
        .iter()
        .map(|member| {
            let streams = member["streams"].as_object().unwrap().keys().cloned().collect();
            (member["userUuid"].as_str().unwrap().to_owned(), streams)
        })
        .collect()
}

struct World {
    room: Room,
    now: i64,
    next: u64,
    version: i64,
    table: BTreeMap<ProducerId, (SeatId, bool)>,
    clients: BTreeMap<Recipient, Client>,
    devices: BTreeMap<u8, u8>,
    rights: BTreeMap<u8, u64>,
    serials: BTreeMap<SeatId, (u32, SocketId)>,
}

impl World {
    fn new() -> Self {
        let channel = ChannelId::new(42).unwrap();
        let room = Room::open(channel, 1001, Saved::default(), Times::default(), Millis(1_000_000));
        Self {
            room,
            now: 1_000_000,
            next: 1,
            version: 1,
            table: BTreeMap::new(),
            clients: BTreeMap::new(),
            devices: BTreeMap::new(),
            rights: BTreeMap::new(),
            serials: BTreeMap::new(),
        }
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn seat(&self, who: u8) -> Option<SeatId> {
        self.room.seat_of(&accid(who))
    }

    fn nth_producer(&self, who: u8, nth: usize) -> Option<ProducerId> {
        let seat = self.seat(who)?;
        self.table.iter().filter(|(_, (owner, _))| *owner == seat).map(|(id, _)| *id).nth(nth)
    }

    /// Runs the operation; afterwards the table and every client must agree with the room.
    fn run(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let now = Millis(self.now);
        let mut added = None;
        let mut entered = None;
        match *op {
            Op::Enter { who, device: d, rights } => {
                let seat = SeatId(self.id());
                self.version += 1;
                let entry = Entry {
                    seat,
                    accid: accid(who),
                    device: device(d),
                    link_device: device(d),
                    link_up: true,
                    push_up: true,
                    reseat: false,
                    sessions: 0,
                    name: String::new(),
                    icon: String::new(),
                    role: "qchatAudience".into(),
                    client_type: "web".into(),
                    rtc_uid: i64::from(who) + 100,
                    rights: RightSet::from_bits(rights),
                    version: self.version,
                    is_owner: false,
                    limit: LIMIT,
                    authorised_until: Millis(i64::MAX),
                };
                let full = self.room.seat_count() == LIMIT as usize && self.seat(who).is_none();
                let result = self.room.enter(now, entry);
                prop_assert_eq!(result.is_err(), full, "full exactly at the limit");
                if result.is_ok() {
                    self.devices.insert(who, d);
                    self.rights.insert(who, rights);
                    entered = Some(Recipient { accid: accid(who), device: device(d) });
                }
            }
            Op::Leave { who } => {
                let _ = self.seat(who).map(|seat| self.room.leave(now, seat));
            }
            Op::Kick { who, target } => {
                let _ = self.seat(who).map(|seat| self.room.kick(now, seat, &accid(target)));
            }
            Op::Evict { who, stale: false } => self.room.evict(now, &accid(who), self.version),
            Op::Evict { who, stale: true } => {
                let seats = self.room.seat_count();
                self.room.evict(now, &accid(who), -1);
                prop_assert_eq!(self.room.seat_count(), seats, "evicted by a verdict older than the seat's");
            }
            Op::Rights { who, rights } => {
                self.version += 1;
                self.room.set_rights(now, &accid(who), RightSet::from_bits(rights), self.version);
                self.rights.insert(who, rights);
            }
            Op::Switch { who, target, source, on } => {
                if let Some(seat) = self.seat(who) {
                    let result = self.room.set_source(now, seat, &accid(target), source, on);
                    if result.is_ok() {
                        prop_assert_eq!(self.room.is_on(&accid(target), source), Some(on));
                    }
                }
            }
            Op::Produce { who, media, muted } => {
                let id = ProducerId(self.id());
                if let Some(seat) = self.seat(who)
                    && let Ok(produced) = self.room.produce(now, seat, media, id, false, muted)
                {
                    added = Some((id, (seat, produced.forward)));
                }
            }
            Op::Mute { who, nth, mute } => {
                if let (Some(seat), Some(id)) = (self.seat(who), self.nth_producer(who, nth)) {
                    let _ = self.room.mute_producer(now, seat, id, mute);
                }
            }
            Op::CloseProducer { who, nth } => {
                if let (Some(seat), Some(id)) = (self.seat(who), self.nth_producer(who, nth)) {
                    prop_assert!(self.room.close_producer(now, seat, id).is_ok());
                }
            }
            Op::TransportGone { who, nth } => {
                if let (Some(seat), Some(id)) = (self.seat(who), self.nth_producer(who, nth)) {
                    self.room.transport_gone(seat, &[id]);
                }
            }
            Op::Join { who, renew } => {
                if let Some(seat) = self.seat(who) {
                    let socket = SocketId(self.id());
                    let serial = match self.serials.get(&seat) {
                        Some((serial, _)) if !renew => *serial,
                        _ => self.room.next_session(seat).unwrap(),
                    };
                    let join = RtcJoin {
                        serial,
                        device: "socket".into(),
                        socket,
                        platform_type: 16,
                        custom_data: None,
                    };
                    prop_assert!(self.room.join_rtc(now, seat, join).is_ok());
                    self.serials.insert(seat, (serial, socket));
                }
            }
            Op::SocketClosed { who } => {
                if let Some(seat) = self.seat(who)
                    && let Some((_, socket)) = self.serials.get(&seat)
                {
                    self.room.socket_closed(seat, *socket, now);
                }
            }
            Op::LeaveRtc { who } => {
                let _ = self.seat(who).map(|seat| self.room.leave_rtc(now, seat));
            }
            Op::MuteAll { who, key, mode } => {
                let _ = self.seat(who).map(|seat| self.room.set_room_property(now, seat, key, mode));
            }
            Op::SystemSwitch { target, ref sources, on } => {
                let before = self.room.member(self.seat(target).unwrap_or(SeatId(0)));
                match self.room.switch_by_system(now, &accid(target), sources, on) {
                    Ok(_) => {
                        for source in sources {
                            prop_assert_eq!(self.room.is_on(&accid(target), *source), Some(on));
                        }
                    }
                    Err(_) => {
                        let after = self.room.member(self.seat(target).unwrap_or(SeatId(0)));
                        prop_assert_eq!(before, after, "refused, and half of it done");
                    }
                }
            }
            Op::SystemMuteAll { ref sources, mode } => {
                let _ = self.room.mute_all_by_system(now, sources, mode);
            }
            Op::SystemKick { target } => {
                let _ = self.room.kick_by_system(now, &accid(target));
                prop_assert!(self.seat(target).is_none());
            }
            Op::Media { who, up } => {
                if let Some(seat) = self.seat(who) {
                    self.room.media_link(now, seat, up, 0);
                }
            }
            Op::PushLink { who, device: d, up } => {
                self.room.push_link(&accid(who), &device(d), (!up).then_some(now));
            }
            Op::Link { who, device: d, up } => self.room.qchat_link(now, &accid(who), &device(d), up),
            Op::Wait { ms } => {
                self.now += ms;
                self.room.tick(Millis(self.now));
                let next = self.room.next_deadline();
                prop_assert!(next.is_none_or(|next| next > Millis(self.now)), "tick left something overdue");
            }
        }
        self.settle(added, entered)
    }

    fn settle(
        &mut self,
        added: Option<(ProducerId, (SeatId, bool))>,
        entered: Option<Recipient>,
    ) -> Result<(), TestCaseError> {
        if let Some((id, entry)) = added {
            self.table.insert(id, entry);
        }
        let mut told = false;
        for output in self.room.take_outputs() {
            match output {
                Output::Table(table) => {
                    prop_assert!(!told, "the table changes before anybody is told");
                    self.apply_table(table);
                }
                Output::Push { to, body } => {
                    told = true;
                    let body: Value = serde_json::from_str(&body).unwrap();
                    for recipient in to {
                        // One who has just entered begins at the number of its entry answer.
                        let client = self.clients.get_mut(&recipient);
                        prop_assert!(client.is_some(), "a push for one who has no seat");
                        client.unwrap().apply(&body)?;
                    }
                }
                Output::Unseated { accid, device, .. } => {
                    self.clients.remove(&Recipient { accid, device });
                }
                _ => told = true,
            }
        }
        if let Some(recipient) = entered {
            let client = Client { sequence: self.room.sequence(), members: snapshot(&self.room) };
            self.clients.entry(recipient).or_insert(client);
        }
        self.agree()
    }

    fn apply_table(&mut self, table: Table) {
        match table {
            Table::Forward { producer, on } => {
                self.table.get_mut(&producer).expect("the table knows every producer").1 = on;
            }
            Table::RemoveProducer(producer) => {
                self.table.remove(&producer);
            }
            Table::CloseSession(seat) => self.table.retain(|_, (owner, _)| *owner != seat),
        }
    }

    fn agree(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.room.seat_count() <= LIMIT as usize);
        let truth = snapshot(&self.room);
        for client in self.clients.values() {
            prop_assert_eq!(&client.members, &truth, "a client believes something else");
            prop_assert_eq!(client.sequence, self.room.sequence());
        }
        let room: BTreeMap<ProducerId, bool> = self.room.producers().map(|(id, _, on)| (id, on)).collect();
        let table: BTreeMap<ProducerId, bool> = self.table.iter().map(|(id, (_, on))| (*id, *on)).collect();
        prop_assert_eq!(room, table, "the media plane forwards something else");
        let sharers = truth.values().filter(|streams| streams.contains("subVideo")).count();
        prop_assert!(sharers <= 1, "{sharers} sharers");
        for who in 0..ACCOUNTS {
            let rights = RightSet::from_bits(self.rights.get(&who).copied().unwrap_or(0));
            for source in Source::ALL {
                if self.room.is_on(&accid(who), source) == Some(true) {
                    prop_assert!(rights.has(source.own_right()), "on without the right");
                }
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, max_shrink_iters: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn clients_table_and_owner_never_diverge(ops in prop::collection::vec(op(), 1..80)) {
        let mut world = World::new();
        for op in &ops {
            if world.room.is_ended() {
                break;
            }
            world.run(op)?;
        }
    }
}
