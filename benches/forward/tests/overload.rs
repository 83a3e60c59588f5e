//! That newcomers are refused before those who are seated suffer. Delays are only judged where the cores were not taken
//! by other processes, and then generously; `benches/run forward --overload` measures them.

use std::{path::Path, process::Command};

use serde_json::Value;

/// Times the p99 before anybody came, and milliseconds whatever that was. Those of a server that lets everybody in are
/// seconds.
const TIMES: u64 = 4;
const AT_LEAST_MS: u64 = 150;
/// Percent of the time that server and load may have waited for a core.
const DISTURBED: f64 = 10.0;

#[test]
fn the_seated_hardly_notice_more_newcomers_than_fit() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-forward-overload.json");
    let run = Command::new(env!("CARGO_BIN_EXE_rotunda-bench-forward"))
        .args(["--overload", "--smoke", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{text}\n{}", String::from_utf8_lossy(&run.stderr));

    let written: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    let overload = &written["overload"];
    let number = |name: &str| overload[name].as_u64().unwrap();
    assert!(number("refused") > number("admitted_late"), "{overload:#}");
    // Those on the way in count before their load shows.
    assert!(number("busy") >= 400, "nobody is refused by a server that has time: {overload:#}");
    let waited = |name: &str| overload[name].as_f64().unwrap();
    if waited("server_waited").max(waited("load_waited")) > DISTURBED {
        eprintln!("other processes had the cores; delays are not judged: {overload:#}");
        return;
    }
    assert!(number("admitted") > 0, "{overload:#}");
    let p99 = |name: &str| overload[name][1].as_u64().unwrap();
    let bound = (TIMES * p99("before_us")).max(AT_LEAST_MS * 1_000);
    assert!(p99("full_us") <= bound, "{overload:#}");
    assert_eq!(number("gaps"), 0, "{overload:#}");
}
