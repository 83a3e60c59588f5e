//! Streams whose SSRC no offer lists: simulcast as browsers offer it. The first authentic packet that names such a
//! stream (mid, and RtpStreamId or RepairedRtpStreamId; RFC 8852) tells its SSRC, which then stays.
//!
//! A peer can make this side remember one SSRC per stream it announced, and as many for retransmissions; all others
//! are dropped without a trace but a count.

use std::time::{Duration, Instant};

use super::Worker;
use crate::{
    nack::Gaps,
    rtp::Header,
    transport::{Feed, Inbound},
};

/// An SSRC whose producer went may serve another one after this time. Sooner, a straggler of the old stream could
/// take the place of the new one; later, a browser that keeps its SSRCs is unseen for longer.
const REUSE_PATIENCE: Duration = Duration::from_secs(1);

/// What the header of a packet says its SSRC is. Not to be believed before the packet has been opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) feed: Feed,
    pub(super) clock_rate: u32,
}

impl Worker {
    /// The stream that a packet with an SSRC without use names; None for every other packet.
    pub(super) fn named(&self, now: Instant, index: usize, header: &Header, packet: &[u8]) -> Option<Named> {
        let transport = self.transports.get(index)?;
        if let Some(inbound) = transport.inbound.get(&header.ssrc) {
            let rested = |freed| now.saturating_duration_since(freed) >= REUSE_PATIENCE;
            if inbound.feed != Feed::Nothing || !inbound.freed.is_some_and(rested) {
                return None;
            }
        }
        transport.producers.iter().find_map(|&at| {
            let producer = self.producers.get(at)?;
            let (layer, repairs) = producer.named(header, packet)?;
            let feed = if repairs {
                Feed::Retransmissions { producer: at, layer }
            } else {
                Feed::Media { producer: at, layer }
            };
            Some(Named { feed, clock_rate: producer.clock_rate() })
        })
    }

    /// Notes what an SSRC is, told by an authentic packet. `fresh`: its state, when it was never seen before.
    pub(super) fn learn(&mut self, index: usize, ssrc: u32, named: Named, fresh: Option<Inbound>) {
        let feed = named.feed;
        let (Feed::Media { producer, layer } | Feed::Retransmissions { producer, layer }) = feed else {
            return;
        };
        let streams = self.producers.get_mut(producer).map(|producer| &mut producer.media.streams);
        let Some(stream) = streams.and_then(|streams| streams.get_mut(usize::from(layer))) else { return };
        let Some(transport) = self.transports.get_mut(index) else { return };
        match feed {
            Feed::Retransmissions { .. } => stream.rtx_ssrc = Some(ssrc),
            _ => stream.ssrc = Some(ssrc),
        }
        if let Some(fresh) = fresh {
            transport.inbound.insert(ssrc, fresh);
        } else if let Some(inbound) = transport.inbound.get_mut(&ssrc) {
            (inbound.feed, inbound.gaps) = (feed, Gaps::default());
        }
        self.counters.ssrcs_learned += 1;
    }
}
