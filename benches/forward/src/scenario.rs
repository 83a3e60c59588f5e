//! Who sends what to whom, and one run of that against one server.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rotunda_bench_forward::{
    load::{
        Load,
        light::SSRC_STEP,
        media::{MURMUR, SPEECH, Source},
    },
    machine,
    wire::{Ask, Publish, Subscribe, Tell},
};
use rotunda_sfu::{AUDIO_ACTIVE_MAX, ortc::MediaKind};
use serde::Serialize;

use crate::server::{Kind, Server};

/// Packets each second of one microphone and of one camera.
pub const AUDIO: f64 = 50.0;
pub const VIDEO: f64 = 150.0;

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Scenario {
    pub name: &'static str,
    pub rooms: usize,
    /// Who sends and who receives, in each room, over a transport each.
    pub publishers: usize,
    pub subscribers: usize,
    /// The publishers are the subscribers, and receive everything but their own.
    pub all_talk: bool,
    /// The server passes on the loudest microphones of a room only; the baseline cannot.
    pub selects: bool,
    /// Packets each second of each publisher.
    pub audio: f64,
    pub video: f64,
    /// What is less than in a real room, because the load has one core.
    pub scaled: Option<&'static str>,
}

const fn one_to(name: &'static str, subscribers: usize) -> Scenario {
    Scenario {
        name,
        rooms: 1,
        publishers: 1,
        subscribers,
        all_talk: false,
        selects: false,
        audio: AUDIO,
        video: VIDEO,
        scaled: None,
    }
}

/// Sound at its full rate, in one room.
const fn loudest_of(name: &'static str, publishers: usize) -> Scenario {
    Scenario { publishers, video: 0.0, selects: true, ..one_to(name, 200) }
}

/// The one the bar is on.
pub const BAR: Scenario = one_to("1 to 200", 200);

pub const ALL: [Scenario; 9] = [
    one_to("1 to 10", 10),
    one_to("1 to 50", 50),
    BAR,
    one_to("1 to 500", 500),
    Scenario { name: "20 x 20", publishers: 20, subscribers: 20, all_talk: true, ..one_to("", 0) },
    Scenario {
        name: "200 speakers, 200 listeners",
        publishers: 200,
        subscribers: 200,
        audio: 2.0,
        video: 0.0,
        scaled: Some("2 audio packets/s of each speaker instead of 50: all are forwarded"),
        ..one_to("", 0)
    },
    loudest_of("8 speakers, the loudest to 200 listeners", 8),
    loudest_of("200 speakers, the loudest to 200 listeners", 200),
    Scenario {
        name: "1,000 x 2",
        rooms: 1_000,
        publishers: 2,
        subscribers: 2,
        all_talk: true,
        selects: false,
        audio: 20.0,
        video: 0.0,
        scaled: Some("20 audio packets/s instead of 50, no video"),
    },
];

/// How long each part takes.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Full rate before the window.
    pub warm: Duration,
    pub window: Duration,
}

/// Handshakes in flight.
const AT_ONCE: u64 = 16;
/// For any single thing to happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// Before media begin, and for the last packets to arrive.
const SETTLE: Duration = Duration::from_millis(400);
/// First SSRC a subscriber receives.
pub const FIRST_SSRC: u32 = 1_000_000;
/// Subscriptions asked for before the load looks after its clients.
const ASKS_AT_ONCE: u64 = 512;
/// CPU of the load, percent, above which a run is about the load.
pub const VOID_ABOVE: f64 = 90.0;
/// Waiting for a core, percent, above which a run says little of delays. A machine at rest shows 0 or 1.
pub const DISTURBED_ABOVE: f64 = 10.0;

