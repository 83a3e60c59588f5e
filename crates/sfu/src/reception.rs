//! What is known about a received stream: loss, jitter and the sender's clock (RFC 3550 §6.4, appendix A).

use std::time::{Duration, Instant};

use crate::{
    Quality,
    rtcp::{ReportBlock, SenderInfo},
};

/// Packets below which a loss is chance. More makes a quiet line's grade older.
const ENOUGH_TO_JUDGE: u64 = 20;

/// The statistics of one received SSRC.
#[derive(Debug, Clone)]
pub(crate) struct Reception {
    /// Against which arrival times are counted.
    epoch: Instant,
    clock_rate: u32,
    first: Option<u64>,
    highest: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    recent: Recent,
    /// Arrival minus timestamp of the last packet, in timestamp units.
    transit: Option<u32>,
    /// In sixteenths of a timestamp unit.
    jitter: u32,
    pub(crate) sender: Option<SenderClock>,
}

/// Where the last judgement of the line ended, and what it was.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    expected: u64,
    received: u64,
    /// Packets received when it was last asked for.
    seen: u64,
    quality: Option<Quality>,
}

/// A sender report and when it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SenderClock {
    pub(crate) info: SenderInfo,
    pub(crate) arrived: Instant,
}

impl SenderClock {
    /// NTP time (32.32) and RTP timestamp of the sender's clocks at `now`.
    pub(crate) fn at(&self, now: Instant, clock_rate: u32) -> (u64, u32) {
        let passed = now.saturating_duration_since(self.arrived);
        (
            self.info.ntp.wrapping_add(fixed_point(passed)),
            self.info.rtp.wrapping_add(ticks(passed, clock_rate)),
        )
    }
}

