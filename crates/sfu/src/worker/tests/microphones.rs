//! More open microphones than are forwarded: the loudest are, and nobody's stream shows where another took its place.

use std::{collections::BTreeMap, time::Instant};

use super::*;
use crate::{Egress, Inbox, Outbox};

/// Levels of RFC 6464: the lower, the louder.
const TALKS: u8 = 30;
const MURMURS: u8 = 60;
const IS_SILENT: u8 = 127;

const STEP: Duration = Duration::from_millis(20);

/// Microphones of one room, each of a member of its own, and listeners of all of them.
struct Panel {
    world: World,
    talkers: Vec<usize>,
    listeners: Vec<usize>,
    /// Packets each talker has sent.
    index: u64,
    read: usize,
}

impl Panel {
    fn new(max: usize, talkers: usize, listeners: usize) -> Self {
        let mut world = World::new();
        world.worker = world.worker.with_audio_active_max(max);
        let talkers: Vec<usize> = (0..talkers).map(|_| world.connected()).collect();
        let listeners: Vec<usize> = (0..listeners).map(|_| world.connected()).collect();
        for (number, &talker) in talkers.iter().enumerate() {
            world.produce(number as u64, talker, MediaKind::Audio);
            for (of, &listener) in listeners.iter().enumerate() {
                world.consume((of * 1_000 + number) as u64, listener, number as u64, MediaKind::Audio);
            }
        }
        Self { world, talkers, listeners, index: 0, read: 0 }
    }

    /// One packet of one talker.
    fn packet(&mut self, talker: usize, level: Option<u8>) -> (SocketAddr, Vec<u8>) {
        let (index, level) = (self.index, level.as_ref().map(std::slice::from_ref));
        let extensions: Vec<(u8, &[u8])> = level.map(|level| (9, level)).into_iter().collect();
        let peer = &mut self.world.peers[self.talkers[talker]];
        let body = index.to_be_bytes();
        (peer.address, peer.seal(109, AUDIO_SSRC, index, index as u32 * 960, &extensions, &body))
    }

    /// One packet of everybody in each 20 ms, all of them at once, by a script of talker and step.
    fn talk(&mut self, steps: u64, level: impl Fn(usize, u64) -> u8) {
        for step in 0..steps {
            self.world.pass(STEP);
            self.index += 1;
            let talkers = 0..self.talkers.len();
            let packets: Vec<_> =
                talkers.map(|talker| self.packet(talker, Some(level(talker, step)))).collect();
            for batch in packets.chunks(crate::BATCH) {
                self.world.turn(batch.to_vec());
            }
        }
    }

    /// Who the first listener has heard since the last call, and how many packets of each.
    fn heard(&mut self) -> BTreeMap<usize, usize> {
        let received = &self.world.peers[self.listeners[0]].rtp;
        let mut heard = BTreeMap::new();
        for packet in &received[self.read..] {
            *heard.entry((packet.header.ssrc - 100_000) as usize).or_default() += 1;
        }
        self.read = received.len();
        heard
    }

    fn names(&mut self) -> Vec<usize> {
        self.heard().into_keys().collect()
    }

    /// Every stream is numbered without a gap, and timed as its publisher timed it.
    fn assert_unbroken(&self) {
        for listener in &self.listeners {
            let mut next = BTreeMap::new();
            for packet in &self.world.peers[*listener].rtp {
                let due = next.entry(packet.header.ssrc).or_insert(packet.index);
                assert_eq!(packet.index, *due, "a gap in {}", packet.header.ssrc);
                *due += 1;
                let source = u64::from_be_bytes(packet.payload().try_into().unwrap());
                assert_eq!(packet.header.timestamp, source as u32 * 960);
            }
        }
    }
}

