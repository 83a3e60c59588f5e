use super::*;

struct Outcome {
    /// Of a hundred thousand.
    arrived: usize,
    requests: usize,
    fraction_lost: Vec<u8>,
    counters: Counters,
}

/// Half a minute of one stream over a lossy way up.
fn run(kind: MediaKind, loss: u64, round_trip: Duration) -> Outcome {
    const PACKETS: u64 = 1_500;
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, kind);
    world.consume(1, b, 1, kind);
    let mut publisher = Publisher::new(a, kind, loss, round_trip);
    for index in 0..PACKETS {
        if index % 250 == 0 {
            [a, b].into_iter().for_each(|peer| world.check(peer, true));
        }
        publisher.send(&mut world, index);
        for _ in 0..4 {
            world.pass(5 * MS);
            publisher.answer(&mut world);
        }
    }
    for _ in 0..400 {
        world.pass(5 * MS);
        publisher.answer(&mut world);
    }
    // Whatever came when, its number is its place.
    let received = &world.peers[b].rtp;
    let first = received[0].index;
    for packet in received {
        assert_eq!(packet.index - first, number(packet.payload()));
    }
    let mut fraction_lost = vec![];
    for compound in &world.peers[a].rtcp {
        rtcp::read(compound, |statement| {
            if let Statement::Report(block) = statement {
                fraction_lost.push(block.fraction_lost);
            }
        });
    }
    Outcome {
        arrived: received.len() * 100_000 / PACKETS as usize,
        requests: publisher.requests,
        fraction_lost,
        counters: world.worker.counters().clone(),
    }
}

#[test]
fn what_is_lost_on_the_way_up_is_asked_for_and_arrives() {
    for kind in [MediaKind::Video, MediaKind::Audio] {
        for (loss, round_trip, bar) in [(5, 80, 99_800), (20, 80, 98_500), (5, 200, 99_000), (20, 30, 99_500)]
        {
            let outcome = run(kind, loss, round_trip * MS);
            let what = format!("{kind:?}, {loss} % lost, {round_trip} ms");
            assert!(outcome.arrived >= bar, "{what}: {}", outcome.arrived);
            let counters = &outcome.counters;
            assert!(counters.recovered >= loss * 12, "{what}: {}", counters.recovered);
            // A packet is asked for 1.6 times on average when a fifth is lost both ways.
            let most = 1_500 * loss as usize * 2 / 100;
            assert!(outcome.requests <= most, "{what}: {} requests", outcome.requests);
            // The reports tell what the network lost, not what is left after the repair.
            let reports = &outcome.fraction_lost[5..28];
            let mean =
                reports.iter().map(|lost| usize::from(*lost)).sum::<usize>() * 100 / 256 / reports.len();
            assert!(mean.abs_diff(loss as usize) <= 2, "{what}: {mean} % reported");
        }
    }
}

#[test]
fn nothing_is_asked_for_on_a_clean_way() {
    for kind in [MediaKind::Video, MediaKind::Audio] {
        let outcome = run(kind, 0, 80 * MS);
        assert_eq!((outcome.arrived, outcome.requests, outcome.counters.nacks_sent), (100_000, 0, 0));
    }
}

/// The numbers asked for so far.
fn requested(world: &World, peer: usize) -> Vec<u16> {
    let mut all = vec![];
    for compound in &world.peers[peer].rtcp {
        rtcp::read(compound, |statement| {
            if let Statement::Nack { first, mask, .. } = statement {
                all.extend(crate::nack::numbers(first, mask));
            }
        });
    }
    all
}

fn video() -> (World, usize, usize) {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    (world, a, b)
}

#[test]
fn a_publisher_that_did_not_negotiate_it_is_not_asked() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    let mut spec = parameters(MediaKind::Video);
    spec.codecs[0].rtcp_feedback.clear();
    let media = producer_media(MediaKind::Video, &spec).unwrap();
    let transport = world.peers[a].id;
    world.apply(Command::AddProducer(ProducerSpec {
        id: ProducerId(1),
        room: RoomId(1),
        transport,
        kind: MediaKind::Video,
        media,
        active: true,
    }));
    world.consume(1, b, 1, MediaKind::Video);
    world.send_video(a, 0, true);
    (5..10).for_each(|index| world.send_video(a, index, false));
    world.pass(Duration::from_secs(2));
    assert!(requested(&world, a).is_empty());
}

