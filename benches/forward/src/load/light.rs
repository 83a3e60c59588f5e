//! A connected client without a WebRTC stack: counts by RTP header, opens one packet in eight, and answers with the
//! reports and the feedback a browser sends.

use rotunda_sfu::ortc::MediaKind;

use super::{
    SAMPLED,
    media::{self, Source},
    rtcp,
    streams::{Arrivals, Received},
};
use crate::{
    srtp::Direction,
    wire::{AUDIO_LEVEL, MID, TRANSPORT_CC, publisher_mid},
};

/// From one stream of a subscriber to the next: media and retransmissions have an SSRC each.
pub const SSRC_STEP: u32 = 2;
const FIXED_HEADER: usize = 12;
/// RFC 8285 §4.2.
const ONE_BYTE: [u8; 2] = [0xbe, 0xde];

#[derive(Debug)]
pub struct Light {
    rx: Direction,
    tx: Direction,
    check: Vec<u8>,
    /// SSRC of each stream.
    ssrcs: Vec<u32>,
    /// When the first packet came, nanoseconds.
    pub begun: Option<u64>,
    pub streams: Vec<Received>,
    pub arrivals: Arrivals,
    packets: u64,
    /// Packets that did not open.
    pub unauthentic: u64,
    /// RTP of an SSRC that was not announced.
    pub unknown: u64,
    /// The next transport-wide number of what this client sends.
    number: u16,
    /// What it sends: SSRC, RTP time of the last packet, packets, octets.
    sending: Vec<(u32, u32, u64, u64)>,
}

/// Where a header ends and which number of the transport it carries.
fn header(packet: &[u8]) -> Option<(usize, Option<u16>)> {
    let first = *packet.first()?;
    let mut at = FIXED_HEADER + 4 * usize::from(first & 15);
    if first & 0x10 == 0 {
        return Some((at, None));
    }
    let [mark @ .., high, low] = *packet.get(at..)?.first_chunk::<4>()?;
    at += 4;
    let end = at + 4 * usize::from(u16::from_be_bytes([high, low]));
    let mut extensions = packet.get(at..end)?;
    let mut number = None;
    while let Some((&byte, rest)) = extensions.split_first().filter(|_| mark == ONE_BYTE) {
        if byte == 0 {
            extensions = rest;
            continue;
        }
        let (value, rest) = rest.split_at_checked(usize::from(byte & 15) + 1)?;
        if byte >> 4 == TRANSPORT_CC {
            number = value.try_into().ok().map(u16::from_be_bytes);
        }
        extensions = rest;
    }
    Some((end, number))
}

impl Light {
    pub fn new(rx: Direction, tx: Direction, check: Vec<u8>) -> Self {
        Self {
            rx,
            tx,
            check,
            ssrcs: vec![],
            begun: None,
            streams: vec![],
            arrivals: Arrivals::default(),
            packets: 0,
            unauthentic: 0,
            unknown: 0,
            number: 0,
            sending: vec![],
        }
    }

    /// The streams it is going to receive.
    pub fn expect(&mut self, first_ssrc: u32, count: usize) {
        self.expect_each((first_ssrc..).step_by(SSRC_STEP as usize).take(count).collect());
    }

    /// The same, with SSRCs that anybody chose.
    pub fn expect_each(&mut self, ssrcs: Vec<u32>) {
        self.streams = vec![Received::default(); ssrcs.len()];
        self.ssrcs = ssrcs;
    }

    /// Where a stream is. Those of the bench follow each other, those of the product do not.
    fn place(&self, ssrc: u32) -> Option<usize> {
        let near = (ssrc.wrapping_sub(*self.ssrcs.first()?) / SSRC_STEP) as usize;
        if self.ssrcs.get(near) == Some(&ssrc) {
            return Some(near);
        }
        self.ssrcs.iter().position(|own| *own == ssrc)
    }

    pub fn begin_window(&mut self) {
        self.streams.iter_mut().for_each(Received::begin_window);
    }

