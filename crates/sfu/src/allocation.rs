//! Which layer of which source a subscriber gets when not everything fits.
//!
//! Layers are few and far apart, so this is a climb by steps and not a rate to be followed: one step at a time, down at
//! once when too much is sent, up when the next step fits into what the way is known to carry, and beyond that when a
//! probe has shown that it does. Where none is possible the step itself is the try. The wait for either doubles with
//! every one that failed.

use crate::{estimate::SETTLE, probe::Goal};

/// Layers of one source at most.
pub(crate) const MAX_LAYERS: usize = 3;
/// Between two steps up, in µs: each must have shown its effect. Longer makes the way up slower.
const CALM: u64 = 2_000_000;
/// A step beyond what the way is known to carry has gone well when nothing happened for this long, in µs.
const PROBATION: u64 = 6_000_000;
/// The wait before such a step, in µs: at first, and at most. Each one that fails costs listeners up to half a second
/// of a full queue; a way that became wider is noticed this much later.
const FIRST_WAIT: u64 = 12_000_000;
const LONGEST_WAIT: u64 = 24_000_000;
/// The wait before a probe, in µs: at first, and at most. One that fails costs listeners nothing but some filling; a way
/// that became wider is noticed this much later.
const FIRST_PROBE_WAIT: u64 = 3_000_000;
const LONGEST_PROBE_WAIT: u64 = 12_000_000;
/// Overuse within this time (µs) after a probe that failed is the probe's.
const PROBE_ECHO: u64 = 500_000;
/// What was borne for `STABLE` µs and suddenly is not is tried again after `SHORT_WAIT` µs: somebody else behind the
/// same link tried too much, and gives way as well.
const STABLE: u64 = 10_000_000;
const SHORT_WAIT: u64 = 3_000_000;
/// Overuse that comes again within this time, in µs, did not pass by itself.
const WARNING: u64 = 3_000_000;
/// What a way carries is taken for a little less than measured, in percent: rates move.
const SAFE: u64 = 90;
/// Overuse says that what is sent does not fit, whatever was measured, in percent.
const TOO_MUCH: u64 = 95;

/// One source of video as the subscriber gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    /// The highest layer the subscriber wants.
    pub(crate) wanted: u8,
    /// The highest layer it is given; None is paused.
    pub(crate) given: Option<u8>,
    /// Bits per second of what is sent when that layer is given, by layer.
    pub(crate) rates: [u64; MAX_LAYERS],
}

impl Source {
    fn rate(&self, given: Option<u8>) -> u64 {
        given.and_then(|layer| self.rates.get(usize::from(layer))).copied().unwrap_or(0)
    }

    /// The next layer up that differs in what is sent.
    fn above(&self) -> Option<u8> {
        let Some(given) = self.given else { return Some(0) };
        let present = self.rate(Some(given));
        (given.saturating_add(1)..=self.wanted).find(|layer| self.rate(Some(*layer)) != present)
    }
}

/// What became of an overuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing: it comes from what was sent before less was given.
    Echo,
    /// Nothing yet.
    Waits,
    /// Less is given.
    Less,
}

/// What comes of having nothing to complain of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raise {
    Nothing,
    /// More is given.
    More,
    /// More is given when the way turns out to bear it.
    Probe(Goal),
}

/// A step that may turn out to be too much.
#[derive(Debug, Clone, Copy)]
struct Try {
    since: u64,
    /// Bits per second that are sent with it.
    total: u64,
    /// It took up a source that was paused.
    resumed: bool,
}

/// What is known of the way, over the steps taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Bits per second; None: too much was never sent, and everything is given.
    capacity: Option<u64>,
    /// The last step in either direction.
    stepped: u64,
    /// The last overuse, and until when its echo is not taken for more of it.
    overused: u64,
    settled: u64,
    /// The last overuse that was no echo.
    warned: Option<u64>,
    /// A step beyond the capacity that is on probation.
    trying: Option<Try>,
    wait: u64,
    /// The next step was measured to fit.
    measured: bool,
    probe_wait: u64,
    /// When the next probe may be sent.
    probe_at: u64,
    /// Makes waits up to a quarter longer, differently for everybody: subscribers behind one link must not try at
    /// one time.
    spread: u8,
    /// When the next such step may be taken.
    retry: u64,
}

