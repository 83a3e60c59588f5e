//! The ORTC side of a channel: its transports, producers and consumers, and the commands that make them.
//!
//! The owner decides what is forwarded; here is how. Every command goes into one list, which the owner hands to the
//! media worker before it tells anybody.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use rotunda_model::{ChannelId, Code};
use rotunda_room::{MediaType, ProducerId, Refusal, SeatId};
use rotunda_sfu::{
    Command, ConsumerId, ConsumerSpec, Event, FailReason, LostReason, ProducerSpec, RoomId, SrtpOffer,
    TransportId, TransportSpec,
    ortc::{
        self, ConsumerSsrcs, DtlsParameters, Fingerprint, IceCandidate, IceParameters, MediaKind, OrtcError,
        ProducerMedia, RtpCapabilities, RtpParameters,
    },
};
use serde_json::{Value, json};

use super::{Owner, Registry};

/// Consumers of one member. A hundred members with three sources each fit; more is a client gone wrong.
const MAX_CONSUMERS: usize = 512;

/// Fingerprints read from one client; browsers send one.
const MAX_FINGERPRINTS: usize = 8;

/// Longest name and longest digest of a fingerprint, bytes: SHA-512 in hexadecimal with colons has 191.
const MAX_FINGERPRINT: (usize, usize) = (16, 191);

/// SSRCs given out on one receiving transport; each consumer takes two. A day of switching streams stays below; more
/// costs memory here and at the worker, and the next transport begins anew.
const MAX_SSRCS: usize = 65_536;

/// Silence after which the worker reports a transport lost, ms (`rotunda_sfu::Event::TransportLost`).
const SILENCE_MS: i64 = 15_000;

/// Direction of a transport, seen from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Send,
    Receive,
}

#[derive(Debug)]
pub(super) struct Transport {
    pub(super) direction: Direction,
    live: bool,
}

#[derive(Debug)]
struct Consumer {
    producer: ProducerId,
    transport: TransportId,
}

/// What one joined member has at the media worker.
#[derive(Debug)]
pub(super) struct Session {
    srtp: SrtpOffer,
    pub(super) transports: BTreeMap<TransportId, Transport>,
    consumers: HashMap<ConsumerId, Consumer>,
    /// Never reused on the same receiving transport: both its ends keep state per SSRC.
    ssrcs: HashSet<u32>,
}

#[derive(Debug)]
struct Producer {
    seat: SeatId,
    transport: TransportId,
    source: MediaType,
    media: ProducerMedia,
}

impl Producer {
    fn ssrcs(&self) -> impl Iterator<Item = u32> + '_ {
        ssrcs(&self.media)
    }
}

fn ssrcs(media: &ProducerMedia) -> impl Iterator<Item = u32> + '_ {
    media.streams.iter().flat_map(|stream| [stream.ssrc, stream.rtx_ssrc]).flatten()
}

#[derive(Debug)]
pub(crate) struct Desk {
    registry: Arc<Registry>,
    channel: ChannelId,
    pub(super) sessions: HashMap<SeatId, Session>,
    producers: HashMap<ProducerId, Producer>,
    commands: Vec<Command>,
}

/// The transport part of `Produce` and `Consume`: a new one, or one that is open.
#[derive(Debug, Clone)]
pub(crate) enum Over {
    New { ufrag: String, dtls: DtlsParameters },
    Open(TransportId),
}

#[derive(Debug, Clone)]
pub(crate) struct Produce {
    pub media: MediaType,
    pub kind: MediaKind,
    pub parameters: RtpParameters,
    pub simulcast: bool,
    pub mute: bool,
    pub over: Over,
}

#[derive(Debug, Clone)]
pub(crate) struct Consume {
    pub producer: ProducerId,
    pub capabilities: RtpCapabilities,
    pub mid: String,
    pub pause: bool,
    /// 1 the highest layer, 0 the lowest.
    pub layer: u8,
    pub over: Over,
}

