//! The last packets of one published stream, opened, from which all its subscribers are served again.

use std::time::{Duration, Instant};

use crate::ortc::MediaKind;

/// A packet older than this is of no use to a receiver that can still play: a picture that waits longer begins
/// anew with a keyframe.
const MAX_AGE: Duration = Duration::from_secs(1);
/// A second of video at 4 Mbit/s. More helps only streams above that; a half would cut the largest keyframes.
const VIDEO: Room = Room { packets: 512, bytes: 512 * 1024 };
/// A second of sound at 256 kbit/s in packets of 10 ms.
const AUDIO: Room = Room { packets: 128, bytes: 32 * 1024 };

#[derive(Debug, Clone, Copy)]
struct Room {
    packets: usize,
    bytes: usize,
}

/// A ring of packets under the publisher's own indices. Its memory is taken once, with the first packet.
#[derive(Debug)]
pub(crate) struct History {
    room: Room,
    /// Packets lie whole, one behind the other; the end of the ring is left empty when one does not fit there.
    bytes: Box<[u8]>,
    /// Bytes ever written, those left empty included.
    written: u64,
    /// At index modulo their number.
    entries: Box<[Option<Entry>]>,
    /// Where the latest keyframe begins.
    keyframe: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    index: u64,
    arrived: Instant,
    /// Counted as `written` is.
    start: u64,
    length: u16,
}

impl History {
    pub(crate) fn new(kind: MediaKind) -> Self {
        let room = if kind == MediaKind::Video { VIDEO } else { AUDIO };
        Self { room, bytes: Box::default(), written: 0, entries: Box::default(), keyframe: None }
    }

    /// Keeps a plain packet, header and all.
    pub(crate) fn store(&mut self, now: Instant, index: u64, packet: &[u8], begins_keyframe: bool) {
        if begins_keyframe {
            self.keyframe = self.keyframe.max(Some(index));
        }
        if self.entries.is_empty() {
            self.entries = vec![None; self.room.packets].into_boxed_slice();
            self.bytes = vec![0; self.room.bytes].into_boxed_slice();
        }
        let capacity = self.bytes.len();
        let Ok(length) = u16::try_from(packet.len()) else { return };
        let place = (index % self.room.packets as u64) as usize;
        let Some(entry) = self.entries.get_mut(place) else { return };
        if packet.len() > capacity || entry.is_some_and(|entry| entry.index > index) {
            return;
        }
        let mut at = (self.written % capacity as u64) as usize;
        if at + packet.len() > capacity {
            self.written += (capacity - at) as u64;
            at = 0;
        }
        let Some(to) = self.bytes.get_mut(at..at + packet.len()) else { return };
        to.copy_from_slice(packet);
        *entry = Some(Entry { index, arrived: now, start: self.written, length });
        self.written += packet.len() as u64;
    }

    /// The packet of that index, if it is still there and not too old.
    pub(crate) fn packet(&self, now: Instant, index: u64) -> Option<&[u8]> {
        let place = index.checked_rem(self.entries.len() as u64)? as usize;
        let entry = self.entries.get(place)?.filter(|entry| entry.index == index)?;
        let capacity = self.bytes.len() as u64;
        let young = now.saturating_duration_since(entry.arrived) <= MAX_AGE;
        if !young || self.written - entry.start > capacity {
            return None;
        }
        let start = (entry.start % capacity) as usize;
        self.bytes.get(start..start + usize::from(entry.length))
    }

    /// Whether a keyframe came after that packet, so that nobody needs it any more.
    pub(crate) fn is_needless(&self, index: u64) -> bool {
        self.keyframe.is_some_and(|keyframe| index < keyframe)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        Instant::now()
    }

    #[test]
    fn a_packet_is_there_for_a_second() {
        let now = start();
        let mut history = History::new(MediaKind::Audio);
        assert_eq!(history.packet(now, 5), None);
        history.store(now, 5, b"five", false);
        assert_eq!(history.packet(now + MAX_AGE, 5), Some(&b"five"[..]));
        assert_eq!(history.packet(now + MAX_AGE + Duration::from_millis(1), 5), None);
        assert_eq!(history.packet(now, 5 + 128), None);
    }

    #[test]
    fn nothing_is_held_before_the_first_packet_and_no_more_after_many() {
        let now = start();
        let mut history = History::new(MediaKind::Video);
        assert_eq!((history.bytes.len(), history.entries.len()), (0, 0));
        for index in 0..5_000 {
            history.store(now, index, &[1; 1_200], false);
        }
        assert_eq!((history.bytes.len(), history.entries.len()), (VIDEO.bytes, VIDEO.packets));
        let there = (0..5_000).filter(|index| history.packet(now, *index).is_some()).count();
        assert!((430..=436).contains(&there), "{there} of 1,200 bytes in 512 KiB");
    }

    #[test]
    fn what_is_before_a_keyframe_is_needless() {
        let mut history = History::new(MediaKind::Video);
        assert!(!history.is_needless(0));
        history.store(start(), 10, b"key", true);
        history.store(start(), 7, b"late key", true);
        assert!(history.is_needless(9) && !history.is_needless(10));
    }

    proptest! {
        /// Against a plain map: what comes out is what went in under that index, and the latest packets come out.
        #[test]
        fn what_comes_out_went_in(steps in prop::collection::vec((0_u64..300, 0_usize..2_048), 1..600)) {
            let now = start();
            let mut history = History::new(MediaKind::Audio);
            let (mut all, mut highest, mut order) = (HashMap::new(), 200_u64, Vec::new());
            for (step, length) in steps {
                let index = highest + step - 150;
                if all.contains_key(&index) {
                    continue;
                }
                highest = highest.max(index);
                let packet: Vec<u8> = (0..length).map(|at| (at as u64 ^ index) as u8).collect();
                history.store(now, index, &packet, false);
                all.insert(index, packet);
                order.push(index);
            }
            for index in 0..highest + 200 {
                if let Some(packet) = history.packet(now, index) {
                    prop_assert_eq!(Some(packet), all.get(&index).map(Vec::as_slice));
                }
            }
            // The last eight take at most half of the ring, wherever they lie.
            for index in order.iter().rev().take(8).filter(|index| *index + 128 > highest) {
                prop_assert!(history.packet(now, *index).is_some(), "{index}");
            }
        }
    }
}
