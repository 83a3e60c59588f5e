//! Whether the way to a subscriber bears a rate, found out before any picture depends on it.
//!
//! For a moment more is sent than there is to send: the media and, beside it, filling, together at the rate in
//! question. Feedback tells whether all of it came through as fast as it left. The rate is reached by clusters, each
//! at most twice what the one before has shown to fit and so short that the queue it makes at worst delays sound
//! unheard; the last one goes on long enough to be believed.

use crate::twcc::Fate;

/// Between two portions of filling, in µs. Shorter wakes the thread more often, longer sends larger bursts.
pub(crate) const PACE: u64 = 5_000;
/// The queue (µs) a cluster makes on a way that carries no more than is known of it. Receivers of sound hold back
/// about as much anyway; less leaves a cluster too few packets to tell anything by.
const QUEUE: u64 = 30_000;
/// A cluster is sent at most at so many times the rate that is known. More would be quicker and queue more.
const STEP: u64 = 2;
/// Length of the last cluster, in µs. A way that carries a tenth too little shows it by a queue of as many ms as this
/// has hundredths of seconds; longer costs filling.
const LAST: u64 = 250_000;
/// The last cluster is so much above the rate in question, in percent: rates of pictures move.
const MARGIN: u64 = 110;
/// Whatever carries a call carries this, in bits per second: the first cluster of a subscriber of sound alone would
/// otherwise be a single packet.
const LEAST_KNOWN: u64 = 100_000;
/// A queue (µs) beyond the noise of the way that ends a probe.
const GROWTH: i64 = 15_000;
/// What of the last cluster's rate must arrive, in percent.
const ARRIVES: u64 = 85;
/// Loss above this share, beside one packet by chance, ends a probe: as for media.
const LOSS: f64 = 0.10;
/// After a cluster ended its feedback is awaited so long, in µs. Feedback comes every 50 to 250 ms.
const PATIENCE: u64 = 600_000;

/// What a probe is to find out, in bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Goal {
    /// What is sent already, and fits.
    pub(crate) known: u64,
    /// What shall be sent.
    pub(crate) target: u64,
}

/// The way before it is probed, in µs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calm {
    /// The shortest one-way delay, the clocks' difference in it.
    pub(crate) delay: i64,
    /// How much longer the others are on average.
    pub(crate) noise: i64,
    /// The share that is lost whatever is sent.
    pub(crate) lost: f64,
}

/// How a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// So many bits per second arrived.
    Good(u64),
    Bad,
}

#[derive(Debug)]
pub(crate) struct Probe {
    known: u64,
    /// The rate of the last cluster.
    most: u64,
    calm: Calm,
    cluster: Cluster,
}

impl Probe {
    pub(crate) fn new(now: u64, goal: Goal, calm: Calm) -> Self {
        let (known, most) = (goal.known.max(LEAST_KNOWN), goal.target * MARGIN / 100);
        Self { known, most, calm, cluster: Cluster::new(now, known, most) }
    }

    /// A packet left; `numbered` if feedback will speak of it.
    pub(crate) fn sent(&mut self, now: u64, bytes: usize, numbered: bool) {
        if self.cluster.is_open(now) {
            self.cluster.bytes += bytes as u64;
            self.cluster.packets += u32::from(numbered);
            self.cluster.largest = self.cluster.largest.max(bytes as u64);
        }
    }

    /// Whether a packet sent then is part of what is being tried.
    pub(crate) fn covers(&self, sent: u64) -> bool {
        self.cluster.is_open(sent)
    }

    /// What feedback says of a packet.
    pub(crate) fn fate(&mut self, fate: Fate) {
        let (Fate::Missing { sent } | Fate::Arrived { sent, .. } | Fate::AfterAll { sent, .. }) = fate;
        if !self.cluster.is_open(sent) {
            return;
        }
        match fate {
            Fate::Missing { .. } => {
                (self.cluster.told, self.cluster.lost) = (self.cluster.told + 1, self.cluster.lost + 1)
            }
            Fate::AfterAll { .. } => self.cluster.lost = self.cluster.lost.saturating_sub(1),
            Fate::Arrived { sent, received, bytes } => {
                self.cluster.told += 1;
                self.cluster.arrived(sent, received, bytes as u64);
            }
        }
    }

    /// Bytes of filling that are due.
    pub(crate) fn due(&self, now: u64) -> u64 {
        self.cluster.due(now)
    }

    /// When to look again.
    pub(crate) fn next_wake(&self, now: u64) -> u64 {
        let ends = self.cluster.ends();
        if now < ends { (now + PACE).min(ends) } else { ends + PATIENCE }
    }

