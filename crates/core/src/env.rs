//! Time, randomness and ids: everything a use case may not take from its surroundings.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use parking_lot::Mutex;
use rand::CryptoRng;
use rotunda_model::Millis;

/// The wall clock.
pub trait Clock: Send + Sync {
    fn now(&self) -> Millis;
}

/// A generator fit for secrets; seeded in tests.
pub type SharedRng = Arc<Mutex<Box<dyn CryptoRng + Send>>>;

/// Injected surroundings. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    pub clock: Arc<dyn Clock>,
    pub rng: SharedRng,
}

impl Env {
    pub fn new(clock: Arc<dyn Clock>, rng: impl CryptoRng + Send + 'static) -> Self {
        Self { clock, rng: Arc::new(Mutex::new(Box::new(rng))) }
    }

    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.lock().fill_bytes(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").finish_non_exhaustive()
    }
}

/// Bits of an id below the millisecond: 8 of node, 13 of counter. More counter bits would end the range earlier
/// than the year 2109; fewer would make bursts above 8,192 ids in a millisecond run ahead of the clock sooner.
const COUNTER_BITS: u32 = 13;
const NODE_BITS: u32 = 8;

/// Makes 64-bit, time-ordered ids: milliseconds, node, counter.
///
/// Ids of one generator strictly rise, whatever the clock does. Two processes over one database, also across a
/// restart with the clock set back, differ in `node`, which Postgres hands out in turn.
#[derive(Debug)]
pub struct IdGenerator {
    node: i64,
    /// Milliseconds and counter, without the node: `(ms << COUNTER_BITS) | counter`.
    last: AtomicI64,
}

impl IdGenerator {
    /// `floor`: an id made before, above which the next ones must lie.
    pub fn new(node: u8, floor: i64) -> Self {
        let ms = floor >> (NODE_BITS + COUNTER_BITS);
        let counter = floor & ((1 << COUNTER_BITS) - 1);
        Self { node: i64::from(node), last: AtomicI64::new(((ms << COUNTER_BITS) | counter) + 1) }
    }

    /// The next id; positive.
    pub fn next(&self, now: Millis) -> i64 {
        let wanted = now.get().clamp(1, (1 << 42) - 1) << COUNTER_BITS;
        let step = |last: i64| Some(wanted.max(last.saturating_add(1)));
        let before =
            self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or_else(|last| last);
        let value = wanted.max(before.saturating_add(1));
        let (ms, counter) = (value >> COUNTER_BITS, value & ((1 << COUNTER_BITS) - 1));
        (ms << (NODE_BITS + COUNTER_BITS)) | (self.node << COUNTER_BITS) | counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_when_the_clock_stands_still_or_goes_back() {
        let ids = IdGenerator::new(7, 0);
        let mut last = 0;
        for step in 0..100_000_i64 {
            let id = ids.next(Millis(1_700_000_000_000 - step / 10_000));
            assert!(id > last, "{id} after {last}");
            last = id;
        }
    }

    #[test]
    fn a_restart_with_the_clock_set_back_makes_no_id_twice() {
        let first = IdGenerator::new(1, 0);
        let last = (0..1000).map(|_| first.next(Millis(1_700_000_000_000))).max().unwrap();
        let second = IdGenerator::new(2, last);
        assert!(second.next(Millis(1_600_000_000_000)) > last);
    }
}
