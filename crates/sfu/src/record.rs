//! What was sent to one receiver of a stream, so that it can be sent again, but not too often.

use std::time::Duration;

use crate::ortc::MediaKind;

/// Packets remembered: as many as the publisher's history holds.
const VIDEO: usize = 512;
const AUDIO: usize = 128;
// A place is found without a division.
const _: () = assert!(VIDEO.is_power_of_two() && AUDIO.is_power_of_two());
/// Until the receiver's reports tell the round trip.
const UNKNOWN_ROUND_TRIP: Duration = Duration::from_millis(40);
/// A packet is not sent again sooner than this, however near the receiver.
const MIN_PAUSE: Duration = Duration::from_millis(10);
/// A receiver behind a full queue reports a round trip of seconds, and still needs the packet.
const MAX_PAUSE: Duration = Duration::from_millis(300);
/// Each byte sent earns 1/2 byte to be sent again: enough at a third lost both ways. It bounds what a receiver can
/// draw with requests to half as much again as it is sent anyway.
const EARNED: u32 = 2;
/// Bytes that can be saved up: the keyframe that was lost in one burst.
const MOST_SAVED: u32 = 128 * 1024;
/// Bytes at the start, for a loss among the first packets.
const SAVED_AT_START: u32 = 4 * 1024;

/// The records of one receiver, at the index sent modulo their number. 16 bytes each, taken with the first packet.
#[derive(Debug)]
pub(crate) struct Records {
    packets: usize,
    ring: Box<[Option<Record>]>,
    /// Bytes that may be sent again.
    saved: u32,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    /// Low half of the index sent.
    index: u32,
    /// In milliseconds since the worker's epoch; the last time it was sent again.
    again: Option<std::num::NonZeroU32>,
    stamp: Stamp,
}

/// What a packet's header says that is neither the publisher's nor the receiver's. A packet sent again under its
/// own SSRC and number has it unchanged: the cipher would otherwise seal two texts with one nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    pub(crate) abs_send_time: [u8; 3],
    pub(crate) transport_number: Option<[u8; 2]>,
}

/// Whether a packet may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// With the stamp it had.
    Granted(Stamp),
    /// It was never sent.
    Unsent,
    /// It is on its way.
    TooSoon,
    OverBudget,
}

impl Records {
    pub(crate) fn new(kind: MediaKind) -> Self {
        let packets = if kind == MediaKind::Video { VIDEO } else { AUDIO };
        Self { packets, ring: Box::default(), saved: SAVED_AT_START }
    }

    /// Notes that a packet of so many bytes, as the publisher sent it, was sent for the first time.
    pub(crate) fn sent(&mut self, index: u64, stamp: Stamp, bytes: usize) {
        if self.ring.is_empty() {
            self.ring = vec![None; self.packets].into_boxed_slice();
        }
        self.saved = self.saved.saturating_add(bytes as u32 / EARNED).min(MOST_SAVED);
        let place = self.place(index);
        if let Some(record) = self.ring.get_mut(place) {
            *record = Some(Record { index: index as u32, again: None, stamp });
        }
    }

    fn place(&self, index: u64) -> usize {
        index as usize & (self.packets - 1)
    }

    /// Whether a packet of this index was sent and is remembered.
    pub(crate) fn has(&self, index: u64) -> bool {
        let place = self.place(index);
        self.ring.get(place).and_then(Option::as_ref).is_some_and(|record| record.index == index as u32)
    }

    /// Whether the record of this index is gone already; `next` is the index after the last one sent.
    pub(crate) fn is_past(&self, index: u64, next: u64) -> bool {
        next.saturating_sub(index) > self.packets as u64
    }

    /// Asks to send a packet of so many bytes again, and notes it. `now`: milliseconds since the epoch.
    pub(crate) fn take_leave(
        &mut self,
        now: u32,
        index: u64,
        bytes: usize,
        round_trip: Option<Duration>,
    ) -> Leave {
        let place = self.place(index);
        let record = self.ring.get_mut(place).and_then(Option::as_mut);
        let Some(record) = record.filter(|record| record.index == index as u32) else { return Leave::Unsent };
        // A receiver repeats its request after a round trip as it sees it, give or take.
        let pause = (round_trip.unwrap_or(UNKNOWN_ROUND_TRIP) * 3 / 4).clamp(MIN_PAUSE, MAX_PAUSE);
        if record.again.is_some_and(|again| u128::from(now.wrapping_sub(again.get())) < pause.as_millis()) {
            return Leave::TooSoon;
        }
        let Some(saved) = self.saved.checked_sub(bytes as u32) else { return Leave::OverBudget };
        self.saved = saved;
        record.again = std::num::NonZeroU32::new(now.max(1));
        Leave::Granted(record.stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { abs_send_time: [1, 2, 3], transport_number: None };

    #[test]
    fn a_record_takes_sixteen_bytes_at_most() {
        assert!(size_of::<Option<Record>>() <= 16);
    }

    #[test]
    fn a_packet_is_sent_again_once_in_a_round_trip() {
        let mut records = Records::new(MediaKind::Video);
        let trip = Some(Duration::from_millis(100));
        records.sent(70_000, STAMP, 1_000);
        let mut granted = vec![];
        for now in 1_000..1_300 {
            match records.take_leave(now, 70_000, 10, trip) {
                Leave::Granted(stamp) => {
                    assert_eq!(stamp, STAMP);
                    granted.push(now);
                }
                other => assert_eq!(other, Leave::TooSoon),
            }
        }
        assert_eq!(granted, [1_000, 1_075, 1_150, 1_225]);
    }

    #[test]
    fn what_was_never_sent_is_not_known() {
        let mut records = Records::new(MediaKind::Audio);
        assert_eq!(records.take_leave(1, 5, 10, None), Leave::Unsent);
        records.sent(5, STAMP, 100);
        for other in [4, 6, 5 + AUDIO as u64, 5 + (AUDIO as u64) * 7] {
            assert_eq!(records.take_leave(1, other, 10, None), Leave::Unsent);
        }
        assert!(!records.is_past(5, 5 + AUDIO as u64));
        assert!(records.is_past(5, 6 + AUDIO as u64));
    }

    #[test]
    fn requests_draw_at_most_half_of_what_is_sent() {
        let mut records = Records::new(MediaKind::Video);
        let mut drawn = 0;
        for index in 0..10_000_u64 {
            records.sent(index, STAMP, 1_000);
            for back in 0..100 {
                let leave = records.take_leave(index as u32, index.saturating_sub(back), 1_000, None);
                drawn += usize::from(matches!(leave, Leave::Granted(_)));
            }
        }
        assert!((4_900..=5_004).contains(&drawn), "{drawn} of 10,000 packets");
        // A pause saves up no more than one burst.
        let mut idle = Records::new(MediaKind::Video);
        (0..10_000).for_each(|index| idle.sent(index, STAMP, 1_000));
        let burst = (9_500..10_000)
            .filter(|index| matches!(idle.take_leave(1, *index, 1_000, None), Leave::Granted(_)))
            .count();
        assert_eq!(burst, 131);
    }
}
