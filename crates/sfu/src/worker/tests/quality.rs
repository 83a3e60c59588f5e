use super::*;
use crate::{Grade, LinkReport, Quality, rtcp::ReportBlock};

fn asked(world: &mut World, peers: &[usize]) -> Vec<LinkReport> {
    let of: Vec<TransportId> = peers.iter().map(|peer| world.peers[*peer].id).collect();
    world.worker.take_events();
    world.apply(Command::ReportQuality(of.clone()));
    let events = world.worker.take_events();
    let [Event::Quality(reports)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(reports.iter().map(|(id, _)| *id).collect::<Vec<_>>(), of);
    reports.iter().map(|(_, report)| *report).collect()
}

fn report(world: &mut World, peer: usize, fraction_lost: u8, jitter: u32) {
    let mut plain = [0; 100];
    let mut writer = Writer::new(&mut plain);
    let block = ReportBlock { ssrc: 100_001, fraction_lost, jitter, ..ReportBlock::default() };
    writer.put_receiver_report(&[block]);
    let length = writer.length();
    let packet = world.peers[peer].seal_rtcp(&plain[..length]);
    world.send(peer, vec![packet]);
}

#[test]
fn both_directions_of_a_line_are_told_and_grow_old() {
    let (mut world, a, b) = audio_pair();
    let [up, down] = asked(&mut world, &[a, b])[..] else { panic!() };
    assert_eq!((up.up, up.down, down.up, down.down), (None, None, None, None), "nothing was sent");

    world.send_audio(a, 0..20);
    world.send_audio(a, 30..50);
    report(&mut world, b, 30, 0);
    let [up, down] = asked(&mut world, &[a, b])[..] else { panic!() };
    // 10 of 50.
    assert_eq!(up.up.unwrap().fraction_lost, 51);
    assert_eq!(up.up.unwrap().grade(), Grade::Bad);
    assert_eq!(down.down.unwrap().fraction_lost, 30);
    assert_eq!((up.down, down.up), (None, None));
    // 4,800 units of 48 kHz.
    report(&mut world, b, 0, 4_800);
    let jitter = asked(&mut world, &[b])[0].down.unwrap();
    assert_eq!(jitter, Quality { jitter: Duration::from_millis(100), ..Quality::default() });

    world.pass(Duration::from_secs(11));
    let [up, down] = asked(&mut world, &[a, b])[..] else { panic!() };
    assert_eq!((up.up, down.down), (None, None), "the last report is too old");
    assert!(
        up.silent >= Duration::from_secs(11) && down.silent >= Duration::from_secs(11),
        "{up:?} {down:?}"
    );
}

#[test]
fn a_transport_that_is_gone_is_left_out() {
    let (mut world, a, _) = audio_pair();
    let id = world.peers[a].id;
    world.apply(Command::CloseTransport(id));
    world.worker.take_events();
    world.apply(Command::ReportQuality(vec![id]));
    assert_eq!(world.worker.take_events(), [Event::Quality(Vec::new())]);
}
