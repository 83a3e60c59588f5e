use super::*;

/// Half a minute of one stream with losses on the way up and down; packets that arrived of a hundred thousand.
fn run(kind: MediaKind, up: u64, down: u64, round_trip: Duration) -> (usize, World, usize) {
    const PACKETS: u64 = 1_500;
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, kind);
    let ssrc = world.consume(1, b, 1, kind);
    let mut publisher = Publisher::new(a, kind, up, round_trip);
    let mut subscriber = Subscriber::new(&mut world, b, ssrc, down, round_trip);
    for index in 0..PACKETS + 100 {
        if index % 250 == 0 {
            [a, b].into_iter().for_each(|peer| world.check(peer, true));
        }
        if index < PACKETS {
            publisher.send(&mut world, index);
        }
        for _ in 0..4 {
            world.pass(5 * MS);
            publisher.answer(&mut world);
            subscriber.turn(&mut world);
        }
    }
    (subscriber.arrived.len() * 100_000 / PACKETS as usize, world, b)
}

#[test]
fn what_is_lost_on_the_way_down_is_sent_again() {
    for kind in [MediaKind::Video, MediaKind::Audio] {
        for (loss, round_trip, bar) in [(5, 80, 99_800), (20, 80, 99_000), (5, 200, 99_500), (20, 30, 99_500)]
        {
            let (arrived, world, peer) = run(kind, 0, loss, round_trip * MS);
            let what = format!("{kind:?}, {loss} % lost, {round_trip} ms");
            assert!(arrived >= bar, "{what}: {arrived}");
            let counters = world.worker.counters();
            let (sent, other) = match kind {
                MediaKind::Video => (counters.sent_again_rtx, counters.sent_again_plain),
                MediaKind::Audio => (counters.sent_again_plain, counters.sent_again_rtx),
            };
            assert_eq!(other, 0, "{what}");
            // Each loss costs 1.25 retransmissions when a fifth is lost.
            assert!((loss * 12..=loss * 22).contains(&sent), "{what}: {sent} sent again");
            assert_eq!(world.peers[peer].repeats, 0, "{what}: nothing is sent that has arrived");
            assert_eq!(world.plis(0), usize::from(kind == MediaKind::Video), "{what}");
        }
    }
}

#[test]
fn losses_both_ways_are_repaired() {
    for kind in [MediaKind::Video, MediaKind::Audio] {
        for (loss, bar) in [(5, 99_000), (20, 97_000)] {
            let (arrived, world, _) = run(kind, loss, loss, 80 * MS);
            assert!(arrived >= bar, "{kind:?}, {loss} % lost: {arrived}");
            assert!(world.worker.counters().not_again_awaited > 0, "asked for before it is here");
        }
    }
}

#[test]
fn the_senders_reports_count_each_packet_once() {
    let (_, mut world, peer) = run(MediaKind::Audio, 0, 20, 80 * MS);
    assert!(world.worker.counters().sent_again_plain > 100);
    let info = SenderInfo { ssrc: AUDIO_SSRC, ntp: 1 << 40, rtp: 0, packets: 1, octets: 1 };
    let mut plain = [0; 64];
    let mut writer = Writer::new(&mut plain);
    writer.put_sender_report(&info);
    let length = writer.length();
    let packet = world.peers[0].seal_rtcp(&plain[..length]);
    world.send(0, vec![packet]);
    world.pass(Duration::from_secs(1));
    let mut reported = vec![];
    for compound in &world.peers[peer].rtcp {
        rtcp::read(compound, |statement| {
            if let Statement::Sender(info) = statement {
                reported.push((info.packets, info.octets));
            }
        });
    }
    assert_eq!(reported, [(1_500, 7_500)]);
}

fn video(packets: u64) -> (World, usize, usize, u32) {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    let ssrc = world.consume(1, b, 1, MediaKind::Video);
    (0..packets).for_each(|index| world.send_video(a, index, index == 0));
    (world, a, b, ssrc)
}

#[test]
fn requests_without_sense_cost_little_and_draw_little() {
    let (mut world, a, b, ssrc) = video(2_000);
    let first = world.peers[b].rtp[0].header.sequence;
    // The last 510, far ones, and all there are.
    let last: Vec<(u16, u16)> = (0..30).map(|at| (first.wrapping_add(1_490 + 17 * at), 0xffff)).collect();
    let all: Vec<(u16, u16)> = (0..400).map(|at| (at * 163, 0xffff)).collect();
    for round in 0..1_000_u16 {
        world.now += MS;
        // And the same again and again, and streams that do not exist.
        world.send_nack(b, ssrc, &last);
        world.send_nack(b, ssrc, &all);
        world.send_nack(b, ssrc, &[(first.wrapping_add(1_990), 0xffff); 400]);
        for unknown in [0, ssrc + 1, ssrc + 50_000, u32::MAX - u32::from(round)] {
            world.send_nack(b, unknown, &all);
        }
    }
    let counters = world.worker.counters();
    let looked_at = |c: &Counters| {
        c.sent_again_rtx
            + c.sent_again_plain
            + c.not_again_too_soon
            + c.not_again_over_budget
            + c.not_again_too_old
            + c.not_again_needless
            + c.not_again_unknown
    };
    // 512 packets a datagram for a stream there is, one count an entry for another.
    assert!(looked_at(counters) <= 1_000 * (3 * 512 + 4 * 400), "{counters:?}");
    assert!(counters.not_again_over_budget > 0 && counters.not_again_too_soon > 0);
    // 2,000 packets of 17 bytes were sent: half of them may be sent again, and 4 KiB.
    let again = counters.sent_again_rtx + counters.sent_again_plain;
    assert!((1_100..=1_182).contains(&again), "{again}");
    // A second of asking for what is forgotten: two keyframes.
    assert!(world.plis(a) <= 4, "{}", world.plis(a));
    assert_eq!(counters.panics, 0);
}

