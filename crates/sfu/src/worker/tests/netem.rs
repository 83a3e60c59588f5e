//! A network as pure input and output: sizes and times in, arrival times out. Seeded, so that a run repeats.

use std::time::{Duration, Instant};

/// One direction of a way. The default is perfect.
#[derive(Debug, Clone, Default)]
pub(super) struct Link {
    /// Bits per second; None is without limit.
    pub(super) rate: Option<u64>,
    /// What the queue before a limit holds; more is dropped.
    pub(super) buffer: Duration,
    pub(super) delay: Duration,
    /// At most so much more delay, evenly spread; packets stay in order.
    pub(super) jitter: Duration,
    /// Share of packets lost at random.
    pub(super) loss: f64,
    /// Chance that a burst of loss begins, and that it goes on, with each packet.
    pub(super) bursts: (f64, f64),
    pub(super) in_burst: bool,
    /// Until when the limit is busy, and when the last packet arrives.
    pub(super) busy: Option<Instant>,
    pub(super) last: Option<Instant>,
    pub(super) random: Random,
}

impl Link {
    /// When a packet arrives that is sent now; None: it is lost.
    pub(super) fn send(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let chance = if self.in_burst { self.bursts.1 } else { self.bursts.0 };
        self.in_burst = self.random.next() < chance;
        if self.in_burst || self.random.next() < self.loss {
            return None;
        }
        let mut at = now;
        if let Some(rate) = self.rate {
            let begins = self.busy.map_or(now, |busy| busy.max(now));
            if begins - now > self.buffer {
                return None;
            }
            at = begins + Duration::from_secs_f64(bytes as f64 * 8.0 / rate as f64);
            self.busy = Some(at);
        }
        at += self.delay + self.jitter.mul_f64(self.random.next());
        let at = self.last.map_or(at, |last| at.max(last));
        self.last = Some(at);
        Some(at)
    }

    /// How long the next packet waits.
    pub(super) fn queue(&self, now: Instant) -> Duration {
        self.busy.map_or(Duration::ZERO, |busy| busy.saturating_duration_since(now))
    }
}

/// A small generator of even numbers (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(7)
    }
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 up to 1.
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn a_limit_delays_and_then_drops() {
    #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
    let start = Instant::now();
    let mut link = Link {
        rate: Some(80_000),
        buffer: Duration::from_millis(250),
        delay: Duration::from_millis(10),
        ..Link::default()
    };
    let arrivals: Vec<_> =
        (0..5).map(|_| link.send(start, 1_000).map(|at| (at - start).as_millis())).collect();
    assert_eq!(arrivals, [Some(110), Some(210), Some(310), None, None]);
    let mut lossy = Link { loss: 0.05, bursts: (0.01, 0.8), ..Link::default() };
    let lost = (0..10_000).filter(|_| lossy.send(start, 100).is_none()).count();
    // 5 % at random and bursts of 5 packets in every 105.
    assert!((850..1_100).contains(&lost), "{lost}");
}