#[test]
fn nobody_asks_for_what_nobody_watches_or_what_is_off() {
    let (mut world, a, _) = video();
    world.send_video(a, 0, true);
    world.apply(Command::SetProducerActive(ProducerId(1), false));
    (5..10).for_each(|index| world.send_video(a, index, false));
    world.apply(Command::SetProducerActive(ProducerId(1), true));
    // The first packet after it is the one to count from.
    world.send_video(a, 15, true);
    world.apply(Command::RemoveConsumer(ConsumerId(1)));
    (20..25).for_each(|index| world.send_video(a, index, false));
    world.pass(Duration::from_secs(2));
    assert!(requested(&world, a).is_empty());
    // Missing, and then off before it is asked for again.
    let (mut world, a, _) = video();
    world.send_video(a, 0, true);
    (2..5).for_each(|index| world.send_video(a, index, false));
    assert_eq!(requested(&world, a), [1]);
    world.apply(Command::SetProducerActive(ProducerId(1), false));
    world.pass(Duration::from_secs(2));
    assert_eq!(requested(&world, a), [1]);
}

#[test]
fn a_hole_too_wide_to_repair_is_a_keyframe_request() {
    let (mut world, a, _) = video();
    world.send_video(a, 0, true);
    world.pass(Duration::from_secs(1));
    let before = world.plis(a);
    world.send_video(a, 1_000, false);
    assert_eq!((requested(&world, a), world.plis(a)), (vec![], before + 1));
    assert_eq!(world.worker.counters().given_up, 999);
}

#[test]
fn a_packet_that_never_comes_is_a_keyframe_request() {
    let (mut world, a, _) = video();
    world.send_video(a, 0, true);
    world.pass(Duration::from_secs(1));
    let before = world.plis(a);
    (2..6).for_each(|index| world.send_video(a, index, false));
    world.pass(Duration::from_millis(900));
    assert_eq!(world.plis(a), before);
    world.pass(Duration::from_millis(200));
    assert_eq!((world.plis(a), world.worker.counters().given_up), (before + 1, 1));
}

#[test]
fn a_packet_that_is_late_is_no_loss_where_retransmissions_have_their_own_stream() {
    let (mut world, a, _) = video();
    world.send_video(a, 0, true);
    let again = |world: &mut World| {
        let mut payload = 1_u16.to_be_bytes().to_vec();
        payload.extend([0x10, 1, 1, 2, 3]);
        let packet = world.peers[a].seal(121, VIDEO_SSRC + 1, 1, 3_000, &[], &payload);
        world.send(a, vec![packet]);
    };
    (2..5).for_each(|index| world.send_video(a, index, false));
    again(&mut world);
    // 5 is asked for, and comes late.
    (6..9).for_each(|index| world.send_video(a, index, false));
    assert_eq!(requested(&world, a), [1, 5]);
    world.send_video(a, 5, false);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.worker.counters().recovered, 1);
    let lost = world.worker.transports.iter().map(|(_, transport)| transport.usage(0).lost_up).sum::<u64>();
    assert_eq!(lost, 1);
}

#[test]
fn a_packet_that_comes_twice_is_forwarded_once() {
    let (mut world, a, b) = video();
    world.send_video(a, 0, true);
    world.send_video(a, 1, false);
    let again = |world: &mut World, number: u64, of: u16| {
        let mut payload = of.to_be_bytes().to_vec();
        payload.extend([0x10, 1, 1, 2, 3]);
        let packet = world.peers[a].seal(121, VIDEO_SSRC + 1, number, u32::from(of) * 3_000, &[], &payload);
        world.send(a, vec![packet]);
    };
    // A probe: what was sent before, sent again unasked.
    again(&mut world, 1, 1);
    assert_eq!((world.peers[b].rtp.len(), world.worker.counters().rtx_duplicates), (2, 1));
    // First by RTX, then itself, late.
    world.send_video(a, 4, false);
    again(&mut world, 2, 2);
    world.send_video(a, 2, false);
    assert_eq!((world.peers[b].rtp.len(), world.worker.counters().dropped_replayed), (4, 1));
    // First itself, late, then by RTX.
    world.send_video(a, 3, false);
    again(&mut world, 3, 3);
    assert_eq!((world.peers[b].rtp.len(), world.worker.counters().rtx_duplicates), (5, 2));
    let indices: Vec<u64> =
        world.peers[b].rtp.iter().map(|p| p.index - world.peers[b].rtp[0].index).collect();
    assert_eq!(indices, [0, 1, 4, 2, 3]);
}
