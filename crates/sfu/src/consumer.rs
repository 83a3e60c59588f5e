//! One producer as one transport receives it: header rewriting, sender reports, the receiver's reports.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{
    ConsumerId,
    head::{Carried, Fixed, Heads},
    ortc::{Codec, ConsumerMapping, PayloadMap, ProducerExtensions},
    producer::Opened,
    quality::Quality,
    reception::{SenderClock, middle},
    record::{Leave, Records, Stamp},
    rewrite::{Place, Rewrite},
    rtcp::{ReportBlock, SenderInfo},
    rtp::Header,
    rtx,
    srtp::Srtp,
    vp8::PictureNumbers,
};

/// Sender reports remembered, to measure the round trip against: one a second, so this covers 8 s.
const REMEMBERED_REPORTS: usize = 8;
/// Bytes of a packet of padding alone: as many as its last byte can count.
const PADDING: u8 = 255;

pub(crate) struct Consumer {
    pub(crate) id: ConsumerId,
    pub(crate) transport: usize,
    pub(crate) producer: usize,
    pub(crate) mapping: ConsumerMapping,
    pub(crate) paused: bool,
    /// The highest layer the way to the receiver bears; None: none. What the receiver wants is `mapping.layer`.
    pub(crate) given: Option<u8>,
    pub(crate) rewrite: Rewrite,
    /// The next index of the retransmissions' own stream.
    pub(crate) rtx_next: u64,
    heads: Heads,
    records: Records,
    pictures: PictureNumbers,
    packets: u32,
    octets: u32,
    /// `packets` at the last report.
    reported: u32,
    /// As the receiver last said.
    pub(crate) lost: u64,
    reports: VecDeque<(u32, Instant)>,
    pub(crate) quality: Quality,
    pub(crate) reported_at: Option<Instant>,
}

/// Why a packet was not written for a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skip {
    OtherLayer,
    PayloadType,
    AwaitsKeyframe,
    Late,
    /// It did not fit or could not be sealed.
    Unsealed,
}

impl Consumer {
    pub(crate) fn new(
        id: ConsumerId,
        transport: usize,
        producer: usize,
        mapping: ConsumerMapping,
        paused: bool,
        (first_index, rtx_next): (u64, u64),
    ) -> Self {
        let clock_rate = mapping.payloads.first().map_or(90_000, |payload| payload.codec.clock_rate());
        Self {
            id,
            transport,
            producer,
            heads: Heads::new(&mapping.extensions, &mapping.mid),
            records: Records::new(mapping.kind),
            mapping,
            paused,
            rtx_next,
            given: Some(u8::MAX),
            rewrite: Rewrite::new(clock_rate, first_index),
            pictures: PictureNumbers::default(),
            packets: 0,
            octets: 0,
            reported: 0,
            lost: 0,
            reports: VecDeque::new(),
            quality: Quality::default(),
            reported_at: None,
        }
    }

    /// The layer to send: what is wanted, as far as the way bears it. None: nothing is to be sent.
    pub(crate) fn layer(&self) -> Option<u8> {
        self.given.filter(|_| !self.paused).map(|given| given.min(self.mapping.layer))
    }

