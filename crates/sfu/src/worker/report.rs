//! What is due by time: handshakes, silence, RTCP reports, keyframe requests.

use std::time::{Duration, Instant};

use super::Worker;
use crate::{
    Event, FailReason, LostReason,
    batch::Sender,
    handshakes::Piece,
    producer::Origin,
    rtcp::{ReportBlock, Writer},
    streams::Feed,
};

/// RTCP reports. Round trip and loss are known to the second; more often costs packets in large channels.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// Without USE-CANDIDATE, checks go on this long before the hello goes to where they come from.
pub(super) const NOMINATION_PATIENCE: Duration = Duration::from_millis(300);
/// From opening a transport to its keys. A browser gives up its own connecting at about the same time.
pub(super) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);
/// A browser checks every 2.5 s and gives up after about 15 s itself.
const SILENCE_LIMIT: Duration = Duration::from_secs(15);

/// RTCP datagrams stay below this plain size.
const MAX_COMPOUND: usize = 1200;
/// Report blocks of one receiver report (5 bits on the wire).
const MAX_BLOCKS: usize = 31;

impl Worker {
    pub(super) fn run_timers(&mut self, now: Instant, sender: &mut Sender<'_>) {
        for (to, datagram) in std::mem::take(&mut self.farewells) {
            sender.bytes(to, &datagram);
        }
        let mut due = std::mem::take(&mut self.due);
        self.timers.take_due(now, &mut due);
        for (at, index) in due.drain(..) {
            let Some(transport) = self.transports.get_mut(index) else { continue };
            // Superseded by an earlier entry, or left over from a transport that had this place before.
            if transport.armed != Some(at) {
                continue;
            }
            transport.armed = None;
            self.run_timer(now, index, sender);
        }
        self.due = due;
    }

    /// Does all that is due for one transport and arms its next timer.
    fn run_timer(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        if transport.srtp.is_none() {
            if now >= transport.opened + HANDSHAKE_LIMIT {
                let event = Event::TransportFailed { id: transport.id, reason: FailReason::Timeout };
                self.counters.handshakes_failed += 1;
                self.end_transport(now, index, event);
                return;
            }
            let (limit, patience) = (
                transport.opened + HANDSHAKE_LIMIT,
                transport.first_check.map(|first| first + NOMINATION_PATIENCE),
            );
            let waits = transport.dtls.is_none();
            if waits && patience.is_some_and(|patience| now >= patience) {
                self.handshakes.push(index, Piece::Start);
            } else if let Some(patience) = patience.filter(|_| waits) {
                self.arm(index, patience);
            }
            self.arm(index, limit);
        } else if !transport.lost && now >= transport.heard + SILENCE_LIMIT {
            transport.lost = true;
            self.events.push(Event::TransportLost { id: transport.id, reason: LostReason::Silence });
        }
        self.advance_dtls(now, index);
        self.report(now, index, sender);
        self.send_transport_feedback(now, index, sender);
        self.fill(now, index, sender);
        self.rearm_keyframes(now, index);
        self.ask_publisher(now, index, sender);
    }

    /// Sends the reports of a transport when their second is over.
    fn report(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let Some(due) = transport.next_report else { return };
        if now < due {
            self.arm(index, due);
            return;
        }
        // Keeps its phase, so that transports stay spread over the second; not after a stall.
        let next = if due + INTERVAL > now { due + INTERVAL } else { now + INTERVAL };
        transport.next_report = Some(next);
        self.send_receiver_reports(now, index, sender);
        self.send_sender_reports(now, index, sender);
        self.allocate(now, index);
        self.look_for_takers(now, index);
        self.arm(index, next);
    }

    fn send_receiver_reports(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let blocks: Vec<ReportBlock> = transport
            .inbound
            .iter_mut()
            .filter(|inbound| matches!(inbound.feed, Feed::Media { .. }))
            .filter_map(|inbound| inbound.reception.report(inbound.ssrc(), now))
            .collect();
        for blocks in blocks.chunks(MAX_BLOCKS) {
            self.send_compound(index, sender, |writer| {
                writer.put_receiver_report(blocks);
            });
        }
    }