/// What one run showed.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    pub scenario: &'static str,
    pub server: Kind,
    pub members: usize,
    /// Packets that arrived in the window.
    pub received: u64,
    pub received_per_s: f64,
    /// CPU microseconds of the server's process for each of them.
    pub cpu_us: f64,
    pub user_us: f64,
    pub system_us: f64,
    /// Percent of all that were sent, to each who should get them, from the first to the last.
    pub delivered: f64,
    /// Sequence numbers missing inside the window.
    pub gaps: u64,
    /// From the publisher's send call to the subscriber's read; None without samples.
    pub p50_us: Option<u64>,
    pub p99_us: Option<u64>,
    /// Growth of the server's resident memory from its start, under load.
    pub resident_kib: f64,
    /// CPU of the server for one transport, and transports each second with the load's own work.
    pub handshake_ms: f64,
    pub joins_per_s: f64,
    /// Percent of the window on a core, and ready to run while other processes had it.
    pub server_cpu: f64,
    pub server_waited: f64,
    pub load_cpu: f64,
    pub load_waited: f64,
    pub load_average: f64,
    /// What the server has counted, of the kind it counts.
    pub counters: BTreeMap<String, u64>,
}

impl Outcome {
    /// The load was the bottleneck.
    pub fn is_void(&self) -> bool {
        self.load_cpu > VOID_ABOVE
    }

    /// Other processes had the cores: delays are theirs. CPU for each packet suffers less.
    pub fn is_disturbed(&self) -> bool {
        self.waited() > DISTURBED_ABOVE
    }

    /// What server and load waited for their cores, percent of the window.
    pub fn waited(&self) -> f64 {
        self.server_waited.max(self.load_waited)
    }
}

impl Scenario {
    pub const fn members(&self) -> usize {
        let one = if self.all_talk { self.subscribers } else { self.publishers + self.subscribers };
        self.rooms * one
    }

    /// A scenario of a few, to see that everything runs.
    pub const fn smoke() -> Self {
        one_to("smoke", 4)
    }

    fn kinds(&self) -> impl Iterator<Item = (MediaKind, f64)> {
        [(MediaKind::Audio, self.audio), (MediaKind::Video, self.video)]
            .into_iter()
            .filter(|(_, rate)| *rate > 0.0)
    }

    /// Runs it against a server of its own.
    ///
    /// # Errors
    /// Something failed that a run must not survive: a handshake, the server, a count that cannot be.
    pub fn run(&self, kind: Kind, times: Times, core: Option<usize>) -> anyhow::Result<Outcome> {
        Run::prepare(self, kind, core)?.measure(times)
    }
}

/// A server with everybody connected and nobody sending.
pub struct Run<'a> {
    pub scenario: &'a Scenario,
    kind: Kind,
    pub server: Server,
    pub load: Load,
    resident: u64,
    handshake_ms: f64,
    joins_per_s: f64,
    counters: Option<BTreeMap<String, u64>>,
    synced: bool,
}

impl<'a> Run<'a> {
    /// # Errors
    /// As [`Scenario::run`].
    pub fn prepare(scenario: &'a Scenario, kind: Kind, core: Option<usize>) -> anyhow::Result<Self> {
        let server = Server::start(kind, core)?;
        let resident = machine::resident(server.pid());
        let mut run = Self {
            scenario,
            kind,
            server,
            load: Load::new()?,
            resident,
            handshake_ms: 0.0,
            joins_per_s: 0.0,
            counters: None,
            synced: false,
        };
        run.connect().with_context(|| format!("{}: {}", kind.name(), scenario.name))?;
        run.wire_up().with_context(|| format!("{}: {}", kind.name(), scenario.name))?;
        Ok(run)
    }

    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    fn transports(&self) -> u64 {
        (self.scenario.rooms * (self.scenario.publishers + self.scenario.subscribers)) as u64
    }

