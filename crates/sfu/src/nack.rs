//! Packets of a received stream that are missing, and when to ask for them (generic NACK, RFC 4585 §6.2.1).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Packets of one stream asked for at a time. A keyframe is about 100; past this a new keyframe is cheaper than
/// the repair, and the request still fits into one RTCP datagram.
pub(crate) const MAX_MISSING: usize = 256;
/// Requests for one packet. With a fifth of the packets lost both ways, one in 25,000 is left after ten.
const MAX_TRIES: u8 = 10;
/// Later packets that make a missing one a lost one. Fewer would ask for packets the network merely swapped.
const REORDERING: u64 = 2;
/// With fewer later packets it counts as lost after this long: audio sends one packet in 20 ms.
const REORDERING_WAIT: Duration = Duration::from_millis(10);
/// Until the first answer tells. Too short asks twice for what is on its way; too long loses the place in a small
/// jitter buffer.
const FIRST_ROUND_TRIP: Duration = Duration::from_millis(100);
/// A round trip is taken to be at least this: a sender's pacer and a turn of the loop lie in it.
const MIN_ROUND_TRIP: Duration = Duration::from_millis(20);
/// And at most this, so that a sender that stalled once is still asked.
const MAX_ROUND_TRIP: Duration = Duration::from_millis(500);

/// The missing packets of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Gaps {
    /// A retransmission came on an SSRC of its own.
    by_rtx: bool,
    /// The highest index that arrived, since asking began.
    highest: Option<u64>,
    /// In the order of their indices.
    missing: VecDeque<Missing>,
    round_trip: Duration,
    /// The timestamp of the highest packet, and the last packet known to be of another picture.
    picture: (u32, u64),
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    index: u64,
    noticed: Instant,
    /// The first and the last request.
    asked: Option<(Instant, Instant)>,
    tries: u8,
}

/// What came of a look at the missing packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Packets nobody will ask for any more.
    pub(crate) given_up: usize,
    /// When to look again.
    pub(crate) next: Option<Instant>,
}

impl Default for Gaps {
    fn default() -> Self {
        Self {
            by_rtx: false,
            highest: None,
            missing: VecDeque::new(),
            round_trip: FIRST_ROUND_TRIP,
            picture: (0, 0),
        }
    }
}

impl Gaps {
    pub(crate) fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether this packet is still being asked for.
    pub(crate) fn waits_for(&self, index: u64) -> bool {
        self.missing.binary_search_by_key(&index, |missing| missing.index).is_ok()
    }

    /// Asks for nothing until the next packet: the stream is not wanted, or begins anew.
    pub(crate) fn forget(&mut self) {
        self.highest = None;
        self.missing.clear();
    }

    /// A packet has come on the stream's own SSRC. True: it is a retransmission, as far as one can tell.
    ///
    /// Without RTX a retransmission looks like a packet that is late; with RTX a packet that is late is just that.
    pub(crate) fn arrived(&mut self, now: Instant, index: u64) -> bool {
        if self.by_rtx {
            self.take(index);
            return false;
        }
        self.answered(now, index)
    }

    /// A packet has come back by RTX. True: it was asked for.
    pub(crate) fn answered_by_rtx(&mut self, now: Instant, index: u64) -> bool {
        self.by_rtx = true;
        self.answered(now, index)
    }

    fn answered(&mut self, now: Instant, index: u64) -> bool {
        let Some(missing) = self.take(index) else { return false };
        let Some((first, _)) = missing.asked else { return false };
        let took = now.saturating_duration_since(first);
        // After several requests it is unknown which one was answered: the time is too long rather than too
        // short, counts less, and at most doubles the estimate.
        let (took, weight) = if missing.tries == 1 { (took, 8) } else { (took.min(self.round_trip * 2), 16) };
        let smoothed = (self.round_trip * (weight - 1) + took) / weight;
        self.round_trip = smoothed.clamp(MIN_ROUND_TRIP, MAX_ROUND_TRIP);
        true
    }

    fn take(&mut self, index: u64) -> Option<Missing> {
        let at = self.missing.binary_search_by_key(&index, |missing| missing.index).ok()?;
        self.missing.remove(at)
    }