    fn send_sender_reports(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let Some(transport) = self.transports.get(index) else { return };
        let mut reports = Vec::new();
        for &at in &transport.consumers {
            let Some(consumer) = self.consumers.get_mut(at).filter(|consumer| consumer.layer().is_some())
            else {
                continue;
            };
            // Who sends nothing reports nothing (RFC 3550 §6.4): in a large room that is nearly everybody.
            let Some(producer) = self.producers.get(consumer.producer).filter(|p| !p.held_back) else {
                continue;
            };
            // The clock of the layer that is sent, whichever is wanted.
            let Some(layer) = consumer.rewrite.layer() else { continue };
            let clock = match &producer.origin {
                Origin::Transport(transport) => {
                    producer.media.streams.get(usize::from(layer)).and_then(|stream| {
                        self.transports.get(*transport)?.inbound.named(stream.ssrc?)?.reception.sender
                    })
                }
                Origin::Worker { clocks, .. } => clocks.get(usize::from(layer)).copied().flatten(),
            };
            let Some(clock) = clock else { continue };
            if let Some(info) = consumer.sender_report(now, &clock, producer.clock_rate()) {
                reports.push((info, consumer.mapping.cname.clone()));
            }
        }
        // A report with its name takes under 130 bytes, so eight fit into a compound.
        for reports in reports.chunks(8) {
            self.send_compound(index, sender, |writer| {
                for (info, cname) in reports {
                    writer.put_sender_report(info);
                    writer.put_cname(info.ssrc, cname);
                }
            });
        }
    }

    /// Writes, seals and sends one compound on a transport.
    pub(super) fn send_compound(
        &mut self,
        index: usize,
        sender: &mut Sender<'_>,
        write: impl FnOnce(&mut Writer<'_>),
    ) {
        let Some(transport) = self.transports.get_mut(index) else { return };
        let (Some(srtp), Some(to)) = (transport.srtp.as_mut(), transport.remote) else { return };
        let sent = sender.datagram(to, |room| {
            let mut writer = Writer::new(room.get_mut(..MAX_COMPOUND)?);
            write(&mut writer);
            let length = writer.length();
            if length == 0 { None } else { srtp.seal_rtcp(room, length) }
        });
        self.counters.rtcp_out += u64::from(sent);
    }

    /// Passes on the keyframe requests of this turn, those that are due.
    pub(super) fn request_keyframes(&mut self, now: Instant, sender: &mut Sender<'_>) {
        for (index, layer) in std::mem::take(&mut self.keyframes_wanted) {
            if self.ask_other_worker(now, index, layer) {
                continue;
            }
            let Some(producer) = self.producers.get_mut(index).filter(|producer| producer.active) else {
                continue;
            };
            let Some(requests) = producer.keyframes.get_mut(usize::from(layer)) else { continue };
            let due = requests.want(now);
            let Origin::Transport(transport) = producer.origin else { continue };
            if due > now {
                self.arm(transport, due);
            } else {
                self.send_due_requests(now, index, sender);
            }
        }
    }

    /// Puts requests that became due back among those to be sent, and arms for those that did not.
    fn rearm_keyframes(&mut self, now: Instant, index: usize) {
        let Some(transport) = self.transports.get(index) else { return };
        let mut next: Option<Instant> = None;
        for &producer_index in &transport.producers {
            let Some(producer) = self.producers.get(producer_index) else { continue };
            for (layer, requests) in producer.keyframes.iter().enumerate() {
                match requests.due() {
                    Some(due) if due <= now => self.keyframes_wanted.push((producer_index, layer as u8)),
                    Some(due) => next = Some(next.map_or(due, |next| next.min(due))),
                    None => {}
                }
            }
        }
        if let Some(next) = next {
            self.arm(index, next);
        }
    }

    fn send_due_requests(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let Some(producer) = self.producers.get_mut(index) else { return };
        let Some(transport) = producer.transport() else { return };
        if !self.transports.get(transport).is_some_and(|transport| transport.is_open()) {
            // The publisher is not connected yet. Its first picture is a keyframe.
            producer.keyframes.iter_mut().for_each(|requests| requests.arrived());
            return;
        }
        let streams = producer.media.streams.iter().zip(producer.keyframes.iter_mut());
        // A stream whose SSRC is not known yet has sent nothing, and begins with a keyframe by itself.
        let due: Vec<u32> =
            streams.filter_map(|(stream, requests)| stream.ssrc.filter(|_| requests.take_due(now))).collect();
        for ssrc in due {
            self.counters.keyframes_requested += 1;
            self.send_compound(transport, sender, |writer| {
                writer.put_receiver_report(&[]);
                writer.put_pli(ssrc);
            });
        }
    }
}