    /// Opens every transport, some at once.
    fn connect(&mut self) -> anyhow::Result<()> {
        let all = self.transports();
        let (begin, cpu) = (self.load.now(), machine::scheduled(self.pid()).ran);
        let (mut opened, mut done) = (0, 0);
        let mut waiting: Vec<u64> = vec![];
        let mut connected = vec![false; all as usize];
        let mut last = begin;
        while done < all {
            while opened < all && opened - done < AT_ONCE {
                let open = self.load.join(self.server.address, &self.server.fingerprint)?;
                waiting.push(open.id);
                self.server.ask(&Ask::Open(open))?;
                opened += 1;
            }
            self.load.turn(Duration::from_millis(1))?;
            while let Some(tell) = self.server.told()? {
                match tell {
                    Tell::Opened { id } => self.load.begin(id),
                    Tell::Connected { id, profile } => {
                        ensure!(profile == "AEAD_AES_128_GCM", "a transport with {profile}");
                        *connected.get_mut(id as usize).context("a transport nobody opened")? = true;
                    }
                    other => bail!("the server said {other:?}"),
                }
            }
            let load = &mut self.load;
            let ready: Vec<u64> =
                waiting.extract_if(.., |id| connected[*id as usize] && load.is_connected(*id)).collect();
            for id in ready {
                load.lighten(id)?;
                (done, last) = (done + 1, load.now());
            }
            if let Some(death) = load.deaths().first() {
                bail!("a client died: {death}");
            }
            ensure!(load.now() - last < PATIENCE, "{done} of {all} transports connected, and then no more");
        }
        let seconds = (self.load.now() - begin).as_secs_f64();
        self.joins_per_s = all as f64 / seconds;
        self.handshake_ms = (machine::scheduled(self.pid()).ran - cpu) as f64 / 1e6 / all as f64;
        Ok(())
    }

    /// Publishes and subscribes. The transports of a room are numbered from its first on, publishers first.
    fn wire_up(&mut self) -> anyhow::Result<()> {
        let Scenario { rooms, publishers, subscribers, all_talk, selects, .. } = *self.scenario;
        let kinds: Vec<_> = self.scenario.kinds().collect();
        let heard = if all_talk { publishers - 1 } else { publishers };
        let audience = (if all_talk { subscribers - 1 } else { subscribers }) as u64;
        let mut next = 0;
        for room in 0..rooms {
            let first = (room * (publishers + subscribers)) as u64;
            let producer = |publisher: usize, at: usize| 2 * (first + publisher as u64) + at as u64;
            for publisher in 0..publishers {
                for (at, (kind, rate)) in kinds.iter().enumerate() {
                    let (id, transport) = (producer(publisher, at), first + publisher as u64);
                    let ssrc = 10_000 + 2 * id as u32;
                    // In a room of its own a microphone competes with none.
                    let room = if selects { room as u64 } else { id };
                    self.server.ask_later(&Ask::Publish(Publish {
                        id,
                        room,
                        transport,
                        kind: *kind,
                        ssrc,
                    }))?;
                    let heard = !selects || publisher < AUDIO_ACTIVE_MAX;
                    let source = Source::new(*kind, ssrc, *rate, if heard { audience } else { 0 });
                    self.load.add_source(transport, source.at_level(if heard { SPEECH } else { MURMUR }));
                }
            }
            for subscriber in 0..subscribers {
                let transport = first + (publishers + subscriber) as u64;
                self.load.light(transport)?.expect(FIRST_SSRC, heard * kinds.len());
                let others = (0..publishers).filter(|publisher| !all_talk || *publisher != subscriber);
                let streams =
                    others.flat_map(|publisher| kinds.iter().enumerate().map(move |kind| (publisher, kind)));
                for (place, (publisher, (at, (kind, _)))) in streams.enumerate() {
                    self.server.ask_later(&Ask::Subscribe(Subscribe {
                        id: next,
                        transport,
                        producer: producer(publisher, at),
                        kind: *kind,
                        ssrc: FIRST_SSRC + SSRC_STEP * place as u32,
                        mid: place.to_string(),
                    }))?;
                    next += 1;
                    if next.is_multiple_of(ASKS_AT_ONCE) {
                        self.load.turn(Duration::ZERO)?;
                    }
                }
            }
        }
        self.server.ask(&Ask::Sync)?;
        self.until("the subscriptions", |run| run.synced)
    }

