//! Filling that finds out whether a way bears more, over links that do not and links that do.

use super::{
    bandwidth::{KILOBIT, LAYERS, limited},
    call::Call,
    netem::{Link, Random},
    *,
};

/// The first second of `from` on in which most was of the high layer.
fn raised_in(call: &Call, from: usize) -> Option<usize> {
    let is_high = |second: &super::call::Second| second.layers[1] > second.layers[0];
    call.seconds(0)[from..].iter().position(is_high)
}

#[test]
fn a_probe_that_fails_harms_nothing_and_one_that_succeeds_raises() {
    for (kilobits, seed) in [(300, 7), (500, 8), (800, 9), (1_000, 10), (1_100, 11)] {
        let name = format!("{kilobits} kbit/s, seed {seed}");
        let (jitter, random) = (Duration::from_millis(15), Random::new(seed));
        let mut call = Call::new(&[LAYERS], vec![Link { jitter, random, ..limited(kilobits) }]);
        call.subscribe(0, true);
        call.run(60);
        let counters = call.world.worker.counters().clone();
        assert!((4..=8).contains(&counters.probes_bad), "{name}: {} bad", counters.probes_bad);
        assert_eq!((counters.probes_good, counters.layers_raised), (0, 0), "{name}");
        assert_eq!(call.lost(0, 3..60), 0, "{name}: neither sound nor pictures");
        let queue = call.seconds(0)[3..].iter().map(|second| second.queue).max().unwrap();
        assert!(queue <= Duration::from_millis(100), "{name}: {queue:?}");
        call.links[0].rate = Some(3_000 * KILOBIT);
        call.run(20);
        let counters = call.world.worker.counters();
        assert_eq!((counters.probes_good, counters.layers_raised), (1, 1), "{name}");
        let raised = raised_in(&call, 60).unwrap();
        assert!(raised <= 13, "{name}: {raised} s");
        let filled = call.seconds(0)[60..].iter().position(|second| second.filling > 20_000).unwrap();
        assert!(raised <= filled + 2, "{name}: filled at {filled} s, raised at {raised} s");
        assert_eq!(call.lost(0, 60..80), 0, "{name}");
    }
}

#[test]
fn filling_is_spread_over_its_time() {
    let mut call = Call::new(&[LAYERS], vec![limited(300)]);
    call.subscribe(0, true);
    call.run(20);
    call.links[0].rate = Some(3_000 * KILOBIT);
    call.run(20);
    assert_eq!(call.world.worker.counters().probes_good, 1);
    // At twice 1.1 Mbit/s in portions of 5 ms: 1.4 kB and one packet more.
    let (most, times) = call.largest_filling(0);
    assert!(most <= 2_600, "{most} bytes at one time");
    assert!(times > 40, "{times} portions");
}

#[test]
fn without_a_stream_of_retransmissions_the_step_itself_is_the_try() {
    let mut call = Call::new(&[LAYERS], vec![limited(300)]);
    call.subscribe_without_rtx(0);
    call.run(30);
    let counters = call.world.worker.counters();
    assert!(counters.feedback_received > 200);
    assert_eq!((counters.probes_sent, counters.probe_packets), (0, 0));
    assert!(counters.layers_raised >= 1, "after 12 s");
}

#[test]
fn what_is_not_wanted_or_not_limited_is_not_probed_for() {
    let mut call = Call::new(&[LAYERS], vec![limited(300)]);
    call.subscribe(0, true);
    call.run(4);
    let before = call.world.worker.counters().probes_sent;
    assert!(call.world.worker.counters().layers_lowered >= 1);
    // The subscriber asks for no more than it gets.
    call.want(0, 0);
    call.run(40);
    assert!(call.world.worker.counters().probes_sent <= before + 1, "one was under way");
}
