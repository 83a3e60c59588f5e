//! From a datagram to its meaning: demultiplexing (RFC 7983), ICE, SRTP. DTLS waits for the end of the turn.

use std::time::Instant;

use super::Worker;
use crate::{
    Event, Remote,
    batch::{Inbox, Sender},
    downlink::{BELOW_RTP, micros},
    dtls,
    handshakes::Piece,
    head::Carried,
    keyframe,
    loudest::Verdict,
    nack::{self, Gaps},
    ortc::MediaKind,
    producer::Opened,
    reception::SenderClock,
    rtcp::{self, Statement},
    rtp,
    srtp::{MAX_OVERHEAD, Refused},
    streams::{Feed, Inbound},
    stun::{self, Check},
};

/// Packets one datagram may ask for: as many as are remembered of a stream. The rest is asked for again.
const MAX_ASKED: usize = 512;

impl Worker {
    /// Takes the datagram in a slot. RTP stays there, opened, until the turn's forwarding.
    pub(super) fn receive(&mut self, now: Instant, inbox: &mut Inbox, slot: usize, sender: &mut Sender<'_>) {
        self.counters.datagrams_in += 1;
        let Some(from) = inbox.sender(slot) else { return };
        let datagram = inbox.datagram_mut(slot);
        let (Some(&first), second) = (datagram.first(), datagram.get(1).copied().unwrap_or(0)) else {
            self.counters.dropped_garbage += 1;
            return;
        };
        if stun::is_stun(first) {
            self.receive_check(now, from, datagram, sender);
            return;
        }
        let transport = self.by_address.get(&from).copied();
        match (transport, first) {
            (Some(transport), _) if dtls::is_dtls(first) => self.receive_dtls(transport, datagram),
            (None, _) if dtls::is_dtls(first) => self.counters.dropped_dtls_unchecked += 1,
            (Some(transport), _) if rtp::is_rtp_or_rtcp(first) => {
                if rtp::is_rtcp(second) {
                    self.receive_rtcp(now, transport, datagram);
                } else {
                    self.receive_rtp(now, transport, slot, datagram);
                }
            }
            (None, _) if rtp::is_rtp_or_rtcp(first) => self.counters.dropped_unknown_address += 1,
            _ => self.counters.dropped_garbage += 1,
        }
    }

    /// A connectivity check. Only an authentic one is answered, and only it makes its address known.
    fn receive_check(&mut self, now: Instant, from: Remote, message: &[u8], sender: &mut Sender<'_>) {
        let found = Check::read(message).ok().and_then(|check| {
            let index = *self.by_ufrag.get(check.local_ufrag)?;
            let transport = self.transports.get(index)?;
            let ours = transport.remote_ufrag == check.remote_ufrag && check.is_authentic(&transport.key);
            ours.then_some((check, index))
        });
        let Some((check, index)) = found else {
            self.counters.stun_refused += 1;
            return;
        };
        let Some(transport) = self.transports.get_mut(index) else { return };
        self.counters.stun_checks += 1;
        let first = transport.first_check.is_none();
        let evicted = transport.checked(now, from, check.use_candidate);
        sender.datagram(from, |room| {
            let room = room.first_chunk_mut::<{ stun::MAX_RESPONSE }>()?;
            Some(check.answer(from.address(), &transport.key, room))
        });
        let start = check.use_candidate && transport.dtls.is_none();
        if let Some(address) = evicted.filter(|address| self.by_address.get(address) == Some(&index)) {
            self.by_address.remove(&address);
        }
        // The newest transport that proves itself from an address has it: a browser reuses ports.
        if let Some(other) = self.by_address.insert(from, index).filter(|other| *other != index)
            && let Some(other) = self.transports.get_mut(other)
        {
            other.paths.retain(|path| path.address != from);
            other.remote = other.remote.filter(|remote| *remote != from);
        }
        self.heard(now, index);
        if start {
            self.handshakes.push(index, Piece::Start);
        } else if first {
            self.arm(index, now + super::report::NOMINATION_PATIENCE);
        }
    }