#[test]
fn of_twelve_talkers_the_eight_loudest_are_heard() {
    let mut panel = Panel::new(8, 12, 2);
    panel.talk(50, |who, _| if who < 8 { TALKS } else { IS_SILENT });
    assert_eq!(panel.heard(), (0..8).map(|who| (who, 50)).collect());
    assert_eq!(panel.world.worker.counters().held_back, 4 * 50);

    // Four fall silent, and after a while four others begin: at once, from their first packet.
    panel.talk(100, |who, _| if (4..8).contains(&who) { TALKS } else { IS_SILENT });
    assert_eq!(panel.names(), (0..8).collect::<Vec<_>>(), "nobody has taken their places yet");
    panel.talk(1, |who, _| if who >= 4 { TALKS } else { IS_SILENT });
    assert_eq!(panel.names(), (0..12).collect::<Vec<_>>(), "in the turn of the change");
    panel.talk(50, |who, _| if who >= 4 { TALKS } else { IS_SILENT });
    assert_eq!(panel.heard(), (4..12).map(|who| (who, 50)).collect());
    assert_eq!(panel.world.worker.counters().microphones_switched, 4);

    // All others murmur: nobody of those who talk is lost for it.
    panel.talk(50, |who, _| if who >= 4 { TALKS } else { MURMURS });
    assert_eq!(panel.names(), (4..12).collect::<Vec<_>>());

    // The first come back, over those who murmur now.
    panel.talk(50, |who, _| if who < 8 { TALKS } else { MURMURS });
    panel.talk(100, |who, _| if who < 8 { TALKS } else { MURMURS });
    panel.heard();
    panel.talk(10, |who, _| if who < 8 { TALKS } else { MURMURS });
    assert_eq!(panel.names(), (0..8).collect::<Vec<_>>());
    assert_eq!(panel.world.worker.counters().microphones_switched, 8);
    panel.assert_unbroken();
    assert!(panel.world.worker.take_events().is_empty(), "the control plane hears nothing of it");
}

#[test]
fn a_newcomer_who_is_clearly_louder_is_heard_within_100_ms() {
    let mut panel = Panel::new(8, 12, 1);
    panel.talk(100, |who, _| if who < 8 { MURMURS } else { IS_SILENT });
    panel.heard();
    panel.talk(5, |who, _| {
        if who < 8 {
            MURMURS
        } else if who == 10 {
            TALKS
        } else {
            IS_SILENT
        }
    });
    assert!(panel.names().contains(&10));
    panel.assert_unbroken();
}

#[test]
fn up_to_eight_microphones_are_forwarded_untouched_and_without_a_limit_all_are() {
    for (max, talkers) in [(8, 8), (8, 3), (0, 12)] {
        let mut panel = Panel::new(max, talkers, 2);
        panel.talk(100, |who, step| (who as u64 * 37 + step * 11) as u8 % 128);
        assert_eq!(panel.heard(), (0..talkers).map(|who| (who, 100)).collect(), "{max} of {talkers}");
        let counters = panel.world.worker.counters();
        assert_eq!((counters.held_back, counters.microphones_switched), (0, 0));
        panel.assert_unbroken();
    }
}

#[test]
fn a_microphone_without_levels_is_heard_beside_silence_and_not_over_talkers() {
    let mut panel = Panel::new(2, 3, 1);
    let talk = |panel: &mut Panel, level: u8| {
        for _ in 0..100 {
            panel.world.pass(STEP);
            panel.index += 1;
            let packets = [(0, Some(level)), (1, Some(level)), (2, None)];
            let packets = packets.map(|(talker, level)| panel.packet(talker, level)).to_vec();
            panel.world.turn(packets);
        }
        panel.heard().get(&2).copied().unwrap_or(0)
    };
    assert_eq!(talk(&mut panel, IS_SILENT), 100);
    assert!(talk(&mut panel, TALKS) < 10);
    assert_eq!(talk(&mut panel, TALKS), 0);
}

#[test]
fn who_is_switched_off_competes_no_more() {
    let mut panel = Panel::new(2, 3, 1);
    panel.talk(50, |who, _| if who < 2 { TALKS } else { TALKS + 4 });
    assert_eq!(panel.names(), [0, 1]);
    panel.world.apply(Command::SetProducerActive(ProducerId(0), false));
    panel.talk(10, |_, _| TALKS);
    assert_eq!(panel.names(), [1, 2]);
    // Back, it waits for a place; removed, another one leaves it one.
    panel.world.apply(Command::SetProducerActive(ProducerId(0), true));
    panel.talk(10, |_, _| TALKS);
    assert_eq!(panel.names(), [1, 2]);
    panel.world.apply(Command::RemoveProducer(ProducerId(1)));
    panel.talk(10, |_, _| TALKS);
    assert_eq!(panel.names(), [0, 2]);
    panel.assert_unbroken();
    panel.world.apply(Command::CloseTransport(panel.world.peers[0].id));
    panel.world.apply(Command::CloseTransport(panel.world.peers[2].id));
    assert!(panel.world.worker.rooms.is_empty(), "nothing is kept of a room that is over");
}

