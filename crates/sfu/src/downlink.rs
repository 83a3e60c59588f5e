//! The way down to one subscriber of video: what was sent on it, what came of it, and what it is given.

use std::time::{Duration, Instant};

use crate::{
    allocation::Budget,
    estimate::Estimator,
    probe::{Goal, Outcome, Probe},
    twcc::{Departures, Fate},
};

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
    pub(crate) probe: Option<Probe>,
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
            probe: None,
            next_allocation: None,
        }
    }

    /// A packet left, under the next number if it carried one.
    pub(crate) fn sent(&mut self, now: u64, bytes: usize, numbered: bool) {
        self.estimator.sent(now, bytes + BELOW_RTP);
        if numbered {
            self.departures.sent(now, bytes + BELOW_RTP);
        }
        if let Some(probe) = self.probe.as_mut() {
            probe.sent(now, bytes + BELOW_RTP, numbered);
        }
    }

    /// Takes transport-wide feedback. False: malformed.
    pub(crate) fn feedback(&mut self, now: u64, body: &[u8]) -> bool {
        let (estimator, probe) = (&mut self.estimator, &mut self.probe);
        self.departures.feedback(now, body, |fate| {
            let (Fate::Missing { sent } | Fate::Arrived { sent, .. } | Fate::AfterAll { sent, .. }) = fate;
            let probing = probe.as_ref().is_some_and(|probe| probe.covers(sent));
            estimator.fate(now, fate, probing);
            if let Some(probe) = probe.as_mut() {
                probe.fate(fate);
            }
        })
    }

    /// Takes what a receiver report says of `packets` packets: the share of 256 that was lost.
    pub(crate) fn report(&mut self, now: u64, packets: u32, fraction_lost: u8) {
        self.estimator.report(now, packets, fraction_lost);
        // The next one is a second away: too long to leave sound beside a try that failed.
        self.next_allocation = None;
    }

    /// Begins to find out whether the way bears more. False: it cannot be told at present.
    pub(crate) fn begin_probe(&mut self, now: u64, goal: Goal) -> bool {
        let calm = self.estimator.calm(now);
        self.probe = calm.map(|calm| Probe::new(now, goal, calm));
        self.probe.is_some()
    }

    /// Takes what a probe has shown.
    pub(crate) fn end_probe(&mut self, now: u64, outcome: Outcome) {
        self.probe = None;
        match outcome {
            Outcome::Good(carries) => self.budget.probe_went_well(now, carries),
            Outcome::Bad => self.budget.probe_failed(now),
        }
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
