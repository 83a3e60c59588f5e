//! Transport-wide feedback to a publisher, over the whole worker.

use rtc_rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc_shared::marshal::Unmarshal as _;

use super::*;

/// Under which the publisher writes its numbers.
const EXTENSION: u8 = 6;

/// A publisher of audio and video that numbers its packets.
fn publisher() -> (World, usize) {
    let mut world = World::new();
    let a = world.connected();
    for (id, kind) in [(1, MediaKind::Audio), (2, MediaKind::Video)] {
        let mut media = media(kind);
        media.extensions.transport_cc = Some(EXTENSION);
        let transport = world.peers[a].id;
        let spec = ProducerSpec { id: ProducerId(id), room: RoomId(1), transport, kind, media, active: true };
        world.apply(Command::AddProducer(spec));
    }
    (world, a)
}

fn send(world: &mut World, peer: usize, payload_type: u8, ssrc: u32, index: u64, number: u16) {
    let extension = number.to_be_bytes();
    let packet =
        world.peers[peer].seal(payload_type, ssrc, index, 0, &[(EXTENSION, &extension)], &[0x10, 0, 1]);
    world.send(peer, vec![packet]);
}

/// Base number, count and differences (µs) of each feedback.
fn feedback(world: &World, peer: usize) -> Vec<(u16, u16, Vec<i64>)> {
    let all = world.peers[peer].rtcp.iter().filter_map(|compound| {
        // An empty receiver report comes first.
        let mut rest = compound
            .get(8..)
            .filter(|rest| rest.starts_with(&[0x8f, 205]) || rest.starts_with(&[0xaf, 205]))?;
        Some(TransportLayerCc::unmarshal(&mut rest).unwrap())
    });
    all.map(|cc| {
        let deltas = cc.recv_deltas.iter().map(|delta| delta.delta).collect();
        (cc.base_sequence_number, cc.packet_status_count, deltas)
    })
    .collect()
}

#[test]
fn packets_of_all_streams_are_reported_every_100_ms() {
    let (mut world, a) = publisher();
    send(&mut world, a, 109, AUDIO_SSRC, 1, 65_535);
    world.pass(Duration::from_millis(20));
    send(&mut world, a, 120, VIDEO_SSRC, 1, 0);
    world.pass(Duration::from_millis(20));
    send(&mut world, a, 121, VIDEO_SSRC + 1, 1, 2);
    assert_eq!(feedback(&world, a), []);
    world.pass(Duration::from_millis(60));
    let all = feedback(&world, a);
    assert_eq!(all.len(), 1);
    let (base, count, deltas) = &all[0];
    assert_eq!((*base, *count, &deltas[1..]), (65_535, 4, &[20_000, 20_000][..]));
    world.pass(Duration::from_secs(2));
    assert_eq!(feedback(&world, a).len(), 1, "nothing new, nothing said");
    assert_eq!(world.worker.counters().feedback_sent, 1);
}

#[test]
fn a_burst_does_not_wait() {
    let (mut world, a) = publisher();
    for number in 0..128 {
        assert_eq!(feedback(&world, a), []);
        send(&mut world, a, 109, AUDIO_SSRC, u64::from(number), number);
    }
    assert_eq!(
        feedback(&world, a),
        [(0, 128, vec![feedback(&world, a)[0].2[0]].into_iter().chain([0; 127]).collect())]
    );
}

#[test]
fn numbers_count_only_in_authentic_packets() {
    let (mut world, a) = publisher();
    let mut forged = world.peers[a].seal(109, AUDIO_SSRC, 1, 0, &[(EXTENSION, &[0, 9])], b"payload");
    *forged.last_mut().unwrap() ^= 1;
    world.send(a, vec![forged]);
    // Of another length than two bytes.
    let short = world.peers[a].seal(109, AUDIO_SSRC, 2, 0, &[(EXTENSION, &[9])], b"payload");
    world.send(a, vec![short]);
    world.pass(Duration::from_secs(1));
    assert_eq!(feedback(&world, a), []);
}

#[test]
fn a_publisher_without_numbers_gets_no_feedback() {
    let (mut world, a, _) = audio_pair();
    world.send_audio(a, 0..10);
    world.pass(Duration::from_secs(1));
    assert_eq!(feedback(&world, a), []);
}

/// Under which receivers get their numbers.
const RECEIVED: u8 = 3;

fn nack(world: &mut World, peer: usize, ssrc: u32, number: u16) {
    let mut plain = [0; 100];
    let mut writer = Writer::new(&mut plain);
    writer.put_receiver_report(&[]);
    assert!(writer.put_nack(ssrc, &[(number, 0)]));
    let length = writer.length();
    let packet = world.peers[peer].seal_rtcp(&plain[..length]);
    world.send(peer, vec![packet]);
}

fn numbers(world: &World, peer: usize) -> Vec<Option<u16>> {
    let number = |value: &[u8]| u16::from_be_bytes(value.try_into().unwrap());
    world.peers[peer].rtp.iter().map(|packet| packet.extension(RECEIVED).map(number)).collect()
}

#[test]
fn packets_to_a_subscriber_of_video_are_numbered_over_all_streams() {
    let (mut world, a, b) = audio_pair();
    world.send_audio(a, 0..3);
    assert_eq!(numbers(&world, b), [None; 3], "with audio alone there is nothing to choose");
    world.produce(2, a, MediaKind::Video);
    world.consume(2, b, 2, MediaKind::Video);
    world.send_video(a, 1, true);
    world.send_audio(a, 3..5);
    world.send_video(a, 2, false);
    assert_eq!(numbers(&world, b)[3..], [0, 1, 2, 3].map(Some));
    world.apply(Command::RemoveConsumer(ConsumerId(2)));
    world.send_audio(a, 5..6);
    assert_eq!(numbers(&world, b).last(), Some(&None));
}

#[test]
fn a_packet_sent_again_keeps_its_number_and_a_retransmission_has_its_own() {
    let (mut world, a, b) = audio_pair();
    world.produce(2, a, MediaKind::Video);
    let video = world.consume(2, b, 2, MediaKind::Video);
    world.send_video(a, 1, true);
    world.send_audio(a, 0..2);
    world.pass(Duration::from_millis(100));
    let first =
        |world: &World, of: u32| world.peers[b].rtp.iter().find(|p| p.header.ssrc == of).cloned().unwrap();
    // Audio has no stream for retransmissions: the peer makes sure that it is the same to the bit.
    let audio = first(&world, 100_001);
    nack(&mut world, b, 100_001, audio.header.sequence);
    assert_eq!((world.peers[b].repeats, world.worker.counters().sent_again_plain), (1, 1));
    let sequence = first(&world, video).header.sequence;
    nack(&mut world, b, video, sequence);
    assert_eq!(world.worker.counters().sent_again_rtx, 1);
    assert_eq!(numbers(&world, b), [0, 1, 2, 3].map(Some));
}