    /// Goes on until something holds.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let end: Instant = self.load.now() + PATIENCE;
        while !holds(self) {
            self.load.turn(Duration::from_millis(1))?;
            while let Some(tell) = self.server.told()? {
                match tell {
                    Tell::Synced => self.synced = true,
                    Tell::Counters(counters) => self.counters = Some(counters),
                    other => bail!("the server said {other:?}"),
                }
            }
            ensure!(self.load.now() < end, "waited for {what} in vain");
        }
        Ok(())
    }

    /// Lets everybody send, and measures a window of it.
    ///
    /// # Errors
    /// As [`Scenario::run`].
    pub fn measure(self, times: Times) -> anyhow::Result<Outcome> {
        let (scenario, kind) = (self.scenario, self.kind);
        self.measured(times).with_context(|| format!("{}: {}", kind.name(), scenario.name))
    }

    /// Waits until nothing arrives any more; how many packets have.
    fn drain(&mut self) -> anyhow::Result<u64> {
        let end = self.load.now() + PATIENCE;
        let mut arrived = 0;
        loop {
            self.load.run_for(SETTLE)?;
            let before = arrived;
            arrived = self.load.lights().flat_map(|light| &light.streams).map(|stream| stream.packets).sum();
            if arrived == before || self.load.now() > end {
                return Ok(arrived);
            }
        }
    }

    fn measured(mut self, times: Times) -> anyhow::Result<Outcome> {
        let (pid, own) = (self.pid(), std::process::id());
        self.load.run_for(SETTLE)?;
        self.load.begin_media();
        self.load.run_for(times.warm)?;
        self.load.begin_window();
        let load_average = machine::load_average();
        let begin = self.load.now();
        let (server, load) = (machine::scheduled(pid), machine::scheduled(own));
        let [user, system] = machine::user_and_system(pid);
        self.load.run_for(times.window)?;
        let (server_after, load_after) = (machine::scheduled(pid), machine::scheduled(own));
        let [user_after, system_after] = machine::user_and_system(pid);
        let wall = (self.load.now() - begin).as_nanos() as f64;
        let resident = machine::resident(pid).saturating_sub(self.resident);
        let streams = self.load.lights().flat_map(|light| &light.streams);
        let (received, gaps) =
            streams.fold((0, 0), |(count, gaps), stream| (count + stream.in_window, gaps + stream.gaps()));
        let latency = |quantile| {
            let latency = &self.load.latency;
            (!latency.is_empty()).then(|| latency.value_at_quantile(quantile))
        };
        let (p50_us, p99_us) = (latency(0.5), latency(0.99));

        self.load.end_media();
        let arrived = self.drain()?;
        let expected: u64 = self.load.sources().map(|source| source.sent * source.audience).sum();
        let odd = self.load.lights().fold([0, 0], |[unknown, unauthentic], light| {
            [unknown + light.unknown, unauthentic + light.unauthentic]
        });
        ensure!(odd == [0, 0], "packets of unknown SSRC or not authentic: {odd:?}");
        ensure!(received > 0, "nothing arrived of {expected} packets");
        // Before the loudest are found others are passed on.
        ensure!(arrived <= expected || self.scenario.selects, "{arrived} packets arrived of {expected} sent");
        if let Some(death) = self.load.deaths().first() {
            bail!("a client died: {death}");
        }
        self.server.ask(&Ask::Counters)?;
        self.until("the counters", |run| run.counters.is_some())?;

        let (user, system) = (user_after - user, system_after - system);
        let cpu = server_after.ran - server.ran;
        let cpu_us = cpu as f64 / 1e3 / received as f64;
        let percent = |nanos: u64| nanos as f64 * 100.0 / wall;
        // Ticks say how it splits, the scheduler how much it is.
        let user_share = if user + system > 0.0 { user / (user + system) } else { 0.0 };
        Ok(Outcome {
            scenario: self.scenario.name,
            server: self.kind,
            members: self.scenario.members(),
            received,
            received_per_s: received as f64 * 1e9 / wall,
            cpu_us,
            user_us: cpu_us * user_share,
            system_us: cpu_us * (1.0 - user_share),
            delivered: arrived as f64 * 100.0 / expected as f64,
            gaps,
            p50_us,
            p99_us,
            resident_kib: resident as f64 / self.scenario.members() as f64,
            handshake_ms: self.handshake_ms,
            joins_per_s: self.joins_per_s,
            server_cpu: percent(cpu),
            server_waited: percent(server_after.waited - server.waited),
            load_cpu: percent(load_after.ran - load.ran),
            load_waited: percent(load_after.waited - load.waited),
            load_average,
            counters: self.counters.unwrap_or_default(),
        })
    }
}