/// Why a signalling request was refused; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeskError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Ortc(#[from] OrtcError),
    #[error("no {0} of this session has this id")]
    Unknown(&'static str),
    #[error("unusable: {0}")]
    Unusable(&'static str),
    #[error("the session has {MAX_CONSUMERS} consumers, or its transport had {MAX_SSRCS} SSRCs")]
    TooManyConsumers,
}

impl DeskError {
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Unknown(_) => Code(404),
            Self::Ortc(_) | Self::Unusable(_) => Code(400),
            Self::TooManyConsumers => Code(503),
        }
    }
}

impl Desk {
    pub fn new(registry: Arc<Registry>, channel: ChannelId) -> Self {
        Self { registry, channel, sessions: HashMap::new(), producers: HashMap::new(), commands: Vec::new() }
    }

    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// A member joined RTC. What an earlier session of the seat has is kept: its packets may still flow.
    pub fn open_session(&mut self, seat: SeatId, srtp: SrtpOffer) {
        self.sessions.entry(seat).or_insert_with(|| Session {
            srtp,
            transports: BTreeMap::new(),
            consumers: HashMap::new(),
            ssrcs: HashSet::new(),
        });
    }

    pub fn close_session(&mut self, seat: SeatId) {
        let Some(session) = self.sessions.remove(&seat) else { return };
        for transport in session.transports.into_keys() {
            self.commands.push(Command::CloseTransport(transport));
            self.registry.remove_transport(transport);
        }
        let gone: Vec<ProducerId> =
            self.producers.iter().filter(|(_, p)| p.seat == seat).map(|(id, _)| *id).collect();
        self.forget_producers(&gone);
    }

    pub fn close_all(&mut self) {
        let seats: Vec<SeatId> = self.sessions.keys().copied().collect();
        for seat in seats {
            self.close_session(seat);
        }
    }

    pub fn forward(&mut self, producer: ProducerId, on: bool) {
        if self.producers.contains_key(&producer) {
            self.commands.push(Command::SetProducerActive(sfu_id(producer), on));
        }
    }

    /// Nothing when it went with its transport already.
    pub fn remove_producer(&mut self, producer: ProducerId) {
        if self.producers.contains_key(&producer) {
            self.commands.push(Command::RemoveProducer(sfu_id(producer)));
            self.forget_producers(&[producer]);
        }
    }

    /// The worker drops the consumers of a producer with it.
    fn forget_producers(&mut self, gone: &[ProducerId]) {
        self.producers.retain(|id, _| !gone.contains(id));
        for session in self.sessions.values_mut() {
            session.consumers.retain(|_, consumer| !gone.contains(&consumer.producer));
        }
    }

    fn producers_on(&self, transport: TransportId) -> Vec<ProducerId> {
        self.producers.iter().filter(|(_, p)| p.transport == transport).map(|(id, _)| *id).collect()
    }

    fn session(&mut self, seat: SeatId) -> Result<&mut Session, DeskError> {
        self.sessions.get_mut(&seat).ok_or(DeskError::Unusable("before Join"))
    }

    /// Two SSRCs the session's receiving transport never had; they count once they are kept.
    fn fresh_ssrcs(&self, seat: SeatId) -> Result<ConsumerSsrcs, DeskError> {
        let session = self.sessions.get(&seat).ok_or(DeskError::Unusable("before Join"))?;
        if session.consumers.len() >= MAX_CONSUMERS || session.ssrcs.len() >= MAX_SSRCS {
            return Err(DeskError::TooManyConsumers);
        }
        let fresh = |other: u32| loop {
            let ssrc = u32::from_be_bytes(self.registry.core.env().bytes());
            if ssrc != 0 && ssrc != other && !session.ssrcs.contains(&ssrc) {
                return ssrc;
            }
        };
        let media = fresh(0);
        Ok(ConsumerSsrcs { media, rtx: fresh(media) })
    }

    /// The streams of one transport are told apart by SSRC alone.
    fn check_ssrcs(&self, produce: &Produce, media: &ProducerMedia) -> Result<(), DeskError> {
        let Over::Open(transport) = produce.over else { return Ok(()) };
        let mut others =
            self.producers.values().filter(|p| p.transport == transport && p.source != produce.media);
        if others.any(|other| other.ssrcs().any(|taken| ssrcs(media).any(|ssrc| ssrc == taken))) {
            return Err(DeskError::Unusable("an SSRC of another producer"));
        }
        Ok(())
    }

