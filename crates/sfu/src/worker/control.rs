//! Commands: the only way the forwarding table changes.

use std::time::Instant;

use super::Worker;
use crate::{
    Command, ConsumerId, ConsumerSpec, Event, ProducerId, ProducerSpec, RelayedProducerSpec, TransportId,
    TransportSpec,
    consumer::Consumer,
    downlink::{Downlink, micros},
    ortc::MediaKind,
    producer::{Origin, Producer},
    streams::{Feed, Inbound},
    transport::Transport,
    twcc::Uplink,
};

/// Received streams remembered per transport after their producers went. Past this, indices of old ones are
/// forgotten; a browser that reuses such an SSRC after a rollover would be unheard until it restarts the stream.
const MAX_INBOUND: usize = 512;

/// Why a command changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("{0} is not open")]
    UnknownTransport(TransportId),
    #[error("{0} is not there")]
    UnknownProducer(ProducerId),
    #[error("{0} is not there")]
    UnknownConsumer(ConsumerId),
    #[error("there is no worker {0}, or it is this one")]
    UnknownWorker(usize),
    #[error("the id or the ufrag is taken")]
    Taken,
    #[error("ssrc {0} is taken on its transport")]
    SsrcTaken(u32),
}

impl Worker {
    /// Takes a command. Call [`Worker::turn`] afterwards: what it wants sent leaves there.
    pub fn apply(&mut self, now: Instant, command: Command) {
        let name = name(&command);
        let done = match command {
            Command::OpenTransport(spec) => self.open_transport(now, spec),
            Command::CloseTransport(id) => self.close_transport(now, id),
            Command::AddProducer(spec) => self.add_producer(now, spec),
            Command::SetProducerActive(id, active) => self.set_producer_active(now, id, active),
            Command::RemoveProducer(id) => {
                self.producer_index(id).map(|index| self.remove_producer(now, index))
            }
            Command::AddRelayedProducer(spec) => self.add_relayed_producer(now, spec),
            Command::RelayProducer { id, to, on } => self.relay_producer(now, id, to, on),
            Command::AddConsumer(spec) => self.add_consumer(now, spec),
            Command::SetConsumerPaused(id, paused) => self.set_consumer_paused(now, id, paused),
            Command::SetConsumerLayer(id, layer) => self.set_consumer_layer(now, id, layer),
            Command::RemoveConsumer(id) => self.consumer_index(id).map(|index| self.remove_consumer(index)),
            Command::ReportUsage => {
                self.report_usage();
                Ok(())
            }
            Command::ReportQuality(of) => {
                self.report_quality(now, &of);
                Ok(())
            }
            Command::RequestKeyframe(id) => self.producer_index(id).map(|index| {
                let layers = self.producers.get(index).map_or(0, |producer| producer.media.streams.len());
                (0..layers as u8).for_each(|layer| self.keyframes_wanted.push((index, layer)));
            }),
        };
        if let Err(refusal) = done {
            self.counters.commands_refused += 1;
            tracing::warn!(command = name, %refusal, "media command refused");
        }
    }

    /// Says goodbye to every peer: the next turn sends it.
    pub fn close_all(&mut self, now: Instant) {
        let ids: Vec<TransportId> = self.transport_ids.keys().copied().collect();
        ids.into_iter().for_each(|id| self.apply(now, Command::CloseTransport(id)));
    }

    fn open_transport(&mut self, now: Instant, spec: TransportSpec) -> Result<(), Refusal> {
        if self.transport_ids.contains_key(&spec.id) || self.by_ufrag.contains_key(&spec.local_ufrag) {
            return Err(Refusal::Taken);
        }
        let (id, ufrag) = (spec.id, spec.local_ufrag.clone());
        let index = self.transports.insert(Transport::new(now, spec));
        self.transport_ids.insert(id, index);
        self.by_ufrag.insert(ufrag, index);
        self.arm(index, now + super::report::HANDSHAKE_LIMIT);
        Ok(())
    }

    fn close_transport(&mut self, now: Instant, id: TransportId) -> Result<(), Refusal> {
        let index = self.transport_index(id)?;
        if let Some(transport) = self.transports.get_mut(index)
            && let Some((dtls, to)) = transport.dtls.as_mut().zip(transport.remote)
        {
            dtls.close(now);
            while let Some(datagram) = dtls.next_datagram() {
                self.farewells.push((to, datagram));
            }
        }
        self.remove_transport(now, index);
        Ok(())
    }

