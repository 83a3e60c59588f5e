//! What was sent to a subscriber under which number, and when: the other half of its feedback.

use super::{REFERENCE_BITS, TICKS_PER_REFERENCE, feedback::Statuses};

/// Packets remembered: a second of 10 Mbit/s. A feedback that comes later than that measures nothing. 8 KiB per
/// subscriber of video.
const WINDOW: usize = 1024;
/// Microseconds per tick of the receiver's clock.
const TICK: i64 = 250;

/// A packet as the feedback speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Sent and received in µs, each on its own side's clock.
    Arrived { sent: u64, received: i64, bytes: usize },
    /// May still arrive; then a later feedback says so.
    Missing { sent: u64 },
    /// Was told to be missing before.
    AfterAll { sent: u64, received: i64, bytes: usize },
}

#[derive(Debug, Clone, Copy, Default)]
struct Departure {
    /// In µs, modulo 2^32: 71 minutes.
    sent: u32,
    /// 0: nothing to tell any more.
    bytes: u16,
    missing: bool,
}

/// The numbers of one subscriber's packets.
#[derive(Debug)]
pub(crate) struct Departures {
    ring: Vec<Departure>,
    /// Numbers given so far.
    next: u64,
    /// Reference time of the last feedback, unwrapped, in units of 64 ms.
    reference: Option<i64>,
}

impl Default for Departures {
    fn default() -> Self {
        Self { ring: vec![Departure::default(); WINDOW], next: 0, reference: None }
    }
}

impl Departures {
    /// The number for the next packet.
    pub(crate) fn number(&self) -> u16 {
        self.next as u16
    }

    /// The packet with that number left.
    pub(crate) fn sent(&mut self, now: u64, bytes: usize) {
        if let Some(departure) = self.ring.get_mut(self.next as usize % WINDOW) {
            *departure = Departure { sent: now as u32, bytes: bytes.min(0xffff) as u16, missing: false };
        }
        self.next += 1;
    }

    /// Reads a feedback, what follows its two SSRCs, and hands out what is new in it, in order of the numbers.
    /// False: it is malformed or speaks of more packets than are remembered.
    pub(crate) fn feedback(&mut self, now: u64, body: &[u8], mut each: impl FnMut(Fate)) -> bool {
        let Some(statuses) = Statuses::read(body, WINDOW) else { return false };
        let bits = i64::from(statuses.reference);
        let half = 1 << (REFERENCE_BITS - 1);
        let reference = self.reference.map_or(bits, |before| {
            // The nearest time that has these bits.
            let ahead = (bits - before).rem_euclid(2 * half);
            before + if ahead < half { ahead } else { ahead - 2 * half }
        });
        self.reference = Some(reference);
        let base = reference * TICKS_PER_REFERENCE as i64;
        for (number, passed) in statuses {
            let behind = u64::from((self.next as u16).wrapping_sub(number));
            // Of the future, or forgotten.
            if behind == 0 || behind > self.next.min(WINDOW as u64) {
                continue;
            }
            let place = (self.next - behind) as usize % WINDOW;
            let Some(departure) = self.ring.get_mut(place).filter(|departure| departure.bytes > 0) else {
                continue;
            };
            let sent = now.saturating_sub(u64::from((now as u32).wrapping_sub(departure.sent)));
            match passed {
                Some(passed) => {
                    let bytes = usize::from(std::mem::take(&mut departure.bytes));
                    let received = (base + passed) * TICK;
                    each(if departure.missing {
                        Fate::AfterAll { sent, received, bytes }
                    } else {
                        Fate::Arrived { sent, received, bytes }
                    });
                }
                None if departure.missing => {}
                None => {
                    departure.missing = true;
                    each(Fate::Missing { sent });
                }
            }
        }
        true
    }
}
