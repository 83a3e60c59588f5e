//! What a publisher is told: which of its numbered packets came, and when.

use std::time::{Duration, Instant};

use super::{
    TICKS_PER_SECOND,
    feedback::{Body, MAX_STATUSES},
};
use crate::rtp::Header;

/// Numbers remembered. A packet that comes later than this after a younger one stays unreported; Chromium remembers
/// as much. 4 KiB per publishing transport.
pub(super) const WINDOW: u64 = 512;
/// From the first packet to the feedback on it. Shorter makes publishers faster in finding their rate, and costs the
/// server a sealed datagram per publisher each time.
const FEEDBACK_INTERVAL: Duration = Duration::from_millis(100);
/// So many packets do not wait for the interval to end: they must leave before their numbers leave the window.
const MAX_PENDING: u64 = 128;

/// The receiving side of one publishing transport.
#[derive(Debug)]
pub(crate) struct Uplink {
    /// Under which the publisher writes its number.
    pub(crate) extension: u8,
    arrivals: Arrivals,
    due: Option<Instant>,
    /// Of the last packet: a feedback must name one stream, and stands for all.
    ssrc: u32,
}

impl Uplink {
    pub(crate) fn new(extension: u8) -> Self {
        Self { extension, arrivals: Arrivals::default(), due: None, ssrc: 0 }
    }

    /// Takes an authentic packet of any stream of the transport; when a feedback became due because of it.
    pub(crate) fn packet(
        &mut self,
        epoch: Instant,
        now: Instant,
        header: &Header,
        packet: &[u8],
    ) -> Option<Instant> {
        let mut extensions = header.extensions(packet);
        let (_, value) = extensions.find(|(id, _)| *id == self.extension)?;
        let number = u16::from_be_bytes(value.try_into().ok()?);
        self.ssrc = header.ssrc;
        self.arrivals.packet(number, tick(epoch, now));
        let due = if self.arrivals.pending >= MAX_PENDING { now } else { now + FEEDBACK_INTERVAL };
        let sooner = self.due.is_none_or(|before| due < before);
        sooner.then(|| *self.due.insert(due))
    }

    /// When the next feedback has to leave.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The next feedback of those that are due, and the stream it names. The last one leaves nothing due.
    pub(crate) fn next_feedback(&mut self) -> Option<(u32, Body)> {
        let body = self.arrivals.next_feedback();
        if body.is_none() {
            self.due = None;
        }
        body.map(|body| (self.ssrc, body))
    }
}

/// The time on the wire's clock. It starts one second before the worker: no reference time is 0 by accident.
fn tick(epoch: Instant, now: Instant) -> u64 {
    let passed = now.saturating_duration_since(epoch);
    TICKS_PER_SECOND + (passed.as_micros() as u64) * TICKS_PER_SECOND / 1_000_000
}

/// Arrival times of the last numbers, without the wrap of the 16 bits.
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// By number modulo `WINDOW`: when it came, in ticks plus one; 0: it did not.
    times: Vec<u64>,
    highest: Option<u64>,
    /// The first number the next feedback speaks of.
    next: u64,
    /// Packets that came and were not reported.
    pending: u64,
    /// Feedbacks written: the receiver finds lost ones by it.
    count: u8,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { times: vec![0; WINDOW as usize], highest: None, next: 0, pending: 0, count: 0 }
    }
}

impl Arrivals {
    /// Notes a packet. A number that came before keeps its first time.
    pub(crate) fn packet(&mut self, number: u16, tick: u64) {
        // The first one stands in the second cycle, so that one before it has a place.
        let first = u64::from(number) + (1 << 16);
        let highest = *self.highest.get_or_insert_with(|| {
            self.next = first;
            first
        });
        let ahead = number.wrapping_sub(highest as u16) as i16;
        let number = highest.saturating_add_signed(i64::from(ahead));
        if number > highest {
            let forget = (highest + 1).max((number + 1).saturating_sub(WINDOW));
            (forget..=number).for_each(|number| self.set(number, 0));
            self.highest = Some(number);
            self.next = self.next.max((number + 1).saturating_sub(WINDOW));
        } else if highest - number >= WINDOW {
            return;
        }
        if self.time(number).is_none() {
            self.set(number, tick + 1);
            self.pending += 1;
            // A packet already reported as missing: the next feedback goes back to it.
            self.next = self.next.min(number);
        }
    }

    /// The next feedback; None when everything that came is reported.
    pub(crate) fn next_feedback(&mut self) -> Option<Body> {
        let highest = self.highest?;
        let Some(first) = (self.next..=highest).find(|number| self.time(*number).is_some()) else {
            self.pending = 0;
            return None;
        };
        // Of a longer gap only its end is told.
        let begin = self.next.max((first + 1).saturating_sub(MAX_STATUSES as u64));
        let body = Body::write(begin as u16, self.count, (begin..=highest).map(|number| self.time(number)))?;
        self.count = self.count.wrapping_add(1);
        self.next = begin + body.statuses() as u64;
        Some(body)
    }

    fn time(&self, number: u64) -> Option<u64> {
        self.times.get((number % WINDOW) as usize)?.checked_sub(1)
    }

    fn set(&mut self, number: u64, value: u64) {
        if let Some(time) = self.times.get_mut((number % WINDOW) as usize) {
            *time = value;
        }
    }
}
