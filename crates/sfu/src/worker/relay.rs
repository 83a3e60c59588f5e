//! Rooms larger than one worker: packets to and from the others.

use std::time::Instant;

use super::Worker;
use crate::{
    Remote,
    batch::Inbox,
    producer::{Opened, Origin},
    relay::{Ask, LONGEST, Link, Packet},
};

/// Stands for the sender of a packet another worker opened: nothing is ever sent there.
const NOBODY: Remote =
    Remote::Udp(std::net::SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::UNSPECIFIED, 0)));

impl Worker {
    /// The ways to the other workers, see [`links`](crate::links).
    #[must_use]
    pub fn with_links(self, links: Vec<Option<Link>>) -> Self {
        Self { links, ..self }
    }

    /// Gives the links back, for the worker that takes this one's place.
    pub fn into_links(self) -> Vec<Option<Link>> {
        self.links
    }

    /// Whether other workers left something for the next turn.
    pub fn has_relayed(&self) -> bool {
        self.links.iter().flatten().any(Link::waits)
    }

    /// The workers that this one left something for since the last call.
    pub fn take_wakes(&mut self) -> impl Iterator<Item = usize> {
        let links = self.links.iter_mut().enumerate();
        links.filter_map(|(worker, link)| link.as_mut()?.take_fresh().then_some(worker))
    }

    /// Takes what the other workers opened, as if it had just been opened here.
    pub(super) fn take_relayed(&mut self, now: Instant, inbox: &mut Inbox) {
        for from in 0..self.links.len() {
            while let Some(ask) = self.links.get_mut(from).and_then(|link| link.as_mut()?.asked()) {
                let known = self.producer_ids.get(&ask.producer);
                self.keyframes_wanted.extend(known.map(|index| (*index, ask.layer)));
            }
            while inbox.has_room_for_relayed()
                && let Some(packet) = self.links.get_mut(from).and_then(|link| link.as_mut()?.packet())
            {
                self.take_one_relayed(now, from, packet, inbox);
            }
        }
    }

    fn take_one_relayed(&mut self, now: Instant, from: usize, packet: Packet, inbox: &mut Inbox) {
        let Packet { producer, layer, header, index, clock, length, bytes } = packet;
        // It may have been removed while its packets were on their way.
        let Some(&at) = self.producer_ids.get(&producer) else { return };
        let Some(known) = self.producers.get_mut(at) else { return };
        let Origin::Worker { number, clocks } = &mut known.origin else { return };
        if *number != from {
            return;
        }
        if let Some(place) = clocks.get_mut(usize::from(layer)) {
            *place = clock;
        }
        let slot = inbox.len();
        let plain = bytes.get(..length).unwrap_or_default();
        if inbox.push_relayed(NOBODY, plain) {
            self.counters.relayed_in += 1;
            let opened = Opened::new(slot, None, layer, header, length, index);
            self.take_packet(now, at, opened, plain);
        }
    }

    /// Hands the packets of this turn on to the workers whose subscribers want them.
    pub(super) fn relay(&mut self, inbox: &Inbox) {
        for producer in self.touched.iter().filter_map(|index| self.producers.get(*index)) {
            if producer.relays == 0 {
                continue;
            }
            let publisher = producer.transport().and_then(|transport| self.transports.get(transport));
            for opened in &producer.turn {
                let plain = inbox.datagram(opened.slot).get(..opened.length).unwrap_or_default();
                if plain.len() > LONGEST {
                    self.counters.relay_too_long += 1;
                    continue;
                }
                let inbound =
                    publisher.zip(opened.stream).and_then(|(publisher, place)| publisher.inbound.get(place));
                for (worker, link) in self.links.iter_mut().enumerate() {
                    let Some(link) = link.as_mut().filter(|_| producer.relays >> worker & 1 == 1) else {
                        continue;
                    };
                    let mut packet = Packet {
                        producer: producer.id,
                        layer: opened.layer,
                        header: opened.header,
                        index: opened.index,
                        clock: inbound.and_then(|inbound| inbound.reception.sender),
                        length: plain.len(),
                        bytes: [0; LONGEST],
                    };
                    packet.bytes.iter_mut().zip(plain).for_each(|(to, byte)| *to = *byte);
                    if link.hand_on(packet) {
                        self.counters.relayed_out += 1;
                    } else {
                        self.counters.relay_full += 1;
                    }
                }
            }
        }
    }

    /// Asks the worker of the publisher for a keyframe; true: the publisher is not here.
    pub(super) fn ask_other_worker(&mut self, now: Instant, index: usize, layer: u8) -> bool {
        let Some(producer) = self.producers.get_mut(index) else { return false };
        let Origin::Worker { number, .. } = producer.origin else { return false };
        let due = producer.keyframes.get_mut(usize::from(layer)).is_some_and(|requests| {
            requests.want(now);
            requests.take_due(now)
        });
        // Not due: who waits asks again with the next packet.
        if due && let Some(link) = self.links.get_mut(number).and_then(Option::as_mut) {
            link.ask(Ask { producer: producer.id, layer });
        }
        true
    }
}