    /// Takes away what a new producer on an open transport takes the place of: its SSRCs may be the new one's.
    fn make_room(&mut self, produce: &Produce) {
        let Over::Open(transport) = produce.over else { return };
        let same = |p: &Producer| p.transport == transport && p.source == produce.media;
        let old: Vec<ProducerId> =
            self.producers.iter().filter(|(_, p)| same(p)).map(|(id, _)| *id).collect();
        old.into_iter().for_each(|producer| self.remove_producer(producer));
    }

    /// Checks, without changing anything, that the transport asked for can be had.
    fn check_over(&self, seat: SeatId, over: &Over, direction: Direction) -> Result<(), DeskError> {
        let session = self.sessions.get(&seat).ok_or(DeskError::Unusable("before Join"))?;
        match over {
            Over::Open(id) => match session.transports.get(id) {
                Some(transport) if transport.direction == direction => Ok(()),
                _ => Err(DeskError::Unknown("transport")),
            },
            Over::New { ufrag, dtls } => {
                let hashes = 1..=MAX_FINGERPRINTS;
                if !(4..=256).contains(&ufrag.len()) || !hashes.contains(&dtls.fingerprints.len()) {
                    return Err(DeskError::Unusable(
                        "an ice ufrag has 4 to 256 characters, and there is a fingerprint",
                    ));
                }
                let (name, value) = MAX_FINGERPRINT;
                if dtls.fingerprints.iter().any(|f| f.algorithm.len() > name || f.value.len() > value) {
                    return Err(DeskError::Unusable("no hash is that long"));
                }
                Ok(())
            }
        }
    }

    /// The transport to use; a new one takes the place of the session's old one in that direction, whose producers
    /// are in the answer.
    fn take_over(
        &mut self,
        seat: SeatId,
        over: Over,
        direction: Direction,
    ) -> Result<(TransportId, Option<Value>, Vec<ProducerId>), DeskError> {
        let (ufrag, dtls) = match over {
            Over::Open(id) => return Ok((id, None, Vec::new())),
            Over::New { ufrag, dtls } => (ufrag, dtls),
        };
        let old: Vec<TransportId> = self
            .session(seat)?
            .transports
            .iter()
            .filter(|(_, transport)| transport.direction == direction)
            .map(|(id, _)| *id)
            .collect();
        let gone: Vec<ProducerId> = old.iter().flat_map(|id| self.producers_on(*id)).collect();
        for transport in old {
            self.commands.push(Command::CloseTransport(transport));
            self.forget_transport(seat, transport);
        }
        let id = TransportId(self.registry.next_id());
        let env = self.registry.core.env();
        // 64 random bits tell transports of the worker apart; 128 keep others out.
        let local_ufrag = format!("{:016x}", u64::from_be_bytes(env.bytes()));
        let local_pwd = format!("{:032x}", u128::from_be_bytes(env.bytes()));
        let session = self.session(seat)?;
        if direction == Direction::Receive {
            session.ssrcs.clear();
        }
        let beside = session.transports.keys().next().copied();
        session.transports.insert(id, Transport { direction, live: false });
        let srtp = session.srtp;
        let ice = IceParameters {
            username_fragment: local_ufrag.clone(),
            password: local_pwd.clone(),
            ice_lite: true,
        };
        self.commands.push(Command::OpenTransport(TransportSpec {
            id,
            local_ufrag,
            local_pwd,
            remote_ufrag: ufrag,
            remote_fingerprints: dtls.fingerprints,
            srtp,
        }));
        self.registry.add_transport(id, self.channel, seat);
        let candidates = self.registry.media.place(room_id(self.channel), id, beside);
        Ok((id, Some(self.transport_parameters(&ice, &candidates)), gone))
    }

    fn transport_parameters(&self, ice: &IceParameters, candidates: &[IceCandidate]) -> Value {
        let fingerprints: Vec<Fingerprint> = vec![self.registry.media.fingerprint()];
        json!({
            "iceParameters": ice,
            "iceCandidates": candidates,
            "dtlsParameters": { "role": "auto", "fingerprints": fingerprints },
        })
    }

