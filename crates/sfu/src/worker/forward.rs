//! The fan-out of a turn: per subscriber, its packets in a row.

use std::time::Instant;

use super::Worker;
use crate::{
    batch::{Inbox, Sender},
    consumer::{Sent, Skip, abs_send_time},
    downlink::micros,
    ortc::MediaKind,
};

impl Worker {
    pub(super) fn forward(&mut self, now: Instant, inbox: &Inbox, sender: &mut Sender<'_>) {
        self.gather_subscribers();
        let count = self.subscribers.len();
        self.rotation = self.rotation.checked_rem(count).map_or(0, |start| start + 1);
        for turn in 0..count {
            let place = (turn + self.rotation) % count;
            if let Some(&transport) = self.subscribers.get(place) {
                self.write_subscriber(now, transport, inbox, sender);
            }
        }
        self.subscribers.clear();
        while let Some(producer) = self.touched.pop() {
            if let Some(producer) = self.producers.get_mut(producer) {
                producer.turn.clear();
            }
        }
    }

    /// Gives every subscriber the list of its consumers that have packets in this turn.
    fn gather_subscribers(&mut self) {
        for producer in self.touched.iter().filter_map(|index| self.producers.get(*index)) {
            for &index in &producer.consumers {
                let Some(consumer) = self.consumers.get(index) else { continue };
                let Some(transport) = self.transports.get_mut(consumer.transport) else { continue };
                if consumer.layer().is_none() || !transport.is_open() {
                    self.counters.consumer_paused += producer.turn.len() as u64;
                    continue;
                }
                if transport.turn.is_empty() {
                    self.subscribers.push(consumer.transport);
                }
                transport.turn.push(index);
            }
        }
    }

    /// Writes all packets of the turn for one subscriber.
    fn write_subscriber(&mut self, now: Instant, index: usize, inbox: &Inbox, sender: &mut Sender<'_>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let (Some(srtp), Some(to)) = (transport.srtp.as_ref(), transport.remote) else {
            transport.turn.clear();
            return;
        };
        let (abs_send_time, micros) = (abs_send_time(self.epoch, now), micros(self.epoch, now));
        for index in transport.turn.drain(..) {
            let Some(consumer) = self.consumers.get_mut(index) else { continue };
            let Some(producer) = self.producers.get(consumer.producer) else { continue };
            let Some(layer) = consumer.layer().map(|layer| producer.layer(layer)) else { continue };
            let mut downlink = transport.downlink.as_mut().filter(|downlink| downlink.videos > 0);
            let numbered = consumer.mapping.extensions.transport_cc.is_some();
            let extensions = producer.media.extensions;
            let mut sent = Sent { layer, extensions, abs_send_time, transport_number: None };
            for opened in &producer.turn {
                let packet = inbox.datagram(opened.slot);
                let (mut skip, mut written) = (None, 0);
                sent.transport_number =
                    downlink.as_ref().map(|downlink| downlink.departures.number().to_be_bytes());
                sender.datagram(to, |room| match consumer.write(now, packet, opened, &sent, srtp, room) {
                    Ok(length) => {
                        written = length as u64;
                        Some(length)
                    }
                    Err(why) => {
                        skip = Some(why);
                        None
                    }
                });
                match skip {
                    None => {
                        self.counters.rtp_out += 1;
                        self.counters.rtp_bytes_out += written;
                        transport.tally.packets_down += 1;
                        transport.tally.bytes_down += written;
                        if let Some(downlink) = downlink.as_mut() {
                            downlink.sent(micros, written as usize, numbered);
                        }
                    }
                    Some(Skip::PayloadType) => self.counters.dropped_payload_type += 1,
                    Some(Skip::AwaitsKeyframe) => {
                        self.counters.waiting_for_keyframe += 1;
                        if producer.kind == MediaKind::Video {
                            self.keyframes_wanted.push((consumer.producer, layer));
                        }
                    }
                    Some(Skip::Late) => self.counters.dropped_late += 1,
                    Some(Skip::Unsealed) => self.counters.dropped_malformed += 1,
                    Some(Skip::OtherLayer) => {}
                }
            }
        }
    }
}
