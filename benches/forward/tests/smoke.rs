//! That the whole bench runs: both servers as processes, real sockets, real handshakes. It measures nothing.

use std::{path::Path, process::Command};

use serde_json::Value;

#[test]
fn both_servers_forward_every_packet_of_a_smoke_run() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-forward-smoke.json");
    let run = Command::new(env!("CARGO_BIN_EXE_rotunda-bench-forward"))
        .args(["--smoke", "--out"])
        .arg(&out)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{text}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(text.contains("| smoke | rotunda |") && text.contains("| smoke | str0m |"), "{text}");

    let written: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    for server in ["rotunda", "str0m"] {
        let outcome = &written["result"]["pairs"][0][server];
        assert_eq!(outcome["delivered"], 100.0, "{server}: {outcome:#}");
        assert_eq!(outcome["gaps"], 0, "{server}");
        // 200 packets/s to four, for half a second.
        assert!(outcome["received"].as_u64().unwrap() > 200, "{server}: {outcome:#}");
        assert!(outcome["cpu_us"].as_f64().unwrap() > 0.0, "{server}");
    }
    let counters = &written["result"]["pairs"][0]["rotunda"]["counters"];
    for name in ["feedback_received", "feedback_sent", "rtcp_in", "rtcp_out", "profile_gcm_128"] {
        assert!(counters[name].as_u64().unwrap() > 0, "{name}: {counters:#}");
    }
    assert_eq!(counters["commands_refused"], 0);
    assert!(written["ratio"].as_f64().unwrap() > 0.0);
    assert!(written["result"]["user_space"]["pictures_ns"].as_f64().unwrap() > 0.0);
}
