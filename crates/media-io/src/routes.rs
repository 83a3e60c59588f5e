//! Which worker has what: commands for the media plane become commands for its workers.
//!
//! Pure. A room lives on one worker for as long as that bears it; what is opened later goes to the least loaded one,
//! and producers that are consumed at another worker than their publisher's are handed on to it.

use std::collections::{HashMap, HashSet};

use rotunda_sfu::{
    Command, ConsumerId, ConsumerSpec, ProducerId, ProducerSpec, RelayedProducerSpec, RoomId, TransportId,
};

/// A worker's work, at the time of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Load {
    /// Thousandths of its time that it did not wait.
    pub(crate) busy: u32,
}

/// When a room grows beyond its worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpreadLimits {
    /// Transports of one room on one worker. Fewer spread a room, and open its packets, earlier.
    pub(crate) transports: usize,
    /// A worker as busy as this gets no more of a room when another has clearly less to do, per mille.
    pub(crate) busy: u32,
}

/// How much less busy another worker must be to get a part of a room, per mille. Handing on costs about as much as
/// serving one more subscriber.
const CLEARLY_LESS: u32 = 150;

#[derive(Debug)]
pub(crate) struct Routes {
    workers: usize,
    limits: SpreadLimits,
    transports: HashMap<TransportId, Placed>,
    producers: HashMap<ProducerId, Source>,
    consumers: HashMap<ConsumerId, Taken>,
    /// Transports of each room on each worker.
    rooms: HashMap<RoomId, Vec<usize>>,
    /// Transports on each worker.
    counts: Vec<usize>,
    by_ufrag: HashMap<String, usize>,
}

#[derive(Debug)]
struct Placed {
    worker: usize,
    room: RoomId,
    /// Once it is open.
    ufrag: Option<String>,
    producers: HashSet<ProducerId>,
    consumers: HashSet<ConsumerId>,
}

/// A producer and where its packets are needed.
#[derive(Debug)]
struct Source {
    spec: ProducerSpec,
    worker: usize,
    /// Consumers at each other worker.
    away: HashMap<usize, usize>,
    consumers: HashSet<ConsumerId>,
}

#[derive(Debug)]
struct Taken {
    transport: TransportId,
    producer: ProducerId,
    worker: usize,
}

impl Placed {
    fn new(worker: usize, room: RoomId) -> Self {
        Self { worker, room, ufrag: None, producers: HashSet::new(), consumers: HashSet::new() }
    }
}

impl Routes {
    pub(crate) fn new(workers: usize, limits: SpreadLimits) -> Self {
        Self {
            workers,
            limits,
            transports: HashMap::new(),
            producers: HashMap::new(),
            consumers: HashMap::new(),
            rooms: HashMap::new(),
            counts: vec![0; workers],
            by_ufrag: HashMap::new(),
        }
    }

    /// What is placed stays where it is.
    pub(crate) fn set_room_transports(&mut self, transports: usize) {
        self.limits.transports = transports;
    }

    /// The worker for a transport about to be opened; `beside`: another of the same member, whose worker it shares.
    pub(crate) fn place(
        &mut self,
        room: RoomId,
        transport: TransportId,
        beside: Option<TransportId>,
        loads: &[Load],
    ) -> usize {
        let beside = beside.and_then(|beside| self.transports.get(&beside)).map(|placed| placed.worker);
        let worker = beside.unwrap_or_else(|| self.choose(room, loads));
        self.put(room, transport, worker);
        worker
    }

    fn put(&mut self, room: RoomId, transport: TransportId, worker: usize) {
        self.forget_place(transport);
        self.transports.insert(transport, Placed::new(worker, room));
        let in_room = self.rooms.entry(room).or_insert_with(|| vec![0; self.workers]);
        in_room.iter_mut().skip(worker).take(1).for_each(|count| *count += 1);
        self.counts.iter_mut().skip(worker).take(1).for_each(|count| *count += 1);
    }

