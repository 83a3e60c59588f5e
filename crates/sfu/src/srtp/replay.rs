//! Replay windows, and the packet index behind a 16 bit sequence number.

/// Packets of reordering tolerated before a late one counts as a replay; a burst of a keyframe is about 100.
const WINDOW: u64 = 128;

/// The last [`WINDOW`] indices seen (RFC 3711 §3.3.2).
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplayWindow {
    /// One above the highest index accepted; 0 before the first.
    next: u64,
    /// Bit n: index `next - 1 - n` was accepted.
    seen: u128,
}

impl ReplayWindow {
    /// Whether a packet of this index may be new. Call [`Self::accept`] once it is authentic.
    pub(crate) fn is_fresh(&self, index: u64) -> bool {
        match self.next.checked_sub(1).and_then(|highest| highest.checked_sub(index)) {
            None => true,
            Some(age) if age < WINDOW => self.seen >> age & 1 == 0,
            Some(_) => false,
        }
    }

    pub(crate) fn accept(&mut self, index: u64) {
        if index >= self.next {
            let steps = index + 1 - self.next;
            self.seen = if steps >= WINDOW { 0 } else { self.seen << steps };
            self.seen |= 1;
            self.next = index + 1;
        } else if let Some(age) = Some(self.next - 1 - index).filter(|age| *age < WINDOW) {
            self.seen |= 1 << age;
        }
    }

    /// The 48 bit index of a packet with this sequence number (RFC 3711 §3.3.1): rollover counter × 2^16 +
    /// sequence number. None when it would lie before the start of the stream.
    pub(crate) fn index_of(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.next.checked_sub(1) else { return Some(sequence.into()) };
        let ahead = sequence.wrapping_sub(highest as u16);
        if ahead < 0x8000 {
            Some(highest + u64::from(ahead))
        } else {
            highest.checked_sub(u64::from(ahead.wrapping_neg()))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn indices_roll_over_and_back() {
        let mut window = ReplayWindow::default();
        for (sequence, index) in
            [(65_530, Some(65_530)), (3, Some(65_539)), (65_535, Some(65_535)), (40_000, Some(40_000))]
        {
            assert_eq!(window.index_of(sequence), index, "{sequence}");
            window.accept(index.unwrap());
        }
        let mut young = ReplayWindow::default();
        young.accept(5);
        assert_eq!(young.index_of(65_000), None, "before the start of the stream");
    }

    proptest! {
        #[test]
        fn an_index_is_accepted_once(steps in prop::collection::vec(0_u64..300, 1..400)) {
            let mut window = ReplayWindow::default();
            let mut accepted = std::collections::HashSet::new();
            let mut highest = 0_u64;
            for step in steps {
                let index = (highest + step).saturating_sub(150);
                if window.is_fresh(index) {
                    prop_assert!(accepted.insert(index), "{index} twice");
                    window.accept(index);
                } else {
                    prop_assert!(accepted.contains(&index) || index + WINDOW <= highest, "{index} refused");
                }
                highest = highest.max(index);
            }
        }
    }
}
