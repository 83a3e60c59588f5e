//! Replay windows, and the packet index behind a 16 bit sequence number.

/// Packets that may be late before they count as replays. A packet asked for again comes a few round trips late, in
/// which a high picture takes some hundred packets. 64 bytes per stream.
const WINDOW: u64 = 512;
const WORDS: usize = WINDOW as usize / 64;

/// The last [`WINDOW`] indices seen (RFC 3711 §3.3.2).
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplayWindow {
    /// One above the highest index accepted; 0 before the first.
    next: u64,
    /// Bit `index % WINDOW`, of the last `WINDOW` indices: it was accepted.
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// Whether a packet of this index may be new. Call [`Self::accept`] once it is authentic.
    pub(crate) fn is_fresh(&self, index: u64) -> bool {
        match self.next.checked_sub(1).and_then(|highest| highest.checked_sub(index)) {
            None => true,
            Some(age) if age < WINDOW => {
                let (word, bit) = place(index);
                self.seen.get(word).is_some_and(|word| word & bit == 0)
            }
            Some(_) => false,
        }
    }

    pub(crate) fn accept(&mut self, index: u64) {
        if index >= self.next {
            if index - self.next >= WINDOW {
                self.seen = [0; WORDS];
            } else {
                (self.next..index).for_each(|skipped| self.set(skipped, false));
            }
            self.next = index + 1;
        } else if self.next - 1 - index >= WINDOW {
            return;
        }
        self.set(index, true);
    }

    fn set(&mut self, index: u64, seen: bool) {
        let (word, bit) = place(index);
        if let Some(word) = self.seen.get_mut(word) {
            *word = if seen { *word | bit } else { *word & !bit };
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

/// Word and bit of an index.
const fn place(index: u64) -> (usize, u64) {
    let bit = index % WINDOW;
    (bit as usize / 64, 1 << (bit % 64))
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
        fn an_index_is_accepted_once(steps in prop::collection::vec(0_u64..1_200, 1..400)) {
            let mut window = ReplayWindow::default();
            let mut accepted = std::collections::HashSet::new();
            let mut highest = 0_u64;
            for step in steps {
                let index = (highest + step).saturating_sub(600);
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
