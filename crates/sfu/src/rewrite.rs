//! Sequence numbers and timestamps of a consumer: one unbroken stream, whatever the source does.

use std::time::Instant;

use crate::reception::ticks;

/// Maps the indices and timestamps of a source onto the consumer's own.
#[derive(Debug, Clone)]
pub(crate) struct Rewrite {
    clock_rate: u32,
    /// No packet of this or a higher index was written yet, so none is ever sealed twice.
    next: u64,
    source: Option<Source>,
    /// Of the publisher's stream, as it counts them.
    piece: u32,
    /// Layer, timestamp written and when, of the last packet.
    last: Option<(u8, u32, Instant)>,
    timestamp_offset: u32,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    layer: u8,
    /// The source's index at which it was taken up, and the index it got here.
    from: u64,
    to: u64,
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    At {
        index: u64,
        timestamp: u32,
    },
    /// A stream can only be taken up at a keyframe.
    AwaitsKeyframe,
    /// Older than the point at which the stream was taken up.
    Late,
}

impl Rewrite {
    pub(crate) fn new(clock_rate: u32, first: u64) -> Self {
        Self { clock_rate, next: first, source: None, piece: 0, last: None, timestamp_offset: 0 }
    }

    /// The next packet begins anew: after a pause, a mute, or for another layer.
    pub(crate) fn interrupt(&mut self) {
        self.source = None;
    }

    /// The next packet is of this piece of the publisher's stream. Another one begins anew.
    pub(crate) fn follow(&mut self, piece: u32) {
        if std::mem::replace(&mut self.piece, piece) != piece {
            self.interrupt();
        }
    }

    /// The layer that is taken up; None when nothing is.
    pub(crate) fn layer(&self) -> Option<u8> {
        self.source.map(|source| source.layer)
    }

    /// What is taken up: the layer, and its index from which it is. Another value is another piece of a stream.
    pub(crate) fn source(&self) -> Option<(u8, u64)> {
        self.source.map(|source| (source.layer, source.from))
    }

    /// The index after the last one written.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The index, at or before the last one written, behind a sequence number; None when it is ahead of it.
    pub(crate) fn index_of(&self, number: u16) -> Option<u64> {
        let last = self.next.checked_sub(1)?;
        let back = (last as u16).wrapping_sub(number);
        if back < 0x8000 { last.checked_sub(back.into()) } else { None }
    }

    /// Layer and index, at the source, of a packet that belongs here at `index`. None when it is from before the
    /// point at which the stream was taken up, or nothing is.
    pub(crate) fn source_of(&self, index: u64) -> Option<(u8, u64)> {
        let source = self.source?;
        Some((source.layer, source.from + index.checked_sub(source.to)?))
    }

    /// What is added to the source's timestamps.
    pub(crate) fn timestamp_offset(&self) -> u32 {
        self.timestamp_offset
    }

    pub(crate) fn place(
        &mut self,
        now: Instant,
        layer: u8,
        index: u64,
        timestamp: u32,
        begins_keyframe: bool,
    ) -> Place {
        let source = match self.source.filter(|source| source.layer == layer) {
            Some(source) => source,
            None if !begins_keyframe => return Place::AwaitsKeyframe,
            None => self.take_up(now, layer, index, timestamp),
        };
        let Some(ahead) = index.checked_sub(source.from) else { return Place::Late };
        let out = source.to + ahead;
        let timestamp = timestamp.wrapping_add(self.timestamp_offset);
        if out >= self.next {
            self.next = out + 1;
            self.last = Some((layer, timestamp, now));
        }
        Place::At { index: out, timestamp }
    }

    fn take_up(&mut self, now: Instant, layer: u8, index: u64, timestamp: u32) -> Source {
        // The same stream keeps its clock over a pause. Another layer has another clock: join them by the time
        // that passed.
        if let Some((_, last, at)) = self.last.filter(|(before, ..)| *before != layer) {
            let passed = ticks(now.saturating_duration_since(at), self.clock_rate).max(1);
            self.timestamp_offset = last.wrapping_add(passed).wrapping_sub(timestamp);
        }
        let source = Source { layer, from: index, to: self.next };
        self.source = Some(source);
        source
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
    fn a_stream_is_taken_up_at_a_keyframe_and_goes_on_without_a_gap() {
        let now = start();
        let mut rewrite = Rewrite::new(90_000, 100);
        assert_eq!(rewrite.place(now, 0, 7, 70, false), Place::AwaitsKeyframe);
        assert_eq!(rewrite.place(now, 0, 8, 80, true), Place::At { index: 100, timestamp: 80 });
        assert_eq!(rewrite.place(now, 0, 10, 100, false), Place::At { index: 102, timestamp: 100 });
        assert_eq!(rewrite.place(now, 0, 9, 90, false), Place::At { index: 101, timestamp: 90 });
        assert_eq!(rewrite.place(now, 0, 6, 60, false), Place::Late);
        assert_eq!((rewrite.index_of(102), rewrite.index_of(103)), (Some(102), None));
        assert_eq!((rewrite.source_of(101), rewrite.source_of(99)), (Some((0, 9)), None));
        rewrite.interrupt();
        assert_eq!(rewrite.source_of(101), None);
        assert_eq!(rewrite.place(now, 0, 50, 500, false), Place::AwaitsKeyframe);
        assert_eq!(rewrite.place(now, 0, 51, 510, true), Place::At { index: 103, timestamp: 510 });
    }

    #[test]
    fn another_layer_joins_by_the_time_that_passed() {
        let now = start();
        let mut rewrite = Rewrite::new(90_000, 0);
        rewrite.place(now, 0, 5, 1_000, true);
        assert_eq!(rewrite.place(now, 1, 9_000, 777, false), Place::AwaitsKeyframe);
        let later = now + Duration::from_millis(100);
        assert_eq!(rewrite.place(later, 1, 9_001, 777, true), Place::At { index: 1, timestamp: 10_000 });
        assert_eq!(rewrite.place(later, 1, 9_002, 877, false), Place::At { index: 2, timestamp: 10_100 });
    }

    proptest! {
        /// With a replay window before it, no index leaves twice: that would reuse a nonce.
        #[test]
        fn no_index_is_given_twice(steps in prop::collection::vec((0_u64..40, any::<bool>(), any::<bool>(), 0_u8..2), 1..300)) {
            let now = start();
            let mut rewrite = Rewrite::new(90_000, 0);
            let (mut seen, mut out) = (std::collections::HashSet::new(), std::collections::HashSet::new());
            let mut highest = [20_u64, 5_000];
            for (step, keyframe, interrupt, layer) in steps {
                if interrupt {
                    rewrite.interrupt();
                }
                let index = (highest[usize::from(layer)] + step).saturating_sub(15);
                highest[usize::from(layer)] = highest[usize::from(layer)].max(index);
                if seen.insert((layer, index)) && let Place::At { index, .. } = rewrite.place(now, layer, index, 0, keyframe) {
                    prop_assert!(out.insert(index), "{index} twice");
                    prop_assert!(index < rewrite.next());
                }
            }
        }
    }
}
