//! A nonce is made of SSRC and index. Under one key no pair may be sealed twice, or AES-GCM gives the key away.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// Sequence numbers at which a stream begins: also right before its first rollover.
const FIRST: [u64; 3] = [0, 30_000, 65_500];

#[derive(Debug, Clone)]
enum Step {
    /// The publisher sends its next packets, after a gap.
    Send { gap: u16, count: u8 },
    /// The receiver unsubscribes and subscribes again, under the same SSRC.
    Again,
    /// The source is off and on.
    OffAndOn,
    /// The publisher publishes anew, and the receiver follows.
    PublishAnew,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u16..30_000, 1_u8..8).prop_map(|(gap, count)| Step::Send { gap, count }),
        2 => Just(Step::Again),
        1 => Just(Step::OffAndOn),
        1 => Just(Step::PublishAnew),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_pair_of_ssrc_and_index_is_sealed_twice(first in prop::sample::select(&FIRST[..]), steps in prop::collection::vec(step(), 1..40)) {
        let (mut world, a, b) = audio_pair();
        world.send_audio(a, first..first + 1);
        let (mut next, mut producer) = (first + 1, 1);
        let mut sent = 1;
        for step in steps {
            match step {
                Step::Send { gap, count } => {
                    next += u64::from(gap);
                    world.send_audio(a, next..next + u64::from(count));
                    next += u64::from(count);
                    sent += usize::from(count);
                }
                Step::Again => {
                    world.apply(Command::RemoveConsumer(ConsumerId(1)));
                    world.consume(1, b, producer, MediaKind::Audio);
                }
                Step::OffAndOn => {
                    world.apply(Command::SetProducerActive(ProducerId(producer), false));
                    world.apply(Command::SetProducerActive(ProducerId(producer), true));
                }
                Step::PublishAnew => {
                    world.apply(Command::RemoveProducer(ProducerId(producer)));
                    producer += 1;
                    world.produce(producer, a, MediaKind::Audio);
                    world.consume(1, b, producer, MediaKind::Audio);
                }
            }
        }
        // Each was opened with the index the receiver counts itself, so these are the indices that were sealed.
        let received = &world.peers[b].rtp;
        prop_assert_eq!(received.len(), sent);
        let distinct: HashSet<_> = received.iter().map(|packet| (packet.header.ssrc, packet.index)).collect();
        prop_assert_eq!(distinct.len(), sent);
    }
}
