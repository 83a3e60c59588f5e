use super::*;
use crate::ortc::IceProtocol;

#[test]
fn transports_are_counted_by_profile() {
    let mut world = World::new();
    world.connected_with(SrtpOffer::Gcm128Only);
    world.connected_with(SrtpOffer::CmOnly);
    let counters = world.worker.counters();
    assert_eq!((counters.profile_gcm_128, counters.profile_cm, counters.handshakes), (1, 1, 2));
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
fn a_connection_that_closes_leaves_its_media_to_the_path_checked_last() {
    let (mut world, a, b) = audio_pair();
    let datagrams = world.peers[b].address;
    // The same address as a connection is another path.
    world.connections.insert(datagrams, 7);
    let connection = world.remote(datagrams);
    world.check(b, true);
    let way = |world: &World| world.worker.transports[world.worker.transport_ids[&world.peers[b].id]].remote;
    assert_eq!(way(&world), Some(connection));
    world.worker.disconnected(world.now, connection);
    assert_eq!(way(&world), Some(Remote::Udp(datagrams)));
    world.send_audio(a, 0..1);
    assert_eq!(world.peers[b].rtp.len(), 1);
    assert!(!world.worker.by_address.contains_key(&connection));
    // Consent for the other path has run out: nothing is sent until somebody asks for it.
    world.check(b, true);
    world.pass(Duration::from_secs(31));
    world.check(b, true);
    world.worker.disconnected(world.now, connection);
    assert_eq!(way(&world), None);
    world.send_audio(a, 1..2);
    assert_eq!(world.peers[b].rtp.len(), 1);
    world.check(b, false);
    world.send_audio(a, 2..3);
    assert_eq!(world.peers[b].rtp.len(), 2);
    // A connection that never was one of a transport.
    world.worker.disconnected(world.now, Remote::Tcp { connection: 99, address: datagrams });
}

#[test]
fn usage_tells_which_protocol_it_really_was_also_when_the_way_is_gone() {
    let (mut world, _, b) = audio_pair();
    let protocol = |world: &World| {
        let index = world.worker.transport_ids[&world.peers[b].id];
        world.worker.transports[index].usage(0).protocol
    };
    assert_eq!(protocol(&world), Some(IceProtocol::Udp));
    world.peers[b].address.set_port(9);
    let address = world.peers[b].address;
    world.connections.insert(address, 1);
    world.check(b, true);
    assert_eq!(protocol(&world), Some(IceProtocol::Tcp));
    world.pass(Duration::from_secs(31));
    let connection = world.remote(address);
    world.worker.disconnected(world.now, connection);
    assert_eq!(protocol(&world), Some(IceProtocol::Tcp));
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
fn another_certificate_closes_the_transport_before_any_media() {
    let mut world = World::new();
    let right = std::mem::replace(&mut world.fingerprint.value, "AB:CD".into());
    let a = world.open(SrtpOffer::All, SrtpOffer::All);
    world.fingerprint.value = right;
    world.produce(1, a, MediaKind::Audio);
    world.check(a, true);
    let id = world.peers[a].id;
    assert_eq!(world.failed(id), Some(FailReason::FingerprintMismatch));
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
    assert_eq!(world.failed(id), Some(FailReason::NoCommonProfile));
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
    assert_eq!(world.failed(world.peers[a].id), Some(FailReason::Timeout));
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
    let id = world.peers[b].id;
    let events = world.worker.take_events();
    let [lost, Event::TransportClosed { id: closed, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((lost, closed), (&Event::TransportLost { id, reason: LostReason::Closed }, &id));
    assert!(world.worker.consumers.is_empty());
}

#[test]
fn many_addresses_push_out_the_oldest_and_no_other_transport() {
    let (mut world, a, b) = audio_pair();
    let own = world.peers[b].address;
    for port in 5_000..5_050 {
        world.peers[b].address.set_port(port);
        world.check(b, false);
        world.now += Duration::from_millis(1);
    }
    world.peers[b].address = own;
    assert!(world.worker.by_address.len() <= 9, "{}", world.worker.by_address.len());
    // An address that changed hands stays with its new owner when the old one's paths are pushed out.
    world.peers[a].address.set_port(9_000);
    world.check(a, false);
    let shared = world.peers[a].address;
    world.peers[b].address = shared;
    world.check(b, false);
    for port in 6_000..6_020 {
        world.peers[a].address.set_port(port);
        world.check(a, false);
    }
    assert_eq!(
        world.worker.by_address.get(&Remote::Udp(shared)),
        world.worker.transport_ids.get(&world.peers[b].id)
    );
}