    /// The worker that a newcomer of that room would get.
    pub(crate) fn choose(&self, room: RoomId, loads: &[Load]) -> usize {
        let load = |worker: usize| loads.get(worker).copied().unwrap_or_default();
        // Small differences say nothing; then the number of transports does.
        let work = |worker: &usize| (load(*worker).busy / 50, self.counts.get(*worker).copied());
        let least = (0..self.workers).min_by_key(work).unwrap_or(0);
        let Some(in_room) = self.rooms.get(&room) else { return least };
        let at = |worker: usize| in_room.get(worker).copied().unwrap_or(0);
        let present = (0..self.workers).filter(|worker| at(*worker) > 0);
        // Of the workers it is on already, the one with room for more.
        let Some(home) = present.min_by_key(work) else { return least };
        let full = at(home) >= self.limits.transports && at(least) < at(home);
        let busy = load(home).busy >= self.limits.busy && load(least).busy + CLEARLY_LESS <= load(home).busy;
        if full || busy { least } else { home }
    }

    /// How many transports a worker has.
    pub(crate) fn transports_on(&self, worker: usize) -> usize {
        self.counts.get(worker).copied().unwrap_or(0)
    }

    /// The worker of the open transport with that ufrag.
    pub(crate) fn worker_of_ufrag(&self, ufrag: &str) -> Option<usize> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// Who gets which command, in this order.
    pub(crate) fn route(&mut self, command: Command) -> Vec<(usize, Command)> {
        match command {
            Command::OpenTransport(spec) => {
                // One that nobody placed is a room of its own, on the first worker.
                if !self.transports.contains_key(&spec.id) {
                    self.put(RoomId(u64::MAX), spec.id, 0);
                }
                let worker = self.worker_of(spec.id);
                if let Some(placed) = self.transports.get_mut(&spec.id) {
                    placed.ufrag = Some(spec.local_ufrag.clone());
                }
                self.by_ufrag.insert(spec.local_ufrag.clone(), worker);
                vec![(worker, Command::OpenTransport(spec))]
            }
            Command::CloseTransport(id) => {
                let worker = self.transports.get(&id).map_or(0, |placed| placed.worker);
                // First what hangs on it elsewhere, then it.
                let mut commands = self.transport_gone(id);
                commands.push((worker, Command::CloseTransport(id)));
                commands
            }
            Command::AddProducer(spec) => {
                let worker = self.worker_of(spec.transport);
                if let Some(placed) = self.transports.get_mut(&spec.transport) {
                    placed.producers.insert(spec.id);
                }
                self.producers.entry(spec.id).or_insert_with(|| Source {
                    spec: spec.clone(),
                    worker,
                    away: HashMap::new(),
                    consumers: HashSet::new(),
                });
                vec![(worker, Command::AddProducer(spec))]
            }
            Command::SetProducerActive(id, active) => {
                let Some(source) = self.producers.get_mut(&id) else {
                    return vec![(0, Command::SetProducerActive(id, active))];
                };
                source.spec.active = active;
                // Everywhere: what is on its way between workers must not be forwarded either.
                let workers = std::iter::once(source.worker).chain(source.away.keys().copied());
                workers.map(|worker| (worker, Command::SetProducerActive(id, active))).collect()
            }
            Command::RemoveProducer(id) => {
                let Some(source) = self.forget_producer(id) else {
                    return vec![(0, Command::RemoveProducer(id))];
                };
                let workers = std::iter::once(source.worker).chain(source.away.into_keys());
                workers.map(|worker| (worker, Command::RemoveProducer(id))).collect()
            }
            Command::AddConsumer(spec) => self.add_consumer(spec),
            Command::RemoveConsumer(id) => {
                let worker = self.worker_of_consumer(id);
                let mut commands = vec![(worker, Command::RemoveConsumer(id))];
                commands.extend(self.forget_consumer(id));
                commands
            }
            Command::SetConsumerPaused(id, paused) => {
                vec![(self.worker_of_consumer(id), Command::SetConsumerPaused(id, paused))]
            }
            Command::SetConsumerLayer(id, layer) => {
                vec![(self.worker_of_consumer(id), Command::SetConsumerLayer(id, layer))]
            }
            Command::RequestKeyframe(id) => {
                let worker = self.producers.get(&id).map_or(0, |source| source.worker);
                vec![(worker, Command::RequestKeyframe(id))]
            }
            Command::ReportUsage => (0..self.workers).map(|worker| (worker, Command::ReportUsage)).collect(),
            Command::ReportQuality(of) => {
                let mut parts: Vec<Vec<TransportId>> = vec![Vec::new(); self.workers];
                for id in of {
                    let worker = self.worker_of(id);
                    parts.iter_mut().skip(worker).take(1).for_each(|part| part.push(id));
                }
                let parts = parts.into_iter().enumerate().filter(|(_, part)| !part.is_empty());
                parts.map(|(worker, part)| (worker, Command::ReportQuality(part))).collect()
            }
            // Only made here.
            relay @ (Command::RelayProducer { .. } | Command::AddRelayedProducer(_)) => vec![(0, relay)],
        }
    }

