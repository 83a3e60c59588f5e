//! How many layers of a video anybody takes, and what its publisher is told of it: more at once, less after a while.
//!
//! Layers are counted from the lowest. What lies below a layer that is taken goes on: who takes the upper one may need
//! the lower one from one moment to the next, and a browser with a narrow link stops the upper ones first.

/// Layers nobody has taken for this long, in µs, are told to stop. Shorter stops and starts encoders whenever somebody
/// pauses a picture for a moment; longer sends for nobody.
const DOWN_AFTER: u64 = 5_000_000;
/// What was told is told again after this time, in µs, while layers are off and once afterwards: a publisher that missed
/// it would stay black. Shorter costs messages.
const REPEAT: u64 = 10_000_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    layers: u8,
    /// As many are told to be sent.
    told: u8,
    /// Since when fewer have been taken than are told, and the most of that time.
    fewer: Option<(u64, u8)>,
    repeat_at: Option<u64>,
}

impl Wanted {
    /// A publisher sends all layers until it is told otherwise.
    pub(crate) fn new(layers: usize) -> Self {
        let layers = u8::try_from(layers).unwrap_or(u8::MAX);
        Self { layers, told: layers, fewer: None, repeat_at: None }
    }

    /// Whether that layer, from 0, is to be sent.
    pub(crate) fn is_on(&self, layer: u8) -> bool {
        layer < self.told
    }

    /// Somebody takes so many layers now: what the publisher is to be told.
    pub(crate) fn more(&mut self, now: u64, layers: u8) -> Option<u8> {
        let layers = layers.min(self.layers);
        if let Some((_, most)) = self.fewer.as_mut() {
            *most = layers.max(*most);
        }
        (layers > self.told).then(|| self.tell(now, layers))
    }

    /// So many layers are taken, by all: what the publisher is to be told.
    pub(crate) fn update(&mut self, now: u64, layers: u8) -> Option<u8> {
        let layers = layers.min(self.layers);
        if layers >= self.told {
            self.fewer = None;
            if layers > self.told {
                return Some(self.tell(now, layers));
            }
        } else {
            let (since, most) = self.fewer.map_or((now, layers), |(since, most)| (since, most.max(layers)));
            self.fewer = Some((since, most));
            if now >= since + DOWN_AFTER {
                // What was taken in between is needed soon again.
                self.fewer = None;
                if most < self.told {
                    return Some(self.tell(now, most));
                }
            }
        }
        if self.repeat_at.is_some_and(|at| now >= at) {
            self.repeat_at = (self.told < self.layers).then_some(now + REPEAT);
            return Some(self.told);
        }
        None
    }

    fn tell(&mut self, now: u64, layers: u8) -> u8 {
        (self.told, self.fewer, self.repeat_at) = (layers, None, Some(now + REPEAT));
        layers
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn less_is_told_after_a_while_and_more_at_once() {
        let mut wanted = Wanted::new(2);
        assert_eq!(wanted.update(0, 2), None, "all are sent without being told");
        assert_eq!(wanted.update(SECOND, 1), None);
        assert_eq!(wanted.update(SECOND + DOWN_AFTER - 1, 1), None);
        assert_eq!(wanted.update(SECOND + DOWN_AFTER, 1), Some(1));
        assert!(wanted.is_on(0) && !wanted.is_on(1));
        assert_eq!(wanted.more(7 * SECOND, 1), None);
        assert_eq!(wanted.more(7 * SECOND, u8::MAX), Some(2));
        assert_eq!(wanted.more(7 * SECOND, 2), None, "it was told");
    }

    #[test]
    fn a_pause_for_a_moment_stops_nothing() {
        let mut wanted = Wanted::new(2);
        for second in 0..60 {
            assert_eq!(wanted.update(second * SECOND, if second % 4 == 0 { 2 } else { 0 }), None, "{second}");
        }
        // Taken between two looks.
        let mut between = Wanted::new(2);
        for second in 0..5 {
            assert_eq!(between.update(second * SECOND, 0), None);
        }
        between.more(4 * SECOND + 1, 2);
        assert_eq!(between.update(5 * SECOND, 0), None);
    }

    #[test]
    fn what_was_told_is_repeated_while_layers_are_off_and_once_afterwards() {
        let mut wanted = Wanted::new(2);
        let told = |wanted: &mut Wanted, seconds: std::ops::Range<u64>, layers| {
            seconds.filter_map(|at| Some((at, wanted.update(at * SECOND, layers)?))).collect::<Vec<_>>()
        };
        assert_eq!(told(&mut wanted, 0..30, 0), [(5, 0), (15, 0), (25, 0)]);
        assert_eq!(told(&mut wanted, 30..90, 2), [(30, 2), (40, 2)]);
    }

    proptest! {
        #[test]
        fn nobody_waits_for_a_layer(steps in prop::collection::vec((0_u64..3 * SECOND, any::<bool>(), 0_u8..5), 0..100)) {
            let (mut wanted, mut now, mut told) = (Wanted::new(3), 0, 3);
            for (passed, somebody, layers) in steps {
                now += passed;
                let tells = if somebody { wanted.more(now, layers) } else { wanted.update(now, layers) };
                told = tells.unwrap_or(told);
                prop_assert!(told >= layers.min(3) && told <= 3);
                prop_assert!((0..3).all(|layer| wanted.is_on(layer) == (layer < told)));
            }
        }
    }
}