    /// A packet of the stream has come: what lies between it and the highest so far is missing. With a keyframe
    /// the pictures before it are needed no more. The number of packets given up.
    pub(crate) fn extend(
        &mut self,
        now: Instant,
        index: u64,
        timestamp: u32,
        begins_keyframe: bool,
    ) -> usize {
        let Some(highest) = self.highest else {
            (self.highest, self.picture) = (Some(index), (timestamp, index));
            return 0;
        };
        if index <= highest {
            return 0;
        }
        self.highest = Some(index);
        if self.picture.0 != timestamp {
            self.picture = (timestamp, highest);
        }
        let gap = index - highest - 1;
        if gap > MAX_MISSING as u64 {
            let given_up = self.missing.len().saturating_add(usize::try_from(gap).unwrap_or(usize::MAX));
            self.missing.clear();
            return given_up;
        }
        self.missing.extend((highest + 1..index).map(|index| Missing {
            index,
            noticed: now,
            asked: None,
            tries: 0,
        }));
        if begins_keyframe {
            // Not up to this packet: the parameter sets in front of it may be among the missing.
            let needless = self.missing.partition_point(|missing| missing.index < self.picture.1);
            self.missing.drain(..needless);
        }
        let given_up = self.missing.len().saturating_sub(MAX_MISSING);
        self.missing.drain(..given_up);
        given_up
    }

    /// Hands out, in order, what to ask for now. `max_age`: after this long a packet would come too late.
    pub(crate) fn look(&mut self, now: Instant, max_age: Duration, mut ask: impl FnMut(u64)) -> Look {
        let mut look = Look::default();
        let (highest, round_trip) = (self.highest.unwrap_or(0), self.round_trip);
        self.missing.retain_mut(|missing| {
            let end = missing.noticed + max_age;
            let due = match missing.asked {
                Some((_, last)) => last + round_trip,
                None if highest.saturating_sub(missing.index) >= REORDERING => now,
                None => missing.noticed + REORDERING_WAIT,
            };
            let keep = now < end && (now < due || missing.tries < MAX_TRIES);
            if !keep {
                look.given_up += 1;
                return false;
            }
            let mut next = due;
            if due <= now {
                ask(missing.index);
                missing.tries += 1;
                missing.asked = Some((missing.asked.map_or(now, |(first, _)| first), now));
                next = now + round_trip;
            }
            let next = next.min(end);
            look.next = Some(look.next.map_or(next, |other| other.min(next)));
            true
        });
        look
    }
}

/// Packs numbers, in ascending order, into (packet identifier, bit mask of the sixteen after it).
pub(crate) fn pack(numbers: &[u16]) -> Vec<(u16, u16)> {
    let mut entries: Vec<(u16, u16)> = Vec::new();
    for &number in numbers {
        match entries.last_mut() {
            Some((first, mask)) if (1..=16).contains(&number.wrapping_sub(*first)) => {
                *mask |= 1 << (number.wrapping_sub(*first) - 1);
            }
            _ => entries.push((number, 0)),
        }
    }
    entries
}