    fn add_consumer(&mut self, spec: ConsumerSpec) -> Vec<(usize, Command)> {
        let worker = self.worker_of(spec.transport);
        let mut commands = Vec::new();
        let known = self.producers.get_mut(&spec.producer).filter(|_| !self.consumers.contains_key(&spec.id));
        if let Some(source) = known {
            if source.worker != worker {
                let count = source.away.entry(worker).or_insert(0);
                *count += 1;
                if *count == 1 {
                    let ProducerSpec { id, room, kind, active, .. } = source.spec;
                    let (media, from) = (source.spec.media.clone(), source.worker);
                    let relayed = RelayedProducerSpec { id, room, from, kind, media, active };
                    commands.push((worker, Command::AddRelayedProducer(relayed)));
                    commands.push((source.worker, Command::RelayProducer { id, to: worker, on: true }));
                }
            }
            source.consumers.insert(spec.id);
            if let Some(placed) = self.transports.get_mut(&spec.transport) {
                placed.consumers.insert(spec.id);
            }
            let taken = Taken { transport: spec.transport, producer: spec.producer, worker };
            self.consumers.insert(spec.id, taken);
        }
        commands.push((worker, Command::AddConsumer(spec)));
        commands
    }

    /// A transport is gone at its worker, with its producers and consumers: what others have to know.
    pub(crate) fn transport_gone(&mut self, id: TransportId) -> Vec<(usize, Command)> {
        let mut commands = Vec::new();
        let Some(placed) = self.forget_place(id) else { return commands };
        for consumer in placed.consumers {
            commands.extend(self.forget_consumer(consumer));
        }
        for producer in placed.producers {
            let Some(source) = self.forget_producer(producer) else { continue };
            let away = source.away.into_keys();
            commands.extend(away.map(|worker| (worker, Command::RemoveProducer(producer))));
        }
        commands
    }

    /// One worker lost its table. What the others have is closed, so that all begin anew.
    pub(crate) fn worker_lost(&mut self, lost: usize) -> Vec<(usize, Command)> {
        let mut commands = Vec::new();
        for (id, source) in &self.producers {
            let away = source.away.keys().filter(|worker| **worker != lost);
            commands.extend(away.map(|worker| (*worker, Command::RemoveProducer(*id))));
        }
        let others = self.transports.iter().filter(|(_, placed)| placed.worker != lost);
        let open = others.filter(|(_, placed)| placed.ufrag.is_some());
        commands.extend(open.map(|(id, placed)| (placed.worker, Command::CloseTransport(*id))));
        *self = Self::new(self.workers, self.limits);
        commands
    }

    fn forget_producer(&mut self, id: ProducerId) -> Option<Source> {
        let source = self.producers.remove(&id)?;
        for consumer in &source.consumers {
            let Some(taken) = self.consumers.remove(consumer) else { continue };
            if let Some(placed) = self.transports.get_mut(&taken.transport) {
                placed.consumers.remove(consumer);
            }
        }
        if let Some(placed) = self.transports.get_mut(&source.spec.transport) {
            placed.producers.remove(&id);
        }
        Some(source)
    }

    /// With the last consumer at a worker the handing on ends.
    fn forget_consumer(&mut self, id: ConsumerId) -> Vec<(usize, Command)> {
        let Some(Taken { transport, producer, worker }) = self.consumers.remove(&id) else {
            return Vec::new();
        };
        if let Some(placed) = self.transports.get_mut(&transport) {
            placed.consumers.remove(&id);
        }
        let Some(source) = self.producers.get_mut(&producer) else { return Vec::new() };
        source.consumers.remove(&id);
        let Some(count) = source.away.get_mut(&worker) else { return Vec::new() };
        *count -= 1;
        if *count > 0 {
            return Vec::new();
        }
        source.away.remove(&worker);
        vec![
            (source.worker, Command::RelayProducer { id: producer, to: worker, on: false }),
            (worker, Command::RemoveProducer(producer)),
        ]
    }

