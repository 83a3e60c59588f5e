//! The worker with peers in memory: forwarding and reports here, the rest by subject.

mod bandwidth;
mod call;
mod connectivity;
mod control;
mod feedback;
mod handshakes;
mod hostile;
mod keyframes;
mod microphones;
mod netem;
mod nonces;
mod plot;
mod probing;
mod quality;
mod recovery;
mod relay;
mod simulcast;
mod takers;
mod usage;

use std::{net::SocketAddr, time::Duration};

use super::*;
use crate::{
    BATCH, Command, ConsumerSpec, FailReason, LostReason, ProducerSpec, RoomId, SrtpOffer, SrtpProfile,
    ortc::{
        ConsumerSsrcs, MediaKind, ProducerMedia, RtpParameters, consumer, producer_media, router_capabilities,
    },
    peer::World,
    rtcp::{self, SenderInfo, Statement, Writer},
    rtp::Outgoing,
};

const AUDIO_SSRC: u32 = 7_000;
const VIDEO_SSRC: u32 = 8_000;

fn parameters(kind: MediaKind) -> RtpParameters {
    serde_json::from_value(match kind {
        MediaKind::Audio => serde_json::json!({
            "mid": "0",
            "codecs": [{"mimeType": "audio/opus", "payloadType": 109, "clockRate": 48000, "channels": 2,
                        "rtcpFeedback": [{"type": "nack"}]}],
            "headerExtensions": [
                {"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 5},
                {"uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "id": 9}
            ],
            "encodings": [{"ssrc": AUDIO_SSRC}]
        }),
        MediaKind::Video => serde_json::json!({
            "mid": "1",
            "codecs": [
                {"mimeType": "video/VP8", "payloadType": 120, "clockRate": 90000,
                 "rtcpFeedback": [{"type": "nack"}, {"type": "nack", "parameter": "pli"}]},
                {"mimeType": "video/rtx", "payloadType": 121, "clockRate": 90000, "parameters": {"apt": 120}}
            ],
            "encodings": [{"ssrc": VIDEO_SSRC, "rtx": {"ssrc": VIDEO_SSRC + 1}}]
        }),
    })
    .unwrap()
}

fn media(kind: MediaKind) -> ProducerMedia {
    producer_media(kind, &parameters(kind)).unwrap()
}

impl World {
    fn produce(&mut self, id: u64, peer: usize, kind: MediaKind) {
        self.produce_in(1, id, peer, kind);
    }

    fn produce_in(&mut self, room: u64, id: u64, peer: usize, kind: MediaKind) {
        let transport = self.peers[peer].id;
        let room = RoomId(room);
        let spec =
            ProducerSpec { id: ProducerId(id), room, transport, kind, media: media(kind), active: true };
        self.apply(Command::AddProducer(spec));
    }

    fn consume(&mut self, id: u64, peer: usize, producer: u64, kind: MediaKind) -> u32 {
        let ssrc = 100_000 + id as u32;
        let ssrcs = ConsumerSsrcs { media: ssrc, rtx: ssrc + 50_000 };
        let (_, mapping) = consumer(&media(kind), &router_capabilities(), "7", ssrcs, "name").unwrap();
        self.apply(Command::AddConsumer(ConsumerSpec {
            id: ConsumerId(id),
            transport: self.peers[peer].id,
            producer: ProducerId(producer),
            mapping,
            paused: false,
        }));
        ssrc
    }

    fn send_audio(&mut self, peer: usize, indices: std::ops::Range<u64>) {
        for index in indices {
            let packet = self.peers[peer].seal(
                109,
                AUDIO_SSRC,
                index,
                index as u32 * 960,
                &[(9, &[0x85]), (5, b"0")],
                &index.to_be_bytes(),
            );
            self.send(peer, vec![packet]);
        }
    }

    fn send_video(&mut self, peer: usize, index: u64, keyframe: bool) {
        let payload = [0x10, u8::from(!keyframe), 1, 2, 3];
        let packet = self.peers[peer].seal(120, VIDEO_SSRC, index, index as u32 * 3_000, &[], &payload);
        self.send(peer, vec![packet]);
    }

    fn plis(&self, peer: usize) -> usize {
        let mut count = 0;
        for compound in &self.peers[peer].rtcp {
            rtcp::read(compound, |statement| {
                count += usize::from(matches!(statement, Statement::KeyframeRequest { ssrc: VIDEO_SSRC }));
            });
        }
        count
    }

    /// Why the transport failed, which must be all that happened.
    fn failed(&mut self, of: TransportId) -> Option<FailReason> {
        match self.worker.take_events().as_slice() {
            [Event::TransportFailed { id, reason }, Event::TransportClosed { id: closed, .. }]
                if (*id, *closed) == (of, of) =>
            {
                Some(*reason)
            }
            _ => None,
        }
    }

    fn send_pli(&mut self, peer: usize, ssrc: u32) {
        let mut plain = [0; 100];
        let mut writer = Writer::new(&mut plain);
        writer.put_receiver_report(&[]);
        writer.put_pli(ssrc);
        let length = writer.length();
        let packet = self.peers[peer].seal_rtcp(&plain[..length]);
        self.send(peer, vec![packet]);
    }
}

/// A publisher of audio and a subscriber of it, connected.
fn audio_pair() -> (World, usize, usize) {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Audio);
    world.consume(1, b, 1, MediaKind::Audio);
    (world, a, b)
}

#[test]
fn audio_arrives_with_the_receivers_numbers_in_every_profile() {
    for offer in [SrtpOffer::Gcm128Only, SrtpOffer::All, SrtpOffer::CmOnly] {
        let mut world = World::new();
        let (a, b) = (world.connected_with(offer), world.connected_with(offer));
        world.produce(1, a, MediaKind::Audio);
        let ssrc = world.consume(1, b, 1, MediaKind::Audio);
        // Over a rollover of the publisher's sequence number.
        world.send_audio(a, 65_530..65_560);
        let received = &world.peers[b].rtp;
        assert_eq!(received.len(), 30, "{offer:?}");
        for (number, packet) in received.iter().enumerate() {
            let source = 65_530 + number as u64;
            assert_eq!((packet.header.payload_type, packet.header.ssrc), (111, ssrc));
            assert_eq!(packet.header.timestamp, source as u32 * 960);
            assert_eq!(packet.index, received[0].index + number as u64);
            assert_eq!(packet.payload(), source.to_be_bytes());
            assert_eq!(packet.extension(4), Some(&b"7"[..]), "the receiver's mid");
            assert_eq!(packet.extension(1), Some(&[0x85][..]), "audio level under the receiver's id");
            assert_eq!(packet.extension(2).map(<[u8]>::len), Some(3), "send time");
            assert_eq!(packet.header.extensions(&packet.plain).count(), 3);
        }
        assert!(world.peers[a].rtp.is_empty());
    }
}

#[test]
fn the_rollover_is_followed_while_a_source_is_off() {
    let (mut world, a, b) = audio_pair();
    world.send_audio(a, 32_000..32_001);
    world.apply(Command::SetProducerActive(ProducerId(1), false));
    for index in [60_000, 80_000, 110_000, 130_000] {
        world.send_audio(a, index..index + 1);
    }
    world.apply(Command::SetProducerActive(ProducerId(1), true));
    world.send_audio(a, 140_000..140_001);
    assert_eq!(world.peers[b].rtp.len(), 2);
    assert_eq!(world.worker.counters().dropped_unauthentic, 0);
}

#[test]
fn two_hundred_receivers_get_every_packet_of_a_turn() {
    let mut world = World::new();
    let a = world.connected();
    world.produce(1, a, MediaKind::Audio);
    for number in 0..200 {
        let peer = world.connected();
        world.consume(number, peer, 1, MediaKind::Audio);
    }
    let packets = (0..10).map(|index| world.peers[a].seal(109, AUDIO_SSRC, index, 0, &[], b"x")).collect();
    world.send(a, packets);
    assert!(world.peers[1..].iter().all(|peer| peer.rtp.len() == 10));
    assert_eq!(world.worker.counters().rtp_out, 2_000);
}

#[test]
fn reports_go_both_ways_each_second_and_tell_the_round_trip() {
    let (mut world, a, b) = audio_pair();
    world.send_audio(a, 0..10);
    // The publisher's clock.
    let info =
        SenderInfo { ssrc: AUDIO_SSRC, ntp: 0xe000_0000_0000_0000, rtp: 48_000, packets: 10, octets: 80 };
    let mut plain = [0; 64];
    let mut writer = Writer::new(&mut plain);
    writer.put_sender_report(&info);
    let length = writer.length();
    let packet = world.peers[a].seal_rtcp(&plain[..length]);
    world.send(a, vec![packet]);
    world.pass(Duration::from_secs(3));

    let statements = |world: &World, peer: usize| {
        let mut all = vec![];
        for compound in &world.peers[peer].rtcp {
            assert!(rtcp::read(compound, |statement| all.push(statement)));
        }
        all
    };
    let to_publisher = statements(&world, a);
    assert_eq!(to_publisher.len(), 3, "{to_publisher:?}");
    let Statement::Report(block) = to_publisher[2] else { panic!("{to_publisher:?}") };
    assert_eq!((block.ssrc, block.highest_sequence, block.fraction_lost), (AUDIO_SSRC, 9, 0));
    assert_eq!((block.last_sr, block.delay), (0, 3 << 16), "its clock at the middle is 0, and 3 s passed");

    let to_receiver = statements(&world, b);
    assert_eq!(to_receiver.len(), 3, "{to_receiver:?}");
    let Statement::Sender(last) = to_receiver[2] else { panic!("{to_receiver:?}") };
    assert_eq!((last.packets, last.octets), (10, 80));
    assert_eq!((last.ntp, last.rtp), (info.ntp + (3 << 32), 48_000 * 4), "the publisher's clock, 3 s on");

    // The receiver answers 250 ms later, having held the report for 100 ms.
    world.pass(Duration::from_millis(250));
    let mut writer = Writer::new(&mut plain);
    writer.put_receiver_report(&[rtcp::ReportBlock {
        ssrc: last.ssrc,
        fraction_lost: 25,
        jitter: 480,
        last_sr: crate::reception::middle(last.ntp),
        delay: 6_554,
        ..Default::default()
    }]);
    let length = writer.length();
    let packet = world.peers[b].seal_rtcp(&plain[..length]);
    world.send(b, vec![packet]);
    let quality = world.worker.quality(ConsumerId(1)).unwrap();
    let round_trip = quality.round_trip.unwrap().as_micros();
    assert!((149_000..151_000).contains(&round_trip), "{round_trip}");
    assert_eq!((quality.fraction_lost, quality.jitter), (25, Duration::from_millis(10)));
}
