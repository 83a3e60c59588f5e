//! Clocks and counters.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

/// Significant digits a histogram keeps; more costs memory, fewer would blur ratios.
const DIGITS: u8 = 3;

pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a bench measures the machine's real time")]
    Instant::now()
}

/// Times in picoseconds: a verdict takes so few nanoseconds that whole ones would be coarse.
#[derive(Debug)]
pub struct Times(Histogram<u64>);

impl Times {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new(DIGITS)?))
    }

    /// Of `count` equal operations that took `time` together: what one took.
    pub fn add(&mut self, time: Duration, count: usize) -> anyhow::Result<()> {
        let each = time.as_nanos() * 1_000 / count.max(1) as u128;
        Ok(self.0.record(u64::try_from(each)?)?)
    }

    /// Nanoseconds.
    pub fn quantile(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// Nanoseconds.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Nanoseconds.
    pub fn p99(&self) -> f64 {
        self.quantile(0.99)
    }
}

/// Calls `one` with 0, 1, 2… and times every `batch` calls together, `rounds` times.
pub fn time<T>(rounds: usize, batch: usize, mut one: impl FnMut(usize) -> T) -> anyhow::Result<Times> {
    let mut times = Times::new()?;
    for round in 0..rounds {
        let begin = now();
        for call in round * batch..(round + 1) * batch {
            black_box(one(call));
        }
        times.add(begin.elapsed(), batch)?;
    }
    Ok(times)
}

/// What reading the clock adds to every time of a batch of one: its median, in nanoseconds.
pub fn clock_cost(rounds: usize) -> anyhow::Result<f64> {
    Ok(time(rounds, 1, |call| call)?.median())
}

/// Allocations of `count` calls in this thread.
pub fn allocations<T>(count: usize, mut one: impl FnMut(usize) -> T) -> u64 {
    let counted = allocation_counter::measure(|| {
        for call in 0..count {
            black_box(one(call));
        }
    });
    counted.count_total
}

/// What `make` makes, and the bytes it keeps of this thread's memory.
pub fn kept<T>(make: impl FnOnce() -> T) -> (T, i64) {
    let mut made = None;
    let counted = allocation_counter::measure(|| made = Some(make()));
    match made {
        Some(made) => (made, counted.bytes_current),
        None => unreachable!("measure runs its closure"),
    }
}
