//! The machine's real time, which is what a bench measures.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a bench measures the machine's real time")]
    Instant::now()
}

/// Nanoseconds since the start, small enough for the stamps in packets.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(now())
    }

    pub fn now(&self) -> Instant {
        now()
    }

    pub fn nanos(&self) -> u64 {
        self.at(now())
    }

    /// The time at so many nanoseconds.
    pub fn time(&self, nanos: u64) -> Instant {
        self.0 + Duration::from_nanos(nanos)
    }

    /// A day hence for times far away.
    pub fn at(&self, time: Instant) -> u64 {
        time.saturating_duration_since(self.0).min(Duration::from_secs(86_400)).as_nanos() as u64
    }
}

/// CPU time of this thread, which other processes do not add to.
pub fn thread_time() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
