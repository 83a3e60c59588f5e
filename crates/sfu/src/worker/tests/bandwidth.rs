//! What subscribers get over links that do not carry everything.

use super::{
    call::Call,
    netem::{Link, Random},
    *,
};

pub(super) const KILOBIT: u64 = 1_000;
/// A camera with two layers.
pub(super) const LAYERS: &[u64] = &[150 * KILOBIT, 1_000 * KILOBIT];

pub(super) fn limited(kilobits: u64) -> Link {
    Link {
        rate: Some(kilobits * KILOBIT),
        buffer: Duration::from_millis(300),
        delay: Duration::from_millis(20),
        ..Link::default()
    }
}

/// Seconds in which most of the video was of that layer, or there was none.
fn seconds_of(
    call: &Call,
    subscriber: usize,
    layer: Option<usize>,
    seconds: std::ops::Range<usize>,
) -> usize {
    let is_of = |second: &super::call::Second| {
        let [low, high] = second.layers;
        match layer {
            None => low + high < 2_000,
            Some(layer) => low + high >= 2_000 && (high > low) == (layer == 1),
        }
    };
    call.seconds(subscriber)[seconds].iter().filter(|second| is_of(second)).count()
}

fn switches(world: &World) -> u64 {
    let counters = world.worker.counters();
    counters.layers_lowered
        + counters.layers_raised
        + counters.paused_by_bandwidth
        + counters.resumed_by_bandwidth
}

fn overuses(world: &World) -> u64 {
    let counters = world.worker.counters();
    counters.overuse_growing_queue + counters.overuse_standing_queue + counters.overuse_loss
}

#[test]
fn a_wide_link_gets_everything_at_once() {
    let mut call = Call::new(&[LAYERS], vec![limited(3_000)]);
    call.subscribe(0, true);
    call.run(30);
    insta::assert_snapshot!(call.text(0));
    call.plot(0, "wide", "A link of 3 Mbit/s", 1_500 * KILOBIT);
    assert_eq!(switches(&call.world), 0, "keyframes are no overuse");
    assert_eq!(call.world.worker.counters().probes_sent, 0, "there is nothing to gain");
    assert_eq!(seconds_of(&call, 0, Some(1), 1..30), 29);
    assert!(call.world.worker.counters().feedback_received > 250);
}

#[test]
fn a_narrow_link_gets_the_low_layer_and_the_high_one_when_it_is_wide_again() {
    let mut call = Call::new(&[LAYERS], vec![limited(300)]);
    call.subscribe(0, true);
    call.run(60);
    call.links[0].rate = Some(3_000 * KILOBIT);
    call.run(40);
    insta::assert_snapshot!(call.text(0));
    call.plot(0, "narrow", "300 kbit/s, after a minute 3 Mbit/s", 1_500 * KILOBIT);
    let loss = call.audio_loss(0, 5..60);
    assert!(loss < 0.02, "{loss}");
    assert!(seconds_of(&call, 0, Some(0), 5..60) >= 50, "low");
    assert_eq!(seconds_of(&call, 0, Some(1), 80..100), 20, "high within 20 s");
    assert!(call.audio_loss(0, 65..100) < 0.001);
    assert!(overuses(&call.world) >= 1);
}

#[test]
fn a_source_that_does_not_fit_is_paused_and_tried_ever_more_rarely() {
    let mut call = Call::new(&[&[600 * KILOBIT]], vec![limited(300)]);
    call.subscribe(0, true);
    call.run(60);
    insta::assert_snapshot!(call.text(0));
    call.plot(0, "paused", "A single layer of 600 kbit/s over 300 kbit/s", 1_000 * KILOBIT);
    let loss = call.audio_loss(0, 5..60);
    assert!(loss < 0.02, "{loss}");
    let counters = call.world.worker.counters().clone();
    assert_eq!((counters.paused_by_bandwidth, counters.resumed_by_bandwidth), (1, 0));
    assert_eq!(counters.probes_bad, 6, "after waits of 3, 6 and then 12 s");
    assert_eq!(call.lost(0, 3..60), 0);
    call.links[0].rate = Some(3_000 * KILOBIT);
    call.run(40);
    assert_eq!(seconds_of(&call, 0, Some(0), 80..100), 20, "within 20 s");
    assert_eq!(call.world.worker.counters().paused_by_bandwidth, counters.paused_by_bandwidth);
}

#[test]
fn loss_alone_does_not_starve_video() {
    for (name, title, loss, bursts) in [
        ("random", "5 % of packets lost at random", 0.05, (0.0, 0.0)),
        ("bursts", "One in twenty lost, in bursts", 0.0, (0.01, 0.8)),
        ("much", "20 % of packets lost at random", 0.2, (0.0, 0.0)),
    ] {
        let mut call = Call::new(&[LAYERS], vec![Link { loss, bursts, ..limited(3_000) }]);
        call.subscribe(0, true);
        call.run(60);
        insta::assert_snapshot!(format!("loss_{name}"), call.text(0));
        call.plot(0, &format!("loss-{name}"), title, 1_500 * KILOBIT);
        assert!(seconds_of(&call, 0, Some(1), 1..60) >= 45, "{name}: high");
        assert_eq!(seconds_of(&call, 0, None, 1..60), 0, "{name}: never paused");
        assert!(switches(&call.world) <= 4, "{name}: {}", switches(&call.world));
    }
}

