//! Handshakes in numbers, and media that does not wait for them.

use std::collections::VecDeque;

use super::*;
use crate::{handshakes::PIECES_PER_TURN, peer::Datagrams};

const FLOOD: usize = 500;
/// Of the test: how long a turn takes.
const TURN: Duration = Duration::from_millis(1);

/// A turn with a packet of sound, and of what waits on the way as much as fits beside it.
fn turn(world: &mut World, (a, b): (usize, usize), index: u64, way: &mut VecDeque<(SocketAddr, Vec<u8>)>) {
    let heard = world.peers[b].rtp.len();
    let before = world.worker.counters().handshake_pieces;
    let sound = world.peers[a].seal(109, AUDIO_SSRC, index, index as u32 * 48, &[], b"sound");
    let sound = (world.peers[a].address, sound);
    let room = way.len().min(crate::BATCH - 1);
    // The sound comes last, and goes first.
    let datagrams: Datagrams = way.drain(..room).chain([sound]).collect();
    world.now += TURN;
    let (answers, _) = world.one_turn(datagrams);
    way.extend(answers);
    let counters = world.worker.counters();
    assert!(counters.handshake_pieces - before <= PIECES_PER_TURN as u64);
    assert_eq!(world.peers[b].rtp.len(), heard + 1, "media in every turn");
    if !world.worker.handshakes.is_empty() {
        assert!(world.worker.next_wake().is_some_and(|wake| wake <= world.now), "the rest at once");
    }
}

#[test]
fn five_hundred_handshakes_at_once_delay_no_media_and_all_finish() {
    let (mut world, a, b) = audio_pair();
    let peers: Vec<usize> = (0..FLOOD).map(|_| world.open(SrtpOffer::Gcm128Only, SrtpOffer::All)).collect();
    let mut way: VecDeque<_> = peers.iter().map(|peer| world.connectivity_check(*peer, true)).collect();
    let mut turns = 0;
    while world.worker.counters().handshakes < 2 + FLOOD as u64 {
        turns += 1;
        assert!(turns < 10_000, "{} of {FLOOD} are done", world.worker.counters().handshakes - 2);
        turn(&mut world, (a, b), turns, &mut way);
    }
    let counters = world.worker.counters();
    assert!(
        counters.handshakes_put_off > FLOOD as u64,
        "{} turns put pieces off",
        counters.handshakes_put_off
    );
    assert_eq!(counters.handshakes_failed, 0);
    assert!(peers.iter().all(|peer| world.peers[*peer].server.srtp.is_some()));
    let connected = |event: &Event| matches!(event, Event::TransportConnected { .. });
    assert_eq!(world.worker.take_events().iter().filter(|event| connected(event)).count(), FLOOD);
    while turns < 10_000 && !world.worker.handshakes.is_empty() {
        turns += 1;
        turn(&mut world, (a, b), turns, &mut way);
    }
    assert!(world.worker.next_wake().is_some_and(|wake| wake > world.now), "nothing is left over");
}

#[test]
fn a_flood_of_one_transport_keeps_no_other_one_waiting() {
    let (mut world, a, b) = audio_pair();
    let hostile = world.open(SrtpOffer::Gcm128Only, SrtpOffer::All);
    world.check(hostile, true);
    let from = world.peers[hostile].address;
    // A record that is framed and says nothing that can be read.
    let noise = [22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4].to_vec();
    let flood = |way: &mut VecDeque<_>| {
        while way.len() < crate::BATCH - 1 {
            way.push_back((from, noise.clone()));
        }
    };
    let mut way = VecDeque::new();
    for index in 0..20 {
        flood(&mut way);
        turn(&mut world, (a, b), index, &mut way);
    }
    assert!(world.worker.counters().dropped_dtls_waiting > 1_000);
    let honest = world.open(SrtpOffer::Gcm128Only, SrtpOffer::All);
    let done = world.worker.counters().handshakes;
    way.push_front(world.connectivity_check(honest, true));
    let mut turns = 0;
    while world.worker.counters().handshakes == done {
        turns += 1;
        // It needs a start and about three datagrams, each in the turn after it came at the latest.
        assert!(turns <= 10, "starved");
        // The way itself is not what is tested: what the honest one sends is not behind the noise.
        way.retain(|(sender, _)| *sender != from);
        flood(&mut way);
        turn(&mut world, (a, b), 20 + turns, &mut way);
    }
}

#[test]
fn what_waits_for_a_transport_goes_with_it() {
    let mut world = World::new();
    let peers: Vec<usize> = (0..20).map(|_| world.open(SrtpOffer::Gcm128Only, SrtpOffer::All)).collect();
    let checks = peers.iter().map(|peer| world.connectivity_check(*peer, true)).collect();
    world.one_turn(checks);
    assert!(!world.worker.handshakes.is_empty());
    for peer in peers {
        world.worker.apply(world.now, Command::CloseTransport(world.peers[peer].id));
    }
    assert!(world.worker.handshakes.is_empty());
}

/// How long media waits for handshakes, and how many finish in a second: behind the choice of how many pieces a turn does.
#[test]
#[ignore = "a measurement; run it alone and with --release"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn how_long_a_turn_with_handshakes_takes() {
    let (mut world, ..) = audio_pair();
    let peers: Vec<usize> = (0..FLOOD).map(|_| world.open(SrtpOffer::Gcm128Only, SrtpOffer::All)).collect();
    let mut way: VecDeque<_> = peers.iter().map(|peer| world.connectivity_check(*peer, true)).collect();
    let mut took = vec![];
    while world.worker.counters().handshakes < 2 + FLOOD as u64 {
        let room = way.len().min(crate::BATCH);
        world.now += Duration::from_micros(100);
        let mut sent = crate::peer::Sent::default();
        let datagrams: Datagrams = way.drain(..room).collect();
        let begun = Instant::now();
        world.worker_turn(datagrams, &mut sent);
        took.push(begun.elapsed());
        way.extend(world.take(sent).0);
    }
    took.sort_unstable();
    let (all, turns): (Duration, _) = (took.iter().sum(), took.len());
    let percentile = |part: usize| took[turns * part / 1_000 - 1];
    println!(
        "{PIECES_PER_TURN} pieces: {turns} turns, median {:?}, 99 % {:?}, longest {:?}; {:.0} handshakes/s",
        percentile(500),
        percentile(990),
        percentile(1_000),
        FLOOD as f64 / all.as_secs_f64()
    );
}
