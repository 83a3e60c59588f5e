//! Publishers are told how many of their layers anybody takes.

use super::{
    bandwidth::{KILOBIT, LAYERS, limited},
    call::Call,
    *,
};

impl World {
    /// What was told in `seconds`: the second, from now, and the layers.
    fn told(&mut self, seconds: u64) -> Vec<(u64, u8)> {
        let mut told = vec![];
        for second in 0..=seconds {
            for event in self.worker.take_events() {
                if let Event::LayersWanted { producer: ProducerId(1), layers, .. } = event {
                    told.push((second, layers));
                }
            }
            if second < seconds {
                self.pass(Duration::from_secs(1));
                (0..self.peers.len()).for_each(|peer| self.check(peer, true));
            }
        }
        told
    }

    fn produce_layers(&mut self, id: u64, peer: usize) {
        let mut parameters = parameters(MediaKind::Video);
        let encodings = serde_json::json!([{"ssrc": 21}, {"ssrc": 22}]);
        parameters.encodings = serde_json::from_value(encodings).unwrap();
        let media = producer_media(MediaKind::Video, &parameters).unwrap();
        let (transport, kind) = (self.peers[peer].id, MediaKind::Video);
        let spec = ProducerSpec { id: ProducerId(id), room: RoomId(1), transport, kind, media, active: true };
        self.apply(Command::AddProducer(spec));
    }
}

#[test]
fn a_publisher_is_told_less_after_a_while_and_more_at_once() {
    let mut world = World::new();
    let (a, b, c) = (world.connected(), world.connected(), world.connected());
    world.produce_layers(1, a);
    assert_eq!(world.told(4), [], "there may be somebody soon");
    assert_eq!(world.told(3), [(2, 0)], "nobody came");
    world.consume(1, b, 1, MediaKind::Video);
    assert_eq!(world.told(4), [(0, 2)]);
    world.apply(Command::SetConsumerLayer(ConsumerId(1), 0));
    world.consume(2, c, 1, MediaKind::Video);
    assert_eq!(world.told(8), [(6, 2)], "another takes both; told again, once");
    for (command, less) in [
        (Command::SetConsumerLayer(ConsumerId(2), 0), 1),
        (Command::SetConsumerLayer(ConsumerId(2), 1), 2),
        (Command::SetConsumerPaused(ConsumerId(2), true), 1),
        (Command::SetConsumerPaused(ConsumerId(2), false), 2),
        (Command::RemoveConsumer(ConsumerId(2)), 1),
        (Command::SetConsumerPaused(ConsumerId(1), true), 0),
    ] {
        let name = format!("{command:?}");
        world.apply(command);
        let told = world.told(7);
        // What was told before may come again.
        let at = told.iter().find(|(_, layers)| *layers == less).map(|(second, _)| *second);
        assert!(if less == 2 { at == Some(0) } else { (5..7).contains(&at.unwrap()) }, "{name}: {told:?}");
    }
}

#[test]
fn a_source_that_is_off_and_sound_are_told_nothing() {
    let mut world = World::new();
    let a = world.connected();
    world.produce_layers(1, a);
    world.produce(2, a, MediaKind::Audio);
    world.apply(Command::SetProducerActive(ProducerId(1), false));
    world.told(30);
    assert_eq!(world.worker.counters().layers_told, 0);
}

#[test]
fn a_layer_that_fits_nobody_is_off_and_comes_back_with_a_probe() {
    let mut call = Call::new(&[LAYERS], vec![limited(300)]);
    call.obeys = true;
    call.subscribe(0, true);
    call.run(30);
    assert_eq!(call.sends(0), 1, "the high layer fits nobody");
    let counters = call.world.worker.counters().clone();
    assert!(counters.probes_bad >= 2, "what it came to is still known");
    assert_eq!(counters.layers_raised, 0);
    assert_eq!(call.lost(0, 3..30), 0);
    call.links[0].rate = Some(3_000 * KILOBIT);
    call.run(20);
    assert_eq!(call.sends(0), 2);
    let high = |second: &super::call::Second| second.layers[1] > second.layers[0];
    assert!(call.seconds(0)[44..50].iter().all(high), "{}", call.text(0));
    assert_eq!(call.lost(0, 30..50), 0);
    assert_eq!(call.world.worker.counters().probes_good, 1);
}