    /// Notes that something authentic came.
    fn heard(&mut self, now: Instant, index: usize) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        transport.heard = now;
        if std::mem::take(&mut transport.lost) {
            self.events.push(Event::TransportBack { id: transport.id });
            transport.consumers.clone().into_iter().for_each(|consumer| self.restart(consumer));
        }
    }

    fn refused(&mut self, refused: Refused) {
        *match refused {
            Refused::Malformed => &mut self.counters.dropped_malformed,
            Refused::Replayed => &mut self.counters.dropped_replayed,
            Refused::Unauthentic => &mut self.counters.dropped_unauthentic,
        } += 1;
    }

    /// Opens an RTP packet where it lies and leaves it to its producer for this turn.
    fn receive_rtp(&mut self, now: Instant, index: usize, slot: usize, packet: &mut [u8]) {
        let Ok(header) = rtp::Header::read(packet) else {
            self.counters.dropped_malformed += 1;
            return;
        };
        let Some(transport) = self.transports.get(index) else { return };
        let known = transport.inbound.place(header.ssrc);
        let free = known.is_none_or(|place| transport.inbound.get(place).is_some_and(|i| i.is_free(now)));
        let named = if free { self.named(index, &header, packet) } else { None };
        let Some(transport) = self.transports.get_mut(index) else { return };
        let Some(srtp) = transport.srtp.as_ref() else {
            self.counters.dropped_no_keys += 1;
            return;
        };
        let mut fresh = None;
        let inbound = match known.and_then(|place| transport.inbound.get_mut(place)) {
            Some(inbound) => inbound,
            None => match named {
                Some(named) => {
                    fresh.insert(Inbound::new(self.epoch, header.ssrc, named.clock_rate, named.feed))
                }
                None => {
                    self.counters.dropped_unknown_ssrc += 1;
                    return;
                }
            },
        };
        let wire_bytes = packet.len() as u64;
        let opened = srtp.open_rtp(&mut inbound.window, packet, header.length, header.sequence);
        let (length, packet_index) = match opened {
            Ok(opened) => opened,
            Err(refused) => return self.refused(refused),
        };
        self.counters.rtp_in += 1;
        self.counters.rtp_bytes_in += wire_bytes;
        transport.tally.packets_up += 1;
        transport.tally.bytes_up += wire_bytes;
        // A retransmission does not undo a loss, and its time says nothing of the network (RFC 4588 §6).
        if inbound.gaps.arrived(now, packet_index) {
            self.counters.recovered += 1;
        } else {
            inbound.reception.packet(now, packet_index, header.timestamp);
        }
        let feed = named.map_or(inbound.feed, |named| named.feed);
        let due = transport.uplink.as_mut().and_then(|up| up.packet(self.epoch, now, &header, packet));
        // Only now: the packet is authentic.
        let stream = named.map_or(known, |named| self.learn(index, header.ssrc, named, fresh));
        if let Some(due) = due {
            self.arm(index, due);
        }
        self.heard(now, index);
        let arrived = match feed {
            Feed::Media { producer, layer } => {
                stream.map(|stream| (producer, layer, stream, header, length, packet_index))
            }
            Feed::Retransmissions { producer, layer } => self
                .receive_rtx(now, producer, layer, packet, &header, length)
                .map(|(stream, header, length, index)| (producer, layer, stream, header, length, index)),
            Feed::Nothing => {
                self.counters.dropped_unknown_ssrc += 1;
                None
            }
        };
        if let Some((producer, layer, stream, header, length, index)) = arrived {
            let opened = Opened::new(slot, Some(stream), layer, header, length, index);
            self.take_packet(now, producer, opened, packet);
        }
    }

    /// Leaves an opened packet to its producer for this turn, and notes what is missing before it.
    pub(super) fn take_packet(&mut self, now: Instant, index: usize, mut opened: Opened, packet: &[u8]) {
        let header = &opened.header;
        let payload = packet.get(header.length..opened.length).unwrap_or_default();
        let Some(payload) = rtp::without_padding(payload, header.padding) else {
            self.counters.dropped_malformed += 1;
            return;
        };
        let Some(producer) = self.producers.get_mut(index) else { return };
        // The gaps in what other workers open are theirs.
        let publisher = producer.transport();
        let mut gaps = publisher
            .zip(opened.stream)
            .and_then(|(transport, place)| self.transports.get_mut(transport)?.inbound.get_mut(place))
            .map(|inbound| &mut inbound.gaps);
        if !producer.active {
            self.counters.dropped_inactive += 1;
            gaps.into_iter().for_each(Gaps::forget);
            return;
        }
        let Some(codec) = producer.codec(header.payload_type) else {
            self.counters.dropped_payload_type += 1;
            return;
        };
        let (nack, begins_keyframe) = (codec.nack, keyframe::begins_keyframe(codec.codec, payload));
        if let Some(microphone) = producer.microphone {
            let level = producer.audio_level(header, packet);
            match self.rooms.packet(micros(self.epoch, now), microphone, level) {
                Verdict::HeldBack => {
                    self.counters.held_back += 1;
                    producer.held_back = true;
                    gaps.into_iter().for_each(Gaps::forget);
                    return;
                }
                Verdict::TookPlace => self.counters.microphones_switched += 1,
                Verdict::Forwarded => {}
            }
            if std::mem::take(&mut producer.held_back) {
                producer.piece = producer.piece.wrapping_add(1);
            }
        }
        opened.carried = Carried::read(&producer.media.extensions, header, packet);
        opened.piece = producer.piece;
        opened.begins_keyframe = begins_keyframe;
        let keyframe = opened.begins_keyframe && producer.kind == MediaKind::Video;
        producer.layers.packet(opened.layer, opened.header.timestamp);
        if keyframe && let Some(requests) = producer.keyframes.get_mut(usize::from(opened.layer)) {
            requests.arrived();
        }
        if !nack || !producer.has_audience() {
            gaps.into_iter().for_each(Gaps::forget);
        } else if let Some((gaps, publisher)) = gaps.as_mut().zip(publisher) {
            let given_up = gaps.extend(now, opened.index, opened.header.timestamp, keyframe);
            if given_up > 0 {
                self.counters.given_up += given_up as u64;
                self.keyframes_wanted
                    .extend((producer.kind == MediaKind::Video).then_some((index, opened.layer)));
            }
            if !gaps.is_empty() && self.gapped.last() != Some(&publisher) {
                self.gapped.push(publisher);
            }
        }
        if let Some(rate) = producer.rates.get_mut(usize::from(opened.layer)) {
            rate.add(micros(self.epoch, now), opened.length + MAX_OVERHEAD + BELOW_RTP);
        }
        if producer.has_audience()
            && let Some(history) = producer.histories.get_mut(usize::from(opened.layer))
        {
            history.store(now, opened.index, packet.get(..opened.length).unwrap_or_default(), keyframe);
        }
        if producer.turn.is_empty() {
            self.touched.push(index);
        }
        producer.turn.push(opened);
    }

    /// Takes an RTCP compound: reports in, keyframe requests on.
    fn receive_rtcp(&mut self, now: Instant, index: usize, packet: &mut [u8]) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let Some(srtp) = transport.srtp.as_mut() else {
            self.counters.dropped_no_keys += 1;
            return;
        };
        let length = match srtp.open_rtcp(packet) {
            Ok(length) => length,
            Err(refused) => return self.refused(refused),
        };
        self.counters.rtcp_in += 1;
        let micros = micros(self.epoch, now);
        let (producers, consumers) = (&mut self.producers, &mut self.consumers);
        let (wanted, counters) = (&mut self.keyframes_wanted, &mut self.counters);
        let most = self.asked.len() + MAX_ASKED;
        let asked = &mut self.asked;
        let sound = rtcp::read(packet.get(..length).unwrap_or_default(), |statement| match statement {
            Statement::Sender(info) => {
                if let Some(inbound) = transport.inbound.named_mut(info.ssrc) {
                    inbound.reception.sender = Some(SenderClock { info, arrived: now });
                }
            }
            Statement::Report(block) => {
                let consumer = transport.by_sent_ssrc.get(&block.ssrc).and_then(|at| consumers.get_mut(*at));
                // Of the retransmissions' own stream nothing is to be learnt.
                if let Some(consumer) = consumer.filter(|consumer| consumer.mapping.ssrc == block.ssrc) {
                    let clock_rate = producers.get(consumer.producer).map_or(90_000, |p| p.clock_rate());
                    consumer.reported(now, &block, clock_rate);
                    // Feedback says the same, sooner.
                    if let Some(downlink) = transport.downlink.as_mut()
                        && consumer.mapping.extensions.transport_cc.is_none()
                    {
                        let packets = consumer.packets_since_report();
                        downlink.report(micros, packets, block.fraction_lost);
                    }
                }
            }
            Statement::KeyframeRequest { ssrc } => {
                let consumer = transport.by_sent_ssrc.get(&ssrc).and_then(|at| consumers.get(*at));
                if let Some(consumer) = consumer
                    && let Some(producer) = producers.get(consumer.producer)
                    && let Some(layer) = consumer.layer()
                {
                    let target = producer.layer(layer);
                    wanted.push((consumer.producer, target));
                    // The one that goes on until then is seen as well.
                    let present = consumer.rewrite.layer().filter(|present| *present != target);
                    wanted.extend(present.map(|present| (consumer.producer, present)));
                }
            }
            Statement::Nack { ssrc, first, mask } => {
                counters.nacks_received += 1;
                let consumer = transport.by_sent_ssrc.get(&ssrc).copied();
                let is_media = |at: &usize| consumers.get(*at).is_some_and(|c| c.mapping.ssrc == ssrc);
                let room = most.saturating_sub(asked.len());
                if let Some(consumer) = consumer.filter(is_media) {
                    asked.extend(nack::numbers(first, mask).take(room).map(|number| (consumer, number)));
                } else {
                    counters.not_again_unknown += 1;
                }
            }
        });
        if !sound {
            counters.dropped_malformed += 1;
        }
        if let Some(downlink) = transport.downlink.as_mut() {
            for body in rtcp::transport_feedback(packet.get(..length).unwrap_or_default()) {
                counters.feedback_received += 1;
                counters.dropped_malformed += u64::from(!downlink.feedback(micros, body));
            }
        }
        self.heard(now, index);
        self.allocate(now, index);
    }
}
