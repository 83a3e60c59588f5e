//! Streams told by mid and rid, and layers: who gets which, and how it changes.

use std::collections::HashSet;

use super::*;
use crate::ortc::{RtpEncoding, RtpHeaderExtension};

const LOW: u32 = 21;
const HIGH: u32 = 22;
const RTX: u32 = 23;
/// Ids of the extensions.
const MID: u8 = 4;
const RID: u8 = 10;
const REPAIRED_RID: u8 = 11;

/// Two layers, as Chromium offers them: no SSRC.
fn simulcast() -> ProducerMedia {
    let mut offered = parameters(MediaKind::Video);
    let uri = "urn:ietf:params:rtp-hdrext:sdes:";
    offered.header_extensions =
        [("mid", MID), ("rtp-stream-id", RID), ("repaired-rtp-stream-id", REPAIRED_RID)]
            .map(|(name, id)| RtpHeaderExtension {
                uri: format!("{uri}{name}"),
                id,
                encrypt: false,
                parameters: Default::default(),
            })
            .into();
    offered.encodings =
        ["l", "h"].map(|rid| RtpEncoding { rid: Some(rid.into()), ..RtpEncoding::default() }).into();
    producer_media(MediaKind::Video, &offered).unwrap()
}

/// Header extensions: id and value.
type Names<'a> = &'a [(u8, &'a [u8])];

/// One packet of the publisher.
struct Packet<'a> {
    payload_type: u8,
    ssrc: u32,
    index: u64,
    timestamp: u32,
    names: Names<'a>,
    keyframe: bool,
}

impl Packet<'_> {
    const fn of(ssrc: u32, index: u64) -> Packet<'static> {
        let names: Names<'static> = match ssrc {
            LOW => &[(MID, b"1"), (RID, b"l")],
            HIGH => &[(MID, b"1"), (RID, b"h")],
            _ => &[],
        };
        Packet {
            payload_type: 120,
            ssrc,
            index,
            timestamp: index as u32 * 6_000 + ssrc,
            names,
            keyframe: false,
        }
    }
}

impl World {
    fn packet(&mut self, peer: usize, packet: &Packet<'_>) -> Vec<u8> {
        let payload = [0x10, u8::from(!packet.keyframe), packet.ssrc as u8, 2, 3];
        self.peers[peer].seal(
            packet.payload_type,
            packet.ssrc,
            packet.index,
            packet.timestamp,
            packet.names,
            &payload,
        )
    }

    fn send_packet(&mut self, peer: usize, packet: &Packet<'_>) {
        let datagram = self.packet(peer, packet);
        self.send(peer, vec![datagram]);
    }

    /// One frame of each SSRC, 66 ms after the last.
    fn frame(&mut self, peer: usize, index: u64, keyframe: bool, ssrcs: &[u32]) {
        self.pass(Duration::from_millis(66));
        for &ssrc in ssrcs {
            self.send_packet(peer, &Packet { keyframe, ..Packet::of(ssrc, index) });
        }
    }

    fn produce_simulcast(&mut self, id: u64, peer: usize) {
        let transport = self.peers[peer].id;
        let (kind, media) = (MediaKind::Video, simulcast());
        let spec = ProducerSpec { id: ProducerId(id), room: RoomId(1), transport, kind, media, active: true };
        self.apply(Command::AddProducer(spec));
    }

    fn consume_layer(&mut self, id: u64, peer: usize, producer: u64, layer: u8) {
        self.consume(id, peer, producer, MediaKind::Video);
        self.apply(Command::SetConsumerLayer(ConsumerId(id), layer));
    }

    fn prefer(&mut self, id: u64, layer: u8) {
        self.apply(Command::SetConsumerLayer(ConsumerId(id), layer));
    }

    /// The SSRCs at the publisher of what a peer received from its `from`th packet on.
    fn sources(&self, peer: usize, from: usize) -> Vec<u32> {
        self.peers[peer].rtp[from..].iter().map(|packet| packet.payload()[2].into()).collect()
    }