#[test]
fn rooms_do_not_compete_with_each_other_nor_pictures_with_sound() {
    let mut world = World::new();
    world.worker = world.worker.with_audio_active_max(1);
    let (one, other, listener) = (world.connected(), world.connected(), world.connected());
    world.produce_in(1, 1, one, MediaKind::Audio);
    world.produce_in(2, 2, other, MediaKind::Audio);
    world.produce_in(1, 3, other, MediaKind::Video);
    for (id, kind) in [(1, MediaKind::Audio), (2, MediaKind::Audio), (3, MediaKind::Video)] {
        world.consume(id, listener, id, kind);
    }
    for index in 0..10 {
        world.send_audio(one, index..index + 1);
        world.send_audio(other, index..index + 1);
        world.send_video(other, index, index == 0);
    }
    assert_eq!(world.peers[listener].rtp.len(), 30);
}

#[test]
fn packets_are_asked_for_again_across_a_change_of_places() {
    let mut panel = Panel::new(1, 2, 1);
    // The network loses two packets of the first talker.
    let mut count = 0;
    panel.world.peers[2].loses = Some(Box::new(move || {
        count += 1;
        [8, 10].contains(&count)
    }));
    panel.talk(10, |who, _| if who == 0 { TALKS } else { IS_SILENT });
    let first = panel.world.peers[2].rtp[0].index;
    assert_eq!(panel.world.peers[2].rtp.len(), 8);
    let nack = |panel: &mut Panel, index: u64| {
        let mut plain = [0; 100];
        let mut writer = Writer::new(&mut plain);
        writer.put_receiver_report(&[]);
        writer.put_nack(100_000, &[(index as u16, 0)]);
        let length = writer.length();
        let packet = panel.world.peers[2].seal_rtcp(&plain[..length]);
        panel.world.send(2, vec![packet]);
    };
    // While the other one talks, the first one's stream rests, and what it sent is sent again.
    panel.talk(20, |who, _| if who == 0 { MURMURS } else { 0 });
    assert_eq!(panel.names(), [0, 1]);
    nack(&mut panel, first + 7);
    assert_eq!(panel.heard(), BTreeMap::from([(0, 1)]));
    // Back, it goes on where it stopped. The other lost packet is of a piece that is over.
    panel.talk(120, |who, _| if who == 0 { TALKS } else { IS_SILENT });
    nack(&mut panel, first + 9);
    let counters = panel.world.worker.counters();
    assert_eq!((counters.sent_again_plain, counters.not_again_needless), (1, 1));
    let of_first: Vec<_> =
        panel.world.peers[2].rtp.iter().filter(|packet| packet.header.ssrc == 100_000).collect();
    let mut indices: Vec<u64> = of_first.iter().map(|packet| packet.index).collect();
    indices.sort_unstable();
    let expected: Vec<u64> = (first..).filter(|index| *index != first + 9).take(indices.len()).collect();
    assert_eq!(indices, expected, "only the packet that stays lost is missing");
    assert!(of_first.iter().any(|packet| packet.header.timestamp > 100 * 960));
}

#[test]
fn what_nobody_was_to_hear_is_not_asked_for_then_or_later() {
    let mut panel = Panel::new(1, 2, 1);
    panel.talk(10, |who, _| if who == 0 { TALKS } else { IS_SILENT });
    panel.talk(100, |who, _| if who == 1 { TALKS } else { IS_SILENT });
    panel.talk(100, |who, _| if who == 0 { TALKS } else { IS_SILENT });
    let before = panel.world.worker.counters().nacks_sent;
    // Of the one nobody hears, every second packet is lost.
    for step in 0..20 {
        panel.world.pass(STEP);
        panel.index += 1;
        let mut packets = vec![panel.packet(0, Some(TALKS))];
        if step % 2 == 0 {
            packets.push(panel.packet(1, Some(IS_SILENT)));
        }
        panel.world.turn(packets);
    }
    panel.talk(100, |who, _| if who == 1 { TALKS } else { IS_SILENT });
    assert!(panel.names().contains(&1));
    assert_eq!(panel.world.worker.counters().nacks_sent, before);
}