#[test]
fn jitter_alone_changes_nothing() {
    for seed in [7, 8, 9, 10] {
        let jitter = Duration::from_millis(200);
        let mut call =
            Call::new(&[LAYERS], vec![Link { jitter, random: Random::new(seed), ..limited(3_000) }]);
        call.subscribe(0, true);
        call.run(60);
        if seed == 7 {
            insta::assert_snapshot!(call.text(0));
            call.plot(0, "jitter", "200 ms of jitter", 1_500 * KILOBIT);
        }
        assert_eq!(switches(&call.world), 0, "seed {seed}");
    }
}

#[test]
fn steps_of_the_capacity_are_followed_without_flapping() {
    let mut call = Call::new(&[LAYERS], vec![limited(3_000)]);
    call.subscribe(0, true);
    for kilobits in [3_000, 500, 3_000, 300, 1_400] {
        call.links[0].rate = Some(kilobits * KILOBIT);
        call.run(40);
    }
    insta::assert_snapshot!(call.text(0));
    call.plot(0, "steps", "Steps: 3 Mbit/s, 500 kbit/s, 3 Mbit/s, 300 kbit/s, 1.4 Mbit/s", 2_000 * KILOBIT);
    assert_eq!(seconds_of(&call, 0, Some(1), 1..40), 39);
    assert!(seconds_of(&call, 0, Some(0), 42..80) >= 33);
    assert_eq!(seconds_of(&call, 0, Some(1), 110..120), 10);
    assert!(seconds_of(&call, 0, Some(0), 122..160) >= 33);
    assert_eq!(seconds_of(&call, 0, Some(1), 190..200), 10);
    assert!(switches(&call.world) <= 14, "{} in 200 s", switches(&call.world));
}

#[test]
fn several_sources_share_what_there_is() {
    let mut call = Call::new(&[LAYERS; 4], vec![limited(1_800)]);
    call.subscribe(0, true);
    call.run(60);
    insta::assert_snapshot!(call.text(0));
    call.plot(0, "several", "Four cameras over 1.8 Mbit/s", 3_000 * KILOBIT);
    // Four low layers and one high one, or a little less.
    assert_eq!(seconds_of(&call, 0, None, 1..60), 0);
    assert!(call.audio_loss(0, 5..60) < 0.02, "{}", call.audio_loss(0, 5..60));
    assert_eq!(call.world.worker.counters().paused_by_bandwidth, 0, "all four are seen");
    assert!(switches(&call.world) <= 14, "{}", switches(&call.world));
}

#[test]
fn two_subscribers_behind_one_link_settle() {
    let mut call = Call::new(&[LAYERS], vec![limited(800)]);
    let (one, other) = (call.subscribe(0, true), call.subscribe(0, true));
    call.run(90);
    insta::assert_snapshot!("shared_one", call.text(one));
    insta::assert_snapshot!("shared_other", call.text(other));
    for (subscriber, name) in [(one, "shared-one"), (other, "shared-other")] {
        call.plot(subscriber, name, "Two subscribers behind 800 kbit/s", 1_500 * KILOBIT);
    }
    for subscriber in [one, other] {
        let loss = call.audio_loss(subscriber, 10..90);
        assert!(loss < 0.03, "{loss}");
        assert!(seconds_of(&call, subscriber, Some(0), 10..90) >= 60);
        assert!(seconds_of(&call, subscriber, None, 10..90) <= 8);
    }
    assert!(switches(&call.world) <= 24, "{}", switches(&call.world));
}

#[test]
fn a_subscriber_with_receiver_reports_only_gets_the_low_layer_too() {
    let mut call = Call::new(&[LAYERS], vec![limited(300)]);
    call.subscribe(0, false);
    call.run(40);
    call.links[0].rate = Some(3_000 * KILOBIT);
    call.run(40);
    insta::assert_snapshot!(call.text(0));
    call.plot(0, "reports", "Receiver reports only: 300 kbit/s, after 40 s 3 Mbit/s", 1_500 * KILOBIT);
    let counters = call.world.worker.counters();
    assert_eq!((counters.feedback_received, counters.probe_packets), (0, 0));
    assert!(counters.overuse_loss >= 1);
    assert!(seconds_of(&call, 0, Some(0), 5..40) >= 30);
    // The report of the first second ends a try.
    let loss = call.audio_loss(0, 5..40) * 35.0;
    assert!(loss < 0.8, "{loss} s of sound in one try that failed");
    assert_eq!(seconds_of(&call, 0, Some(1), 70..80), 10);
}