    fn count(&self, peer: usize) -> usize {
        self.peers[peer].rtp.len()
    }

    /// Keyframe requests a publisher got for one of its SSRCs.
    fn requests(&self, peer: usize, of: u32) -> usize {
        let mut count = 0;
        for compound in &self.peers[peer].rtcp {
            rtcp::read(compound, |statement| {
                count += usize::from(matches!(statement, Statement::KeyframeRequest { ssrc } if ssrc == of));
            });
        }
        count
    }

    fn known_ssrcs(&self, peer: usize) -> usize {
        self.worker.transports[self.worker.transport_ids[&self.peers[peer].id]].inbound.len()
    }

    fn assert_unbroken(&self, peer: usize) {
        for pair in self.peers[peer].rtp.windows(2) {
            assert_eq!(pair[1].index, pair[0].index + 1, "one numbering");
            let step = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
            assert!((1..=30 * 6_000).contains(&step), "time goes on: {step}");
            assert_eq!(pair[1].header.ssrc, pair[0].header.ssrc);
        }
    }
}

/// A publisher with two layers, both flowing, and a subscriber that gets the high one.
fn pair() -> (World, usize, usize) {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce_simulcast(1, a);
    world.consume_layer(1, b, 1, 1);
    world.frame(a, 0, true, &[LOW, HIGH]);
    for index in 1..5 {
        world.frame(a, index, false, &[LOW, HIGH]);
    }
    (world, a, b)
}

#[test]
fn streams_are_told_by_their_first_packets() {
    let (mut world, a, b) = pair();
    assert_eq!(world.worker.counters().ssrcs_learned, 2);
    assert_eq!(
        world.sources(b, 0),
        [LOW, HIGH, HIGH, HIGH, HIGH, HIGH],
        "the first picture, then the wanted one"
    );
    // A browser names its streams until it hears that they arrive.
    world.send_packet(a, &Packet { names: &[], ..Packet::of(HIGH, 5) });
    assert_eq!(world.count(b), 7);
    world.assert_unbroken(b);
    let names: Names<'_> = &[(MID, b"1"), (REPAIRED_RID, b"h")];
    for (index, names) in [(0, names), (1, &[])] {
        // The fourth packet again: its number stands in front of its payload.
        let again =
            world.peers[a].seal(121, RTX, index, 4 * 6_000 + HIGH, names, &[0, 4, 0x10, 1, HIGH as u8]);
        world.send(a, vec![again]);
    }
    assert_eq!(world.worker.counters().ssrcs_learned, 3);
    assert_eq!((world.worker.counters().rtx_duplicates, world.count(b)), (2, 7), "not a third layer");
    world.pass(Duration::from_secs(1));
    let before = world.requests(a, HIGH);
    world.send_pli(b, 100_001);
    assert_eq!(world.requests(a, HIGH), before + 1, "asked of the SSRC that was told");
}

