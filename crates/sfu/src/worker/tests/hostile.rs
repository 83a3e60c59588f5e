use super::*;

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
fn probes_and_unknown_streams_are_dropped_and_counted() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    let probe = world.peers[a].seal(121, VIDEO_SSRC + 1, 0, 0, &[], &[]);
    let unknown = world.peers[a].seal(120, 5, 0, 0, &[], &[0x10, 0]);
    let payload_type = world.peers[a].seal(99, VIDEO_SSRC, 0, 0, &[], &[0x10, 0]);
    world.send(a, vec![probe, unknown, payload_type]);
    let counters = world.worker.counters();
    assert_eq!(
        (counters.rtx_padding, counters.dropped_unknown_ssrc, counters.dropped_payload_type),
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

mod sequences {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Open(u8),
        Close(u8),
        Check(u8, bool),
        Produce(u8, u8, bool),
        Active(u8, bool),
        RemoveProducer(u8),
        Consume(u8, u8, u8),
        Pause(u8, bool),
        Layer(u8, u8),
        RemoveConsumer(u8),
        Media(u8, u16, bool),
        Noise(u8, Vec<u8>),
        Pass(u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        let id = 0..4_u8;
        prop_oneof![
            id.clone().prop_map(Step::Open),
            id.clone().prop_map(Step::Close),
            (id.clone(), any::<bool>()).prop_map(|(a, b)| Step::Check(a, b)),
            (id.clone(), id.clone(), any::<bool>()).prop_map(|(a, b, c)| Step::Produce(a, b, c)),
            (id.clone(), any::<bool>()).prop_map(|(a, b)| Step::Active(a, b)),
            id.clone().prop_map(Step::RemoveProducer),
            (id.clone(), id.clone(), id.clone()).prop_map(|(a, b, c)| Step::Consume(a, b, c)),
            (id.clone(), any::<bool>()).prop_map(|(a, b)| Step::Pause(a, b)),
            (id.clone(), any::<u8>()).prop_map(|(a, b)| Step::Layer(a, b)),
            id.clone().prop_map(Step::RemoveConsumer),
            // Further apart, and a receiver guesses another rollover than the sender's.
            (id.clone(), 0_u16..0x7fff, any::<bool>()).prop_map(|(a, b, c)| Step::Media(a, b, c)),
            (id, prop::collection::vec(any::<u8>(), 0..80)).prop_map(|(a, b)| Step::Noise(a, b)),
            any::<u16>().prop_map(Step::Pass),
        ]
    }

    fn run(world: &mut World, step: Step) {
        match step {
            Step::Open(peer) if usize::from(peer) >= world.peers.len() => {
                world.open(SrtpOffer::All, SrtpOffer::All);
            }
            Step::Open(_) => {}
            Step::Close(peer) => world.apply(Command::CloseTransport(TransportId(peer.into()))),
            Step::Check(peer, nominate) if usize::from(peer) < world.peers.len() => {
                world.check(peer.into(), nominate);
            }
            Step::Produce(id, peer, video) if usize::from(peer) < world.peers.len() => {
                let kind = if video { MediaKind::Video } else { MediaKind::Audio };
                world.produce(id.into(), peer.into(), kind);
            }
            Step::Active(id, active) => {
                world.apply(Command::SetProducerActive(ProducerId(id.into()), active))
            }
            Step::RemoveProducer(id) => world.apply(Command::RemoveProducer(ProducerId(id.into()))),
            Step::Consume(id, peer, producer) if usize::from(peer) < world.peers.len() => {
                world.consume(id.into(), peer.into(), producer.into(), MediaKind::Audio);
            }
            Step::Pause(id, paused) => world.apply(Command::SetConsumerPaused(ConsumerId(id.into()), paused)),
            Step::Layer(id, layer) => world.apply(Command::SetConsumerLayer(ConsumerId(id.into()), layer)),
            Step::RemoveConsumer(id) => world.apply(Command::RemoveConsumer(ConsumerId(id.into()))),
            Step::Media(peer, index, video) => {
                let connected =
                    world.peers.get(usize::from(peer)).is_some_and(|peer| peer.server.srtp.is_some());
                if connected && video {
                    world.send_video(peer.into(), index.into(), index % 2 == 0);
                } else if connected {
                    world.send_audio(peer.into(), index.into()..u64::from(index) + 1);
                }
            }
            Step::Noise(peer, bytes) => {
                if let Some(from) = world.peers.get(usize::from(peer)).map(|peer| peer.address) {
                    world.deliver(from, &bytes);
                }
            }
            Step::Pass(ms) => world.pass(Duration::from_millis(ms.into())),
            Step::Check(..) | Step::Produce(..) | Step::Consume(..) => {}
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever comes in whatever order: no panic, nothing sealed twice (the peers' replay windows would
        /// refuse it), and a table whose parts agree.
        #[test]
        fn any_order_of_commands_and_packets_leaves_a_sound_table(steps in prop::collection::vec(step(), 1..120)) {
            let mut world = World::new();
            let mut noise_like_media = 0;
            for step in steps {
                let is_noise = matches!(step, Step::Noise(..));
                let unauthentic = world.worker.counters().dropped_unauthentic;
                run(&mut world, step);
                let worker = &world.worker;
                if is_noise {
                    noise_like_media += worker.counters().dropped_unauthentic - unauthentic;
                }
                prop_assert_eq!(worker.transports.len(), worker.transport_ids.len());
                prop_assert_eq!(worker.transports.len(), worker.by_ufrag.len());
                prop_assert_eq!(worker.producers.len(), worker.producer_ids.len());
                prop_assert_eq!(worker.consumers.len(), worker.consumer_ids.len());
                for (_, consumer) in &worker.consumers {
                    prop_assert!(worker.producers.contains(consumer.producer));
                    prop_assert!(worker.transports.contains(consumer.transport));
                }
                for (_, producer) in &worker.producers {
                    prop_assert!(worker.transports.contains(producer.transport().unwrap()));
                }
                prop_assert!(worker.by_address.values().all(|index| worker.transports.contains(*index)));
                prop_assert_eq!(worker.counters().dropped_unauthentic, noise_like_media);
            }
        }
    }
}
