//! Which microphones of a room are forwarded when more are open than a listener can make use of: the loudest, told by
//! the level in the header of each packet (RFC 6464), without decoding any.
//!
//! Of each microphone two values are kept. Its envelope follows the levels within a few packets. Its standing goes up
//! with the envelope, stays while its talker pauses between words, and sinks after that. A microphone takes the place
//! of the one of lowest standing when its envelope is clearly above that for a short time, and at once when that one
//! is silent. So equals do not change places, and who begins to talk while somebody else is silent loses nothing.
//!
//! Clients tell their levels, and a wrong one gains a place at most. Nothing of this leaves the worker.

use slab::Slab;

/// Microphones of one room forwarded at a time, unless configured otherwise. More lets more people talk at once, and
/// costs every listener as many streams; people make out three or four.
pub const AUDIO_ACTIVE_MAX: usize = 8;

// Loudness is in dB above the lowest level there is: 127 is full scale, speech at a desk is about 95.

/// Whatever is quieter (-70 dBov) is equally silent. Lower, the noise of empty rooms would compete.
const SILENCE: f32 = 57.0;
/// Packets that carry no level count as this loud (-50 dBov): such a microphone goes before silence and behind speech,
/// all the time. Louder, one would keep talkers out for good; quieter, one would never be heard in a full room.
const UNTOLD: f32 = 77.0;
/// How much louder, in dB, a newcomer must be than whom it silences. Less lets equals change places; more makes quiet
/// talkers wait for a pause of others.
const CLEARLY: f32 = 6.0;
/// Packets for which it must be so: 60 ms of the usual ones. Fewer let a knock on the table take a talker's place; more
/// cut more off the first word.
const NOTICE: u8 = 3;
/// How long a standing stays after the sound, in µs: the pauses within a sentence. Longer keeps newcomers out.
const HOLD: u64 = 1_000_000;
/// How fast it sinks after that, in dB per µs: from speech to silence in another second.
const SINKING: f32 = 40e-6;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Forwarded,
    /// The same; with this packet its microphone took the place of another.
    TookPlace,
    HeldBack,
}

/// The open microphones of one room. Times are in microseconds, of any clock that does not go back.
#[derive(Debug, Clone)]
pub(crate) struct Loudest {
    /// At least 1.
    max: usize,
    microphones: Slab<Microphone>,
    /// Those that are forwarded: as many as there may be, or all.
    forwarded: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Microphone {
    envelope: f32,
    /// The highest standing of late, and when it had it last.
    peak: f32,
    peaked: u64,
    /// Packets in a row that were clearly louder than the one forwarded of lowest standing.
    louder: u8,
    forwarded: bool,
}

impl Microphone {
    fn standing(&self, now: u64) -> f32 {
        let sinks_for = now.saturating_sub(self.peaked.saturating_add(HOLD));
        (self.peak - sinks_for as f32 * SINKING).max(SILENCE)
    }