    /// Writes and seals one packet of the producer for this receiver; the sealed length.
    pub(crate) fn write(
        &mut self,
        now: Instant,
        packet: &[u8],
        opened: &Opened,
        sent: &Sent,
        srtp: &Srtp,
        out: &mut [u8],
    ) -> Result<usize, Skip> {
        self.rewrite.follow(opened.piece);
        // The layer taken up goes on until a keyframe of the one that is wanted comes.
        if opened.layer != sent.layer && self.rewrite.layer() != Some(opened.layer) {
            return Err(Skip::OtherLayer);
        }
        let header = &opened.header;
        let payload_map = self.payload(header.payload_type).ok_or(Skip::PayloadType)?;
        let packet = packet.get(..opened.length).ok_or(Skip::Unsealed)?;
        let (index, timestamp) = match self.rewrite.place(
            now,
            opened.layer,
            opened.index,
            header.timestamp,
            opened.begins_keyframe,
        ) {
            Place::At { index, timestamp } => (index, timestamp),
            Place::AwaitsKeyframe => return Err(Skip::AwaitsKeyframe),
            Place::Late => return Err(Skip::Late),
        };
        let place = Written {
            ssrc: self.mapping.ssrc,
            payload_type: payload_map.to,
            codec: payload_map.codec,
            index,
            timestamp,
            original: None,
            carried: opened.carried,
        };
        let sealed = self.compose(packet, header, &place, sent, srtp, out)?;
        if payload_map.nack {
            self.records.sent(index, sent.stamp(), packet.len());
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add((packet.len() - header.length) as u32);
        Ok(sealed)
    }

    /// Writes and seals a packet that the receiver asked for again: in the stream of the retransmissions, or, for a
    /// receiver without one, the very same bytes; the sealed length. `index`: the receiver's. `now`: milliseconds
    /// since the worker's epoch.
    pub(crate) fn write_again(
        &mut self,
        now: u32,
        packet: &[u8],
        index: u64,
        sent: &Sent,
        srtp: &Srtp,
        out: &mut [u8],
    ) -> Result<Again, Refused> {
        let header = Header::read(packet).map_err(|_| Refused::Unknown)?;
        let payload_map =
            self.payload(header.payload_type).filter(|payload| payload.nack).ok_or(Refused::Unknown)?;
        let stamp = match self.records.take_leave(now, index, packet.len(), self.quality.round_trip) {
            Leave::Granted(stamp) => Some(stamp),
            // A packet that arrived while the stream awaited the start of its keyframe.
            Leave::Unsent if !self.records.is_past(index, self.rewrite.next()) => None,
            Leave::Unsent => return Err(Refused::TooOld),
            Leave::TooSoon => return Err(Refused::TooSoon),
            Leave::OverBudget => return Err(Refused::OverBudget),
        };
        let own = Written {
            ssrc: self.mapping.ssrc,
            payload_type: payload_map.to,
            codec: payload_map.codec,
            index,
            timestamp: header.timestamp.wrapping_add(self.rewrite.timestamp_offset()),
            original: None,
            carried: Carried::read(&sent.extensions, &header, packet),
        };
        let unsealed = |_| Refused::Unknown;
        let Some(stamp) = stamp else {
            let sealed = self.compose(packet, &header, &own, sent, srtp, out).map_err(unsealed)?;
            self.records.sent(index, sent.stamp(), 0);
            return Ok(Again { sealed, rtx: false, numbered: true });
        };
        let Some((ssrc, (_, payload_type))) = self.mapping.rtx_ssrc.zip(payload_map.rtx) else {
            // All fields by name: what varies from packet to packet must come out of the stamp.
            let Sent { layer, extensions, abs_send_time: _, transport_number: _ } = *sent;
            let Stamp { abs_send_time, transport_number } = stamp;
            let sent = Sent { layer, extensions, abs_send_time, transport_number };
            let sealed = self.compose(packet, &header, &own, &sent, srtp, out).map_err(unsealed)?;
            return Ok(Again { sealed, rtx: false, numbered: false });
        };
        let rtx = Written { ssrc, payload_type, index: self.rtx_next, original: Some(index as u16), ..own };
        let sealed = self.compose(packet, &header, &rtx, sent, srtp, out).map_err(unsealed)?;
        self.rtx_next += 1;
        Ok(Again { sealed, rtx: true, numbered: true })
    }

    /// Whether filling can be sent and be told of: there is a stream of retransmissions, and feedback.
    pub(crate) fn can_fill(&self) -> bool {
        self.mapping.extensions.transport_cc.is_some()
            && self.mapping.rtx_ssrc.is_some()
            && self.mapping.payloads.iter().any(|payload| payload.rtx.is_some())
    }

    /// Writes and seals a packet that was sent before as filling, in the stream of the retransmissions; the sealed
    /// length. `index`: the receiver's.
    pub(crate) fn write_filling(
        &mut self,
        packet: &[u8],
        index: u64,
        sent: &Sent,
        srtp: &Srtp,
        out: &mut [u8],
    ) -> Option<usize> {
        let header = Header::read(packet).ok().filter(|_| self.records.has(index))?;
        let payload_map = self.payload(header.payload_type)?;
        let place = Written {
            ssrc: self.mapping.rtx_ssrc?,
            payload_type: payload_map.rtx?.1,
            codec: payload_map.codec,
            index: self.rtx_next,
            timestamp: header.timestamp.wrapping_add(self.rewrite.timestamp_offset()),
            original: Some(index as u16),
            carried: Carried::read(&sent.extensions, &header, packet),
        };
        let sealed = self.compose(packet, &header, &place, sent, srtp, out).ok()?;
        self.rtx_next += 1;
        Some(sealed)
    }

    /// Writes and seals a packet of the stream of the retransmissions that holds padding alone; the sealed length.
    pub(crate) fn write_padding(&mut self, sent: &Sent, srtp: &Srtp, out: &mut [u8]) -> Option<usize> {
        let (_, payload_type) = self.mapping.payloads.iter().find_map(|payload| payload.rtx)?;
        // An empty packet to write the header of.
        let empty = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut header = Header::read(&empty).ok()?;
        header.padding = true;
        let place = Written {
            ssrc: self.mapping.rtx_ssrc?,
            payload_type,
            // Without picture numbers to rewrite.
            codec: Codec::Opus,
            index: self.rtx_next,
            timestamp: self.rewrite.timestamp_offset(),
            original: None,
            carried: Carried::default(),
        };
        let head = self.write_head(&header, &place, sent, out)?;
        let length = head + usize::from(PADDING);
        out.get_mut(head..length)?.fill(0);
        *out.get_mut(length - 1)? = PADDING;
        let sealed = srtp.seal_rtp(out, head, length, place.index)?;
        self.rtx_next += 1;
        Some(sealed)
    }

    /// Writes and seals a plain packet of the producer under another header; the sealed length.
    fn compose(
        &mut self,
        packet: &[u8],
        header: &Header,
        place: &Written,
        sent: &Sent,
        srtp: &Srtp,
        out: &mut [u8],
    ) -> Result<usize, Skip> {
        let payload = packet.get(header.length..).ok_or(Skip::Unsealed)?;
        let head = self.write_head(header, place, sent, out).ok_or(Skip::Unsealed)?;
        let mut start = head;
        if let Some(original) = place.original {
            start += rtx::OSN;
            out.get_mut(head..start).ok_or(Skip::Unsealed)?.copy_from_slice(&original.to_be_bytes());
        }
        let length = start + payload.len();
        let written = out.get_mut(start..length).ok_or(Skip::Unsealed)?;
        written.copy_from_slice(payload);
        // Sent again it is of the piece taken up now, so it gets the same numbers.
        if let Some(source) = self.rewrite.source().filter(|_| place.codec == Codec::Vp8) {
            self.pictures.rewrite(source, written);
        }
        srtp.seal_rtp(out, head, length, place.index).ok_or(Skip::Unsealed)
    }

    /// Writes the header under which the receiver gets a packet; its length.
    fn write_head(&self, header: &Header, place: &Written, sent: &Sent, out: &mut [u8]) -> Option<usize> {
        let fixed = Fixed {
            marker: header.marker,
            padding: header.padding,
            payload_type: place.payload_type,
            sequence: place.index as u16,
            timestamp: place.timestamp,
            ssrc: place.ssrc,
        };
        self.heads.write(&fixed, &sent.stamp(), &place.carried, out)
    }

    fn payload(&self, payload_type: u8) -> Option<PayloadMap> {
        self.mapping.payloads.iter().find(|payload| payload.from == payload_type).copied()
    }

    /// The sender report of this moment: the publisher's clock, so that its audio and video stay together.
    pub(crate) fn sender_report(
        &mut self,
        now: Instant,
        clock: &SenderClock,
        clock_rate: u32,
    ) -> Option<SenderInfo> {
        if self.packets == 0 {
            return None;
        }
        let (ntp, rtp) = clock.at(now, clock_rate);
        if self.reports.len() >= REMEMBERED_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back((middle(ntp), now));
        Some(SenderInfo {
            ssrc: self.mapping.ssrc,
            ntp,
            rtp: rtp.wrapping_add(self.rewrite.timestamp_offset()),
            packets: self.packets,
            octets: self.octets,
        })
    }

    /// Packets sent since it was asked last.
    pub(crate) fn packets_since_report(&mut self) -> u32 {
        let before = std::mem::replace(&mut self.reported, self.packets);
        self.packets.wrapping_sub(before)
    }

    /// Takes the receiver's report. Round trip = now − when that sender report left − how long it lay there.
    pub(crate) fn reported(&mut self, now: Instant, block: &ReportBlock, clock_rate: u32) {
        self.reported_at = Some(now);
        // Duplicates can make it negative.
        self.lost = u64::try_from(block.lost).unwrap_or(0);
        self.quality.fraction_lost = block.fraction_lost;
        self.quality.jitter = Duration::from_secs_f64(f64::from(block.jitter) / f64::from(clock_rate.max(1)));
        let left = self.reports.iter().rev().find(|(report, _)| *report == block.last_sr && *report != 0);
        if let Some((_, left)) = left {
            let lay = Duration::from_secs_f64(f64::from(block.delay) / 65_536.0);
            self.quality.round_trip = Some(now.saturating_duration_since(*left).saturating_sub(lay));
        }
    }
}

/// Where one packet is written.
#[derive(Debug, Clone, Copy)]
struct Written {
    codec: Codec,
    ssrc: u32,
    payload_type: u8,
    index: u64,
    timestamp: u32,
    /// In a retransmission, the sequence number it had.
    original: Option<u16>,
    carried: Carried,
}

/// A packet sent again: its sealed length, and whether in the stream of the retransmissions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again {
    pub(crate) sealed: usize,
    pub(crate) rtx: bool,
    /// It carries the transport-wide number it was given, and not that of its first time.
    pub(crate) numbered: bool,
}

/// Why a packet is not sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    TooSoon,
    OverBudget,
    TooOld,
    Unknown,
}

/// What all packets of one turn share for one consumer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// The layer this consumer is to get.
    pub(crate) layer: u8,
    pub(crate) extensions: ProducerExtensions,
    pub(crate) abs_send_time: [u8; 3],
    /// For receivers that tell when it came.
    pub(crate) transport_number: Option<[u8; 2]>,
}

impl Sent {
    fn stamp(&self) -> Stamp {
        Stamp { abs_send_time: self.abs_send_time, transport_number: self.transport_number }
    }
}

/// Seconds since `epoch` modulo 64, as 6.18 fixed point: the format of the abs-send-time extension.
pub(crate) fn abs_send_time(epoch: Instant, now: Instant) -> [u8; 3] {
    let passed = now.saturating_duration_since(epoch);
    let fixed = (passed.as_secs() << 18) + (u64::from(passed.subsec_nanos()) << 18) / 1_000_000_000;
    let [.., a, b, c] = fixed.to_be_bytes();
    [a, b, c]
}