    /// Takes a transport and all that hangs on it out of the table.
    pub(super) fn remove_transport(&mut self, now: Instant, index: usize) {
        let Some(transport) = self.transports.get(index) else { return };
        let (producers, consumers) = (transport.producers.clone(), transport.consumers.clone());
        producers.into_iter().for_each(|producer| self.remove_producer(now, producer));
        consumers.into_iter().for_each(|consumer| self.remove_consumer(consumer));
        let Some(transport) = self.transports.try_remove(index) else { return };
        self.events.push(Event::TransportClosed { id: transport.id, usage: transport.usage(0) });
        self.handshakes.forget(index);
        self.transport_ids.remove(&transport.id);
        self.by_ufrag.remove(&transport.local_ufrag);
        for path in &transport.paths {
            if self.by_address.get(&path.address) == Some(&index) {
                self.by_address.remove(&path.address);
            }
        }
    }

    /// Reports an end that the control plane did not order.
    pub(super) fn end_transport(&mut self, now: Instant, index: usize, event: Event) {
        self.events.push(event);
        self.remove_transport(now, index);
    }

    fn add_producer(&mut self, now: Instant, spec: ProducerSpec) -> Result<(), Refusal> {
        if self.producer_ids.contains_key(&spec.id) {
            return Err(Refusal::Taken);
        }
        let transport_index = self.transport_index(spec.transport)?;
        let transport =
            self.transports.get_mut(transport_index).ok_or(Refusal::UnknownTransport(spec.transport))?;
        let ssrcs = || spec.media.streams.iter().flat_map(|stream| [stream.ssrc, stream.rtx_ssrc]).flatten();
        let busy =
            |ssrc: &u32| transport.inbound.named(*ssrc).is_some_and(|inbound| inbound.feed != Feed::Nothing);
        if let Some(ssrc) = ssrcs().find(busy) {
            return Err(Refusal::SsrcTaken(ssrc));
        }
        if transport.inbound.len() >= MAX_INBOUND {
            transport.forget_idle_streams();
        }
        let entry = self.producers.vacant_entry();
        let origin = Origin::Transport(transport_index);
        let producer = Producer::new(spec.id, spec.room, origin, spec.kind, spec.media);
        let mut feed = |ssrc: u32, feed: Feed| match transport.inbound.named_mut(ssrc) {
            Some(inbound) => inbound.serve(feed),
            None => {
                let fresh = Inbound::new(self.epoch, ssrc, producer.clock_rate(), feed);
                transport.inbound.insert(fresh);
            }
        };
        for (layer, stream) in producer.media.streams.iter().enumerate() {
            let (producer, layer) = (entry.key(), layer as u8);
            if let Some(ssrc) = stream.ssrc {
                feed(ssrc, Feed::Media { producer, layer });
            }
            if let Some(ssrc) = stream.rtx_ssrc {
                feed(ssrc, Feed::Retransmissions { producer, layer });
            }
        }
        // One id for the whole transport (RFC 8843 §9.2.2): retransmissions carry it too.
        if let Some(extension) = producer.media.extensions.transport_cc {
            transport.uplink.get_or_insert_with(|| Uplink::new(extension)).extension = extension;
        }
        transport.producers.push(entry.key());
        self.producer_ids.insert(spec.id, entry.key());
        entry.insert(producer);
        self.set_producer_active(now, spec.id, spec.active)
    }

    fn add_relayed_producer(&mut self, now: Instant, spec: RelayedProducerSpec) -> Result<(), Refusal> {
        if self.producer_ids.contains_key(&spec.id) {
            return Err(Refusal::Taken);
        }
        if !self.links.get(spec.from).is_some_and(Option::is_some) {
            return Err(Refusal::UnknownWorker(spec.from));
        }
        let origin = Origin::Worker { number: spec.from, clocks: vec![None; spec.media.streams.len()] };
        let producer = Producer::new(spec.id, spec.room, origin, spec.kind, spec.media);
        let index = self.producers.insert(producer);
        self.producer_ids.insert(spec.id, index);
        self.set_producer_active(now, spec.id, spec.active)
    }

    fn relay_producer(&mut self, now: Instant, id: ProducerId, to: usize, on: bool) -> Result<(), Refusal> {
        let index = self.producer_index(id)?;
        if !self.links.get(to).is_some_and(Option::is_some) {
            return Err(Refusal::UnknownWorker(to));
        }
        let producer = self.producers.get_mut(index).ok_or(Refusal::UnknownProducer(id))?;
        let bit = 1 << to;
        producer.relays = if on { producer.relays | bit } else { producer.relays & !bit };
        if on {
            // What is taken there is not known here.
            self.more_layers(now, index, u8::MAX);
        }
        Ok(())
    }

