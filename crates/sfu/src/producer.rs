//! A source of media and its keyframe requests.

use std::time::{Duration, Instant};

use crate::{
    ProducerId, RoomId,
    head::Carried,
    history::History,
    layers::Layers,
    ortc::{MediaCodec, MediaKind, ProducerMedia},
    rate::Rate,
    reception::SenderClock,
    rooms::Microphone,
    rtp::Header,
    wanted::Wanted,
};

/// At most one keyframe request per stream in this time: a keyframe costs several times an ordinary picture, and
/// twenty viewers that join together need one.
pub(crate) const KEYFRAME_INTERVAL: Duration = Duration::from_millis(500);

pub(crate) struct Producer {
    pub(crate) id: ProducerId,
    pub(crate) room: RoomId,
    pub(crate) origin: Origin,
    /// The other workers its packets are handed on to: bit n is worker n.
    pub(crate) relays: u64,
    pub(crate) kind: MediaKind,
    pub(crate) media: ProducerMedia,
    pub(crate) active: bool,
    /// While it is active sound and its room forwards only the loudest.
    pub(crate) microphone: Option<Microphone>,
    /// Its last packet was not among the loudest.
    pub(crate) held_back: bool,
    /// Counts up whenever packets were held back in between: every subscriber takes the stream up anew then.
    pub(crate) piece: u32,
    pub(crate) consumers: Vec<usize>,
    pub(crate) layers: Layers,
    /// One per stream of `media`.
    pub(crate) keyframes: Vec<KeyframeRequests>,
    /// One per stream of `media`.
    pub(crate) histories: Vec<History>,
    /// Of the packets that came, as they will be sent; one per stream of `media`.
    pub(crate) rates: Vec<Rate>,
    /// What of it is taken.
    pub(crate) wanted: Wanted,
    /// Bits per second of each layer when it was last taken.
    pub(crate) usual: Vec<u64>,
    /// Packets of this turn, as they arrived.
    pub(crate) turn: Vec<Opened>,
}

/// Where the packets of a producer come from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A transport of this worker.
    Transport(usize),
    /// Another worker, which opens them; with the publisher's clock for each stream.
    Worker { number: usize, clocks: Vec<Option<SenderClock>> },
}

/// A packet opened in this turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opened {
    pub(crate) slot: usize,
    /// The place of its stream on the publisher's transport; None when another worker opened it.
    pub(crate) stream: Option<usize>,
    pub(crate) layer: u8,
    pub(crate) header: Header,
    pub(crate) carried: Carried,
    /// Length of the plain packet.
    pub(crate) length: usize,
    pub(crate) index: u64,
    /// The producer's piece when it came.
    pub(crate) piece: u32,
    pub(crate) begins_keyframe: bool,
}

impl Opened {
    /// Before its producer has looked at it.
    pub(crate) fn new(
        slot: usize,
        stream: Option<usize>,
        layer: u8,
        header: Header,
        length: usize,
        index: u64,
    ) -> Self {
        let carried = Carried::default();
        Self { slot, stream, layer, header, carried, length, index, piece: 0, begins_keyframe: false }
    }
}

impl Producer {
    /// Switched off, with nobody who gets it.
    pub(crate) fn new(
        id: ProducerId,
        room: RoomId,
        origin: Origin,
        kind: MediaKind,
        media: ProducerMedia,
    ) -> Self {
        let streams = media.streams.len();
        Self {
            id,
            room,
            origin,
            relays: 0,
            kind,
            active: false,
            microphone: None,
            held_back: false,
            piece: 0,
            consumers: Vec::new(),
            layers: Layers::new(streams),
            keyframes: vec![KeyframeRequests::default(); streams],
            histories: media.streams.iter().map(|_| History::new(kind)).collect(),
            rates: vec![Rate::new(); streams],
            wanted: Wanted::new(streams),
            usual: vec![0; streams],
            turn: Vec::new(),
            media,
        }
    }

    /// The publisher's transport; None when another worker has it.
    pub(crate) fn transport(&self) -> Option<usize> {
        match self.origin {
            Origin::Transport(transport) => Some(transport),
            Origin::Worker { .. } => None,
        }
    }

    /// Whether anybody is to get its packets, here or at another worker.
    pub(crate) fn has_audience(&self) -> bool {
        self.relays != 0 || !self.consumers.is_empty()
    }

    /// The layer a consumer gets that asks for `wanted`: that one while it flows, else the nearest that does.
    pub(crate) fn layer(&self, wanted: u8) -> u8 {
        self.layers.serve(wanted)
    }