    fn forget_place(&mut self, id: TransportId) -> Option<Placed> {
        let placed = self.transports.remove(&id)?;
        if let Some(ufrag) = &placed.ufrag {
            self.by_ufrag.remove(ufrag);
        }
        self.counts.iter_mut().skip(placed.worker).take(1).for_each(|count| *count -= 1);
        if let Some(in_room) = self.rooms.get_mut(&placed.room) {
            in_room.iter_mut().skip(placed.worker).take(1).for_each(|count| *count -= 1);
            if in_room.iter().all(|count| *count == 0) {
                self.rooms.remove(&placed.room);
            }
        }
        Some(placed)
    }

    fn worker_of(&self, transport: TransportId) -> usize {
        self.transports.get(&transport).map_or(0, |placed| placed.worker)
    }

    fn worker_of_consumer(&self, id: ConsumerId) -> usize {
        self.consumers.get(&id).map_or(0, |taken| taken.worker)
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.transports.is_empty()
            && self.producers.is_empty()
            && self.consumers.is_empty()
            && self.rooms.is_empty()
            && self.by_ufrag.is_empty()
            && self.counts.iter().all(|count| *count == 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rotunda_sfu::{
        SrtpOffer, TransportSpec,
        ortc::{ConsumerSsrcs, MediaKind, RtpParameters, consumer, producer_media, router_capabilities},
    };

    use super::*;

    const LIMITS: SpreadLimits = SpreadLimits { transports: 4, busy: 600 };

    fn open(id: u64) -> Command {
        Command::OpenTransport(TransportSpec {
            id: TransportId(id),
            local_ufrag: format!("ufrag{id}"),
            local_pwd: "a password of 22 chars".into(),
            remote_ufrag: "them".into(),
            remote_fingerprints: vec![],
            srtp: SrtpOffer::All,
        })
    }

    fn publish(id: u64, transport: u64) -> Command {
        let parameters: RtpParameters = serde_json::from_value(serde_json::json!({
            "mid": "0",
            "codecs": [{"mimeType": "audio/opus", "payloadType": 109, "clockRate": 48000, "channels": 2}],
            "encodings": [{"ssrc": 1}]
        }))
        .unwrap();
        Command::AddProducer(ProducerSpec {
            id: ProducerId(id),
            room: RoomId(1),
            transport: TransportId(transport),
            kind: MediaKind::Audio,
            media: producer_media(MediaKind::Audio, &parameters).unwrap(),
            active: true,
        })
    }

    fn subscribe(id: u64, transport: u64, producer: u64) -> Command {
        let Command::AddProducer(spec) = publish(producer, 0) else { unreachable!() };
        let ssrcs = ConsumerSsrcs { media: 1, rtx: 2 };
        let (_, mapping) = consumer(&spec.media, &router_capabilities(), "0", ssrcs, "c").unwrap();
        Command::AddConsumer(ConsumerSpec {
            id: ConsumerId(id),
            transport: TransportId(transport),
            producer: ProducerId(producer),
            mapping,
            paused: false,
        })
    }

    fn told(commands: Vec<(usize, Command)>) -> Vec<(usize, String)> {
        let name = |command: &Command| match command {
            Command::RelayProducer { to, on, .. } => format!("relay to {to}: {on}"),
            Command::AddRelayedProducer(spec) => format!("relayed from {}, {}", spec.from, spec.active),
            Command::SetProducerActive(_, active) => format!("active: {active}"),
            Command::ReportQuality(of) => format!("quality of {}", of.len()),
            other => format!("{other:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
        };
        let mut told: Vec<_> = commands.iter().map(|(worker, command)| (*worker, name(command))).collect();
        told.sort();
        told
    }

    fn expect(commands: Vec<(usize, Command)>, wanted: &[(usize, &str)]) {
        let wanted: Vec<_> = wanted.iter().map(|(worker, what)| (*worker, (*what).to_owned())).collect();
        assert_eq!(told(commands), wanted);
    }

    /// A publisher with transport 1 on worker 0, a subscriber with transport 2 on worker 1.
    fn apart() -> Routes {
        let mut routes = Routes::new(2, LIMITS);
        assert_eq!(routes.place(RoomId(1), TransportId(1), None, &[]), 0);
        assert_eq!(routes.place(RoomId(2), TransportId(2), None, &[]), 1);
        for id in 1..=2 {
            let _ = routes.route(open(id));
        }
        expect(routes.route(publish(7, 1)), &[(0, "AddProducer")]);
        routes
    }

    #[test]
    fn a_room_stays_on_its_worker_while_that_bears_it() {
        let mut routes = Routes::new(3, LIMITS);
        let busy = |busy: [u32; 3]| busy.map(|busy| Load { busy });
        let mut next = 0;
        let mut place = |routes: &mut Routes, room, loads: [u32; 3]| {
            next += 1;
            routes.place(RoomId(room), TransportId(next), None, &busy(loads))
        };
        assert_eq!(place(&mut routes, 1, [300, 100, 200]), 1, "a new room goes where there is least to do");
        assert_eq!(place(&mut routes, 1, [0, 500, 0]), 1, "and stays there");
        assert_eq!(place(&mut routes, 1, [500, 620, 520]), 1, "nobody has clearly less to do");
        assert_eq!(place(&mut routes, 1, [450, 620, 520]), 0, "one has");
        assert_eq!(place(&mut routes, 1, [450, 620, 520]), 0, "the part of the room with more time grows");
        assert_eq!(place(&mut routes, 2, [0, 0, 0]), 2, "with equal loads the fewest transports count");
        for _ in 0..3 {
            assert_eq!(place(&mut routes, 2, [0, 0, 0]), 2);
        }
        assert_ne!(place(&mut routes, 2, [0, 0, 0]), 2, "as many of a room as one may have");
    }

    #[test]
    fn a_members_transports_share_a_worker() {
        let mut routes = Routes::new(2, LIMITS);
        let idle = [Load { busy: 0 }; 2];
        assert_eq!(routes.place(RoomId(1), TransportId(1), None, &idle), 0);
        let loaded = [Load { busy: 900 }, Load { busy: 0 }];
        assert_eq!(routes.place(RoomId(1), TransportId(2), Some(TransportId(1)), &loaded), 0);
        assert_eq!(routes.place(RoomId(1), TransportId(3), None, &loaded), 1);
    }

    #[test]
    fn a_producer_is_handed_on_from_the_first_consumer_elsewhere_to_the_last() {
        let mut routes = apart();
        expect(routes.route(subscribe(20, 1, 7)), &[(0, "AddConsumer")]);
        let first = routes.route(subscribe(21, 2, 7));
        let kinds: Vec<_> = first.iter().map(|(worker, _)| *worker).collect();
        assert_eq!(kinds, [1, 0, 1], "known there before it is handed on and consumed");
        expect(first, &[(0, "relay to 1: true"), (1, "AddConsumer"), (1, "relayed from 0, true")]);
        expect(routes.route(subscribe(22, 2, 7)), &[(1, "AddConsumer")]);
        let off = Command::SetProducerActive(ProducerId(7), false);
        expect(routes.route(off), &[(0, "active: false"), (1, "active: false")]);
        expect(routes.route(Command::RemoveConsumer(ConsumerId(21))), &[(1, "RemoveConsumer")]);
        expect(
            routes.route(Command::RemoveConsumer(ConsumerId(22))),
            &[(0, "relay to 1: false"), (1, "RemoveConsumer"), (1, "RemoveProducer")],
        );
        expect(
            routes.route(subscribe(23, 2, 7)),
            &[(0, "relay to 1: true"), (1, "AddConsumer"), (1, "relayed from 0, false")],
        );
        let remove = Command::RemoveProducer(ProducerId(7));
        expect(routes.route(remove), &[(0, "RemoveProducer"), (1, "RemoveProducer")]);
        expect(routes.route(Command::RemoveConsumer(ConsumerId(23))), &[(0, "RemoveConsumer")]);
    }

    #[test]
    fn a_transport_takes_with_it_what_hangs_on_it_elsewhere() {
        for publisher in [true, false] {
            let mut routes = apart();
            let _ = routes.route(subscribe(21, 2, 7));
            let gone = if publisher { 1 } else { 2 };
            let mut wanted = vec![(1, "RemoveProducer")];
            if !publisher {
                wanted.insert(0, (0, "relay to 1: false"));
            }
            // The worker says so by itself, or is told.
            expect(routes.transport_gone(TransportId(gone)), &wanted);
            expect(routes.transport_gone(TransportId(gone)), &[]);
        }
    }

    #[test]
    fn questions_go_to_those_who_know() {
        let mut routes = apart();
        expect(routes.route(Command::ReportUsage), &[(0, "ReportUsage"), (1, "ReportUsage")]);
        let quality = Command::ReportQuality([1, 2, 99].map(TransportId).into());
        expect(routes.route(quality), &[(0, "quality of 2"), (1, "quality of 1")]);
        expect(routes.route(Command::RequestKeyframe(ProducerId(7))), &[(0, "RequestKeyframe")]);
        assert_eq!(routes.worker_of_ufrag("ufrag2"), Some(1));
        let _ = routes.route(Command::CloseTransport(TransportId(2)));
        assert_eq!(routes.worker_of_ufrag("ufrag2"), None);
    }

    #[test]
    fn after_the_loss_of_a_worker_the_others_are_emptied_too() {
        for lost in 0..2 {
            let mut routes = apart();
            let _ = routes.route(subscribe(21, 2, 7));
            let wanted: &[_] = if lost == 0 {
                &[(1, "CloseTransport"), (1, "RemoveProducer")]
            } else {
                &[(0, "CloseTransport")]
            };
            expect(routes.worker_lost(lost), wanted);
            assert!(routes.is_empty());
        }
    }

    proptest! {
        /// Whatever comes in which order: nothing is left when every transport is gone, and each worker knows a producer
        /// exactly as long as it has its publisher or a consumer of it.
        #[test]
        fn workers_know_what_they_need(steps in prop::collection::vec((0_u8..6, 0_u64..6, 0_u64..5, 0_u64..8), 1..120)) {
            let mut routes = Routes::new(3, LIMITS);
            let mut known: BTreeSet<(usize, ProducerId)> = BTreeSet::new();
            let mut heed = |routes: &Routes, commands: Vec<(usize, Command)>| -> Result<(), TestCaseError> {
                for (worker, command) in commands {
                    match command {
                        Command::AddProducer(spec) => { known.insert((worker, spec.id)); }
                        Command::AddRelayedProducer(spec) => {
                            prop_assert!(known.contains(&(spec.from, spec.id)));
                            prop_assert!(known.insert((worker, spec.id)), "known already");
                        }
                        Command::AddConsumer(spec) if routes.producers.contains_key(&spec.producer) => {
                            prop_assert!(known.contains(&(worker, spec.producer)));
                        }
                        Command::RemoveProducer(id) => { known.remove(&(worker, id)); }
                        _ => {}
                    }
                }
                // A closed transport takes its own producers with it at its worker.
                known.retain(|(worker, id)| routes.producers.get(id).is_some_and(|source| {
                    source.worker == *worker || source.away.contains_key(worker)
                }));
                for (id, source) in &routes.producers {
                    let needs = std::iter::once(source.worker).chain(source.away.keys().copied());
                    for worker in needs {
                        prop_assert!(known.contains(&(worker, *id)));
                    }
                }
                Ok(())
            };
            for (what, transport, producer, consumer) in steps {
                let commands = match what {
                    0 => {
                        let id = TransportId(transport);
                        if routes.transports.contains_key(&id) {
                            continue;
                        }
                        routes.place(RoomId(transport % 2), id, None, &[]);
                        routes.route(open(transport))
                    }
                    1 => routes.route(Command::CloseTransport(TransportId(transport))),
                    2 if routes.transports.contains_key(&TransportId(transport))
                        && !routes.producers.contains_key(&ProducerId(producer)) =>
                        routes.route(publish(producer, transport)),
                    3 => routes.route(Command::RemoveProducer(ProducerId(producer))),
                    // Ids are given once; a worker refuses one it has.
                    4 if routes.transports.contains_key(&TransportId(transport))
                        && !routes.consumers.contains_key(&ConsumerId(consumer)) =>
                        routes.route(subscribe(consumer, transport, producer)),
                    5 => routes.route(Command::RemoveConsumer(ConsumerId(consumer))),
                    _ => continue,
                };
                heed(&routes, commands)?;
            }
            for transport in 0..6 {
                let commands = routes.transport_gone(TransportId(transport));
                heed(&routes, commands)?;
            }
            prop_assert!(routes.is_empty(), "{routes:?}");
        }
    }
}
