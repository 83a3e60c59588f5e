use super::*;

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
        room: RoomId(1),
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
