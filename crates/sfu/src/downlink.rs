//! The way down to one subscriber of video: what was sent on it, what came of it, and what it is given.

use std::time::{Duration, Instant};

use crate::{allocation::Budget, estimate::Estimator, twcc::Departures};

/// How often what is given is looked at. Feedback comes every 50 to 250 ms.
const ALLOCATION_INTERVAL: Duration = Duration::from_millis(50);
/// Bytes of IPv4 and UDP around each packet: the way carries them too.
pub(crate) const BELOW_RTP: usize = 28;

#[derive(Debug)]
pub(crate) struct Downlink {
    /// Consumers of video on it. Without one there is nothing to choose, and packets carry no numbers: feedback on
    /// them would cost both sides a datagram each 100 ms.
    pub(crate) videos: usize,
    pub(crate) departures: Departures,
    pub(crate) estimator: Estimator,
    pub(crate) budget: Budget,
    next_allocation: Option<Instant>,
}

impl Downlink {
    /// `spread` is any number that differs between subscribers.
    pub(crate) fn new(now: u64, spread: u8) -> Self {
        Self {
            videos: 0,
            departures: Departures::default(),
            estimator: Estimator::new(),
            budget: Budget::new(now, spread),
            next_allocation: None,
        }
    }

    /// A packet left, under the next number if it carried one.
    pub(crate) fn sent(&mut self, now: u64, bytes: usize, numbered: bool) {
        self.estimator.sent(now, bytes + BELOW_RTP);
        if numbered {
            self.departures.sent(now, bytes + BELOW_RTP);
        }
    }

    /// Takes transport-wide feedback. False: malformed.
    pub(crate) fn feedback(&mut self, now: u64, body: &[u8]) -> bool {
        let estimator = &mut self.estimator;
        self.departures.feedback(now, body, |fate| estimator.fate(now, fate))
    }

    /// Whether it is time to look at what is given.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.videos > 0 && self.next_allocation.is_none_or(|next| now >= next);
        if due {
            self.next_allocation = Some(now + ALLOCATION_INTERVAL);
        }
        due
    }
}

/// Microseconds since the worker began.
pub(crate) fn micros(epoch: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(epoch).as_micros() as u64
}
