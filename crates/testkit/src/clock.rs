//! A clock that moves only when told.

use std::sync::atomic::{AtomicI64, Ordering};

use rotunda_core::Clock;
use rotunda_model::Millis;

#[derive(Debug)]
pub struct MockClock(AtomicI64);

impl MockClock {
    /// A fixed moment in 2023, in milliseconds since 1970.
    pub const START: i64 = 1_700_000_000_000;

    pub const fn new() -> Self {
        Self(AtomicI64::new(Self::START))
    }

    /// Milliseconds; negative sets it back.
    pub fn advance(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

impl Default for MockClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MockClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::Relaxed))
    }
}
