//! Streams whose SSRC no offer lists: simulcast as browsers offer it. The first authentic packet that names such a
//! stream (mid, and RtpStreamId or RepairedRtpStreamId; RFC 8852) tells its SSRC, which then stays.
//!
//! A peer can make this side remember one SSRC per stream it announced, and as many for retransmissions; all others
//! are dropped without a trace but a count.

use super::Worker;
use crate::{
    rtp::Header,
    streams::{Feed, Inbound},
};

/// What the header of a packet says its SSRC is. Not to be believed before the packet has been opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) feed: Feed,
    pub(super) clock_rate: u32,
}

impl Worker {
    /// The stream that a packet names, to be asked of an SSRC without use only.
    pub(super) fn named(&self, index: usize, header: &Header, packet: &[u8]) -> Option<Named> {
        let transport = self.transports.get(index)?;
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

    /// Notes what an SSRC is, told by an authentic packet; the stream's place. `fresh`: its state, when it was never
    /// seen before.
    pub(super) fn learn(
        &mut self,
        index: usize,
        ssrc: u32,
        named: Named,
        fresh: Option<Inbound>,
    ) -> Option<usize> {
        let feed = named.feed;
        let (Feed::Media { producer, layer } | Feed::Retransmissions { producer, layer }) = feed else {
            return None;
        };
        let streams = &mut self.producers.get_mut(producer)?.media.streams;
        let stream = streams.get_mut(usize::from(layer))?;
        let transport = self.transports.get_mut(index)?;
        match feed {
            Feed::Retransmissions { .. } => stream.rtx_ssrc = Some(ssrc),
            _ => stream.ssrc = Some(ssrc),
        }
        let place = match fresh {
            Some(fresh) => transport.inbound.insert(fresh),
            None => transport.inbound.place(ssrc)?,
        };
        transport.inbound.get_mut(place)?.serve(feed);
        self.counters.ssrcs_learned += 1;
        Some(place)
    }
}
