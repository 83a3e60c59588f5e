//! How many bits per second something carries, over the last second or less.

/// Length of a slice, in µs. Shorter ones would follow single packets of a slow stream.
const SLICE: u64 = 50_000;
/// Slices remembered: one second.
const SLICES: usize = 20;

/// Bytes by slice of time. Time is any clock in µs; what lies before the remembered second is left out.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    bytes: [u32; SLICES],
    /// Numbers of the first slice and of the newest, since the clock's zero.
    first: Option<u64>,
    newest: u64,
}

impl Rate {
    /// The window that follows a stream of pictures without following each of them, in slices.
    pub(crate) const SECOND: u64 = SLICES as u64;
    /// The window that tells what a full link delivers just now, in slices.
    pub(crate) const HALF_SECOND: u64 = 10;

    pub(crate) fn new() -> Self {
        Self { bytes: [0; SLICES], first: None, newest: 0 }
    }

    pub(crate) fn add(&mut self, at: u64, bytes: usize) {
        let slice = at / SLICE;
        self.first.get_or_insert(slice);
        if slice > self.newest {
            // Of a long silence each slice is emptied once.
            let from = (self.newest + 1).max(slice.saturating_sub(SLICES as u64 - 1));
            (from..=slice).for_each(|slice| self.set(slice, 0));
            self.newest = slice;
        } else if slice + SLICES as u64 <= self.newest {
            return;
        }
        let before = self.get(slice);
        self.set(slice, before.saturating_add(bytes as u32));
    }

    /// Bits per second over the last `window` whole slices before `at`, or over those since the first bytes.
    pub(crate) fn bits_per_second(&self, at: u64, window: u64) -> u64 {
        let end = at / SLICE;
        let begin = end.saturating_sub(window.min(SLICES as u64 - 1)).max(self.first.unwrap_or(end)).min(end);
        let known = |slice: &u64| *slice <= self.newest && slice + SLICES as u64 > self.newest;
        let bytes: u64 = (begin..end).filter(known).map(|slice| u64::from(self.get(slice))).sum();
        bytes * 8 * 1_000_000 / ((end - begin).max(1) * SLICE)
    }

    fn get(&self, slice: u64) -> u32 {
        self.bytes.get((slice % SLICES as u64) as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, slice: u64, value: u32) {
        if let Some(bytes) = self.bytes.get_mut((slice % SLICES as u64) as usize) {
            *bytes = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_the_window_is_told() {
        let mut rate = Rate::new();
        // 1,000 bytes each 10 ms: 800 kbit/s, then silence.
        (0..300).for_each(|number| rate.add(number * 10_000, 1_000));
        assert_eq!(rate.bits_per_second(3_000_000, Rate::SECOND), 800_000);
        assert_eq!(Rate::new().bits_per_second(3_000_000, Rate::SECOND), 0);
        assert_eq!(rate.bits_per_second(3_000_000, Rate::HALF_SECOND), 800_000);
        assert_eq!(rate.bits_per_second(3_250_000, Rate::HALF_SECOND), 400_000);
        assert_eq!(rate.bits_per_second(9_000_000, Rate::SECOND), 0);
        rate.add(1, 5_000);
        assert_eq!(rate.bits_per_second(3_000_000, Rate::SECOND), 800_000, "too late to count");
        let mut young = Rate::new();
        (100..115).for_each(|number| young.add(number * 10_000, 1_000));
        assert_eq!(young.bits_per_second(1_150_000, Rate::SECOND), 800_000, "since it began");
        rate.add(u64::MAX, 1);
        assert_eq!(rate.bits_per_second(u64::MAX, Rate::SECOND), 0);
    }
}