#[test]
fn sender_reports_are_of_who_is_heard() {
    let mut panel = Panel::new(1, 2, 1);
    let reports = |panel: &mut Panel| {
        let mut reports = BTreeMap::new();
        for compound in std::mem::take(&mut panel.world.peers[2].rtcp) {
            rtcp::read(&compound, |statement| {
                if let Statement::Sender(info) = statement {
                    reports.insert(info.ssrc - 100_000, info);
                }
            });
        }
        reports
    };
    for talker in [0, 1] {
        let info = SenderInfo { ssrc: AUDIO_SSRC, ntp: 7 << 32, rtp: 0, packets: 1, octets: 1 };
        let mut plain = [0; 64];
        let mut writer = Writer::new(&mut plain);
        writer.put_sender_report(&info);
        let length = writer.length();
        let packet = panel.world.peers[talker].seal_rtcp(&plain[..length]);
        panel.world.send(talker, vec![packet]);
    }
    let begun = panel.world.now;
    panel.talk(60, |who, _| if who == 0 { TALKS } else { IS_SILENT });
    assert_eq!(reports(&mut panel).into_keys().collect::<Vec<_>>(), [0]);
    panel.talk(60, |who, _| if who == 0 { MURMURS } else { TALKS });
    reports(&mut panel);
    panel.talk(60, |who, _| if who == 0 { MURMURS } else { TALKS });
    assert_eq!(reports(&mut panel).into_keys().collect::<Vec<_>>(), [1]);
    panel.talk(180, |who, _| if who == 0 { TALKS } else { IS_SILENT });
    panel.heard();
    reports(&mut panel);
    panel.talk(60, |who, _| if who == 0 { TALKS } else { IS_SILENT });
    let info = reports(&mut panel)[&0];
    let received = panel.world.peers[2].rtp.iter().filter(|packet| packet.header.ssrc == 100_000).count();
    assert!(u64::from(info.packets) < panel.index, "{} counted", info.packets);
    assert!((received - 60..=received).contains(&(info.packets as usize)), "{} of {received}", info.packets);
    let passed = (info.ntp - (7 << 32)) as f64 / f64::from(u32::MAX);
    assert!(passed <= (panel.world.now - begun).as_secs_f64());
    assert!((f64::from(info.rtp) / 48_000.0 - passed).abs() < 0.001, "one clock over both pieces");
}

/// Takes everything and looks at nothing.
struct Nowhere;

impl Egress for Nowhere {
    fn send(&mut self, _: &Outbox) -> usize {
        0
    }
}

/// What one second of sound costs the worker, by the number of open microphones, all of which talk: in all with the
/// fewer listeners, which is mostly opening, and for each listener more.
#[test]
#[ignore = "a measurement; run it alone and with --release"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn a_listener_costs_the_same_however_many_microphones_are_open() {
    let second = |talkers: usize, max: usize, listeners: usize| {
        let mut panel = Panel::new(max, talkers, listeners);
        panel.talk(10, |_, _| TALKS);
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::default());
        let mut spent = Duration::ZERO;
        for _ in 0..50 {
            panel.world.now += STEP;
            panel.index += 1;
            let packets: Vec<_> = (0..talkers).map(|talker| panel.packet(talker, Some(TALKS))).collect();
            for batch in packets.chunks(crate::BATCH) {
                inbox.clear();
                for (from, packet) in batch {
                    let from = panel.world.remote(*from);
                    assert!(inbox.push(from, packet));
                }
                let begun = Instant::now();
                panel.world.worker.turn(panel.world.now, &mut inbox, &mut outbox, &mut Nowhere);
                spent += begun.elapsed();
            }
        }
        spent.as_secs_f64() * 1e6
    };
    let best = |talkers, max, listeners| {
        (0..5).map(|_| second(talkers, max, listeners)).fold(f64::INFINITY, f64::min)
    };
    println!("microphones  limit  us with 10 listeners  us per listener more");
    for (talkers, max) in [(8, 8), (20, 8), (50, 8), (100, 8), (200, 8), (20, 0), (50, 0), (100, 0)] {
        let (few, many) = (best(talkers, max, 10), best(talkers, max, 60));
        println!("{talkers:11}  {max:5}  {few:20.0}  {:20.1}", (many - few) / 50.0);
    }
}

#[test]
fn another_limit_is_in_force_at_once_and_breaks_no_stream() {
    let mut panel = Panel::new(2, 5, 1);
    let level = |who: usize, _: u64| if who < 4 { TALKS } else { IS_SILENT };
    panel.talk(50, level);
    assert_eq!(panel.names().len(), 2);
    for (max, heard) in [(4, vec![0, 1, 2, 3]), (0, vec![0, 1, 2, 3, 4]), (4, vec![0, 1, 2, 3])] {
        panel.world.worker.set_audio_active_max(panel.world.now, max);
        panel.talk(10, level);
        assert_eq!(panel.names(), heard, "{max}");
    }
    panel.world.worker.set_audio_active_max(panel.world.now, 1);
    panel.talk(10, level);
    assert_eq!(panel.names().len(), 1);
    panel.assert_unbroken();
}
