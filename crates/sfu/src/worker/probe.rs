//! Filling: what is sent beside the media to find out whether the way to a subscriber bears more.
//!
//! It goes in the stream of retransmissions of one of its videos, where a receiver takes packets it has had for what
//! they are: repeats. That stream has SSRC and indices of its own, so nothing is ever sealed twice under one of them.

use std::time::{Duration, Instant};

use super::Worker;
use crate::{
    batch::Sender,
    consumer::{Consumer, Sent, abs_send_time},
    downlink::micros,
    producer::Producer,
    srtp::Srtp,
    transport::Transport,
};

/// Less filling than this many bytes waits for the next portion.
const LEAST: u64 = 150;
/// From this many bytes on a packet of the picture is sent again; less is padding, to keep the rate even.
const LARGE: u64 = 700;
/// Packets in one portion: a thread that was kept from running does not make up for it in one burst.
const BURST: usize = 16;
/// How far back packets are taken from: behind it they are older than what the history holds.
const REACH: u64 = 64;

impl Worker {
    /// Sends the filling that is due, and arms for the next portion.
    pub(super) fn fill(&mut self, now: Instant, index: usize, sender: &mut Sender<'_>) {
        let downlink = self.transports.get(index).and_then(|transport| transport.downlink.as_ref());
        if downlink.is_none_or(|downlink| downlink.probe.is_none()) {
            return;
        }
        self.allocate(now, index);
        let micros = micros(self.epoch, now);
        let Some(transport) = self.transports.get_mut(index).filter(|transport| transport.is_open()) else {
            return;
        };
        let Transport {
            srtp: Some(srtp), remote: Some(to), tally, downlink: Some(downlink), consumers, ..
        } = transport
        else {
            return;
        };
        let chosen = Self::filler(&self.consumers, consumers);
        let Some(consumer) = chosen.and_then(|at| self.consumers.get_mut(at)) else { return };
        let Some(producer) = self.producers.get(consumer.producer) else { return };
        let (abs_send_time, mut back) = (abs_send_time(self.epoch, now), 0);
        for _ in 0..BURST {
            let due = downlink.probe.as_ref().map_or(0, |probe| probe.due(micros));
            if due < LEAST {
                break;
            }
            let sent = Sent {
                layer: 0,
                extensions: producer.media.extensions,
                abs_send_time,
                transport_number: Some(downlink.departures.number().to_be_bytes()),
            };
            let mut sealed = 0;
            let left = sender.datagram(*to, |room| {
                let repeat = if due < LARGE {
                    None
                } else {
                    repeat(now, consumer, producer, &mut back, &sent, srtp, room)
                };
                sealed = repeat.or_else(|| consumer.write_padding(&sent, srtp, room))?;
                Some(sealed)
            });
            if !left {
                break;
            }
            tally.packets_down += 1;
            tally.bytes_down += sealed as u64;
            self.counters.probe_packets += 1;
            downlink.sent(micros, sealed, true);
        }
        self.arm_probe(now, index);
    }

    /// Makes sure that a probe goes on.
    pub(super) fn arm_probe(&mut self, now: Instant, index: usize) {
        let micros = micros(self.epoch, now);
        let downlink = self.transports.get(index).and_then(|transport| transport.downlink.as_ref());
        let wake = downlink.and_then(|downlink| downlink.probe.as_ref()).map(|probe| probe.next_wake(micros));
        if let Some(wake) = wake {
            self.arm(index, self.epoch + Duration::from_micros(wake));
        }
    }

    /// The consumer in whose retransmissions filling goes: one that has something to send again, else any.
    fn filler(all: &slab::Slab<Consumer>, of: &[usize]) -> Option<usize> {
        let can = || of.iter().copied().filter(|at| all.get(*at).is_some_and(Consumer::can_fill));
        let has = |at: &usize| all.get(*at).is_some_and(|consumer| consumer.rewrite.source().is_some());
        can().find(has).or_else(|| can().next())
    }
}

/// Writes the next packet to be sent again, going back from the newest and then from the newest again.
fn repeat(
    now: Instant,
    consumer: &mut Consumer,
    producer: &Producer,
    back: &mut u64,
    sent: &Sent,
    srtp: &Srtp,
    out: &mut [u8],
) -> Option<usize> {
    for _ in 0..REACH {
        *back = *back % REACH + 1;
        let Some(index) = consumer.rewrite.next().checked_sub(*back) else { continue };
        let Some((layer, source)) = consumer.rewrite.source_of(index) else { continue };
        let history = producer.histories.get(usize::from(layer));
        let packet = history.and_then(|history| history.packet(now, source));
        let Some(packet) = packet.filter(|packet| packet.len() as u64 >= LARGE / 2) else { continue };
        let written = consumer.write_filling(packet, index, sent, srtp, out);
        if written.is_some() {
            return written;
        }
    }
    None
}
