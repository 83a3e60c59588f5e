//! What the forwarding core costs in user space: the product's `Worker` in this thread, with peers in memory and a
//! socket that only counts.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use rotunda_sfu::{
    BATCH, Command, ConsumerId, ConsumerSpec, Egress, Identity, Inbox, Outbox, ProducerId, ProducerSpec,
    Remote, RoomId, TransportId, Worker, ortc::MediaKind,
};
use serde::Serialize;

use rotunda_bench_forward::{
    clock::{Clock, thread_time},
    load::{
        handshake::{Certificate, Handshake},
        light::Light,
        media::{FRAME, Source},
    },
};

use crate::{
    scenario::{AUDIO, VIDEO},
    server::rotunda::{published, received, transport},
};

/// Time passes in steps of this; the worker's is made up.
const STEP: Duration = Duration::from_millis(10);
/// Seconds of media before anything is timed.
const WARM: u64 = 2;
const SSRC: [u32; 2] = [10_000, 10_002];
const RECEIVED: [u32; 2] = [1_000_000, 1_000_002];
const KINDS: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];

/// Nanoseconds of CPU for each forwarded packet, everything the worker does for it included.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct UserSpace {
    pub subscribers: usize,
    /// Pictures arrive whole: five packets in a turn.
    pub pictures_ns: f64,
    /// Each packet arrives alone.
    pub packets_ns: f64,
    /// Of the rounds of the first, the quickest and the slowest.
    pub range_ns: [f64; 2],
}

/// Where the worker's datagrams go.
enum Wire {
    /// To the peers.
    Keep(Vec<(SocketAddr, Vec<u8>)>),
    Count(u64),
}

impl Egress for Wire {
    fn send(&mut self, batch: &Outbox) -> usize {
        match self {
            Self::Keep(kept) => {
                kept.extend(batch.datagrams().map(|(to, bytes)| (to.address(), bytes.to_vec())))
            }
            Self::Count(count) => *count += batch.datagrams().len() as u64,
        }
        0
    }
}

struct World {
    clock: Clock,
    /// Nanoseconds since the clock's start, made up.
    now: u64,
    worker: Worker,
    inbox: Inbox,
    outbox: Outbox,
    wire: Wire,
    /// The publisher, then the subscribers.
    clients: Vec<Light>,
    sources: [Source; 2],
    /// CPU time of the turns so far.
    spent: Duration,
    /// Instructions are counted.
    counts: bool,
}

fn address(client: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, (client >> 8) as u8, client as u8], 40_000))
}

/// Measures with that many subscribers: rounds of so many seconds of media.
///
/// # Errors
/// A handshake failed, or packets were not forwarded.
pub fn measure(subscribers: usize, rounds: usize, seconds: u64) -> anyhow::Result<UserSpace> {
    let mut world = World::connected(subscribers)?;
    world.publish()?;
    world.media(WARM, FRAME)?;
    ensure!(
        world.clients[1..].iter().all(|client| client.streams.iter().all(|stream| stream.packets > 0)),
        "not everybody received both streams"
    );
    world.wire = Wire::Count(0);
    let mut round = |at_once: u64| {
        let (before, spent) = (world.worker.counters().rtp_out, world.spent);
        let sent: u64 = world.sources.iter().map(|source| source.sent).sum();
        world.media(seconds, at_once)?;
        let sent = world.sources.iter().map(|source| source.sent).sum::<u64>() - sent;
        let forwarded = world.worker.counters().rtp_out - before;
        ensure!(forwarded == sent * subscribers as u64, "{forwarded} packets forwarded of {sent} sent");
        anyhow::Ok((world.spent - spent).as_nanos() as f64 / forwarded as f64)
    };
    let median = |at_once: u64, round: &mut dyn FnMut(u64) -> anyhow::Result<f64>| {
        let mut each = (0..rounds).map(|_| round(at_once)).collect::<anyhow::Result<Vec<_>>>()?;
        each.sort_by(f64::total_cmp);
        let ends = [each[0], each[each.len() - 1]];
        anyhow::Ok((each[each.len() / 2], ends))
    };
    let (pictures_ns, range_ns) = median(FRAME, &mut round)?;
    let (packets_ns, _) = median(1, &mut round)?;
    Ok(UserSpace { subscribers, pictures_ns, packets_ns, range_ns })
}