    /// How it ended, if it did. Begins the next cluster when the last one's feedback is complete.
    pub(crate) fn step(&mut self, now: u64) -> Option<Outcome> {
        let cluster = &self.cluster;
        let silent = now >= cluster.ends() + PATIENCE;
        if silent || cluster.queues(&self.calm) || cluster.loses(self.calm.lost) {
            return Some(Outcome::Bad);
        }
        if now < cluster.ends() || cluster.told < cluster.packets {
            return None;
        }
        let sent = cluster.bytes * 8_000_000 / cluster.length;
        if sent < cluster.rate * ARRIVES / 100 {
            // There was nothing to fill with, or no time to: this says nothing.
            return Some(Outcome::Bad);
        }
        if cluster.is_last {
            let arrives = cluster.arriving() >= sent * ARRIVES / 100;
            return Some(if arrives { Outcome::Good(cluster.rate) } else { Outcome::Bad });
        }
        self.known = cluster.rate;
        self.cluster = Cluster::new(now, self.known, self.most);
        None
    }
}

/// Some packets in a row at one rate.
#[derive(Debug)]
struct Cluster {
    rate: u64,
    begun: u64,
    length: u64,
    is_last: bool,
    /// What was sent, and how many packets of it were told of.
    bytes: u64,
    packets: u32,
    told: u32,
    lost: u32,
    largest: u64,
    /// Of the packets that arrived: the first and the newest (sent, received), bytes after the first.
    first: Option<(u64, i64)>,
    newest: Option<(u64, i64)>,
    arrived: u64,
    /// Delays of the last two.
    delays: [Option<i64>; 2],
}

impl Cluster {
    /// The next on the way from `known` to `most`.
    fn new(begun: u64, known: u64, most: u64) -> Self {
        let rate = most.min(known * STEP);
        let safe = QUEUE * known / rate.saturating_sub(known).max(1);
        let is_last = rate == most && safe >= LAST;
        Self {
            rate,
            begun,
            length: safe.clamp(PACE, LAST),
            is_last,
            bytes: 0,
            packets: 0,
            told: 0,
            lost: 0,
            largest: 0,
            first: None,
            newest: None,
            arrived: 0,
            delays: [None; 2],
        }
    }

    fn ends(&self) -> u64 {
        self.begun + self.length
    }

    fn is_open(&self, at: u64) -> bool {
        (self.begun..self.ends()).contains(&at)
    }

    fn due(&self, now: u64) -> u64 {
        if !self.is_open(now) {
            return 0;
        }
        let until = (now + PACE).min(self.ends()) - self.begun;
        (self.rate * until / 8_000_000).saturating_sub(self.bytes)
    }

    fn arrived(&mut self, sent: u64, received: i64, bytes: u64) {
        if self.first.is_none() {
            self.first = Some((sent, received));
        } else {
            self.arrived += bytes;
        }
        if self.newest.is_none_or(|(_, newest)| newest <= received) {
            self.newest = Some((sent, received));
        }
        self.delays = [self.delays[1], Some(received.saturating_sub_unsigned(sent))];
    }

    /// The last packets waited longer than a packet of this size takes anyway.
    fn queues(&self, calm: &Calm) -> bool {
        let [Some(one), Some(other)] = self.delays else { return false };
        let itself = (self.largest * 8_000_000 / self.rate.max(1)) as i64;
        one.min(other).saturating_sub(calm.delay) > GROWTH + calm.noise + itself
    }

    fn loses(&self, anyway: f64) -> bool {
        f64::from(self.lost) > 1.0 + f64::from(self.told) * (LOSS + anyway)
    }