#[test]
fn what_is_forgotten_is_a_keyframe_request_until_a_keyframe_came() {
    let (mut world, a, b, ssrc) = video(3);
    let second = world.peers[b].rtp[1].header.sequence;
    world.pass(Duration::from_millis(1_500));
    let before = world.plis(a);
    world.send_nack(b, ssrc, &[(second, 0)]);
    assert_eq!((world.worker.counters().not_again_too_old, world.plis(a)), (1, before + 1));
    world.send_video(a, 3, true);
    world.pass(Duration::from_secs(1));
    world.send_nack(b, ssrc, &[(second, 0)]);
    assert_eq!((world.worker.counters().not_again_needless, world.plis(a)), (1, before + 1));
}

#[test]
fn nothing_from_before_a_pause_is_sent_again() {
    let (mut world, a, b, ssrc) = video(3);
    let second = world.peers[b].rtp[1].header.sequence;
    world.apply(Command::SetConsumerPaused(ConsumerId(1), true));
    world.send_nack(b, ssrc, &[(second, 0)]);
    world.apply(Command::SetConsumerPaused(ConsumerId(1), false));
    world.send_video(a, 3, true);
    world.send_nack(b, ssrc, &[(second, 0)]);
    let counters = world.worker.counters();
    assert_eq!((counters.not_again_needless, counters.sent_again_rtx), (2, 0));
}

#[test]
fn the_rest_of_a_keyframe_whose_start_came_late_is_sent_when_asked_for() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    let ssrc = world.consume(1, b, 1, MediaKind::Video);
    world.send_video(a, 0, false);
    // The keyframe begins with 1, which comes last.
    [2, 3].into_iter().for_each(|index| world.send_video(a, index, false));
    world.send_video(a, 1, true);
    assert_eq!(world.peers[b].rtp.len(), 1);
    world.send_video(a, 4, false);
    let first = world.peers[b].rtp[0].header.sequence;
    world.send_nack(b, ssrc, &[(first.wrapping_add(1), 1)]);
    let received = &world.peers[b].rtp;
    let places: Vec<u64> = received.iter().map(|packet| packet.index - received[0].index).collect();
    assert_eq!(places, [0, 3, 1, 2]);
    assert!(received.iter().all(|packet| packet.header.ssrc == ssrc));
    // From now on as any other.
    world.send_nack(b, ssrc, &[(first.wrapping_add(1), 0)]);
    assert_eq!(world.peers[b].rtp.last().unwrap().header.ssrc, ssrc + 50_000);
}

#[test]
fn a_stream_of_retransmissions_is_nobodys_media() {
    let (mut world, _, b, ssrc) = video(3);
    let mapping = |world: &World| world.worker.consumers.iter().next().unwrap().1.mapping.clone();
    let taken = mapping(&world);
    for (media, rtx) in [(ssrc + 50_000, Some(1)), (5, Some(ssrc)), (5, Some(ssrc + 50_000)), (5, Some(5))] {
        let before = world.worker.counters().commands_refused;
        let mapping = crate::ortc::ConsumerMapping { ssrc: media, rtx_ssrc: rtx, ..taken.clone() };
        let transport = world.peers[b].id;
        let spec =
            ConsumerSpec { id: ConsumerId(9), transport, producer: ProducerId(1), mapping, paused: false };
        world.apply(Command::AddConsumer(spec));
        assert_eq!(world.worker.counters().commands_refused, before + 1, "{media} {rtx:?}");
    }
    // Its reports say nothing of the stream.
    let mut plain = [0; 100];
    let mut writer = Writer::new(&mut plain);
    let block = rtcp::ReportBlock { ssrc: ssrc + 50_000, fraction_lost: 200, ..Default::default() };
    writer.put_receiver_report(&[block]);
    let length = writer.length();
    let packet = world.peers[b].seal_rtcp(&plain[..length]);
    world.send(b, vec![packet]);
    assert_eq!(world.worker.quality(ConsumerId(1)).unwrap().fraction_lost, 0);
}

#[test]
fn a_retransmission_stream_that_comes_back_goes_on_counting() {
    let (mut world, a, b, ssrc) = video(3);
    let again = |world: &mut World| {
        let last = world.peers[b].rtp.iter().rfind(|p| p.header.ssrc == ssrc).unwrap().header.sequence;
        world.send_nack(b, ssrc, &[(last, 0)]);
        let packet = world.peers[b].rtp.last().unwrap();
        assert_eq!(packet.header.ssrc, ssrc + 50_000);
        packet.index
    };
    let first = again(&mut world);
    world.apply(Command::RemoveConsumer(ConsumerId(1)));
    world.consume(1, b, 1, MediaKind::Video);
    world.send_video(a, 3, true);
    assert_eq!(again(&mut world), first + 1);
}