/// Forwards so many seconds of media in turns of whole pictures, and nothing beside; how many packets.
///
/// # Errors
/// As [`measure`].
pub fn forwarded(subscribers: usize, seconds: u64) -> anyhow::Result<u64> {
    let mut world = World::connected(subscribers)?;
    world.publish()?;
    world.media(WARM, FRAME)?;
    world.wire = Wire::Count(0);
    let before = world.worker.counters().rtp_out;
    world.counts = true;
    world.media(seconds, FRAME)?;
    Ok(world.worker.counters().rtp_out - before)
}

/// The name of the function in which instructions are counted.
pub const COUNTED: &str = "counted_turn";

impl World {
    /// A publisher and subscribers after their handshakes.
    fn connected(subscribers: usize) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let identity = Identity::generate()?;
        let fingerprint = identity.fingerprint().clone();
        let mut world = Self {
            clock,
            now: 0,
            worker: Worker::new(identity, clock.time(0)),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            wire: Wire::Keep(vec![]),
            clients: vec![],
            sources: [
                Source::new(KINDS[0], SSRC[0], AUDIO, subscribers as u64),
                Source::new(KINDS[1], SSRC[1], VIDEO, subscribers as u64),
            ],
            spent: Duration::ZERO,
            counts: false,
        };
        let certificate = Certificate::new()?;
        let server = SocketAddr::from(([10, 255, 0, 1], 443));
        for number in 0..=subscribers {
            let local = address(number);
            let (mut handshake, open) = Handshake::new(
                clock.time(world.now),
                number as u64,
                local,
                server,
                &fingerprint,
                &certificate,
            )?;
            world.worker.apply(clock.time(world.now), Command::OpenTransport(transport(open)));
            let before = world.worker.counters().handshakes;
            let mut steps = 0;
            while !handshake.is_connected() || world.worker.counters().handshakes == before {
                let now = clock.time(world.now);
                let mut out = vec![];
                handshake.timeout(now, &mut |datagram| out.push(datagram.to_vec()));
                let Wire::Keep(kept) = &mut world.wire else { bail!("nothing is kept") };
                for (_, datagram) in kept.drain(..).filter(|(to, _)| *to == local) {
                    handshake.receive(now, &datagram, &mut |datagram| out.push(datagram.to_vec()));
                }
                for datagram in out {
                    world.inbox.push(Remote::Udp(local), &datagram);
                }
                world.turn()?;
                world.now += STEP.as_nanos() as u64;
                steps += 1;
                ensure!(
                    steps < 1_000,
                    "the handshake of client {number} does not end: {:?}",
                    handshake.death()
                );
            }
            world.clients.push(handshake.finish()?);
        }
        Ok(world)
    }

    fn publish(&mut self) -> anyhow::Result<()> {
        let now = self.clock.time(self.now);
        for (at, kind) in KINDS.into_iter().enumerate() {
            let media = published(kind, SSRC[at])?;
            for subscriber in 1..self.clients.len() {
                if subscriber == 1 {
                    self.worker.apply(
                        now,
                        Command::AddProducer(ProducerSpec {
                            id: ProducerId(at as u64),
                            room: RoomId(0),
                            transport: TransportId(0),
                            kind,
                            media: media.clone(),
                            active: true,
                        }),
                    );
                }
                self.worker.apply(
                    now,
                    Command::AddConsumer(ConsumerSpec {
                        id: ConsumerId(2 * subscriber as u64 + at as u64),
                        transport: TransportId(subscriber as u64),
                        producer: ProducerId(at as u64),
                        mapping: received(&media, RECEIVED[at], &at.to_string())?,
                        paused: false,
                    }),
                );
            }
        }
        self.clients.iter_mut().skip(1).for_each(|client| client.expect(RECEIVED[0], 2));
        ensure!(self.worker.counters().commands_refused == 0, "the worker refused a command");
        Ok(())
    }

    /// Lets so many seconds of media through, a picture in turns of `at_once` packets.
    fn media(&mut self, seconds: u64, at_once: u64) -> anyhow::Result<()> {
        let end = self.now + seconds * 1_000_000_000;
        let mut due = self.sources.each_ref().map(|_| self.now);
        let mut scratch = vec![];
        while self.now < end {
            for (at, due) in due.iter_mut().enumerate() {
                if *due > self.now {
                    continue;
                }
                let count = self.sources[at].packets_at_once();
                for packet in 0..count {
                    let source = &mut self.sources[at];
                    self.clients[0].write(source, packet, self.now, &mut scratch);
                    source.sent += 1;
                    self.inbox.push(Remote::Udp(address(0)), &scratch);
                    if (packet + 1).is_multiple_of(at_once) || packet + 1 == count {
                        self.turn()?;
                    }
                }
                self.arrive(at, count);
                *due += self.sources[at].interval();
                self.sources[at].next(self.now);
            }
            self.answer()?;
            self.now += STEP.as_nanos() as u64;
        }
        Ok(())
    }

    /// The subscribers get what has just been sent to them.
    fn arrive(&mut self, stream: usize, count: u64) {
        let now = self.now + STEP.as_nanos() as u64;
        match &mut self.wire {
            Wire::Keep(kept) => {
                for (to, mut datagram) in kept.drain(..) {
                    let SocketAddr::V4(to) = to else { continue };
                    let [.., high, low] = to.ip().octets();
                    let client = usize::from(u16::from_be_bytes([high, low]));
                    if let Some(client) = self.clients.get_mut(client) {
                        client.receive(&mut datagram, now);
                    }
                }
            }
            Wire::Count(_) => {
                self.clients.iter_mut().skip(1).for_each(|client| client.assume(stream, count, now));
            }
        }
    }

    /// Reports, feedback and checks of everybody whose time it is.
    fn answer(&mut self) -> anyhow::Result<()> {
        let step = self.now / STEP.as_nanos() as u64;
        let mut scratch = vec![];
        for client in 0..self.clients.len() {
            let mut out: Vec<Vec<u8>> = vec![];
            let phase = step + client as u64;
            let mut send = |datagram: &[u8]| out.push(datagram.to_vec());
            if phase.is_multiple_of(10) {
                self.clients[client].feedback(&mut scratch, &mut send);
            }
            if phase.is_multiple_of(100) {
                self.clients[client].report(self.now, &mut scratch, &mut send);
            }
            if phase.is_multiple_of(250) {
                send(self.clients[client].check());
            }
            for datagram in out {
                self.inbox.push(Remote::Udp(address(client)), &datagram);
                if self.inbox.len() == BATCH {
                    self.turn()?;
                }
            }
        }
        self.turn()
    }

    /// A turn under a name of its own, by which a profiler finds it.
    #[inline(never)]
    fn counted_turn(&mut self, now: Instant) {
        self.worker.turn(now, &mut self.inbox, &mut self.outbox, &mut self.wire);
    }

    /// A turn of the worker, timed.
    fn turn(&mut self) -> anyhow::Result<()> {
        let now = self.clock.time(self.now);
        let begin = thread_time()?;
        if self.counts {
            self.counted_turn(now);
        } else {
            self.worker.turn(now, &mut self.inbox, &mut self.outbox, &mut self.wire);
        }
        self.spent += thread_time()?.checked_sub(begin).context("CPU time ran backwards")?;
        self.inbox.clear();
        drop(self.worker.take_events());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_reaches_everybody_in_memory() {
        let measured = measure(3, 1, 1).unwrap();
        assert!(measured.pictures_ns > 0.0 && measured.packets_ns > 0.0);
        assert_eq!(measured.subscribers, 3);
    }
}