/// Seconds as 32.32 fixed point.
fn fixed_point(duration: Duration) -> u64 {
    (duration.as_secs() << 32) + (u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000
}

/// A duration in units of a clock, modulo 2^32.
pub(crate) fn ticks(duration: Duration, clock_rate: u32) -> u32 {
    (duration.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u32
}

/// The middle 32 bits of an NTP time: 1/65,536 s.
pub(crate) const fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

impl Reception {
    pub(crate) fn new(epoch: Instant, clock_rate: u32) -> Self {
        Self {
            epoch,
            clock_rate,
            first: None,
            highest: 0,
            received: 0,
            expected_before: 0,
            received_before: 0,
            recent: Recent::default(),
            transit: None,
            jitter: 0,
            sender: None,
        }
    }

    pub(crate) fn packet(&mut self, now: Instant, index: u64, timestamp: u32) {
        self.first = Some(self.first.map_or(index, |first| first.min(index)));
        self.highest = self.highest.max(index);
        self.received += 1;
        let arrival = ticks(now.saturating_duration_since(self.epoch), self.clock_rate);
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            // RFC 3550 A.8, with 16 times the jitter kept to round well. A jump of the clock is no jitter.
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            if difference < self.clock_rate * 10 {
                self.jitter = self.jitter + difference - (self.jitter + 8) / 16;
            }
        }
    }

    /// Numbers between the first and the highest that never came.
    pub(crate) fn lost(&self) -> u64 {
        let expected = self.first.map_or(0, |first| self.highest - first + 1);
        expected.saturating_sub(self.received)
    }

    /// Loss since the last judgement, and jitter; the last judgement while too little came for another. None when nothing
    /// came since the last call.
    pub(crate) fn recent(&mut self) -> Option<Quality> {
        let expected = self.highest - self.first? + 1;
        let recent = &mut self.recent;
        if recent.seen == self.received {
            *recent = Recent { expected, received: self.received, seen: self.received, quality: None };
            return None;
        }
        recent.seen = self.received;
        let passed = expected.saturating_sub(recent.expected);
        if passed >= ENOUGH_TO_JUDGE {
            let lost = passed.saturating_sub(self.received - recent.received);
            let units = u64::from(self.jitter / 16);
            let quality = Quality {
                round_trip: None,
                fraction_lost: (lost * 256 / passed).min(255) as u8,
                jitter: Duration::from_micros(units * 1_000_000 / u64::from(self.clock_rate.max(1))),
            };
            *recent =
                Recent { expected, received: self.received, seen: self.received, quality: Some(quality) };
        }
        recent.quality
    }

    /// The block for the next receiver report; None before the first packet.
    pub(crate) fn report(&mut self, ssrc: u32, now: Instant) -> Option<ReportBlock> {
        let expected = self.highest - self.first? + 1;
        let interval = (expected - self.expected_before, self.received - self.received_before);
        (self.expected_before, self.received_before) = (expected, self.received);
        let lost = interval.0.saturating_sub(interval.1);
        let sender = self.sender.map(|sender| {
            let delay = now.saturating_duration_since(sender.arrived);
            (middle(sender.info.ntp), middle(fixed_point(delay)))
        });
        let (last_sr, delay) = sender.unwrap_or_default();
        Some(ReportBlock {
            ssrc,
            fraction_lost: (lost * 256).checked_div(interval.0).unwrap_or(0).min(255) as u8,
            lost: (expected as i64 - self.received as i64).clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_sequence: self.highest as u32,
            jitter: self.jitter / 16,
            last_sr,
            delay,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        Instant::now()
    }

    #[test]
    fn loss_is_counted_per_interval_and_in_total() {
        let epoch = epoch();
        let mut stream = Reception::new(epoch, 48_000);
        assert_eq!(stream.report(1, epoch), None);
        for index in (65_530..65_630).filter(|index| index % 4 != 0) {
            stream.packet(epoch, index, 0);
        }
        let block = stream.report(1, epoch).unwrap();
        assert_eq!((block.fraction_lost, block.lost, block.highest_sequence), (64, 25, 65_629));
        stream.packet(epoch, 65_630, 0);
        let block = stream.report(1, epoch).unwrap();
        assert_eq!((block.fraction_lost, block.lost), (0, 25));
    }

    #[test]
    fn steady_arrival_has_no_jitter_and_unsteady_has() {
        let epoch = epoch();
        let (mut steady, mut unsteady) = (Reception::new(epoch, 48_000), Reception::new(epoch, 48_000));
        for index in 0..500_u32 {
            let at = epoch + Duration::from_millis(20) * index;
            let late = Duration::from_millis(if index % 2 == 0 { 0 } else { 10 });
            steady.packet(at, index.into(), index * 960);
            unsteady.packet(at + late, index.into(), index * 960);
        }
        assert_eq!(steady.report(1, epoch).unwrap().jitter, 0);
        // Alternating by 10 ms: 480 units.
        let jitter = unsteady.report(1, epoch).unwrap().jitter;
        assert!((470..=480).contains(&jitter), "{jitter}");
    }

    #[test]
    fn the_line_is_judged_by_what_came_since_the_last_judgement() {
        let epoch = epoch();
        let mut stream = Reception::new(epoch, 48_000);
        assert_eq!(stream.recent(), None);
        let packets = |stream: &mut Reception, indices: std::ops::Range<u64>, missing: u64| {
            for index in indices.filter(|index| missing == 0 || index % missing != 0) {
                stream.packet(epoch, index, 0);
            }
        };
        packets(&mut stream, 1..101, 4);
        assert_eq!(stream.recent().unwrap().fraction_lost, 62, "24 of 99: the last one is not yet missed");
        packets(&mut stream, 101..111, 0);
        assert_eq!(stream.recent().unwrap().fraction_lost, 62, "too few for another judgement");
        packets(&mut stream, 111..161, 0);
        assert_eq!(stream.recent().unwrap().fraction_lost, 4, "the one of before that was missed after all");
        packets(&mut stream, 161..211, 0);
        assert_eq!(stream.recent().unwrap().fraction_lost, 0);
        assert_eq!(stream.recent(), None, "nothing came");
        packets(&mut stream, 500..510, 0);
        assert_eq!(stream.recent().unwrap().fraction_lost, 247, "a hole counts at once");
    }

    #[test]
    fn the_delay_since_the_senders_report_is_told() {
        let epoch = epoch();
        let mut stream = Reception::new(epoch, 90_000);
        stream.packet(epoch, 1, 0);
        let info = SenderInfo { ssrc: 1, ntp: 0x1111_2222_3333_4444, rtp: 1_000, packets: 0, octets: 0 };
        stream.sender = Some(SenderClock { info, arrived: epoch });
        let now = epoch + Duration::from_millis(500);
        let block = stream.report(1, now).unwrap();
        assert_eq!((block.last_sr, block.delay), (0x2222_3333, 32_768));
        let (ntp, rtp) = stream.sender.unwrap().at(now, 90_000);
        assert_eq!((ntp - info.ntp, rtp), (1 << 31, 46_000));
    }
}
