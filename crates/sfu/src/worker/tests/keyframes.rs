use super::*;

#[test]
fn video_begins_with_a_keyframe_that_is_asked_for() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    assert_eq!(world.plis(a), 1, "on adding the consumer");
    for index in 1..5 {
        world.send_video(a, index, false);
    }
    assert!(world.peers[b].rtp.is_empty());
    assert_eq!(world.worker.counters().waiting_for_keyframe, 4);
    world.send_video(a, 5, true);
    world.send_video(a, 6, false);
    assert_eq!(world.peers[b].rtp.len(), 2);
    assert_eq!(world.peers[b].rtp[0].header.payload_type, 96);
    assert_eq!(world.plis(a), 1, "the keyframe came before the second request was due");
}

#[test]
fn a_keyframe_that_does_not_come_is_asked_for_again() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    for index in 0..100 {
        world.pass(Duration::from_millis(33));
        world.send_video(a, index, false);
    }
    // 3.3 s: at most one per 500 ms.
    let plis = world.plis(a);
    assert!((6..=7).contains(&plis), "{plis}");
}

#[test]
fn keyframe_requests_of_many_receivers_are_one() {
    let mut world = World::new();
    let a = world.connected();
    world.produce(1, a, MediaKind::Video);
    let receivers: Vec<usize> = (0..20).map(|_| world.connected()).collect();
    let ssrcs: Vec<u32> =
        receivers.iter().map(|peer| world.consume(*peer as u64, *peer, 1, MediaKind::Video)).collect();
    world.send_video(a, 0, true);
    world.pass(Duration::from_secs(2));
    let before = world.plis(a);
    for (peer, ssrc) in receivers.iter().zip(ssrcs) {
        world.send_pli(*peer, ssrc);
        world.send_pli(*peer, ssrc);
    }
    assert_eq!(world.plis(a), before + 1);
    world.pass(Duration::from_millis(499));
    assert_eq!(world.plis(a), before + 1);
    world.pass(Duration::from_millis(2));
    assert_eq!(world.plis(a), before + 2, "the requests after the first one are answered together");
    world.pass(Duration::from_secs(5));
    assert_eq!(world.plis(a), before + 2);
}

#[test]
fn a_video_that_comes_on_again_begins_with_a_keyframe() {
    let mut world = World::new();
    let (a, b) = (world.connected(), world.connected());
    world.produce(1, a, MediaKind::Video);
    world.consume(1, b, 1, MediaKind::Video);
    world.send_video(a, 0, true);
    world.apply(Command::SetProducerActive(ProducerId(1), false));
    world.send_video(a, 1, true);
    world.pass(Duration::from_secs(1));
    let before = world.plis(a);
    world.apply(Command::SetProducerActive(ProducerId(1), true));
    assert_eq!(world.plis(a), before + 1);
    world.send_video(a, 2, false);
    world.send_video(a, 3, true);
    assert_eq!(world.peers[b].rtp.len(), 2);
    assert_eq!(world.peers[b].rtp[1].index, world.peers[b].rtp[0].index + 1);
}
