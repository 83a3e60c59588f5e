//! Loss on the way up: missing packets are asked for, and taken back from what comes again.

use std::time::{Duration, Instant};

use super::Worker;
use crate::{batch::Sender, nack, ortc::MediaKind, rtp, rtx, streams::Feed};

/// How late a packet may come back. Sound waits in a small jitter buffer; a picture that waits longer than this is
/// better begun anew with a keyframe.
const MAX_AGE_AUDIO: Duration = Duration::from_millis(500);
const MAX_AGE_VIDEO: Duration = Duration::from_secs(1);

impl Worker {
    /// Unwraps, in place, a retransmission of a stream's packet: that stream's place, the packet's header, length and
    /// index.
    pub(super) fn receive_rtx(
        &mut self,
        now: Instant,
        producer: usize,
        layer: u8,
        packet: &mut [u8],
        header: &rtp::Header,
        length: usize,
    ) -> Option<(usize, rtp::Header, usize, u64)> {
        let payload = packet.get(header.length..length).unwrap_or_default();
        let Some(payload) = rtp::without_padding(payload, header.padding) else {
            self.counters.dropped_malformed += 1;
            return None;
        };
        let Some(original) = rtx::original_sequence(payload) else {
            self.counters.rtx_padding += 1;
            return None;
        };
        let producer = self.producers.get(producer)?;
        let codecs = &producer.media.codecs;
        let Some(codec) = codecs.iter().find(|codec| codec.rtx_payload_type == Some(header.payload_type))
        else {
            self.counters.dropped_payload_type += 1;
            return None;
        };
        let stream = producer.media.streams.get(usize::from(layer))?;
        let streams = &mut self.transports.get_mut(producer.transport()?)?.inbound;
        let place = streams.place(stream.ssrc?)?;
        let inbound = streams.get_mut(place)?;
        let index = inbound.window.index_of(original).filter(|index| inbound.window.is_fresh(*index));
        let Some(index) = index else {
            self.counters.rtx_duplicates += 1;
            return None;
        };
        let (header, length) = rtx::unwrap(packet, header, length, stream.ssrc?, codec.payload_type)?;
        inbound.window.accept(index);
        self.counters.recovered += u64::from(inbound.gaps.answered_by_rtx(now, index));
        Some((place, header, length, index))
    }

    /// Asks for what is missing since this turn.
    pub(super) fn ask_for_missing(&mut self, now: Instant, sender: &mut Sender<'_>) {
        while let Some(transport) = self.gapped.pop() {
            self.ask_publisher(now, transport, sender);
        }
    }

    /// Asks one publisher for all it is due to be asked for, and arms for the rest.
    pub(super) fn ask_publisher(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let (mut requests, mut next): (Vec<(u32, Vec<u16>)>, Option<Instant>) = (Vec::new(), None);
        for inbound in transport.inbound.iter_mut().filter(|inbound| !inbound.gaps.is_empty()) {
            let Feed::Media { producer: producer_index, layer } = inbound.feed else {
                inbound.gaps.forget();
                continue;
            };
            let producer = self.producers.get(producer_index).filter(|producer| producer.active);
            let Some(producer) = producer else {
                inbound.gaps.forget();
                continue;
            };
            let video = producer.kind == MediaKind::Video;
            let max_age = if video { MAX_AGE_VIDEO } else { MAX_AGE_AUDIO };
            let mut numbers = Vec::new();
            let look = inbound.gaps.look(now, max_age, |index| numbers.push(index as u16));
            if look.given_up > 0 {
                self.counters.given_up += look.given_up as u64;
                self.keyframes_wanted.extend(video.then_some((producer_index, layer)));
            }
            next = [next, look.next].into_iter().flatten().min();
            if !numbers.is_empty() {
                requests.push((inbound.ssrc(), numbers));
            }
        }
        for (ssrc, numbers) in requests {
            self.counters.nacks_sent += 1;
            self.counters.retransmissions_requested += numbers.len() as u64;
            self.send_compound(index, sender, |writer| {
                writer.put_receiver_report(&[]);
                writer.put_nack(ssrc, &nack::pack(&numbers));
            });
        }
        if let Some(next) = next {
            self.arm(index, next);
        }
    }
}