    /// The transport is gone at the worker; the producers that went with it.
    fn forget_transport(&mut self, seat: SeatId, transport: TransportId) -> Vec<ProducerId> {
        self.registry.remove_transport(transport);
        let gone = self.producers_on(transport);
        self.forget_producers(&gone);
        if let Some(session) = self.sessions.get_mut(&seat) {
            session.transports.remove(&transport);
            session.consumers.retain(|_, consumer| consumer.transport != transport);
        }
        gone
    }

    fn any_live(&self, seat: SeatId) -> bool {
        self.sessions
            .get(&seat)
            .is_some_and(|session| session.transports.values().any(|transport| transport.live))
    }
}

/// The room of a channel at the media workers.
pub(crate) fn room_id(channel: ChannelId) -> RoomId {
    RoomId(channel.get().unsigned_abs())
}

fn sfu_id(producer: ProducerId) -> rotunda_sfu::ProducerId {
    rotunda_sfu::ProducerId(producer.0)
}

/// Adds the transport parameters of a first request to its answer.
fn with_transport(mut answer: Value, parameters: Option<Value>) -> Value {
    if let (Some(answer), Some(Value::Object(parameters))) = (answer.as_object_mut(), parameters) {
        answer.extend(parameters);
    }
    answer
}

impl Owner {
    /// `Produce`: the answer's `data`.
    pub fn produce(&mut self, seat: SeatId, produce: Produce) -> Result<Value, DeskError> {
        if produce.media.is_audio() != (produce.kind == MediaKind::Audio) {
            return Err(DeskError::Unusable("kind and mediaType differ"));
        }
        let media = ortc::producer_media(produce.kind, &produce.parameters)?;
        self.desk.check_over(seat, &produce.over, Direction::Send)?;
        self.desk.check_ssrcs(&produce, &media)?;
        let id = ProducerId(self.registry.next_id());
        let now = self.now();
        // The verdict first: a refused Produce opens nothing.
        let produced = self.room.produce(now, seat, produce.media, id, produce.simulcast, produce.mute)?;
        self.desk.make_room(&produce);
        let source = produce.media;
        let (transport, parameters, gone) = self.desk.take_over(seat, produce.over, Direction::Send)?;
        self.room.transport_gone(seat, &gone);
        self.desk.commands.push(Command::AddProducer(ProducerSpec {
            id: sfu_id(id),
            room: room_id(self.desk.channel),
            transport,
            kind: produce.kind,
            media: media.clone(),
            active: produced.forward,
        }));
        self.desk.producers.insert(id, Producer { seat, transport, source, media });
        let answer =
            json!({ "code": 200, "producerId": id.to_string(), "transportId": transport.to_string() });
        Ok(with_transport(answer, parameters))
    }

    /// `Consume`: the answer's `data`.
    pub fn consume(&mut self, seat: SeatId, consume: Consume) -> Result<Value, DeskError> {
        self.desk.check_over(seat, &consume.over, Direction::Receive)?;
        let found = self.desk.producers.get(&consume.producer).ok_or(DeskError::Unknown("producer"))?;
        let (publisher, media) = (found.seat, found.media.clone());
        let uid = self.room.uid_of(publisher).ok_or(DeskError::Unknown("producer"))?;
        let ssrcs = self.desk.fresh_ssrcs(seat)?;
        // One CNAME per member, so that a receiver keeps sound and picture in step.
        let cname = format!("u{uid}");
        let (parameters, mut mapping) =
            ortc::consumer(&media, &consume.capabilities, &consume.mid, ssrcs, &cname)?;
        mapping.layer = layer(consume.layer);
        let (transport, first, _) = self.desk.take_over(seat, consume.over, Direction::Receive)?;
        let id = ConsumerId(self.registry.next_id());
        self.desk.commands.push(Command::AddConsumer(ConsumerSpec {
            id,
            transport,
            producer: sfu_id(consume.producer),
            mapping,
            paused: consume.pause,
        }));
        let consumer = Consumer { producer: consume.producer, transport };
        let session = self.desk.session(seat)?;
        session.ssrcs.extend([ssrcs.media, ssrcs.rtx]);
        session.consumers.insert(id, consumer);
        let answer = json!({
            "code": 200,
            "uid": uid,
            "producerId": consume.producer.to_string(),
            "consumerId": id.to_string(),
            "transportId": transport.to_string(),
            "rtpParameters": parameters,
        });
        Ok(with_transport(answer, first))
    }