impl Budget {
    pub(crate) fn new(now: u64, spread: u8) -> Self {
        Self {
            capacity: None,
            stepped: now,
            overused: now,
            settled: now,
            warned: None,
            trying: None,
            wait: FIRST_WAIT,
            measured: false,
            probe_wait: FIRST_PROBE_WAIT,
            probe_at: now,
            spread,
            retry: now,
        }
    }

    /// Too much was sent at some time, and has not been forgotten.
    pub(crate) fn is_limited(&self) -> bool {
        self.capacity.is_some()
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> Option<u64> {
        self.capacity
    }

    /// Too much is being sent, while `arriving` bits per second arrive. The sources come in order of their
    /// importance.
    pub(crate) fn lower(&mut self, now: u64, arriving: u64, audio: u64, sources: &mut [Source]) -> Answer {
        self.overused = now;
        if now < self.settled {
            return Answer::Echo;
        }
        let total = audio + sources.iter().map(|source| source.rate(source.given)).sum::<u64>();
        let capacity = (arriving * SAFE / 100).min(total * TOO_MUCH / 100);
        let failed = self.trying.take();
        if failed.is_some() {
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
        }
        let stable = failed.is_none() && now >= self.stepped + STABLE;
        let wait = if stable { SHORT_WAIT } else { self.wait };
        self.capacity = Some(capacity);
        (self.stepped, self.settled) = (now, now + SETTLE);
        self.retry = now + self.spread(wait);
        (self.measured, self.probe_wait) = (false, FIRST_PROBE_WAIT);
        self.probe_at = now + self.spread(if failed.is_some() { self.wait } else { FIRST_PROBE_WAIT });
        // Nobody is paused at the first sign, except after having been taken up: what was sent before a try fits, and
        // somebody else's try will be over in a moment.
        let second_sign = self.warned.replace(now).is_some_and(|warned| now < warned + WARNING);
        let may_pause = second_sign || failed.is_some_and(|failed| failed.resumed);
        let least = if may_pause { None } else { Some(0) };
        if fit(capacity.saturating_sub(audio), least, sources) { Answer::Less } else { Answer::Waits }
    }

    /// Nothing is wrong. `probes`: the way can be probed.
    pub(crate) fn raise(&mut self, now: u64, audio: u64, probes: bool, sources: &mut [Source]) -> Raise {
        let Some(mut capacity) = self.capacity else {
            return if give_all(sources) { Raise::More } else { Raise::Nothing };
        };
        if let Some(passed) = self.trying.filter(|try_| now >= try_.since + PROBATION) {
            capacity = capacity.max(passed.total);
            (self.capacity, self.trying, self.wait, self.retry) = (Some(capacity), None, FIRST_WAIT, now);
        }
        let Some(next) = next_step(sources) else {
            // Everything is given and nothing is on probation: the way is wider than it has to be.
            if self.trying.is_none() && now >= self.overused + PROBATION {
                *self = Self::new(now, self.spread);
            }
            return Raise::Nothing;
        };
        // What was measured needs not wait for the last step to prove itself.
        if now < self.stepped + CALM || self.trying.is_some() && !probes {
            return Raise::Nothing;
        }
        let total = |sources: &[Source]| audio + sources.iter().map(|s| s.rate(s.given)).sum::<u64>();
        let before = total(sources);
        let Some(source) = sources.get_mut(next) else { return Raise::Nothing };
        let (given, above) = (source.given, source.above());
        source.given = above;
        let after = total(sources);
        // A step to less or to what is not sent yet costs nothing that is known: it is a try as well.
        let is_try = after > capacity || after <= before;
        let can_probe = probes && after > before;
        if is_try && (can_probe || self.trying.is_some() || now < self.retry) {
            if let Some(source) = sources.get_mut(next) {
                source.given = given;
            }
            let due = can_probe && now >= self.probe_at;
            return if due { Raise::Probe(Goal { known: before, target: after }) } else { Raise::Nothing };
        }
        if is_try || std::mem::take(&mut self.measured) {
            self.trying = Some(Try { since: now, total: after, resumed: given.is_none() });
        }
        self.stepped = now;
        Raise::More
    }

    /// A probe has shown that the way carries so many bits per second.
    pub(crate) fn probe_went_well(&mut self, now: u64, carries: u64) {
        self.capacity = self.capacity.map(|capacity| capacity.max(carries));
        (self.measured, self.probe_wait, self.probe_at) = (true, FIRST_PROBE_WAIT, now);
    }

    /// A probe has shown that the way does not carry more, or nothing.
    pub(crate) fn probe_failed(&mut self, now: u64) {
        self.probe_at = now + self.spread(self.probe_wait);
        self.probe_wait = (self.probe_wait * 2).min(LONGEST_PROBE_WAIT);
        self.settled = self.settled.max(now + PROBE_ECHO);
    }

    fn spread(&self, wait: u64) -> u64 {
        wait + wait * u64::from(self.spread) / 1024
    }
}

fn give_all(sources: &mut [Source]) -> bool {
    let mut changed = false;
    for source in sources.iter_mut().filter(|source| source.given != Some(source.wanted)) {
        (source.given, changed) = (Some(source.wanted), true);
    }
    changed
}

/// The source to be raised next: the first that is paused, else the one that is lowest, the first among equals.
fn next_step(sources: &[Source]) -> Option<usize> {
    let candidates = sources.iter().enumerate().filter(|(_, source)| source.above().is_some());
    candidates.min_by_key(|(_, source)| source.given.map_or(0, |layer| layer + 1)).map(|(at, _)| at)
}

/// Lowers until what is given fits, the highest layer of the last source first; then pauses, the last first; but not
/// below `least`. True: something is given less.
fn fit(room: u64, least: Option<u8>, sources: &mut [Source]) -> bool {
    let mut changed = false;
    let sum = |sources: &[Source]| sources.iter().map(|source| source.rate(source.given)).sum::<u64>();
    while sum(sources) > room {
        let highest = sources.iter().map(|source| source.given).max().filter(|highest| *highest > least);
        let last = sources.iter_mut().rev().find(|source| Some(source.given) == highest);
        let Some(source) = last else { break };
        source.given = source.given.and_then(|layer| layer.checked_sub(1));
        changed = true;
    }
    changed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;
    const AUDIO: u64 = 50_000;

    fn source(given: Option<u8>) -> Source {
        Source { wanted: 1, given, rates: [150_000, 1_000_000, 1_000_000] }
    }

    fn given(sources: &[Source]) -> Vec<Option<u8>> {
        sources.iter().map(|source| source.given).collect()
    }

    #[test]
    fn without_overuse_everything_is_given() {
        let mut budget = Budget::new(0, 0);
        let mut sources = [source(None), source(Some(0))];
        assert_eq!(budget.raise(0, AUDIO, true, &mut sources), Raise::More);
        assert_eq!(given(&sources), [Some(1), Some(1)]);
        assert_eq!(budget.raise(1, AUDIO, true, &mut sources), Raise::Nothing);
    }

    #[test]
    fn layers_go_before_sources_and_the_last_source_first() {
        for (arriving, first, second) in [
            (2_000_000, [Some(1), Some(0), Some(0)], [Some(0), Some(0), Some(0)]),
            (600_000, [Some(0), Some(0), Some(0)], [Some(0), Some(0), None]),
            (450_000, [Some(0), Some(0), Some(0)], [Some(0), Some(0), None]),
            (250_000, [Some(0), Some(0), Some(0)], [Some(0), None, None]),
            (100_000, [Some(0), Some(0), Some(0)], [None, None, None]),
        ] {
            let mut sources = [source(Some(1)); 3];
            let mut budget = Budget::new(0, 0);
            assert_eq!(budget.lower(SECOND, arriving, AUDIO, &mut sources), Answer::Less);
            assert_eq!(given(&sources), first, "{arriving}: nobody is paused at the first sign");
            assert_eq!(budget.lower(3 * SECOND, arriving, AUDIO, &mut sources), Answer::Less);
            assert_eq!(given(&sources), second, "{arriving}");
        }
    }

    #[test]
    fn the_echo_of_an_overuse_is_not_another_one() {
        let mut budget = Budget::new(0, 0);
        let mut sources = [source(Some(1)); 2];
        assert_eq!(budget.lower(SECOND, 1_500_000, AUDIO, &mut sources), Answer::Less);
        assert_eq!(budget.lower(SECOND + SETTLE / 2, 1_000, AUDIO, &mut sources), Answer::Echo);
        assert_eq!(given(&sources), [Some(1), Some(0)]);
        assert_eq!(budget.lower(SECOND + SETTLE, 600_000, AUDIO, &mut sources), Answer::Less);
        assert_eq!(given(&sources), [Some(0), Some(0)]);
    }

    #[test]
    fn one_sign_of_overuse_pauses_nobody_and_two_do() {
        let low = Source { wanted: 0, given: Some(0), rates: [150_000; 3] };
        for (later, second) in [(2 * SECOND, Answer::Less), (5 * SECOND, Answer::Waits)] {
            let mut budget = Budget::new(0, 0);
            let mut sources = [low];
            assert_eq!(budget.lower(SECOND, 100_000, AUDIO, &mut sources), Answer::Waits);
            assert_eq!(given(&sources), [Some(0)]);
            assert_eq!(budget.lower(SECOND + later, 100_000, AUDIO, &mut sources), second);
        }
    }

    /// When steps up were taken in `seconds` over a way of `capacity`, looked at ten times a second; overuse comes
    /// half a second after too much is sent.
    fn climb(
        budget: &mut Budget,
        sources: &mut [Source],
        from: u64,
        seconds: u64,
        capacity: u64,
    ) -> Vec<u64> {
        let (mut steps, mut over) = (vec![], 0);
        for tenth in from * 10..(from + seconds) * 10 {
            let now = tenth * SECOND / 10;
            let total = AUDIO + sources.iter().map(|source| source.rate(source.given)).sum::<u64>();
            over = if total > capacity { over + 1 } else { 0 };
            if over >= 5 {
                budget.lower(now, capacity, AUDIO, sources);
            } else if over == 0 && budget.raise(now, AUDIO, false, sources) == Raise::More {
                steps.push(tenth / 10);
            }
        }
        steps
    }

    #[test]
    fn tries_that_fail_come_ever_more_rarely_and_one_that_succeeds_stays() {
        let mut budget = Budget::new(0, 0);
        let mut sources = [source(Some(1))];
        let steps = climb(&mut budget, &mut sources, 0, 120, 300_000);
        assert_eq!(steps, [12, 36, 61, 85, 110], "waits of 12 and then 24 s");
        assert_eq!(given(&sources), [Some(0)]);
        let steps = climb(&mut budget, &mut sources, 120, 60, 3_000_000);
        assert_eq!(steps, [134]);
        assert_eq!(given(&sources), [Some(1)]);
        assert!(!budget.is_limited(), "after the probation all is as at the beginning");
    }

    #[test]
    fn where_the_way_can_be_probed_nothing_is_tried_before() {
        let mut budget = Budget::new(0, 0);
        let mut sources = [source(Some(1))];
        budget.lower(0, 300_000, AUDIO, &mut sources);
        assert_eq!(given(&sources), [Some(0)]);
        let mut probes = vec![];
        for tenth in 0..600 {
            let now = tenth * SECOND / 10;
            match budget.raise(now, AUDIO, true, &mut sources) {
                Raise::Nothing => {}
                Raise::More => panic!("not measured to fit"),
                Raise::Probe(goal) => {
                    assert_eq!(goal, Goal { known: AUDIO + 150_000, target: AUDIO + 1_000_000 });
                    probes.push(tenth / 10);
                    budget.probe_failed(now);
                }
            }
        }
        assert_eq!(probes, [3, 6, 12, 24, 36, 48], "waits of 3, 6 and then 12 s");
        budget.probe_went_well(60 * SECOND, (AUDIO + 1_000_000) * 11 / 10);
        assert_eq!(budget.raise(60 * SECOND, AUDIO, true, &mut sources), Raise::More);
        assert_eq!(given(&sources), [Some(1)]);
        // It was wrong: the next probe waits for as long as another try would.
        budget.lower(62 * SECOND, 300_000, AUDIO, &mut sources);
        assert_eq!(given(&sources), [Some(0)]);
        let early = 62 * SECOND + LONGEST_WAIT - 1;
        assert_eq!(budget.raise(early, AUDIO, true, &mut sources), Raise::Nothing);
        assert!(matches!(budget.raise(early + 1, AUDIO, true, &mut sources), Raise::Probe(_)));
    }

    #[test]
    fn what_is_known_to_fit_needs_no_try() {
        let mut budget = Budget::new(0, 0);
        let mut sources = [source(Some(1)); 3];
        budget.lower(0, 250_000, AUDIO, &mut sources);
        budget.lower(SECOND, 250_000, AUDIO, &mut sources);
        assert_eq!(given(&sources), [Some(0), None, None]);
        // The subscriber switched the other two off.
        let mut left = [source(None)];
        assert_eq!(budget.raise(SECOND + CALM - 1, AUDIO, false, &mut left), Raise::Nothing);
        assert_eq!(budget.raise(SECOND + CALM, AUDIO, false, &mut left), Raise::More);
        assert_eq!(given(&left), [Some(0)]);
    }

    #[test]
    fn paused_sources_come_back_before_layers_go_up() {
        let mut budget = Budget::new(0, 0);
        let mut sources = [source(Some(1)); 2];
        climb(&mut budget, &mut sources, 0, 5, 250_000);
        assert_eq!(given(&sources), [Some(0), None]);
        let mut seen = vec![];
        for second in 5..40 {
            climb(&mut budget, &mut sources, second, 1, 10_000_000);
            if seen.last() != Some(&given(&sources)) {
                seen.push(given(&sources));
            }
        }
        assert_eq!(
            seen,
            [[Some(0), None], [Some(0), Some(0)], [Some(1), Some(0)], [Some(1), Some(1)]],
            "one step at a time"
        );
    }

    proptest! {
        #[test]
        fn nothing_is_given_beyond_what_is_wanted(
            seed in prop::collection::vec((0_u8..3, prop::option::of(0_u8..3), [0_u64..2_000_000, 0..2_000_000, 0..2_000_000]), 0..6),
            events in prop::collection::vec((any::<bool>(), any::<bool>(), 0_u64..3 * SECOND, 0_u64..4_000_000), 0..60),
        ) {
            let mut sources: Vec<Source> = seed
                .into_iter()
                .map(|(wanted, given, rates)| Source { wanted, given: given.map(|g| g.min(wanted)), rates })
                .collect();
            let mut budget = Budget::new(0, 0);
            let mut now = 0;
            for (over, probes, passed, arriving) in events {
                now += passed;
                let before = sources.clone();
                let changed = if over {
                    budget.lower(now, arriving, AUDIO, &mut sources) == Answer::Less
                } else {
                    budget.raise(now, AUDIO, probes, &mut sources) == Raise::More
                };
                prop_assert_eq!(changed, before != sources);
                for (before, after) in before.iter().zip(&sources) {
                    prop_assert!(after.given.is_none_or(|given| given <= after.wanted));
                    let (less, more) = if over { (after, before) } else { (before, after) };
                    prop_assert!(less.given <= more.given);
                }
            }
        }
    }
}