/// The numbers an entry asks for.
pub(crate) fn numbers(first: u16, mask: u16) -> impl Iterator<Item = u16> {
    std::iter::once(first).chain(
        (0..16_u16).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| first.wrapping_add(bit + 1)),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AGE: Duration = Duration::from_secs(1);

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        Instant::now()
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn asked(gaps: &mut Gaps, now: Instant) -> Vec<u64> {
        let mut asked = vec![];
        gaps.look(now, AGE, |index| asked.push(index));
        asked
    }

    fn after(indices: &[u64], now: Instant) -> Gaps {
        let mut gaps = Gaps::default();
        for &index in indices {
            gaps.arrived(now, index);
            gaps.extend(now, index, index as u32 / 3, false);
        }
        gaps
    }

    #[test]
    fn a_swapped_packet_is_not_asked_for_and_a_lost_one_at_once() {
        let now = start();
        let mut swapped = after(&[1, 3, 2], now);
        assert!(asked(&mut swapped, now).is_empty());
        let mut young = after(&[1, 3], now);
        assert!(asked(&mut young, now).is_empty());
        assert_eq!(asked(&mut young, now + REORDERING_WAIT), [2]);
        let mut lost = after(&[1, 3, 4], now);
        assert_eq!(asked(&mut lost, now), [2]);
    }

    #[test]
    fn a_request_is_repeated_each_round_trip_until_the_packet_is_too_old() {
        let now = start();
        let mut gaps = after(&[1, 3, 4], now);
        let mut times = vec![];
        for at in 0..2_000 {
            if !asked(&mut gaps, now + ms(at)).is_empty() {
                times.push(at);
            }
        }
        assert_eq!(times, (0..10).map(|n| n * 100).collect::<Vec<_>>());
        assert!(gaps.is_empty());
    }

    #[test]
    fn tries_are_bounded() {
        let now = start();
        let mut gaps = after(&[1, 3, 4], now);
        let mut tries = 0;
        for at in 0..100_000 {
            gaps.look(now + ms(at), Duration::from_secs(60), |_| tries += 1);
        }
        assert_eq!(tries, usize::from(MAX_TRIES));
        assert!(gaps.is_empty());
    }

    #[test]
    fn the_round_trip_is_learnt_from_answers() {
        for actual in [30, 250] {
            let mut now = start();
            let mut gaps = Gaps::default();
            let mut answers: VecDeque<(Instant, u64)> = VecDeque::new();
            let mut requests = 0;
            // A packet each 10 ms of which every tenth is lost; every request is answered.
            for step in 0..4_000_u64 {
                now += ms(10);
                while let Some((_, index)) = answers.front().copied().filter(|(at, _)| *at <= now) {
                    answers.pop_front();
                    gaps.answered(now, index);
                }
                if step % 10 != 5 {
                    gaps.extend(now, step, 0, false);
                }
                gaps.look(now, AGE, |index| {
                    requests += u32::from(step > 2_000);
                    answers.push_back((now + ms(actual), index));
                });
            }
            let estimate = gaps.round_trip.as_millis() as u64;
            assert!((actual - 1..actual * 3 / 2).contains(&estimate), "{estimate} for {actual}");
            assert!((199..=215).contains(&requests), "{requests} requests for 200 packets");
        }
    }

    #[test]
    fn a_keyframe_ends_the_asking_for_what_is_before_it() {
        let now = start();
        // Pictures of three packets: 0 to 2, 3 to 5, and so on.
        let mut gaps = after(&[1, 3, 4, 7], now);
        assert!([2, 5, 6].iter().all(|index| gaps.waits_for(*index)));
        gaps.extend(now, 12, 4, true);
        assert!(!gaps.waits_for(2) && !gaps.waits_for(6));
        assert_eq!(asked(&mut gaps, now), [8, 9, 10], "they may be part of the keyframe");
    }

    #[test]
    fn a_gap_too_wide_is_given_up_at_once() {
        let now = start();
        let mut gaps = after(&[1, 3], now);
        assert_eq!(gaps.extend(now, 1_000_000, 0, false), 1_000_000 - 3 - 1 + 1);
        assert!(gaps.is_empty());
        assert_eq!(gaps.extend(now, 1_000_002, 0, false), 0);
        assert!(gaps.waits_for(1_000_001));
    }

    proptest! {
        #[test]
        fn packed_numbers_are_the_same_numbers(start in any::<u16>(), steps in prop::collection::vec(1_u16..40, 1..200)) {
            let mut number = start;
            let all: Vec<u16> = steps.into_iter().map(|step| { number = number.wrapping_add(step); number }).collect();
            let entries = pack(&all);
            let unpacked: Vec<u16> = entries.iter().flat_map(|(first, mask)| numbers(*first, *mask)).collect();
            prop_assert_eq!(unpacked, all);
        }

        /// Whatever arrives: bounded, in order, only what did not arrive, and nothing for ever.
        #[test]
        fn only_missing_packets_are_asked_for(steps in prop::collection::vec((0_u64..400, 0_u64..60), 1..300)) {
            let mut now = start();
            let mut gaps = Gaps::default();
            let (mut seen, mut highest) = (std::collections::HashSet::new(), 1_000_u64);
            for (step, wait) in steps {
                now += ms(wait);
                let index = highest + step - 100;
                highest = highest.max(index);
                seen.insert(index);
                gaps.arrived(now, index);
                gaps.extend(now, index, index as u32 / 3, wait == 7);
                prop_assert!(gaps.missing.len() <= MAX_MISSING);
                let asked = asked(&mut gaps, now);
                prop_assert!(asked.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(asked.iter().all(|index| !seen.contains(index) && *index < highest));
            }
            for _ in 0..100 {
                now += ms(50);
                asked(&mut gaps, now);
            }
            prop_assert!(gaps.is_empty());
        }
    }
}