    /// The layer a consumer can get that asks for `wanted`: also one that is off because nobody takes it.
    pub(crate) fn attainable(&self, wanted: u8) -> u8 {
        let wanted = wanted.min(self.media.streams.len().saturating_sub(1) as u8);
        if self.wanted.is_on(wanted) { self.layer(wanted) } else { wanted }
    }

    /// Bits per second of what is sent to who is given that layer; of one that is off, what it would come to.
    pub(crate) fn rate(&self, now: u64, layer: u8) -> u64 {
        let flowing = |layer: u8| {
            let rate = self.rates.get(usize::from(layer));
            rate.map_or(0, |rate| rate.bits_per_second(now, Rate::SECOND))
        };
        let served = flowing(self.layer(layer));
        if self.wanted.is_on(layer) {
            return served;
        }
        // What still comes is the end of it, or of a publisher that does not know of being told.
        self.usual.get(usize::from(layer)).copied().unwrap_or(0).max(served)
    }

    /// The codec behind a payload type.
    pub(crate) fn codec(&self, payload_type: u8) -> Option<&MediaCodec> {
        self.media.codecs.iter().find(|codec| codec.payload_type == payload_type)
    }

    /// The level in a packet's header, 0 the loudest and 127 the quietest (RFC 6464).
    pub(crate) fn audio_level(&self, header: &Header, packet: &[u8]) -> Option<u8> {
        let id = self.media.extensions.audio_level?;
        header.extensions(packet).find_map(|(other, value)| match value {
            [level] if other == id => Some(level & 0x7f),
            _ => None,
        })
    }

    /// The stream that a packet names in its header and that has no SSRC yet: its layer, and whether the packet is
    /// of its retransmissions.
    pub(crate) fn named(&self, header: &Header, packet: &[u8]) -> Option<(u8, bool)> {
        let ids = &self.media.extensions;
        let element = |id: Option<u8>| {
            let id = id?;
            header.extensions(packet).find(|(other, _)| *other == id).map(|(_, value)| value)
        };
        if element(ids.mid)? != self.media.mid.as_deref()?.as_bytes() {
            return None;
        }
        let repairs = self.media.codecs.iter().any(|c| c.rtx_payload_type == Some(header.payload_type));
        if !repairs && self.codec(header.payload_type).is_none() {
            return None;
        }
        let rid = element(if repairs { ids.repaired_rid } else { ids.rid })?;
        let mut streams = self.media.streams.iter();
        let layer =
            streams.position(|stream| stream.rid.as_deref().is_some_and(|own| own.as_bytes() == rid))?;
        let stream = self.media.streams.get(layer)?;
        let known = if repairs { stream.rtx_ssrc } else { stream.ssrc };
        known.is_none().then_some((layer as u8, repairs))
    }

    /// Of its first codec: all codecs of a kind share one rate.
    pub(crate) fn clock_rate(&self) -> u32 {
        self.media.codecs.first().map_or(90_000, |codec| codec.codec.clock_rate())
    }
}

/// Coalesces the keyframe requests of one stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyframeRequests {
    sent: Option<Instant>,
    wanted: bool,
}

impl KeyframeRequests {
    /// Somebody needs a keyframe; when a request may be sent.
    pub(crate) fn want(&mut self, now: Instant) -> Instant {
        self.wanted = true;
        self.sent.map_or(now, |sent| now.max(sent + KEYFRAME_INTERVAL))
    }

    /// When the request that is wanted may be sent; None when none is.
    pub(crate) fn due(&self) -> Option<Instant> {
        let earliest = self.sent.map(|sent| sent + KEYFRAME_INTERVAL);
        // Never sent: it waits for nothing, and goes with the turn in which it is wanted.
        self.wanted.then_some(earliest).flatten()
    }

    /// Whether to send a request now.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.wanted && self.sent.is_none_or(|sent| now >= sent + KEYFRAME_INTERVAL);
        if due {
            (self.sent, self.wanted) = (Some(now), false);
        }
        due
    }

    /// A keyframe came: whoever waited has one.
    pub(crate) fn arrived(&mut self) {
        self.wanted = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_coalesced() {
        #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut requests = KeyframeRequests::default();
        assert!(!requests.take_due(at(0)));
        assert_eq!(requests.want(at(0)), at(0));
        assert!(requests.take_due(at(0)));
        for ms in 1..500 {
            assert_eq!(requests.want(at(ms)), at(500));
            assert!(!requests.take_due(at(ms)));
        }
        assert!(requests.take_due(at(500)));
        requests.want(at(600));
        requests.arrived();
        assert!(!requests.take_due(at(2_000)));
    }
}