    /// Bits per second between the first and the newest arrival; no more than was sent in that time.
    fn arriving(&self) -> u64 {
        let (Some((_, first)), Some((_, newest))) = (self.first, self.newest) else { return 0 };
        let passed = newest.saturating_sub(first).max(1) as u64;
        self.arrived * 8_000_000 / passed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOAL: Goal = Goal { known: 200_000, target: 1_100_000 };
    const CALM: Calm = Calm { delay: 1_000_000, noise: 2_000, lost: 0.0 };
    /// Packets that are filling, with all around them.
    const BYTES: usize = 500;

    /// What filling at its own pace over a way of `carries` bits per second comes to, feedback 60 ms late; the way
    /// loses every `loses`th packet. Also µs and bytes it took.
    fn probe(carries: u64, loses: usize) -> (Outcome, u64, u64) {
        let (mut probe, mut way, mut bytes, mut count) = (Probe::new(0, GOAL, CALM), vec![], 0, 0);
        let mut busy = 0;
        for now in (0..).step_by(PACE as usize) {
            while probe.due(now) >= BYTES as u64 {
                (bytes, count) = (bytes + BYTES as u64, count + 1);
                probe.sent(now, BYTES, true);
                busy = busy.max(now) + BYTES as u64 * 8_000_000 / carries;
                let received = (busy + 1_000_000) as i64;
                let fate = if count % loses == 0 {
                    Fate::Missing { sent: now }
                } else {
                    Fate::Arrived { sent: now, received, bytes: BYTES }
                };
                way.push((busy + 60_000, fate));
            }
            way.retain(|(heard, fate)| {
                let is_heard = *heard <= now;
                if is_heard {
                    probe.fate(*fate);
                }
                !is_heard
            });
            if let Some(outcome) = probe.step(now) {
                return (outcome, now, bytes);
            }
        }
        unreachable!("a probe ends")
    }

    #[test]
    fn a_way_that_bears_the_rate_is_told_from_one_that_does_not() {
        for carries in [1_300_000, 3_000_000, 100_000_000] {
            let (outcome, took, bytes) = probe(carries, usize::MAX);
            assert_eq!(outcome, Outcome::Good(1_210_000), "{carries}");
            assert!(took < 1_000_000 && bytes < 60_000, "{carries}: {took} µs, {bytes} bytes");
        }
        for carries in [210_000, 300_000, 500_000, 800_000, 1_000_000] {
            let (outcome, took, bytes) = probe(carries, usize::MAX);
            assert_eq!(outcome, Outcome::Bad, "{carries}");
            assert!(took < 1_000_000 && bytes < 50_000, "{carries}: {took} µs, {bytes} bytes");
        }
    }

    #[test]
    fn loss_ends_a_probe_and_a_lost_packet_does_not() {
        assert_eq!(probe(100_000_000, 5).0, Outcome::Bad);
        assert_eq!(probe(100_000_000, 40).0, Outcome::Good(1_210_000));
    }

    #[test]
    fn silence_and_want_of_filling_end_a_probe() {
        let mut silent = Probe::new(0, GOAL, CALM);
        silent.sent(0, BYTES, true);
        assert_eq!(silent.step(PATIENCE), None);
        assert_eq!(silent.step(PATIENCE + LAST), Some(Outcome::Bad));
        let mut empty = Probe::new(0, GOAL, CALM);
        assert_eq!(empty.step(LAST), Some(Outcome::Bad), "nothing could be sent");
    }

    #[test]
    fn filling_is_due_at_its_rate_and_beside_the_media() {
        let mut probe = Probe::new(0, GOAL, CALM);
        // The first cluster is at twice of what is known.
        assert_eq!(probe.due(0), 400_000 * PACE / 8_000_000);
        probe.sent(0, 100, false);
        assert_eq!(probe.due(0), 400_000 * PACE / 8_000_000 - 100);
        probe.sent(0, 10_000, true);
        assert_eq!(probe.due(PACE), 0, "the media alone is more");
        assert_eq!(probe.due(QUEUE), 0, "it is over");
        assert_eq!(
            Probe::new(0, Goal { known: 0, target: 1_000_000 }, CALM).due(0),
            2 * LEAST_KNOWN * PACE / 8_000_000
        );
    }

    proptest! {
        #[test]
        fn whatever_is_told_a_probe_ends(
            goal in (0_u64..u64::from(u32::MAX), 0_u64..u64::from(u32::MAX)),
            calm in (any::<i64>(), 0..100_000_i64),
            steps in prop::collection::vec((0_u8..4, 0_u64..100_000, any::<i64>(), 0_usize..2_000), 0..100),
        ) {
            let calm = Calm { delay: calm.0, noise: calm.1, lost: 0.0 };
            let mut probe = Probe::new(0, Goal { known: goal.0, target: goal.1 }, calm);
            let mut now = 0;
            for (what, passed, received, bytes) in steps {
                now += passed;
                match what {
                    0 => probe.sent(now, bytes, true),
                    1 => probe.fate(Fate::Missing { sent: now }),
                    2 => probe.fate(Fate::AfterAll { sent: now, received, bytes }),
                    _ => probe.fate(Fate::Arrived { sent: now, received, bytes }),
                }
                prop_assert!(probe.due(now) <= u64::from(u32::MAX) * 2 * LAST / 8_000_000);
                prop_assert!(probe.next_wake(now) > now || probe.step(now).is_some());
                if probe.step(now).is_some() {
                    return Ok(());
                }
            }
            prop_assert!((0..64).any(|turn| probe.step(now + turn * (LAST + PATIENCE)).is_some()));
        }
    }
}
