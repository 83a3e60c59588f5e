//! Timers in a wheel: a slot for each millisecond of the next second, and few later ones apart.
//!
//! Setting a timer costs the same however many there are. Nothing is taken out before its time: who sets a timer anew
//! must know the old one when it comes.

use std::{cmp::Reverse, collections::BinaryHeap, time::Instant};

/// Slots of 1 ms, so that all that is due by the packet, by the report or by the frame lies within one round. More
/// would take memory for what is rare.
const SLOTS: usize = 1024;
const WORDS: usize = SLOTS / 64;

#[derive(Debug)]
pub(crate) struct Wheel<T> {
    epoch: Instant,
    /// The millisecond since the epoch up to which all slots are empty. Those before it are of the next round.
    present: u64,
    slots: Box<[Slot<T>]>,
    /// A bit for each slot with timers.
    occupied: [u64; WORDS],
    /// More than a round ahead when they were set.
    later: BinaryHeap<Reverse<(Instant, T)>>,
}

#[derive(Debug)]
struct Slot<T> {
    timers: Vec<(Instant, T)>,
    earliest: Option<Instant>,
}

impl<T: Copy + Ord> Wheel<T> {
    /// `epoch`: the present; what is set for an earlier time is due at once.
    pub(crate) fn new(epoch: Instant) -> Self {
        let slots = (0..SLOTS).map(|_| Slot { timers: Vec::new(), earliest: None }).collect();
        Self { epoch, present: 0, slots, occupied: [0; WORDS], later: BinaryHeap::new() }
    }

    pub(crate) fn set(&mut self, at: Instant, what: T) {
        // What is due already is found where the search begins.
        let tick = self.tick(at).max(self.present);
        if tick - self.present >= SLOTS as u64 {
            self.later.push(Reverse((at, what)));
            return;
        }
        let place = (tick % SLOTS as u64) as usize;
        let Some(slot) = self.slots.get_mut(place) else { return };
        slot.timers.push((at, what));
        slot.earliest = Some(slot.earliest.map_or(at, |earliest| earliest.min(at)));
        if let Some(word) = self.occupied.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let soon = self.first_slot().and_then(|place| self.slots.get(place)?.earliest);
        let later = self.later.peek().map(|Reverse((at, _))| *at);
        [soon, later].into_iter().flatten().min()
    }

    /// Moves what is due to the end of `due`: by the millisecond in order, within it in any.
    pub(crate) fn take_due(&mut self, now: Instant, due: &mut Vec<(Instant, T)>) {
        while self.later.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            due.extend(self.later.pop().map(|Reverse(timer)| timer));
        }
        while let Some(place) = self.first_slot() {
            let Some(slot) = self.slots.get_mut(place) else { return };
            if slot.earliest.is_none_or(|earliest| earliest > now) {
                break;
            }
            due.extend(slot.timers.extract_if(.., |(at, _)| *at <= now));
            slot.earliest = slot.timers.iter().map(|(at, _)| *at).min();
            if slot.earliest.is_some() {
                break;
            }
            if let Some(word) = self.occupied.get_mut(place / 64) {
                *word &= !(1 << (place % 64));
            }
        }
        self.present = self.present.max(self.tick(now));
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.later.len() + self.slots.iter().map(|slot| slot.timers.len()).sum::<usize>()
    }

    fn tick(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_millis() as u64
    }

    /// The first slot with timers, from the present one on around the wheel.
    fn first_slot(&self) -> Option<usize> {
        let start = (self.present % SLOTS as u64) as usize;
        let (first, bit) = (start / 64, start % 64);
        // The word of the present is looked at twice: from the present on, and at last before it.
        (0..=WORDS).find_map(|ahead| {
            let place = (first + ahead) % WORDS;
            let word = *self.occupied.get(place)?;
            let mask = u64::MAX << bit;
            let word = match ahead {
                0 => word & mask,
                WORDS => word & !mask,
                _ => word,
            };
            (word != 0).then(|| place * 64 + word.trailing_zeros() as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        Instant::now()
    }

    #[test]
    fn timers_come_to_the_moment_and_not_before() {
        let start = start();
        let at = |micros| start + Duration::from_micros(micros);
        let mut wheel = Wheel::new(start);
        assert_eq!(wheel.next(), None);
        for (micros, what) in [(1_500, 'b'), (1_400, 'a'), (30_000_000, 'd'), (1_023_999, 'c')] {
            wheel.set(at(micros), what);
        }
        let mut due = vec![];
        for (micros, what) in [(1_400, 'a'), (1_500, 'b'), (1_023_999, 'c'), (30_000_000, 'd')] {
            assert_eq!(wheel.next(), Some(at(micros)));
            wheel.take_due(at(micros - 1), &mut due);
            assert_eq!(due, []);
            wheel.take_due(at(micros), &mut due);
            assert_eq!(std::mem::take(&mut due), [(at(micros), what)]);
        }
        assert_eq!(wheel.next(), None);
        wheel.set(at(5), 'e');
        assert_eq!(wheel.next(), Some(at(5)), "long past, and due at once");
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// So many µs ahead of the present, or behind it.
        Set(i64),
        Pass(u64),
        /// Exactly to the next timer.
        Wake,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (-2_000_i64..1_200_000).prop_map(Step::Set),
            2 => (0_i64..3_000).prop_map(Step::Set),
            1 => (0_i64..40_000_000).prop_map(Step::Set),
            1 => (1_023_000_i64..1_025_000).prop_map(Step::Set),
            2 => (0_u64..50_000).prop_map(Step::Pass),
            1 => (0_u64..3_000_000).prop_map(Step::Pass),
            3 => Just(Step::Wake),
        ]
    }

    proptest! {
        /// Against a sorted list: the next is the earliest, and what is due is all that is not later than the present.
        #[test]
        fn it_does_as_a_sorted_list(steps in prop::collection::vec(step(), 1..400)) {
            let start = start() + Duration::from_secs(1_000);
            let (mut wheel, mut model, mut now) = (Wheel::new(start), Vec::<(Instant, usize)>::new(), start);
            let mut due = vec![];
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Set(ahead) => {
                        let ahead = Duration::from_micros(ahead.unsigned_abs()) * u32::from(ahead >= 0);
                        let at = if ahead.is_zero() { now - Duration::from_micros(number as u64) } else { now + ahead };
                        wheel.set(at, number);
                        model.push((at, number));
                        model.sort_unstable();
                    }
                    Step::Pass(micros) => now += Duration::from_micros(micros),
                    Step::Wake => now = wheel.next().map_or(now, |next| next.max(now)),
                }
                prop_assert_eq!(wheel.next(), model.first().map(|(at, _)| *at));
                if !matches!(step, Step::Set(_)) {
                    wheel.take_due(now, &mut due);
                    let millis = |(at, _): &(Instant, usize)| at.saturating_duration_since(start).as_millis();
                    let expected: Vec<_> = model.extract_if(.., |(at, _)| *at <= now).collect();
                    due.sort_by_key(millis);
                    due.sort_unstable();
                    prop_assert_eq!(&due, &expected);
                    due.clear();
                }
            }
        }
    }
}
