//! The worker: everything one media thread owns, and one turn of its loop.

mod allocate;
mod ask;
mod control;
mod feedback;
mod forward;
mod handshakes;
mod inbound;
mod learn;
mod probe;
mod quality;
mod relay;
mod report;
mod resend;
mod takers;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, time::Instant};

use slab::Slab;

use crate::{
    AUDIO_ACTIVE_MAX, ConsumerId, Counters, Event, Identity, ProducerId, Quality, Remote, TransportId,
    allocation::Source,
    batch::{Egress, Inbox, Outbox, Sender},
    consumer::Consumer,
    handshakes::Handshakes,
    map::Map,
    producer::Producer,
    relay::Link,
    rooms::Rooms,
    transport::Transport,
    wheel::Wheel,
};

/// The forwarding table and all streams on it. Pure: datagrams, commands and time in; datagrams and events out.
pub struct Worker {
    identity: Identity,
    /// Against which arrival and send times are counted.
    epoch: Instant,
    transports: Slab<Transport>,
    producers: Slab<Producer>,
    consumers: Slab<Consumer>,
    rooms: Rooms,
    transport_ids: HashMap<TransportId, usize>,
    producer_ids: HashMap<ProducerId, usize>,
    consumer_ids: HashMap<ConsumerId, usize>,
    by_ufrag: HashMap<String, usize>,
    /// Addresses that passed an authenticated check.
    by_address: Map<Remote, usize>,
    /// When which transport is to be looked at.
    timers: Wheel<usize>,
    /// Room for those that are due.
    due: Vec<(Instant, usize)>,
    /// What is left of handshakes for later turns.
    handshakes: Handshakes,
    events: Vec<Event>,
    counters: Counters,
    /// Producers with packets in this turn.
    touched: Vec<usize>,
    /// Transports with consumers of those.
    subscribers: Vec<usize>,
    /// Who is written first, so that a full socket does not always cut the same one off.
    rotation: usize,
    /// Transports with streams in which packets are missing since this turn.
    gapped: Vec<usize>,
    /// Packets receivers asked for again in this turn: consumer and sequence number.
    asked: Vec<(usize, u16)>,
    /// Streams (producer, layer) of which a keyframe is wanted.
    keyframes_wanted: Vec<(usize, u8)>,
    /// Room for choosing layers: the sources of a subscriber, and their consumers.
    sources: Vec<Source>,
    chosen: Vec<usize>,
    /// The ways to the other workers, by their numbers.
    links: Vec<Option<Link>>,
    /// Last datagrams of transports that are closed already.
    farewells: Vec<(Remote, Vec<u8>)>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("transports", &self.transports.len())
            .field("producers", &self.producers.len())
            .field("consumers", &self.consumers.len())
            .finish_non_exhaustive()
    }
}

impl Worker {
    pub fn new(identity: Identity, now: Instant) -> Self {
        Self {
            identity,
            epoch: now,
            transports: Slab::new(),
            producers: Slab::new(),
            consumers: Slab::new(),
            rooms: Rooms::new(AUDIO_ACTIVE_MAX),
            transport_ids: HashMap::new(),
            producer_ids: HashMap::new(),
            consumer_ids: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_address: Map::default(),
            timers: Wheel::new(now),
            due: Vec::new(),
            handshakes: Handshakes::default(),
            events: Vec::new(),
            counters: Counters::default(),
            touched: Vec::new(),
            subscribers: Vec::new(),
            rotation: 0,
            gapped: Vec::new(),
            asked: Vec::new(),
            keyframes_wanted: Vec::new(),
            sources: Vec::new(),
            chosen: Vec::new(),
            links: Vec::new(),
            farewells: Vec::new(),
        }
    }

    /// How many microphones of one room are forwarded at a time, instead of [`AUDIO_ACTIVE_MAX`]; 0: all.
    #[must_use]
    pub fn with_audio_active_max(self, max: usize) -> Self {
        Self { rooms: Rooms::new(max), ..self }
    }

    /// The same while it works; rooms that are there follow at once.
    pub fn set_audio_active_max(&mut self, now: Instant, max: usize) {
        self.rooms.set_max(crate::downlink::micros(self.epoch, now), max);
    }

    /// One turn: read all, open all, then per subscriber its packets in a row; then what is due by time; at last a few
    /// pieces of handshakes.
    ///
    /// `inbox` holds what arrived since the last turn; the caller clears it.
    pub fn turn(&mut self, now: Instant, inbox: &mut Inbox, outbox: &mut Outbox, egress: &mut dyn Egress) {
        let mut sender = Sender::new(outbox, egress);
        for slot in 0..inbox.len() {
            self.receive(now, inbox, slot, &mut sender);
        }
        self.relay(inbox);
        self.take_relayed(now, inbox);
        self.forward(now, inbox, &mut sender);
        self.send_again(now, &mut sender);
        self.ask_for_missing(now, &mut sender);
        self.run_timers(now, &mut sender);
        self.shake_hands(now, &mut sender);
        self.request_keyframes(now, &mut sender);
        sender.flush();
        self.counters.datagrams_out += sender.sent;
        self.counters.dropped_by_socket += sender.dropped;
    }

    /// Takes note that a connection is closed: what went over it takes another path, or waits for one.
    pub fn disconnected(&mut self, now: Instant, connection: Remote) {
        let index = self.by_address.remove(&connection);
        if let Some(transport) = index.and_then(|index| self.transports.get_mut(index)) {
            transport.path_gone(now, connection);
        }
    }

    /// When [`Self::turn`] must run even if nothing arrives.
    pub fn next_wake(&self) -> Option<Instant> {
        // The worker's first moment is past whatever the time.
        let at_once = (!self.handshakes.is_empty()).then_some(self.epoch);
        at_once.or_else(|| self.timers.next())
    }

    /// What happened since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What a receiver last reported.
    pub fn quality(&self, consumer: ConsumerId) -> Option<Quality> {
        let index = self.consumer_ids.get(&consumer)?;
        self.consumers.get(*index).map(|consumer| consumer.quality)
    }

    /// Makes sure that a transport is looked at, at `at` or before.
    fn arm(&mut self, index: usize, at: Instant) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        if transport.armed.is_none_or(|armed| at < armed) {
            transport.armed = Some(at);
            self.timers.set(at, index);
        }
    }
}
