//! Loss on the way down: receivers ask for packets again and get them from the publisher's history.

use std::time::Instant;

use super::Worker;
use crate::{
    batch::Sender,
    consumer::{Refused, Sent, abs_send_time},
    downlink::micros,
    ortc::MediaKind,
    transport::Transport,
};

/// What became of a packet that a receiver asked for.
enum Answer {
    Sent {
        rtx: bool,
    },
    Refused(Refused),
    /// The publisher is being asked for it; it is forwarded when it comes.
    Awaited,
    /// The receiver can go on without it.
    Needless,
}

impl Worker {
    /// Answers the NACKs of this turn.
    pub(super) fn send_again(&mut self, now: Instant, sender: &mut Sender<'_>) {
        for (index, number) in std::mem::take(&mut self.asked) {
            let answer = self.send_one_again(now, index, number, sender);
            *match answer {
                Answer::Sent { rtx: true } => &mut self.counters.sent_again_rtx,
                Answer::Sent { rtx: false } => &mut self.counters.sent_again_plain,
                Answer::Refused(Refused::TooSoon) => &mut self.counters.not_again_too_soon,
                Answer::Refused(Refused::OverBudget) => &mut self.counters.not_again_over_budget,
                Answer::Refused(Refused::TooOld) => &mut self.counters.not_again_too_old,
                Answer::Refused(Refused::Unknown) => &mut self.counters.not_again_unknown,
                Answer::Awaited => &mut self.counters.not_again_awaited,
                Answer::Needless => &mut self.counters.not_again_needless,
            } += 1;
        }
    }

    fn send_one_again(&mut self, now: Instant, index: usize, number: u16, sender: &mut Sender<'_>) -> Answer {
        const UNKNOWN: Answer = Answer::Refused(Refused::Unknown);
        let Some(consumer) = self.consumers.get_mut(index) else { return UNKNOWN };
        let Some(producer) = self.producers.get(consumer.producer) else { return UNKNOWN };
        let Some(out) = consumer.rewrite.index_of(number) else { return UNKNOWN };
        let Some((layer, source)) = consumer.rewrite.source_of(out).filter(|_| consumer.layer().is_some())
        else {
            return Answer::Needless;
        };
        let place = usize::from(layer);
        let (Some(history), Some(stream)) =
            (producer.histories.get(place), producer.media.streams.get(place))
        else {
            return UNKNOWN;
        };
        let Some(packet) = history.packet(now, source) else {
            let publisher = producer.transport().and_then(|transport| self.transports.get(transport));
            let inbound = publisher.and_then(|publisher| publisher.inbound.named(stream.ssrc?));
            if history.is_needless(source) {
                return Answer::Needless;
            }
            if inbound.is_some_and(|inbound| inbound.gaps.waits_for(source)) {
                return Answer::Awaited;
            }
            if producer.kind == MediaKind::Video {
                self.keyframes_wanted.push((consumer.producer, layer));
            }
            return Answer::Refused(Refused::TooOld);
        };
        let Some(transport) = self.transports.get_mut(consumer.transport).filter(|t| t.is_open()) else {
            return UNKNOWN;
        };
        let Transport { srtp: Some(srtp), remote: Some(to), tally, downlink, .. } = transport else {
            return UNKNOWN;
        };
        let mut downlink = downlink.as_mut().filter(|downlink| downlink.videos > 0);
        let extensions = producer.media.extensions;
        let sent = Sent {
            layer,
            extensions,
            abs_send_time: abs_send_time(self.epoch, now),
            transport_number: downlink.as_ref().map(|downlink| downlink.departures.number().to_be_bytes()),
        };
        let has_feedback = consumer.mapping.extensions.transport_cc.is_some();
        let micros = micros(self.epoch, now);
        let now = now.saturating_duration_since(self.epoch).as_millis() as u32;
        let mut answer = UNKNOWN;
        sender.datagram(*to, |room| match consumer.write_again(now, packet, out, &sent, srtp, room) {
            Ok(again) => {
                tally.packets_down += 1;
                tally.bytes_down += again.sealed as u64;
                if let Some(downlink) = downlink.as_mut() {
                    downlink.sent(micros, again.sealed, again.numbered && has_feedback);
                }
                answer = Answer::Sent { rtx: again.rtx };
                Some(again.sealed)
            }
            Err(refused) => {
                answer = Answer::Refused(refused);
                None
            }
        });
        answer
    }
}
