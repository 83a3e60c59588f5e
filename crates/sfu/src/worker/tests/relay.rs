//! A room on two workers: publishers at one, subscribers at both.

use super::*;
use crate::{RelayedProducerSpec, links};

struct Two {
    home: World,
    away: World,
}

impl Two {
    fn new() -> Self {
        let (mut home, mut away) = (World::new(), World::new());
        away.now = home.now;
        let mut links = links(2).into_iter();
        for world in [&mut home, &mut away] {
            let now = world.now;
            let identity = world.worker.identity.clone();
            world.worker = Worker::new(identity, now).with_links(links.next().unwrap());
        }
        Self { home, away }
    }

    /// Producer 1 at home, and known away.
    fn share(&mut self, peer: usize, kind: MediaKind) {
        self.home.produce(1, peer, kind);
        self.home.apply(Command::RelayProducer { id: ProducerId(1), to: 1, on: true });
        self.away.apply(Command::AddRelayedProducer(RelayedProducerSpec {
            id: ProducerId(1),
            room: RoomId(1),
            from: 0,
            kind,
            media: media(kind),
            active: true,
        }));
    }

    /// Lets each look at what the other left.
    fn settle(&mut self) {
        for _ in 0..2 {
            self.away.turn(vec![]);
            self.home.turn(vec![]);
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.home.pass(duration);
        self.away.pass(duration);
        self.settle();
    }
}

#[test]
fn packets_reach_the_subscribers_of_both_workers() {
    let mut two = Two::new();
    let publisher = two.home.connected();
    let (near, far) = (two.home.connected(), two.away.connected());
    two.share(publisher, MediaKind::Audio);
    two.home.consume(1, near, 1, MediaKind::Audio);
    two.away.consume(2, far, 1, MediaKind::Audio);
    for index in 0..100 {
        two.home.send_audio(publisher, index..index + 1);
        assert_eq!(two.home.worker.take_wakes().collect::<Vec<_>>(), [1]);
        assert!(two.away.worker.has_relayed());
        two.away.turn(vec![]);
        assert!(!two.away.worker.has_relayed());
    }
    for (world, peer) in [(&two.home, near), (&two.away, far)] {
        let got: Vec<_> = world.peers[peer].rtp.iter().map(|packet| packet.payload().to_vec()).collect();
        assert_eq!(got, (0..100_u64).map(|index| index.to_be_bytes().to_vec()).collect::<Vec<_>>());
        let first = world.peers[peer].rtp[0].index;
        assert!(world.peers[peer].rtp.iter().zip(first..).all(|(packet, index)| packet.index == index));
    }
    assert_eq!(two.home.worker.take_wakes().count(), 0);
    assert_eq!((two.home.worker.counters().relayed_out, two.away.worker.counters().relayed_in), (100, 100));
}

#[test]
fn a_keyframe_is_asked_for_across_workers_and_lost_packets_are_sent_again_by_the_nearer() {
    let mut two = Two::new();
    let (publisher, far) = (two.home.connected(), two.away.connected());
    two.share(publisher, MediaKind::Video);
    let ssrc = two.away.consume(2, far, 1, MediaKind::Video);
    two.settle();
    assert_eq!(two.home.plis(publisher), 1, "on adding the consumer");
    for index in 0..4 {
        two.home.send_video(publisher, index, false);
    }
    two.settle();
    assert_eq!(two.home.plis(publisher), 1, "not more than one in 500 ms");
    two.home.send_video(publisher, 4, true);
    two.home.send_video(publisher, 5, false);
    two.settle();
    assert_eq!(two.away.peers[far].rtp.len(), 2);
    let number = two.away.peers[far].rtp[1].header.sequence;
    two.pass(Duration::from_millis(100));
    two.away.send_nack(far, ssrc, &[(number, 0)]);
    assert_eq!(two.away.worker.counters().sent_again_rtx, 1);
    two.pass(Duration::from_secs(1));
    two.away.send_pli(far, ssrc);
    two.settle();
    assert_eq!(two.home.plis(publisher), 2);
}

#[test]
fn the_publishers_clock_is_reported_at_both_workers() {
    let mut two = Two::new();
    let publisher = two.home.connected();
    let (near, far) = (two.home.connected(), two.away.connected());
    two.share(publisher, MediaKind::Audio);
    two.home.consume(1, near, 1, MediaKind::Audio);
    two.away.consume(2, far, 1, MediaKind::Audio);
    let info = SenderInfo { ssrc: AUDIO_SSRC, ntp: 1 << 40, rtp: 77, packets: 1, octets: 1 };
    let mut plain = [0; 64];
    let mut writer = Writer::new(&mut plain);
    writer.put_sender_report(&info);
    let length = writer.length();
    let report = two.home.peers[publisher].seal_rtcp(&plain[..length]);
    two.home.send(publisher, vec![report]);
    two.home.send_audio(publisher, 0..5);
    two.pass(Duration::from_secs(2));
    let clocks = [(&two.home, near), (&two.away, far)].map(|(world, peer)| {
        let mut clocks = vec![];
        for compound in &world.peers[peer].rtcp {
            rtcp::read(compound, |statement| {
                if let Statement::Sender(info) = statement {
                    // The clock runs on from the report: one second is 48,000 ticks.
                    let ticks = ((info.ntp - (1 << 40)) as u128 * 48_000) >> 32;
                    clocks.push(i64::from(info.rtp) - 77 - ticks as i64);
                }
            });
        }
        clocks
    });
    assert!(!clocks[0].is_empty() && !clocks[1].is_empty());
    assert!(clocks.iter().flatten().all(|ticks| ticks.abs() <= 1), "{clocks:?}");
}

#[test]
fn what_is_off_or_gone_is_not_forwarded_from_the_ring() {
    let mut two = Two::new();
    let (publisher, far) = (two.home.connected(), two.away.connected());
    two.share(publisher, MediaKind::Audio);
    two.away.consume(2, far, 1, MediaKind::Audio);
    two.home.send_audio(publisher, 0..3);
    // The command comes before the turn that would have read the ring.
    two.away.apply(Command::SetProducerActive(ProducerId(1), false));
    two.settle();
    assert!(two.away.peers[far].rtp.is_empty());
    assert_eq!(two.away.worker.counters().dropped_inactive, 3);
    two.away.apply(Command::SetProducerActive(ProducerId(1), true));
    two.home.send_audio(publisher, 3..5);
    two.settle();
    assert_eq!(two.away.peers[far].rtp.len(), 2);
    two.home.send_audio(publisher, 5..6);
    two.away.apply(Command::RemoveProducer(ProducerId(1)));
    two.settle();
    two.home.apply(Command::RelayProducer { id: ProducerId(1), to: 1, on: false });
    two.home.send_audio(publisher, 6..9);
    assert!(!two.away.worker.has_relayed(), "nothing is handed on any more");
    assert_eq!(two.away.peers[far].rtp.len(), 2);
}

#[test]
fn a_worker_that_does_not_read_costs_the_others_nothing() {
    let mut two = Two::new();
    let (publisher, near) = (two.home.connected(), two.home.connected());
    two.share(publisher, MediaKind::Audio);
    two.home.consume(1, near, 1, MediaKind::Audio);
    two.home.send_audio(publisher, 0..2_000);
    assert_eq!(two.home.peers[near].rtp.len(), 2_000);
    let counters = two.home.worker.counters();
    assert_eq!((counters.relayed_out, counters.relay_full), (512, 2_000 - 512));
    // It goes on where it can, a batch each turn, and a longer packet than any is left out.
    let far = two.away.connected();
    two.away.consume(2, far, 1, MediaKind::Audio);
    for _ in 0..512 / BATCH + 1 {
        two.away.turn(vec![]);
    }
    assert_eq!(two.away.worker.counters().relayed_in, 512);
    let long = two.home.peers[publisher].seal(109, AUDIO_SSRC, 2_001, 0, &[], &[0; 1_500]);
    two.home.send(publisher, vec![long]);
    assert_eq!(two.home.worker.counters().relay_too_long, 1);
}

#[test]
fn a_worker_that_is_not_there_is_refused() {
    let mut two = Two::new();
    let publisher = two.home.connected();
    two.home.produce(1, publisher, MediaKind::Audio);
    for to in [0, 2, 63, 64, usize::MAX] {
        two.home.apply(Command::RelayProducer { id: ProducerId(1), to, on: true });
        two.away.apply(Command::AddRelayedProducer(RelayedProducerSpec {
            id: ProducerId(9),
            room: RoomId(1),
            from: if to == 0 { 1 } else { to },
            kind: MediaKind::Audio,
            media: media(MediaKind::Audio),
            active: true,
        }));
    }
    assert_eq!(two.home.worker.counters().commands_refused, 5);
    assert_eq!(two.away.worker.counters().commands_refused, 5);
    two.home.send_audio(publisher, 0..3);
    assert!(!two.away.worker.has_relayed());
}
