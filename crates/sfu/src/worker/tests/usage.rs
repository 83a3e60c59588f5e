use super::*;
use crate::{Usage, ortc::IceProtocol, rtcp::ReportBlock};

/// Version, SSRC and numbers of a header without extensions.
const PLAIN_HEADER: u64 = 12;

fn closed(world: &mut World, peer: usize) -> Usage {
    let id = world.peers[peer].id;
    world.worker.take_events();
    world.apply(Command::CloseTransport(id));
    let events = world.worker.take_events();
    let [Event::TransportClosed { id: of, usage }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(*of, id);
    *usage
}

fn report(world: &mut World, peer: usize, ssrc: u32, lost: i32) {
    let mut plain = [0; 100];
    let mut writer = Writer::new(&mut plain);
    writer.put_receiver_report(&[ReportBlock { ssrc, lost, ..ReportBlock::default() }]);
    let length = writer.length();
    let packet = world.peers[peer].seal_rtcp(&plain[..length]);
    world.send(peer, vec![packet]);
}

#[test]
fn a_closed_transport_tells_what_it_carried() {
    let (mut world, a, b) = audio_pair();
    world.send_audio(a, 0..10);
    world.send_audio(a, 13..20);
    let down: u64 = world.peers[b].rtp.iter().map(|packet| packet.plain.len() as u64).sum();
    report(&mut world, b, 100_001, 4);
    report(&mut world, b, 100_001, 5);

    let published = closed(&mut world, a);
    assert_eq!((published.packets_up, published.lost_up), (17, 3));
    assert!(published.bytes_up > 17 * (PLAIN_HEADER + 8), "{published:?}");
    assert_eq!((published.packets_down, published.bytes_down, published.lost_down), (0, 0, 0));
    assert_eq!(published.protocol, Some(IceProtocol::Udp));
    assert_eq!(published.profile, Some(SrtpProfile::AeadAes128Gcm));

    let received = closed(&mut world, b);
    assert_eq!((received.packets_up, received.packets_down), (0, 17));
    // GCM adds 16 bytes of tag to each.
    assert_eq!(received.bytes_down, down + 17 * 16);
    // Of a consumer that went with its producer.
    assert_eq!(received.lost_down, 5);
}

#[test]
fn what_is_open_can_be_asked_for() {
    let (mut world, a, b) = audio_pair();
    let c = world.open(SrtpOffer::All, SrtpOffer::All);
    world.send_audio(a, 0..3);
    world.send_audio(a, 4..5);
    report(&mut world, b, 100_001, 1);
    world.apply(Command::ReportUsage);
    let events = world.worker.take_events();
    let [Event::Usage(used)] = events.as_slice() else { panic!("{events:?}") };
    let of = |peer: usize| used.iter().find(|(id, _)| *id == world.peers[peer].id).unwrap().1;
    assert_eq!((of(a).packets_up, of(a).lost_up, of(b).packets_down, of(b).lost_down), (4, 1, 4, 1));
    assert_eq!(of(c), Usage::default(), "nobody has connected to it");
}

#[test]
fn loss_of_streams_that_are_forgotten_still_counts() {
    let mut world = World::new();
    let a = world.connected();
    world.produce(1, a, MediaKind::Audio);
    world.send_audio(a, 0..1);
    world.send_audio(a, 3..4);
    world.apply(Command::RemoveProducer(ProducerId(1)));
    let index = world.worker.transport_ids[&world.peers[a].id];
    world.worker.transports[index].forget_idle_streams();
    assert_eq!(world.worker.transports[index].inbound.len(), 0);
    assert_eq!(closed(&mut world, a).lost_up, 2);
}
