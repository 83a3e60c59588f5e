//! Calls with real media over a stop: sockets, ICE, DTLS and SRTP of their own.

use std::{path::Path, time::Duration};

use rotunda_load::{
    drain::{self, Drained},
    scenario::Options,
};
use sqlx::PgPool;

use crate::program::{directory, url};

/// Silence that somebody notices, ms. What the load itself did not look is taken off, for this machine may be busy.
const NOTICED_MS: f64 = 500.0;

async fn drained(pool: &PgPool, name: &str, calls: usize, window: Duration) -> Drained {
    let (data, database) = (directory(name), url(pool));
    let options = Options {
        binary: Path::new(env!("CARGO_BIN_EXE_rotunda")),
        database: &database,
        data: &data,
        at_once: 4,
        window,
        core: None,
    };
    let drained = drain::run(&options, calls).await.unwrap();
    println!("{}", drained.markdown());
    assert_eq!(drained.calls, calls);
    assert_eq!(drained.gaps, 0, "{drained:?}");
    assert!(drained.silence_ms - drained.stall_ms < NOTICED_MS, "{drained:?}");
    // Each hears the other with 50 packets a second.
    let expected = (2 * calls) as f64 * drained.held_s * 50.0;
    assert!(drained.received as f64 > 0.8 * expected, "{expected}: {drained:?}");
    let [refused, tries] = drained.refused;
    assert!(refused == tries && tries > 0, "{drained:?}");
    drained
}

#[sqlx::test(migrations = "../../migrations")]
async fn ten_calls_hear_no_gap_from_the_signal_until_they_end(pool: PgPool) {
    drained(&pool, "operate-drain-ten", 10, Duration::from_secs(5)).await;
}

/// As `tests/load/run --members 0 --pairs 0` does on the release binary.
#[sqlx::test(migrations = "../../migrations")]
#[ignore = "fifty calls on an unoptimised server take the whole machine"]
async fn fifty_calls_hear_no_gap_from_the_signal_until_they_end(pool: PgPool) {
    drained(&pool, "operate-drain-fifty", 50, Duration::from_secs(20)).await;
}
