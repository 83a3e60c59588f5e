//! Which layer of a source to serve: the one that is wanted while it flows, else the nearest one that does.
//!
//! A browser stops its upper layers when its up-link is narrow, and the engine's second stream may never come. Whether
//! a layer flows is judged by the frames of its siblings and not by the clock, so that a slow camera is no stopped one
//! and a source that is off as a whole changes nothing.

/// Frames of other layers after which a layer without any has stopped. At 15 fps and two layers this is 0.7 s of a
/// frozen picture; fewer would take a low layer at a third of the frame rate for a stopped one now and then.
const STOPPED_AFTER: u8 = 10;

/// Timestamps up to 10 s behind the last one (at 90 kHz) are of an earlier frame; beyond, the clock was set anew.
const LATE_FROM: u32 = u32::MAX - 900_000;

/// The layers of one source, the lowest first.
#[derive(Debug, Clone)]
pub(crate) struct Layers(Vec<Layer>);

#[derive(Debug, Clone)]
struct Layer {
    /// Of its last packet.
    timestamp: Option<u32>,
    /// Frames that other layers began since then.
    behind: u8,
}

impl Layer {
    const SILENT: Self = Self { timestamp: None, behind: STOPPED_AFTER };

    fn flows(&self) -> bool {
        self.behind < STOPPED_AFTER
    }
}

impl Layers {
    /// None of them has sent anything.
    pub(crate) fn new(count: usize) -> Self {
        Self(vec![Layer::SILENT; count])
    }

    /// The source begins anew.
    pub(crate) fn reset(&mut self) {
        self.0.fill(Layer::SILENT);
    }

    /// A packet of a layer came.
    pub(crate) fn packet(&mut self, layer: u8, timestamp: u32) {
        let Some(own) = self.0.get_mut(usize::from(layer)) else { return };
        own.behind = 0;
        // What comes late or again begins no frame.
        let begins = own.timestamp.is_none_or(|last| (1..LATE_FROM).contains(&timestamp.wrapping_sub(last)));
        if begins {
            own.timestamp = Some(timestamp);
        }
        if begins {
            let others = self.0.iter_mut().enumerate().filter(|(other, _)| *other != usize::from(layer));
            others.for_each(|(_, other)| other.behind = (other.behind + 1).min(STOPPED_AFTER));
        }
    }

    /// The layer to serve to somebody who wants `wanted`, which may be higher than there is: that one, else the
    /// next below that flows, else the next above. When none flows, the one that is wanted.
    pub(crate) fn serve(&self, wanted: u8) -> u8 {
        let wanted = usize::from(wanted).min(self.0.len().saturating_sub(1));
        let flows = |layer: &usize| self.0.get(*layer).is_some_and(Layer::flows);
        let served = (0..=wanted).rev().find(flows).or_else(|| (wanted..self.0.len()).find(flows));
        served.unwrap_or(wanted) as u8
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `frames` frames of two packets each, of the layers named, at the same time.
    fn send(layers: &mut Layers, from: u32, frames: u32, named: &[u8]) {
        for timestamp in (from..from + frames).map(|frame| frame * 6_000) {
            for layer in named.iter().flat_map(|layer| [layer, layer]) {
                layers.packet(*layer, timestamp);
            }
        }
    }

    #[test]
    fn a_layer_that_stops_is_replaced_by_the_next_below_and_comes_back() {
        let mut layers = Layers::new(3);
        assert_eq!([0, 1, 2, u8::MAX].map(|wanted| layers.serve(wanted)), [0, 1, 2, 2], "nothing known");
        send(&mut layers, 0, 20, &[0, 1, 2]);
        assert_eq!([0, 1, 2, u8::MAX].map(|wanted| layers.serve(wanted)), [0, 1, 2, 2]);
        send(&mut layers, 20, 4, &[0, 1]);
        assert_eq!(layers.serve(2), 2, "eight frames of others are patience");
        send(&mut layers, 24, 1, &[0, 1]);
        assert_eq!(layers.serve(2), 1);
        send(&mut layers, 25, 10, &[0]);
        assert_eq!([1, 2].map(|wanted| layers.serve(wanted)), [0, 0]);
        send(&mut layers, 35, 1, &[2]);
        assert_eq!([0, 1, 2].map(|wanted| layers.serve(wanted)), [0, 0, 2]);
    }

    #[test]
    fn a_low_layer_that_never_comes_is_served_high() {
        let mut layers = Layers::new(2);
        send(&mut layers, 0, 1, &[1]);
        assert_eq!([0, 1].map(|wanted| layers.serve(wanted)), [1, 1]);
        let mut single = Layers::new(1);
        send(&mut single, 0, 100, &[0]);
        assert_eq!([0, 1].map(|wanted| single.serve(wanted)), [0, 0]);
    }

    #[test]
    fn a_slower_layer_flows_and_a_source_that_is_off_keeps_its_layers() {
        let mut layers = Layers::new(2);
        for frame in 0..100 {
            layers.packet(1, frame * 3_000);
            if frame % 6 == 0 {
                layers.packet(0, frame * 3_000);
            }
            assert_eq!([layers.serve(0), layers.serve(1)], [0, 1], "frame {frame}");
        }
        for frame in 90..100 {
            layers.packet(1, frame * 3_000);
        }
        assert_eq!(layers.serve(0), 0, "frames sent again are no frames");
        layers.reset();
        layers.packet(0, 7);
        assert_eq!(layers.serve(1), 0, "anew: what comes first is shown first");
    }

    proptest! {
        #[test]
        fn what_is_served_is_there(
            count in 0_usize..4,
            packets in prop::collection::vec((any::<u8>(), any::<u32>()), 0..100),
            wanted: u8,
        ) {
            let mut layers = Layers::new(count);
            for (layer, timestamp) in packets {
                layers.packet(layer % 5, timestamp);
                prop_assert!(usize::from(layers.serve(wanted)) <= count.saturating_sub(1));
            }
        }
    }
}