    fn set_producer_active(&mut self, now: Instant, id: ProducerId, active: bool) -> Result<(), Refusal> {
        let index = self.producer_index(id)?;
        let producer = self.producers.get_mut(index).ok_or(Refusal::UnknownProducer(id))?;
        if producer.active == active {
            return Ok(());
        }
        producer.active = active;
        let now = micros(self.epoch, now);
        if let Some(microphone) = producer.microphone.take() {
            self.rooms.close(now, microphone);
        }
        if active && producer.kind == MediaKind::Audio {
            producer.microphone = self.rooms.open(now, producer.room);
        }
        if active {
            producer.layers.reset();
            // What was dropped meanwhile shall not look like loss, and a picture needs a keyframe to begin.
            for consumer in producer.consumers.clone() {
                self.restart(consumer);
            }
        }
        Ok(())
    }

    fn remove_producer(&mut self, now: Instant, index: usize) {
        let Some(producer) = self.producers.get(index) else { return };
        let consumers = producer.consumers.clone();
        consumers.into_iter().for_each(|consumer| self.remove_consumer(consumer));
        let Some(producer) = self.producers.try_remove(index) else { return };
        self.producer_ids.remove(&producer.id);
        if let Some(microphone) = producer.microphone {
            self.rooms.close(micros(self.epoch, now), microphone);
        }
        self.keyframes_wanted.retain(|(wanted, _)| *wanted != index);
        let publisher = producer.transport();
        if let Some(transport) = publisher.and_then(|transport| self.transports.get_mut(transport)) {
            transport.producers.retain(|other| *other != index);
            let ssrcs = producer.media.streams.iter().flat_map(|stream| [stream.ssrc, stream.rtx_ssrc]);
            for ssrc in ssrcs.flatten() {
                if let Some(inbound) = transport.inbound.named_mut(ssrc) {
                    (inbound.feed, inbound.freed) = (Feed::Nothing, Some(transport.heard));
                }
            }
        }
    }

