//! The streams that arrive on one transport. A packet's SSRC is looked up once; from then on its stream has a place.

use std::time::{Duration, Instant};

use slab::Slab;

use crate::{map::Map, nack::Gaps, reception::Reception, srtp::ReplayWindow};

/// An SSRC whose producer went may serve another one after this time. Sooner, a straggler of the old stream could
/// take the place of the new one; later, a browser that keeps its SSRCs is unseen for longer.
const REUSE_PATIENCE: Duration = Duration::from_secs(1);

/// A stream that arrives.
pub(crate) struct Inbound {
    ssrc: u32,
    pub(crate) window: ReplayWindow,
    pub(crate) reception: Reception,
    pub(crate) gaps: Gaps,
    pub(crate) feed: Feed,
    /// When its producer went, by the last packet heard before.
    pub(crate) freed: Option<Instant>,
}

/// What a received SSRC is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feed {
    Media {
        producer: usize,
        layer: u8,
    },
    /// RTX of that stream (RFC 4588).
    Retransmissions {
        producer: usize,
        layer: u8,
    },
    /// Its producer was removed.
    Nothing,
}

impl Inbound {
    pub(crate) fn new(epoch: Instant, ssrc: u32, clock_rate: u32, feed: Feed) -> Self {
        Self {
            ssrc,
            window: ReplayWindow::default(),
            reception: Reception::new(epoch, clock_rate),
            gaps: Gaps::default(),
            feed,
            freed: None,
        }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Takes up another feed under the same cryptographic index.
    pub(crate) fn serve(&mut self, feed: Feed) {
        (self.feed, self.gaps) = (feed, Gaps::default());
    }

    /// Whether its packets may name another stream.
    pub(crate) fn is_free(&self, now: Instant) -> bool {
        let rested = |freed| now.saturating_duration_since(freed) >= REUSE_PATIENCE;
        self.feed == Feed::Nothing && self.freed.is_some_and(rested)
    }
}

/// All of them. A place stays a stream's until it is forgotten.
#[derive(Default)]
pub(crate) struct Streams {
    places: Map<u32, usize>,
    streams: Slab<Inbound>,
}

impl Streams {
    /// Where the stream of that SSRC is: the only search.
    pub(crate) fn place(&self, ssrc: u32) -> Option<usize> {
        self.places.get(&ssrc).copied()
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Inbound> {
        self.streams.get(place)
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Inbound> {
        self.streams.get_mut(place)
    }

    pub(crate) fn named(&self, ssrc: u32) -> Option<&Inbound> {
        self.get(self.place(ssrc)?)
    }

    pub(crate) fn named_mut(&mut self, ssrc: u32) -> Option<&mut Inbound> {
        self.get_mut(self.place(ssrc)?)
    }

    /// Adds a stream, in place of another of its SSRC; its place.
    pub(crate) fn insert(&mut self, stream: Inbound) -> usize {
        let ssrc = stream.ssrc;
        if let Some(place) = self.place(ssrc)
            && let Some(known) = self.streams.get_mut(place)
        {
            *known = stream;
            return place;
        }
        let place = self.streams.insert(stream);
        self.places.insert(ssrc, place);
        place
    }

    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Inbound> {
        self.streams.iter().map(|(_, stream)| stream)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Inbound> {
        self.streams.iter_mut().map(|(_, stream)| stream)
    }

    /// Forgets those for which `keep` is false.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Inbound) -> bool) {
        self.streams.retain(|_, stream| keep(stream));
        self.places.retain(|_, place| self.streams.contains(*place));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever comes and goes, an SSRC leads to its own stream, and one that was forgotten to none.
        #[test]
        fn an_ssrc_leads_to_its_own_stream(steps in prop::collection::vec((0_u32..12, any::<bool>()), 0..80)) {
            #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
            let epoch = Instant::now();
            let (mut streams, mut model) = (Streams::default(), std::collections::BTreeSet::new());
            for (ssrc, comes) in steps {
                if comes {
                    let place = streams.insert(Inbound::new(epoch, ssrc, 90_000, Feed::Nothing));
                    prop_assert_eq!(streams.place(ssrc), Some(place));
                    model.insert(ssrc);
                } else {
                    streams.retain(|stream| stream.ssrc() != ssrc);
                    model.remove(&ssrc);
                }
                prop_assert_eq!(streams.len(), model.len());
                for ssrc in 0..12 {
                    let found = streams.named(ssrc).map(Inbound::ssrc);
                    prop_assert_eq!(found, model.contains(&ssrc).then_some(ssrc));
                }
            }
        }
    }
}