#[test]
fn packets_that_name_no_stream_of_theirs_are_dropped() {
    let mut world = World::new();
    let a = world.connected();
    world.produce_simulcast(1, a);
    let wrong: [(u8, Names<'_>); 9] = [
        (120, &[]),
        (120, &[(RID, b"h")]),
        (120, &[(MID, b"1")]),
        (120, &[(MID, b"2"), (RID, b"h")]),
        (120, &[(MID, b"1"), (RID, b"x")]),
        (120, &[(MID, b"1"), (RID, b"hh")]),
        (120, &[(MID, b"1"), (REPAIRED_RID, b"h")]),
        (121, &[(MID, b"1"), (RID, b"h")]),
        (99, &[(MID, b"1"), (RID, b"h")]),
    ];
    for (number, (payload_type, names)) in wrong.into_iter().enumerate() {
        world.send_packet(a, &Packet { payload_type, names, ..Packet::of(500 + number as u32, 0) });
    }
    let mut forged = world.packet(a, &Packet::of(HIGH, 0));
    *forged.last_mut().unwrap() ^= 1;
    world.send(a, vec![forged]);
    let counters = world.worker.counters();
    assert_eq!(
        (counters.dropped_unknown_ssrc, counters.dropped_unauthentic, counters.ssrcs_learned),
        (9, 1, 0)
    );
    assert_eq!(world.known_ssrcs(a), 0, "nothing is remembered");
    world.send_packet(a, &Packet::of(HIGH, 0));
    assert_eq!(world.worker.counters().ssrcs_learned, 1, "and none of it stands in the way");
}

#[test]
fn a_stream_once_told_stays_whoever_claims_it() {
    let (mut world, a, b) = pair();
    world.produce(2, a, MediaKind::Audio);
    let before = world.count(b);
    let names = Packet::of(HIGH, 0).names;
    for ssrc in 1_000..3_000 {
        world.send_packet(a, &Packet { names, keyframe: true, ..Packet::of(ssrc, 0) });
    }
    // Another source's SSRC stays that source's.
    world.send_packet(a, &Packet { payload_type: 109, names, ..Packet::of(AUDIO_SSRC, 0) });
    world.send_packet(a, &Packet { names, ..Packet::of(AUDIO_SSRC, 1) });
    assert_eq!(world.count(b), before);
    assert_eq!(world.known_ssrcs(a), 3);
    let counters = world.worker.counters();
    assert_eq!((counters.dropped_unknown_ssrc, counters.dropped_payload_type), (2_000, 1));
    world.frame(a, 6, false, &[HIGH]);
    assert_eq!(world.count(b), before + 1);
}

#[test]
fn a_browser_may_keep_its_ssrcs_but_stragglers_take_no_place() {
    let (mut world, a, b) = pair();
    // Over a rollover: the index of the stream must be kept.
    world.frame(a, 32_000, false, &[HIGH]);
    world.frame(a, 64_000, false, &[HIGH]);
    world.apply(Command::RemoveProducer(ProducerId(1)));
    world.produce_simulcast(2, a);
    world.consume_layer(2, b, 2, 1);
    world.send_packet(a, &Packet { keyframe: true, ..Packet::of(HIGH, 64_001) });
    assert_eq!(world.worker.counters().ssrcs_learned, 2, "a straggler of the stream that ended");
    world.pass(Duration::from_secs(1));
    let before = world.count(b);
    world.frame(a, 65_540, true, &[HIGH]);
    world.frame(a, 65_541, false, &[HIGH]);
    assert_eq!((world.count(b), world.worker.counters().ssrcs_learned), (before + 2, 3));
}

#[test]
fn a_switch_goes_on_with_the_old_layer_until_the_keyframe_of_the_new_one() {
    let (mut world, a, b) = pair();
    for (turn, (wanted, old, new)) in [(0, HIGH, LOW), (1, LOW, HIGH), (0, HIGH, LOW)].into_iter().enumerate()
    {
        world.pass(Duration::from_secs(1));
        let (before, asked) = (world.count(b), world.requests(a, new));
        world.prefer(1, wanted);
        assert_eq!(world.requests(a, new), asked + 1, "a keyframe of the new layer is asked for at once");
        let start = 5 + turn as u64 * 5;
        for index in start..start + 3 {
            world.frame(a, index, false, &[LOW, HIGH]);
        }
        assert_eq!(world.sources(b, before), [old; 3]);
        world.send_packet(a, &Packet { keyframe: true, ..Packet::of(new, start + 3) });
        world.send_packet(a, &Packet::of(old, start + 3));
        world.frame(a, start + 4, false, &[LOW, HIGH]);
        assert_eq!(world.sources(b, before + 3), [new; 2]);
    }
    let indices: Vec<u64> = world.peers[b].rtp.iter().map(|packet| packet.index).collect();
    assert!(indices.windows(2).all(|pair| pair[1] > pair[0]), "{indices:?}");
}

#[test]
fn a_switch_shows_in_no_picture_number() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce_simulcast(1, a);
    world.consume_layer(1, b, 1, 1);
    for index in 0..40_u64 {
        world.prefer(1, u8::from(index % 8 < 4));
        for (ssrc, first) in [(LOW, 30_000), (HIGH, 20)] {
            // Descriptor with a wide picture id.
            let [high, low] = (first + index as u16).to_be_bytes();
            let payload = [0x90, 0x80, 0x80 | high, low, u8::from(index % 4 != 0), ssrc as u8];
            let Packet { payload_type, timestamp, names, .. } = Packet::of(ssrc, index);
            let datagram = world.peers[a].seal(payload_type, ssrc, index, timestamp, names, &payload);
            world.pass(Duration::from_millis(33));
            world.send(a, vec![datagram]);
        }
    }
    let received = &world.peers[b].rtp;
    let layers: HashSet<u8> = received.iter().map(|packet| packet.payload()[5]).collect();
    assert_eq!(layers.len(), 2, "both layers were seen");
    let ids =
        received.iter().map(|packet| u16::from_be_bytes([packet.payload()[2], packet.payload()[3]]) & 0x7fff);
    let ids: Vec<u16> = ids.collect();
    assert!(ids.windows(2).all(|pair| pair[1] == (pair[0] + 1) & 0x7fff), "{ids:?}");
}