    fn add_consumer(&mut self, now: Instant, spec: ConsumerSpec) -> Result<(), Refusal> {
        if self.consumer_ids.contains_key(&spec.id) {
            return Err(Refusal::Taken);
        }
        let transport_index = self.transport_index(spec.transport)?;
        let producer_index = self.producer_index(spec.producer)?;
        let transport =
            self.transports.get_mut(transport_index).ok_or(Refusal::UnknownTransport(spec.transport))?;
        let producer =
            self.producers.get_mut(producer_index).ok_or(Refusal::UnknownProducer(spec.producer))?;
        let (ssrc, rtx) = (spec.mapping.ssrc, spec.mapping.rtx_ssrc);
        let taken = |ssrc: &u32| transport.by_sent_ssrc.contains_key(ssrc);
        if let Some(taken) = [Some(ssrc), rtx].into_iter().flatten().find(taken) {
            return Err(Refusal::SsrcTaken(taken));
        }
        if rtx == Some(ssrc) {
            return Err(Refusal::SsrcTaken(ssrc));
        }
        // RFC 3550 wants an unpredictable start; the low half leaves room before the first rollover.
        let mut first =
            |ssrc: u32| transport.sealed.remove(&ssrc).unwrap_or_else(|| u64::from(ssrc & 0x3fff));
        let first = (first(ssrc), rtx.map_or(0, first));
        let mut consumer =
            Consumer::new(spec.id, transport_index, producer_index, spec.mapping, spec.paused, first);
        if producer.kind == MediaKind::Video {
            let (id, now) = (transport.id, micros(self.epoch, now));
            let spread = (id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
            let downlink = transport.downlink.get_or_insert_with(|| Box::new(Downlink::new(now, spread)));
            downlink.videos += 1;
            if downlink.budget.is_limited() {
                // The way is full: more comes by steps.
                consumer.given = Some(0);
            }
        }
        let index = self.consumers.insert(consumer);
        transport.by_sent_ssrc.extend(rtx.map(|ssrc| (ssrc, index)));
        self.consumer_ids.insert(spec.id, index);
        transport.consumers.push(index);
        transport.by_sent_ssrc.insert(ssrc, index);
        producer.consumers.push(index);
        self.want_layers(now, index);
        self.want_keyframe(index);
        Ok(())
    }

    fn set_consumer_paused(&mut self, now: Instant, id: ConsumerId, paused: bool) -> Result<(), Refusal> {
        let index = self.consumer_index(id)?;
        let consumer = self.consumers.get_mut(index).ok_or(Refusal::UnknownConsumer(id))?;
        if consumer.paused != paused {
            consumer.paused = paused;
            self.want_layers(now, index);
            self.restart(index);
        }
        Ok(())
    }

    fn set_consumer_layer(&mut self, now: Instant, id: ConsumerId, layer: u8) -> Result<(), Refusal> {
        let index = self.consumer_index(id)?;
        let consumer = self.consumers.get_mut(index).ok_or(Refusal::UnknownConsumer(id))?;
        consumer.mapping.layer = layer;
        let producer = self.producers.get(consumer.producer);
        // What is sent goes on until a keyframe of the other layer comes; without another layer, for good.
        let target = producer.zip(consumer.layer()).map(|(producer, layer)| producer.layer(layer));
        if target.is_some_and(|target| consumer.rewrite.layer() != Some(target)) {
            self.want_keyframe(index);
        }
        self.want_layers(now, index);
        Ok(())
    }

    fn remove_consumer(&mut self, index: usize) {
        let Some(consumer) = self.consumers.try_remove(index) else { return };
        self.consumer_ids.remove(&consumer.id);
        if let Some(transport) = self.transports.get_mut(consumer.transport) {
            transport.consumers.retain(|other| *other != index);
            transport.tally.lost_down += consumer.lost;
            transport.by_sent_ssrc.remove(&consumer.mapping.ssrc);
            if let Some(downlink) = transport.downlink.as_mut()
                && consumer.mapping.kind == MediaKind::Video
            {
                downlink.videos -= 1;
            }
            transport.sealed.insert(consumer.mapping.ssrc, consumer.rewrite.next());
            if let Some(rtx) = consumer.mapping.rtx_ssrc {
                transport.by_sent_ssrc.remove(&rtx);
                transport.sealed.insert(rtx, consumer.rtx_next);
            }
        }
        if let Some(producer) = self.producers.get_mut(consumer.producer) {
            producer.consumers.retain(|other| *other != index);
        }
    }

    /// Lets a consumer begin anew.
    pub(super) fn restart(&mut self, index: usize) {
        if let Some(consumer) = self.consumers.get_mut(index) {
            consumer.rewrite.interrupt();
            self.want_keyframe(index);
        }
    }

    /// Notes that a consumer of video needs a keyframe of its layer.
    pub(super) fn want_keyframe(&mut self, index: usize) {
        let Some(consumer) = self.consumers.get(index) else { return };
        let Some(layer) = consumer.layer() else { return };
        // Before the transport is open the keyframe would be dropped; opening asks again.
        if !self.transports.get(consumer.transport).is_some_and(Transport::is_open) {
            return;
        }
        let Some(producer) = self.producers.get(consumer.producer) else { return };
        if producer.kind == MediaKind::Video && producer.active {
            self.keyframes_wanted.push((consumer.producer, producer.layer(layer)));
        }
    }

    fn report_usage(&mut self) {
        let lost = |at: &usize| self.consumers.get(*at).map_or(0, |consumer| consumer.lost);
        let used = self.transports.iter().map(|(_, transport)| {
            (transport.id, transport.usage(transport.consumers.iter().map(lost).sum()))
        });
        self.events.push(Event::Usage(used.collect()));
    }

    fn transport_index(&self, id: TransportId) -> Result<usize, Refusal> {
        self.transport_ids.get(&id).copied().ok_or(Refusal::UnknownTransport(id))
    }

    fn producer_index(&self, id: ProducerId) -> Result<usize, Refusal> {
        self.producer_ids.get(&id).copied().ok_or(Refusal::UnknownProducer(id))
    }

    fn consumer_index(&self, id: ConsumerId) -> Result<usize, Refusal> {
        self.consumer_ids.get(&id).copied().ok_or(Refusal::UnknownConsumer(id))
    }
}

const fn name(command: &Command) -> &'static str {
    match command {
        Command::OpenTransport(_) => "open_transport",
        Command::CloseTransport(_) => "close_transport",
        Command::AddProducer(_) => "add_producer",
        Command::SetProducerActive(..) => "set_producer_active",
        Command::RemoveProducer(_) => "remove_producer",
        Command::AddRelayedProducer(_) => "add_relayed_producer",
        Command::RelayProducer { .. } => "relay_producer",
        Command::AddConsumer(_) => "add_consumer",
        Command::SetConsumerPaused(..) => "set_consumer_paused",
        Command::SetConsumerLayer(..) => "set_consumer_layer",
        Command::RemoveConsumer(_) => "remove_consumer",
        Command::RequestKeyframe(_) => "request_keyframe",
        Command::ReportUsage => "report_usage",
        Command::ReportQuality(_) => "report_quality",
    }
}
