use std::{net::SocketAddr, time::Duration};

use super::*;
use crate::{
    Command, ConsumerSpec, FailReason, LostReason, ProducerSpec, SrtpOffer, SrtpProfile,
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
            "codecs": [{"mimeType": "audio/opus", "payloadType": 109, "clockRate": 48000, "channels": 2}],
            "headerExtensions": [
                {"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 5},
                {"uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "id": 9}
            ],
            "encodings": [{"ssrc": AUDIO_SSRC}]
        }),
        MediaKind::Video => serde_json::json!({
            "mid": "1",
            "codecs": [
                {"mimeType": "video/VP8", "payloadType": 120, "clockRate": 90000},
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
        let transport = self.peers[peer].id;
        let spec = ProducerSpec { id: ProducerId(id), transport, kind, media: media(kind), active: true };
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
fn transports_are_counted_by_profile() {
    let mut world = World::new();
    world.connected_with(SrtpOffer::Gcm128Only);
    world.connected_with(SrtpOffer::CmOnly);
    let counters = world.worker.counters();
    assert_eq!((counters.profile_gcm_128, counters.profile_cm, counters.handshakes), (1, 1, 2));
}

#[test]
fn a_source_that_is_off_is_dropped_and_counted_in_the_same_turn() {
    let (mut world, a, b) = audio_pair();
    world.send_audio(a, 10..20);
    let packets = (20..30).map(|index| world.peers[a].seal(109, AUDIO_SSRC, index, 0, &[], b"x")).collect();
    // The command is in the table before the packets of the same turn are read.
    world.worker.apply(world.now, Command::SetProducerActive(ProducerId(1), false));
    world.send(a, packets);
    assert_eq!(world.peers[b].rtp.len(), 10);
    assert_eq!(world.worker.counters().dropped_inactive, 10);
    world.apply(Command::SetProducerActive(ProducerId(1), true));
    world.send_audio(a, 30..35);
    let indices: Vec<u64> = world.peers[b].rtp.iter().map(|packet| packet.index).collect();
    assert_eq!(indices.len(), 15);
    assert!(
        indices.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "no gap that looks like loss: {indices:?}"
    );
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
fn a_paused_consumer_gets_nothing() {
    let (mut world, a, b) = audio_pair();
    world.apply(Command::SetConsumerPaused(ConsumerId(1), true));
    world.send_audio(a, 0..5);
    assert!(world.peers[b].rtp.is_empty());
    world.apply(Command::SetConsumerPaused(ConsumerId(1), false));
    world.send_audio(a, 5..6);
    assert_eq!(world.peers[b].rtp.len(), 1);
}

#[test]
fn a_repeated_packet_is_forwarded_once() {
    let (mut world, a, b) = audio_pair();
    let packet = world.peers[a].seal(109, AUDIO_SSRC, 5, 0, &[], b"x");
    world.send(a, vec![packet.clone(), packet.clone()]);
    world.send(a, vec![packet]);
    assert_eq!(world.peers[b].rtp.len(), 1);
    assert_eq!(world.worker.counters().dropped_replayed, 2);
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
fn video_begins_with_a_keyframe_that_is_asked_for() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    assert_eq!(world.plis(a), 1, "on adding the consumer");
    for index in 1..5 {
        world.send_video(a, index, false);
    }
    assert!(world.peers[b].rtp.is_empty());
    assert_eq!(world.worker.counters().waiting_for_keyframe, 4);
    world.send_video(a, 5, true);
    world.send_video(a, 6, false);
    assert_eq!(world.peers[b].rtp.len(), 2);
    assert_eq!(world.peers[b].rtp[0].header.payload_type, 96);
    assert_eq!(world.plis(a), 1, "the keyframe came before the second request was due");
}

#[test]
fn a_keyframe_that_does_not_come_is_asked_for_again() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    for index in 0..100 {
        world.pass(Duration::from_millis(33));
        world.send_video(a, index, false);
    }
    // 3.3 s: at most one per 500 ms.
    let plis = world.plis(a);
    assert!((6..=7).contains(&plis), "{plis}");
}

#[test]
fn keyframe_requests_of_many_receivers_are_one() {
    let mut world = World::new();
    let a = world.connected();
    world.produce(1, a, MediaKind::Video);
    let receivers: Vec<usize> = (0..20).map(|_| world.connected()).collect();
    let ssrcs: Vec<u32> =
        receivers.iter().map(|peer| world.consume(*peer as u64, *peer, 1, MediaKind::Video)).collect();
    world.send_video(a, 0, true);
    world.pass(Duration::from_secs(2));
    let before = world.plis(a);
    for (peer, ssrc) in receivers.iter().zip(ssrcs) {
        world.send_pli(*peer, ssrc);
        world.send_pli(*peer, ssrc);
    }
    assert_eq!(world.plis(a), before + 1);
    world.pass(Duration::from_millis(499));
    assert_eq!(world.plis(a), before + 1);
    world.pass(Duration::from_millis(2));
    assert_eq!(world.plis(a), before + 2, "the requests after the first one are answered together");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.plis(a), before + 2);
}

#[test]
fn a_video_that_comes_on_again_begins_with_a_keyframe() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    world.send_video(a, 0, true);
    world.apply(Command::SetProducerActive(ProducerId(1), false));
    world.send_video(a, 1, true);
    world.pass(Duration::from_secs(1));
    let before = world.plis(a);
    world.apply(Command::SetProducerActive(ProducerId(1), true));
    assert_eq!(world.plis(a), before + 1);
    world.send_video(a, 2, false);
    world.send_video(a, 3, true);
    assert_eq!(world.peers[b].rtp.len(), 2);
    assert_eq!(world.peers[b].rtp[1].index, world.peers[b].rtp[0].index + 1);
}

#[test]
fn retransmissions_and_unknown_streams_are_dropped_and_counted() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    let rtx = world.peers[a].seal(121, VIDEO_SSRC + 1, 0, 0, &[], &[0, 1, 0x10, 0]);
    let unknown = world.peers[a].seal(120, 5, 0, 0, &[], &[0x10, 0]);
    let payload_type = world.peers[a].seal(99, VIDEO_SSRC, 0, 0, &[], &[0x10, 0]);
    world.send(a, vec![rtx, unknown, payload_type]);
    let counters = world.worker.counters();
    assert_eq!(
        (counters.dropped_rtx, counters.dropped_unknown_ssrc, counters.dropped_payload_type),
        (1, 1, 1)
    );
    assert!(world.peers[b].rtp.is_empty());
}

#[test]
fn padding_longer_than_the_payload_is_dropped_and_fitting_padding_passes() {
    let (mut world, a, b) = audio_pair();
    let mut index = 0;
    let mut passed = 0;
    for length in 0..40_usize {
        for count in 0..=255_u8 {
            let mut payload = vec![0; length];
            if let Some(last) = payload.last_mut() {
                *last = count;
            }
            let outgoing = Outgoing {
                marker: false,
                padding: true,
                payload_type: 109,
                sequence: index as u16,
                timestamp: 0,
                ssrc: AUDIO_SSRC,
                extensions: &[],
            };
            let packet = world.peers[a].seal_outgoing(&outgoing, index, &payload);
            world.send(a, vec![packet]);
            index += 1;
            passed += usize::from(count > 0 && usize::from(count) <= length);
        }
    }
    assert_eq!(world.peers[b].rtp.len(), passed);
    assert_eq!(world.worker.counters().dropped_malformed, index - passed as u64);
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

#[test]
fn the_hello_waits_for_nomination_or_300_ms() {
    let mut world = World::new();
    let a = world.open(SrtpOffer::All, SrtpOffer::All);
    world.check(a, false);
    assert_eq!((world.peers[a].answers, world.peers[a].hellos), (1, 0));
    world.pass(Duration::from_millis(299));
    assert_eq!(world.peers[a].hellos, 0);
    world.pass(Duration::from_millis(2));
    assert!(world.peers[a].hellos > 0);
    let b = world.open(SrtpOffer::All, SrtpOffer::All);
    world.check(b, true);
    assert!(world.peers[b].hellos > 0);
}

#[test]
fn a_later_nominated_address_moves_the_flow() {
    let (mut world, a, b) = audio_pair();
    world.peers[b].address = "192.0.2.9:77".parse().unwrap();
    world.send_audio(a, 0..1);
    assert!(world.peers[b].rtp.is_empty(), "still to the old address");
    world.check(b, false);
    world.send_audio(a, 1..2);
    assert!(world.peers[b].rtp.is_empty(), "a check alone moves nothing while the old path is alive");
    world.check(b, true);
    world.send_audio(a, 2..3);
    assert_eq!(world.peers[b].rtp.len(), 1);
    // A publisher moves too: its packets count from the new address.
    world.peers[a].address = "192.0.2.10:78".parse().unwrap();
    world.check(a, true);
    world.send_audio(a, 3..4);
    assert_eq!(world.peers[b].rtp.len(), 2);
}

#[test]
fn a_silent_path_is_left_at_the_next_check_of_another() {
    let (mut world, a, b) = audio_pair();
    world.pass(Duration::from_secs(4));
    world.peers[b].address = "192.0.2.9:77".parse().unwrap();
    world.check(b, false);
    world.send_audio(a, 0..1);
    assert_eq!(world.peers[b].rtp.len(), 1);
}

#[test]
fn checks_without_the_password_are_answered_with_silence() {
    let mut world = World::new();
    let a = world.open(SrtpOffer::All, SrtpOffer::All);
    let (username, password) = (world.peers[a].username.clone(), world.peers[a].password.clone());
    let from: SocketAddr = "198.51.100.1:5".parse().unwrap();
    for (username, password) in [
        (username.as_str(), "wrong-password-of-22-chars"),
        ("nobody:remote0", &password),
        ("local0:another", &password),
        ("local0", &password),
        ("", &password),
    ] {
        let check = crate::stun::client::check(username, password, true, [1; 12]);
        assert!(world.deliver(from, &check).is_empty(), "{username}");
    }
    assert_eq!(world.worker.counters().stun_refused, 5);
    // A good one with every byte changed in turn, and of every length.
    let check = crate::stun::client::check(&username, &password, true, [1; 12]);
    for at in 0..check.len() {
        let mut forged = check.clone();
        forged[at] ^= 0x04;
        assert!(world.deliver(from, &forged).is_empty(), "byte {at}");
        assert!(world.deliver(from, &check[..at]).is_empty(), "length {at}");
    }
    assert_eq!(world.peers[a].hellos, 0);
    let answer = world.deliver(from, &check);
    assert!(answer[0].1.len() * 10 <= check.len() * 12, "no amplification");
}

#[test]
fn dtls_from_an_unchecked_address_is_ignored_and_counted() {
    let mut world = World::new();
    let a = world.open(SrtpOffer::All, SrtpOffer::All);
    let hello = crate::srtp::tests::hex("16fefd0000000000000000000401000000");
    assert!(world.deliver("198.51.100.1:5".parse().unwrap(), &hello).is_empty());
    assert_eq!(world.worker.counters().dropped_dtls_unchecked, 1);
    world.check(a, true);
    assert!(world.peers[a].server.srtp.is_some(), "the handshake is not disturbed");
}

#[test]
fn garbage_of_every_length_is_never_answered_and_disturbs_nothing() {
    let (mut world, a, b) = audio_pair();
    let known = world.peers[a].address;
    let stranger: SocketAddr = "198.51.100.1:5".parse().unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    let before = (world.peers[a].answers, world.peers[a].hellos);
    for length in 0..=2_100 {
        // What each kind of datagram begins with, and noise.
        for first in [0_u8, 1, 20, 22, 23, 64, 0x80, 0x90, 0xbf, random()] {
            for second in [0, 109, 200, 201, 206, random()] {
                let mut datagram: Vec<u8> = (0..length).map(|_| random()).collect();
                if let [one, two, ..] = datagram.as_mut_slice() {
                    (*one, *two) = (first, second);
                }
                for from in [known, stranger] {
                    assert!(world.deliver(from, &datagram).is_empty(), "{length} {first} {second}");
                }
            }
        }
    }
    assert_eq!((world.peers[a].answers, world.peers[a].hellos), before, "no answer to the known one either");
    assert!(world.worker.take_events().is_empty());
    world.send_audio(a, 0..3);
    assert_eq!(world.peers[b].rtp.len(), 3);
}

#[test]
fn garbage_in_the_middle_of_a_handshake_does_not_end_it() {
    let mut world = World::new();
    let a = world.open(SrtpOffer::All, SrtpOffer::All);
    world.check(a, false);
    let from = world.peers[a].address;
    for length in 0..300 {
        let mut datagram = vec![0xa5; length];
        if let Some(first) = datagram.first_mut() {
            *first = 22;
        }
        world.deliver(from, &datagram);
    }
    world.check(a, true);
    assert!(matches!(world.worker.take_events()[..], [Event::TransportConnected { .. }]));
}

#[test]
fn another_certificate_closes_the_transport_before_any_media() {
    let mut world = World::new();
    let right = std::mem::replace(&mut world.fingerprint.value, "AB:CD".into());
    let a = world.open(SrtpOffer::All, SrtpOffer::All);
    world.fingerprint.value = right;
    world.produce(1, a, MediaKind::Audio);
    world.check(a, true);
    let id = world.peers[a].id;
    let failed = Event::TransportFailed { id, reason: FailReason::FingerprintMismatch };
    assert_eq!(world.worker.take_events(), [failed]);
    world.check(a, true);
    assert_eq!(world.worker.counters().stun_refused, 1, "the transport is gone");
    assert!(world.worker.producers.is_empty());
}

#[test]
fn no_common_profile_is_told_apart() {
    let mut world = World::new();
    let a = world.open(SrtpOffer::Gcm128Only, SrtpOffer::CmOnly);
    world.check(a, true);
    let id = world.peers[a].id;
    let failed = Event::TransportFailed { id, reason: FailReason::NoCommonProfile };
    assert_eq!(world.worker.take_events(), [failed]);
    let b = world.open(SrtpOffer::CmOnly, SrtpOffer::CmOnly);
    world.check(b, true);
    let id = world.peers[b].id;
    let connected = Event::TransportConnected { id, profile: SrtpProfile::Aes128CmSha1_80 };
    assert_eq!(world.worker.take_events(), [connected]);
}

#[test]
fn a_transport_nobody_connects_to_fails() {
    let mut world = World::new();
    let a = world.open(SrtpOffer::All, SrtpOffer::All);
    world.pass(Duration::from_secs(29));
    assert!(world.worker.take_events().is_empty());
    world.pass(Duration::from_secs(2));
    let failed = Event::TransportFailed { id: world.peers[a].id, reason: FailReason::Timeout };
    assert_eq!(world.worker.take_events(), [failed]);
    assert!(world.worker.next_wake().is_none(), "nothing left to wait for");
}

#[test]
fn silence_is_reported_and_so_is_the_return() {
    let (mut world, a, b) = audio_pair();
    let id = world.peers[b].id;
    for _ in 0..8 {
        world.pass(Duration::from_secs(2));
        world.check(a, true);
    }
    let lost = Event::TransportLost { id, reason: LostReason::Silence };
    assert_eq!(world.worker.take_events(), [lost]);
    world.send_audio(a, 0..1);
    assert!(world.peers[b].rtp.is_empty(), "consent is over");
    world.check(b, true);
    assert_eq!(world.worker.take_events(), [Event::TransportBack { id }]);
    world.send_audio(a, 1..2);
    assert_eq!(world.peers[b].rtp.len(), 1);
}

#[test]
fn a_peer_that_closes_dtls_is_gone() {
    let (mut world, _, b) = audio_pair();
    let now = world.now;
    let farewell = world.peers[b].server.close(now);
    world.send(b, farewell);
    let lost = Event::TransportLost { id: world.peers[b].id, reason: LostReason::Closed };
    assert_eq!(world.worker.take_events(), [lost]);
    assert!(world.worker.consumers.is_empty());
}

#[test]
fn closing_a_transport_says_goodbye_and_forgets_all_of_it() {
    let (mut world, a, b) = audio_pair();
    let hellos = world.peers[a].hellos;
    world.apply(Command::CloseTransport(world.peers[a].id));
    assert_eq!(world.peers[a].hellos, hellos + 1, "close_notify");
    let from = world.peers[a].address;
    let packet = world.peers[a].seal(109, AUDIO_SSRC, 0, 0, &[], b"x");
    world.deliver(from, &packet);
    assert_eq!(world.worker.counters().dropped_unknown_address, 1);
    world.apply(Command::CloseTransport(world.peers[b].id));
    let worker = &world.worker;
    assert!(worker.transports.is_empty() && worker.producers.is_empty() && worker.consumers.is_empty());
    assert!(worker.by_address.is_empty() && worker.by_ufrag.is_empty() && worker.transport_ids.is_empty());
    assert!(worker.producer_ids.is_empty() && worker.consumer_ids.is_empty());
    assert_eq!(worker.counters().commands_refused, 0);
}

#[test]
fn a_receiver_taken_up_again_never_repeats_an_index() {
    let (mut world, a, b) = audio_pair();
    for round in 0..5 {
        world.send_audio(a, round * 10..round * 10 + 10);
        world.apply(Command::RemoveConsumer(ConsumerId(1)));
        world.consume(1, b, 1, MediaKind::Audio);
    }
    // The peer's replay window would have refused a repeated index.
    assert_eq!(world.peers[b].rtp.len(), 50);
}

#[test]
fn a_producer_taken_up_again_keeps_the_index_of_its_stream() {
    let (mut world, a, b) = audio_pair();
    for index in [32_000, 64_000, 65_600] {
        world.send_audio(a, index..index + 1);
    }
    world.apply(Command::RemoveProducer(ProducerId(1)));
    world.produce(2, a, MediaKind::Audio);
    world.consume(2, b, 2, MediaKind::Audio);
    world.send_audio(a, 65_601..65_602);
    assert_eq!(world.peers[b].rtp.len(), 4);
}

#[test]
fn commands_that_name_nothing_change_nothing() {
    let (mut world, a, b) = audio_pair();
    let transport = world.peers[a].id;
    let spec = |id, transport| ProducerSpec {
        id: ProducerId(id),
        transport,
        kind: MediaKind::Audio,
        media: media(MediaKind::Audio),
        active: true,
    };
    let refused = [
        Command::CloseTransport(TransportId(99)),
        Command::AddProducer(spec(1, transport)),
        Command::AddProducer(spec(2, transport)),
        Command::AddProducer(spec(3, TransportId(99))),
        Command::SetProducerActive(ProducerId(99), true),
        Command::RemoveProducer(ProducerId(99)),
        Command::SetConsumerPaused(ConsumerId(99), true),
        Command::SetConsumerLayer(ConsumerId(99), 0),
        Command::RemoveConsumer(ConsumerId(99)),
        Command::RequestKeyframe(ProducerId(99)),
    ];
    let count = refused.len() as u64;
    refused.into_iter().for_each(|command| world.apply(command));
    assert_eq!(world.worker.counters().commands_refused, count);
    world.send_audio(a, 0..1);
    assert_eq!(world.peers[b].rtp.len(), 1);
}

#[test]
fn a_thousand_joins_leave_nothing_behind() {
    let mut world = World::new();
    let a = world.connected();
    world.produce(1, a, MediaKind::Audio);
    for round in 0..1_000 {
        let number = world.open(SrtpOffer::All, SrtpOffer::All);
        world.consume(round, number, 1, MediaKind::Audio);
        world.apply(Command::CloseTransport(world.peers[number].id));
    }
    let worker = &world.worker;
    assert_eq!((worker.transports.len(), worker.consumers.len(), worker.by_ufrag.len()), (1, 0, 1));
    world.pass(Duration::from_secs(40));
    assert!(world.worker.timers.len() < 5, "{}", world.worker.timers.len());
}