    /// Takes a datagram that came at `nanos`; of some the time it was sent, nanoseconds.
    pub fn receive(&mut self, datagram: &mut [u8], nanos: u64) -> Option<u64> {
        let [first, second, high, low, .., a, b, c, d] = *datagram.first_chunk::<FIXED_HEADER>()?;
        if first >> 6 != 2 || (192..224).contains(&second) {
            // STUN, DTLS or RTCP.
            return None;
        }
        let ssrc = u32::from_be_bytes([a, b, c, d]);
        let place = self.place(ssrc);
        let Some(stream) = place.and_then(|place| self.streams.get_mut(place)) else {
            self.unknown += 1;
            return None;
        };
        self.begun.get_or_insert(nanos);
        stream.at(nanos);
        let index = stream.packet(u16::from_be_bytes([high, low]));
        let (end, number) = header(datagram)?;
        if let Some(number) = number {
            self.arrivals.packet(number, nanos);
        }
        self.packets += 1;
        if !self.packets.is_multiple_of(SAMPLED) {
            return None;
        }
        let payload = self.rx.open_rtp(datagram, end, ssrc, index);
        self.unauthentic += u64::from(payload.is_none());
        media::stamp(payload?)
    }

    /// As if the next `count` packets of a stream had come.
    pub fn assume(&mut self, stream: usize, count: u64, nanos: u64) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.assume(count);
        }
        for _ in 0..count {
            let number = self.arrivals.last.wrapping_add(1);
            self.arrivals.packet(number, nanos);
        }
    }

    /// Writes the next packet of a source of this client, sealed.
    pub fn write(&mut self, source: &mut Source, packet: u64, nanos: u64, to: &mut Vec<u8>) {
        to.clear();
        let (sequence, timestamp) = ((source.index as u16).to_be_bytes(), source.timestamp());
        let marker = u8::from(source.marker(packet)) << 7;
        to.extend_from_slice(&[0x90, source.payload_type() | marker, sequence[0], sequence[1]]);
        to.extend_from_slice(&timestamp.to_be_bytes());
        to.extend_from_slice(&source.ssrc.to_be_bytes());
        to.extend_from_slice(&ONE_BYTE);
        to.extend_from_slice(&[0, 2]);
        let number = self.number.to_be_bytes();
        self.number = self.number.wrapping_add(1);
        to.extend_from_slice(&[MID << 4, publisher_mid(source.kind).as_bytes()[0]]);
        to.extend_from_slice(&[TRANSPORT_CC << 4 | 1, number[0], number[1]]);
        // The level, or padding.
        to.extend_from_slice(&match source.kind {
            MediaKind::Audio => [AUDIO_LEVEL << 4, source.level, 0],
            MediaKind::Video => [0; 3],
        });
        let header = to.len();
        source.put_payload(packet, nanos, to);
        let octets = (to.len() - header) as u64;
        self.tx.seal_rtp(to, header, source.ssrc, source.index);
        source.index += 1;
        match self.sending.iter_mut().find(|(ssrc, ..)| *ssrc == source.ssrc) {
            Some(sending) => *sending = (source.ssrc, timestamp, sending.2 + 1, sending.3 + octets),
            None => self.sending.push((source.ssrc, timestamp, 1, octets)),
        }
    }

    /// Sends the reports of what it sends and receives, a datagram for each.
    pub fn report(&mut self, nanos: u64, scratch: &mut Vec<u8>, send: &mut dyn FnMut(&[u8])) {
        for (ssrc, timestamp, packets, octets) in &self.sending {
            scratch.clear();
            rtcp::put_sender_report(scratch, *ssrc, nanos, *timestamp, *packets, *octets);
            self.tx.seal_rtcp(scratch, *ssrc);
            send(scratch);
        }
        let streams = self.streams.iter_mut().zip(&self.ssrcs);
        let blocks: Vec<_> = streams.filter_map(|(stream, ssrc)| stream.report(*ssrc)).collect();
        for blocks in blocks.chunks(rtcp::BLOCKS) {
            scratch.clear();
            rtcp::put_receiver_report(scratch, blocks);
            self.tx.seal_rtcp(scratch, rtcp::OWN);
            send(scratch);
        }
    }

    /// Sends the feedback on what came since the last, when something did.
    pub fn feedback(&mut self, scratch: &mut Vec<u8>, send: &mut dyn FnMut(&[u8])) {
        scratch.clear();
        let ssrc = self.ssrcs.first().copied().unwrap_or(0);
        if rtcp::put_transport_feedback(scratch, ssrc, &mut self.arrivals) {
            self.tx.seal_rtcp(scratch, rtcp::OWN);
            send(scratch);
        }
    }

    /// The check that connected it, to be sent once more: an ICE-lite server answers and remembers no transaction.
    pub fn check(&self) -> &[u8] {
        &self.check
    }
}