    /// By packets and not by time: what a network delays comes in bursts.
    fn hear(&mut self, now: u64, level: Option<u8>) {
        let loudness = level.map_or(UNTOLD, |level| f32::from(127 - level.min(127)));
        self.envelope = (self.envelope + loudness.max(SILENCE)) / 2.0;
        if self.envelope > SILENCE && self.envelope >= self.standing(now) {
            (self.peak, self.peaked) = (self.envelope, now);
        }
    }
}

impl Loudest {
    /// Forwards at most `max`, and one when that is 0.
    pub(crate) fn new(max: usize) -> Self {
        Self { max: max.max(1), microphones: Slab::new(), forwarded: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.microphones.is_empty()
    }

    /// A microphone is switched on: its number. It is silent so far, and forwarded when there is a place.
    pub(crate) fn open(&mut self, now: u64) -> usize {
        let forwarded = self.forwarded.len() < self.max;
        let microphone = Microphone { envelope: SILENCE, peak: SILENCE, peaked: now, louder: 0, forwarded };
        let number = self.microphones.insert(microphone);
        self.forwarded.extend(forwarded.then_some(number));
        number
    }

    /// A microphone is switched off. Its place goes to the loudest of the others.
    pub(crate) fn close(&mut self, now: u64, number: usize) {
        let Some(gone) = self.microphones.try_remove(number) else { return };
        if !gone.forwarded {
            return;
        }
        self.forwarded.retain(|other| *other != number);
        self.admit(now);
    }

    /// From now on forwards at most `max`, and one when that is 0: the loudest of those that wait are let in, or the
    /// weakest of those that are forwarded go.
    pub(crate) fn set_max(&mut self, now: u64, max: usize) {
        self.max = max.max(1);
        while self.forwarded.len() > self.max {
            let Some((place, _)) = self.weakest(now) else { return };
            let loser = self.forwarded.swap_remove(place);
            if let Some(loser) = self.microphones.get_mut(loser) {
                loser.forwarded = false;
            }
        }
        while self.forwarded.len() < self.max && self.admit(now) {}
    }

    /// Gives a free place to the loudest of those that wait; false when nobody does.
    fn admit(&mut self, now: u64) -> bool {
        let waiting = self.microphones.iter_mut().filter(|(_, microphone)| !microphone.forwarded);
        let next = waiting.max_by(|(_, a), (_, b)| {
            a.standing(now).total_cmp(&b.standing(now)).then(a.peaked.cmp(&b.peaked))
        });
        let Some((number, next)) = next else { return false };
        next.forwarded = true;
        self.forwarded.push(number);
        true
    }

    /// A packet came, with this level (0 the loudest, 127 the quietest) or without any. Its cost does not depend on the
    /// number of microphones.
    pub(crate) fn packet(&mut self, now: u64, number: usize, level: Option<u8>) -> Verdict {
        let Some(own) = self.microphones.get_mut(number) else { return Verdict::HeldBack };
        own.hear(now, level);
        if own.forwarded {
            return Verdict::Forwarded;
        }
        let envelope = own.envelope;
        // Nothing is quieter than silence.
        let weakest = if envelope > SILENCE + CLEARLY { self.weakest(now) } else { None };
        let beaten = weakest.filter(|(_, standing)| envelope > standing + CLEARLY);
        let Some(own) = self.microphones.get_mut(number) else { return Verdict::HeldBack };
        let Some((place, standing)) = beaten else {
            own.louder = 0;
            return Verdict::HeldBack;
        };
        own.louder = own.louder.saturating_add(1);
        let silent = standing <= SILENCE + CLEARLY;
        if !silent && own.louder < NOTICE {
            return Verdict::HeldBack;
        }
        (own.forwarded, own.louder) = (true, 0);
        if let Some(place) = self.forwarded.get_mut(place) {
            let loser = std::mem::replace(place, number);
            if let Some(loser) = self.microphones.get_mut(loser) {
                loser.forwarded = false;
            }
        }
        Verdict::TookPlace
    }

    /// Place and standing of the forwarded one of lowest standing; of several, who was silent the longest.
    fn weakest(&self, now: u64) -> Option<(usize, f32)> {
        let forwarded = self.forwarded.iter().enumerate();
        let standings = forwarded.filter_map(|(place, number)| {
            let microphone = self.microphones.get(*number)?;
            Some((place, microphone.standing(now), microphone.peaked))
        });
        let weakest = standings
            .min_by(|(_, a, a_peaked), (_, b, b_peaked)| a.total_cmp(b).then(a_peaked.cmp(b_peaked)));
        weakest.map(|(place, standing, _)| (place, standing))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One packet of each in 20 ms, for `ms`: which packets were forwarded, and how many places changed hands.
    struct Room {
        loudest: Loudest,
        now: u64,
        numbers: Vec<usize>,
        switches: usize,
        last: Vec<bool>,
    }

    impl Room {
        fn new(max: usize, microphones: usize) -> Self {
            let mut loudest = Loudest::new(max);
            let numbers = (0..microphones).map(|_| loudest.open(0)).collect();
            Self { loudest, now: 0, numbers, switches: 0, last: vec![] }
        }

        fn talk(&mut self, ms: u64, mut level: impl FnMut(usize, u64) -> Option<u8>) {
            for _ in 0..ms / 20 {
                self.now += 20_000;
                self.last = (0..self.numbers.len())
                    .map(|who| {
                        let verdict = self.loudest.packet(self.now, self.numbers[who], level(who, self.now));
                        self.switches += usize::from(verdict == Verdict::TookPlace);
                        verdict != Verdict::HeldBack
                    })
                    .collect();
                self.check();
            }
        }

        fn check(&self) {
            let Loudest { max, microphones, forwarded } = &self.loudest;
            assert_eq!(forwarded.len(), microphones.len().min(*max));
            let marked = microphones.iter().filter(|(_, microphone)| microphone.forwarded).count();
            assert_eq!(marked, forwarded.len());
            assert!(forwarded.iter().all(|number| microphones[*number].forwarded));
        }

        fn forwarded(&self) -> Vec<usize> {
            let is = |who: &usize| self.loudest.microphones[self.numbers[*who]].forwarded;
            (0..self.numbers.len()).filter(is).collect()
        }
    }

    #[test]
    fn all_are_forwarded_while_there_are_places() {
        let mut room = Room::new(8, 8);
        room.talk(2_000, |who, _| Some(127 - who as u8 * 10));
        assert_eq!((room.last, room.switches), (vec![true; 8], 0));
    }

    #[test]
    fn who_begins_to_talk_takes_the_place_of_a_silent_one_with_the_first_packet() {
        let mut room = Room::new(3, 5);
        room.talk(3_000, |who, _| Some(if who < 2 { 30 } else { 127 }));
        assert_eq!(room.forwarded(), [0, 1, 2]);
        room.talk(20, |who, _| Some(if who < 2 || who == 4 { 50 } else { 127 }));
        assert_eq!((room.forwarded(), room.switches), (vec![0, 1, 4], 1));
    }

    #[test]
    fn who_begins_to_talk_clearly_louder_is_heard_within_100_ms() {
        let mut room = Room::new(3, 4);
        room.talk(3_000, |who, _| Some(if who < 3 { 45 } else { 127 }));
        room.talk(100, |who, _| Some(if who < 3 { 45 } else { 30 }));
        assert!(room.last[3] && room.switches == 1);
    }

    #[test]
    fn a_knock_takes_no_talkers_place() {
        let mut room = Room::new(3, 4);
        let knocks = |now: u64| [2_000_000, 2_020_000].contains(&now);
        room.talk(4_000, |who, now| {
            Some(if who < 3 {
                40
            } else if knocks(now) {
                0
            } else {
                110
            })
        });
        assert_eq!((room.forwarded(), room.switches), (vec![0, 1, 2], 0));
    }

    #[test]
    fn a_pause_between_words_costs_no_place_and_a_long_one_does() {
        let mut room = Room::new(2, 3);
        let pause = |who: usize, from: u64, to: u64, now: u64| {
            Some(if who == 0 && (from..to).contains(&now) { 127 } else { 35 })
        };
        room.talk(2_000, |who, _| Some(if who == 2 { 127 } else { 35 }));
        room.talk(1_000, |who, now| pause(who, 2_000_000, 3_000_000, now));
        assert_eq!((room.forwarded(), room.switches), (vec![0, 1], 0));
        room.talk(2_000, |who, now| pause(who, 3_000_000, 5_000_000, now));
        assert_eq!((room.forwarded(), room.switches), (vec![1, 2], 1));
    }

    #[test]
    fn without_a_level_a_microphone_goes_before_silence_and_behind_speech() {
        let mut room = Room::new(2, 4);
        room.talk(2_000, |who, _| if who == 3 { None } else { Some(127) });
        assert!(room.last[3]);
        room.talk(1_000, |who, _| if who == 3 { None } else { Some(40) });
        assert!(!room.last[3]);
    }

    #[test]
    fn who_stops_sending_gives_way() {
        let mut room = Room::new(1, 2);
        room.talk(1_000, |who, _| Some(if who == 0 { 20 } else { 90 }));
        // Only the other one sends from now on.
        room.numbers.remove(0);
        room.talk(3_000, |_, _| Some(40));
        assert_eq!((room.last, room.switches), (vec![true], 1));
    }

    #[test]
    fn the_place_of_one_that_is_switched_off_goes_to_the_loudest_that_waits() {
        let mut room = Room::new(2, 5);
        room.talk(2_000, |who, _| Some([30, 30, 60, 35, 70][who]));
        assert_eq!(room.forwarded(), [0, 1]);
        room.loudest.close(room.now, 0);
        room.numbers.remove(0);
        room.check();
        assert_eq!(room.forwarded(), [0, 2], "the second and the fourth of before");
        // Whoever waits needs no more than a place.
        for _ in 0..3 {
            let number = room.numbers.pop().unwrap();
            room.loudest.close(room.now, number);
            room.check();
        }
        assert_eq!(room.forwarded(), [0]);
    }

    #[test]
    fn another_limit_lets_the_loudest_in_and_the_weakest_go() {
        let mut room = Room::new(2, 5);
        room.talk(2_000, |who, _| Some([30, 30, 60, 35, 70][who]));
        room.loudest.set_max(room.now, 4);
        room.check();
        assert_eq!(room.forwarded(), [0, 1, 2, 3]);
        room.loudest.set_max(room.now, 1);
        room.check();
        assert_eq!(room.forwarded().len(), 1);
        assert!(room.forwarded()[0] < 2, "one of the two loudest");
        room.loudest.set_max(room.now, usize::MAX);
        assert_eq!(room.forwarded().len(), 5);
    }

    proptest! {
        /// Whatever happens: as many as may be, or all.
        #[test]
        fn never_more_than_may_be_and_never_fewer(max in 0_usize..10, steps in prop::collection::vec((0_u8..8, any::<u8>(), 0_u64..500_000), 1..400)) {
            let mut room = Room::new(max, 0);
            for (step, value, passed) in steps {
                room.now += passed;
                let who = usize::from(value).checked_rem(room.numbers.len());
                match (step, who) {
                    (0, _) => room.numbers.push(room.loudest.open(room.now)),
                    (1, Some(who)) => room.loudest.close(room.now, room.numbers.swap_remove(who)),
                    (2, Some(who)) => { room.loudest.packet(room.now, room.numbers[who], None); }
                    (3, _) => room.loudest.set_max(room.now, usize::from(value % 10)),
                    (_, Some(who)) => { room.loudest.packet(room.now, room.numbers[who], Some(value)); }
                    _ => {}
                }
                room.check();
            }
            prop_assert_eq!(room.loudest.is_empty(), room.numbers.is_empty());
        }

        /// After a while nobody waits who is clearly louder than somebody forwarded, whoever was before.
        #[test]
        fn the_loudest_are_in_before_long(
            max in 1_usize..9,
            before in prop::collection::vec(0_u8..128, 12),
            levels in prop::collection::vec(0_u8..128, 12),
        ) {
            let mut room = Room::new(max, 12);
            room.talk(1_000, |who, _| Some(before[who]));
            room.talk(5_000, |who, _| Some(levels[who]));
            let loudness = |who: usize| f32::from(127 - levels[who]).max(SILENCE);
            let weakest = room.forwarded().into_iter().map(loudness).fold(127.0, f32::min);
            for who in (0..12).filter(|who| !room.forwarded().contains(who)) {
                prop_assert!(loudness(who) <= weakest + CLEARLY + 0.1, "{} above {weakest}", loudness(who));
            }
        }

        /// Nobody changes places with somebody who is as loud, give or take 3 dB.
        #[test]
        fn noise_changes_no_places(max in 1_usize..9, level in 10_u8..90, noise in prop::collection::vec(0_u8..=6, 1..2_000)) {
            let mut room = Room::new(max, 12);
            let mut noise = noise.into_iter().cycle();
            room.talk(1_000, |_, _| Some(level + noise.next().unwrap()));
            let settled = room.switches;
            room.talk(5_000, |_, _| Some(level + noise.next().unwrap()));
            prop_assert_eq!(room.switches, settled);
        }
    }
}