#[test]
fn two_subscribers_get_different_layers_at_once() {
    let (mut world, a, b) = pair();
    let c = world.connected();
    world.consume_layer(2, c, 1, 0);
    world.frame(a, 5, true, &[LOW, HIGH]);
    let (from_b, from_c) = (world.count(b), world.count(c));
    for index in 6..20 {
        world.frame(a, index, false, &[LOW, HIGH]);
    }
    assert_eq!(world.sources(b, from_b), [HIGH; 14]);
    assert_eq!(world.sources(c, from_c), [LOW; 14]);
    world.assert_unbroken(b);
    world.assert_unbroken(c);
}

#[test]
fn a_layer_that_stops_is_replaced_and_taken_back() {
    let (mut world, a, b) = pair();
    world.pass(Duration::from_secs(1));
    let asked = world.requests(a, LOW);
    for index in 5..16 {
        world.frame(a, index, false, &[LOW]);
    }
    assert!(world.requests(a, LOW) > asked, "the high layer is gone: a keyframe of the low one");
    let before = world.count(b);
    world.frame(a, 16, true, &[LOW]);
    world.frame(a, 17, false, &[LOW]);
    assert_eq!(world.sources(b, before), [LOW; 2]);
    // The high layer comes back in the middle of its stream: the low one goes on until it can be decoded.
    world.frame(a, 18, false, &[LOW, HIGH]);
    assert_eq!(world.sources(b, before + 2), [LOW]);
    world.frame(a, 19, true, &[LOW, HIGH]);
    world.frame(a, 20, false, &[LOW, HIGH]);
    assert_eq!(world.sources(b, before + 3), [LOW, HIGH, HIGH]);
    world.assert_unbroken(b);
}

#[test]
fn a_publisher_without_a_low_layer_is_served_high_and_not_disturbed() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    world.send_video(a, 0, true);
    world.pass(Duration::from_secs(1));
    let asked = world.plis(a);
    for layer in [0, 1, u8::MAX, 0] {
        world.prefer(1, layer);
    }
    world.pass(Duration::from_secs(1));
    assert_eq!(world.plis(a), asked, "there is nothing to switch to, so no keyframe is spent");
    world.send_video(a, 1, false);
    assert_eq!(world.count(b), 2);
}

#[test]
fn both_layers_are_asked_for_while_a_switch_waits() {
    let (mut world, a, b) = pair();
    world.pass(Duration::from_secs(1));
    world.prefer(1, 0);
    world.pass(Duration::from_secs(1));
    let asked = (world.requests(a, LOW), world.requests(a, HIGH));
    world.send_pli(b, 100_001);
    assert_eq!((world.requests(a, LOW), world.requests(a, HIGH)), (asked.0 + 1, asked.1 + 1));
}