    /// `SetConsumerPreferredLayer`.
    pub fn prefer_layer(&mut self, seat: SeatId, consumer: ConsumerId, wanted: u8) -> Result<(), DeskError> {
        if !self.desk.session(seat)?.consumers.contains_key(&consumer) {
            return Err(DeskError::Unknown("consumer"));
        }
        self.desk.commands.push(Command::SetConsumerLayer(consumer, layer(wanted)));
        Ok(())
    }

    /// `CloseConsumer`. One that went with its producer is a repeat.
    pub fn close_consumer(&mut self, seat: SeatId, consumer: ConsumerId) -> Result<(), DeskError> {
        if self.desk.session(seat)?.consumers.remove(&consumer).is_some() {
            self.desk.commands.push(Command::RemoveConsumer(consumer));
        }
        Ok(())
    }

    /// `CloseTransport`: of a sending one, every producer is closed as by `CloseProducer`.
    pub fn close_transport(&mut self, seat: SeatId, transport: TransportId) -> Result<(), DeskError> {
        if !self.desk.session(seat)?.transports.contains_key(&transport) {
            return Err(DeskError::Unknown("transport"));
        }
        let now = self.now();
        for producer in self.desk.producers_on(transport) {
            self.room.close_producer(now, seat, producer)?;
        }
        self.desk.commands.push(Command::CloseTransport(transport));
        self.desk.forget_transport(seat, transport);
        self.media_presence(seat, 0);
        Ok(())
    }

    fn media_presence(&mut self, seat: SeatId, silent_ms: i64) {
        let (now, live) = (self.now(), self.desk.any_live(seat));
        self.room.media_link(now, seat, live, silent_ms);
    }

    /// What the media worker reports of one transport.
    pub fn media_event(&mut self, seat: SeatId, transport: TransportId, event: &Event) {
        let Some(session) = self.desk.sessions.get_mut(&seat) else { return };
        let Some(state) = session.transports.get_mut(&transport) else { return };
        match event {
            Event::TransportConnected { .. } | Event::TransportBack { .. } => {
                state.live = true;
                self.media_presence(seat, 0);
            }
            Event::TransportLost { reason: LostReason::Silence, .. } => {
                state.live = false;
                self.media_presence(seat, SILENCE_MS);
            }
            Event::TransportLost { reason: LostReason::Closed, .. } => {
                self.transport_ended(seat, transport, false)
            }
            Event::TransportFailed { reason, .. } => {
                if *reason == FailReason::NoCommonProfile {
                    session.srtp = SrtpOffer::CmOnly;
                }
                metrics::counter!("rotunda_transports_failed_total", "reason" => reason.name()).increment(1);
                self.transport_ended(seat, transport, true);
            }
            Event::LayersWanted { producer, layers, .. } => self.tell_layers(seat, *producer, *layers),
            Event::TransportClosed { .. }
            | Event::Usage(_)
            | Event::Quality(_)
            | Event::WorkerRestarted { .. } => {}
        }
    }

    /// The transport is gone at the worker. A client that cannot know is told, and builds a new one.
    fn transport_ended(&mut self, seat: SeatId, transport: TransportId, tell: bool) {
        // The room looks the producers up by their owner, so it hears of them before the desk forgets.
        let gone = self.desk.forget_transport(seat, transport);
        self.room.transport_gone(seat, &gone);
        self.media_presence(seat, 0);
        if tell {
            self.notify(seat, "OnTransportClose", json!({ "transportId": transport.to_string() }));
        }
    }

    /// The media worker started again empty.
    pub fn media_restarted(&mut self) {
        let all: Vec<(SeatId, TransportId)> = self
            .desk
            .sessions
            .iter()
            .flat_map(|(seat, session)| session.transports.keys().map(|transport| (*seat, *transport)))
            .collect();
        for (seat, transport) in all {
            self.transport_ended(seat, transport, true);
        }
    }
}

/// Wire layers are 1 high and 0 low; the worker clamps to what there is.
const fn layer(wanted: u8) -> u8 {
    if wanted == 0 { 0 } else { u8::MAX }
}
