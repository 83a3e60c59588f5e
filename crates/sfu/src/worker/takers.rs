//! Which layers of a publisher's videos anybody takes, for the publisher to be told.

use std::time::Instant;

use super::Worker;
use crate::{Event, downlink::micros, ortc::MediaKind, producer::Producer, rate::Rate};

impl Worker {
    /// A consumer may take more of its video than it did.
    pub(super) fn want_layers(&mut self, now: Instant, index: usize) {
        let Some(consumer) = self.consumers.get(index) else { return };
        let Some(layer) = consumer.layer() else { return };
        self.more_layers(now, consumer.producer, layer.saturating_add(1));
    }

    /// Somebody takes so many layers of a producer, from the lowest.
    pub(super) fn more_layers(&mut self, now: Instant, producer_index: usize, layers: u8) {
        let micros = micros(self.epoch, now);
        let Some(producer) = self.producers.get_mut(producer_index) else { return };
        if producer.kind == MediaKind::Video
            && let Some(layers) = producer.wanted.more(micros, layers)
        {
            self.tell_layers(producer_index, layers);
            // One that was off begins with a keyframe by itself; this is for a publisher that never stopped it.
            self.keyframes_wanted.push((producer_index, layers.saturating_sub(1)));
        }
    }

    /// Looks at what is taken of the videos of a transport.
    pub(super) fn look_for_takers(&mut self, now: Instant, index: usize) {
        let micros = micros(self.epoch, now);
        let Some(transport) = self.transports.get(index).filter(|transport| transport.is_open()) else {
            return;
        };
        let mut told = Vec::new();
        for &index in &transport.producers {
            let Some(producer) = self.producers.get_mut(index) else { continue };
            // What is switched off sends nothing anyway.
            if producer.kind != MediaKind::Video || !producer.active {
                continue;
            }
            let takes = |at: &usize| Some(self.consumers.get(*at)?.layer()?.saturating_add(1));
            let here = producer.consumers.iter().filter_map(takes).max().unwrap_or(0);
            // What another worker's subscribers take is not known here.
            let layers = if producer.relays == 0 { here } else { u8::MAX };
            note_rates(producer, micros);
            told.extend(producer.wanted.update(micros, layers).map(|layers| (index, layers)));
        }
        for (index, layers) in told {
            self.tell_layers(index, layers);
        }
    }

    fn tell_layers(&mut self, index: usize, layers: u8) {
        let Some(producer) = self.producers.get(index) else { return };
        let transport = producer.transport().and_then(|transport| self.transports.get(transport));
        let Some(transport) = transport else { return };
        self.counters.layers_told += 1;
        self.events.push(Event::LayersWanted { id: transport.id, producer: producer.id, layers });
    }
}

/// Keeps what the layers that are sent come to, for when they are not.
fn note_rates(producer: &mut Producer, now: u64) {
    for ((usual, rate), layer) in producer.usual.iter_mut().zip(&producer.rates).zip(0..) {
        let present = rate.bits_per_second(now, Rate::SECOND);
        if producer.wanted.is_on(layer) && present > 0 {
            // A picture that stood still when the layer went off may move when it is back.
            *usual = present.max(*usual - *usual / 4 + present / 4);
        }
    }
}
