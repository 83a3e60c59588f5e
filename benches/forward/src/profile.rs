//! Where the product's time goes: `perf` on the server of the scenario with the bar.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};

use crate::{
    scenario::{BAR, Run, Times},
    server::Kind,
};

/// Samples each second: so few that sampling costs less than 1 %.
const FREQUENCY: &str = "997";
/// Share of the samples, percent, below which a symbol is not listed.
const LISTED: &str = "0.7";
/// What is recorded.
const WINDOW: Duration = Duration::from_secs(10);

/// Prints the symbols with most samples.
///
/// # Errors
/// There is no `perf`, or it may not look.
pub fn run(kind: Kind, core: Option<usize>, directory: &Path) -> anyhow::Result<()> {
    if Command::new("perf").arg("--version").stdout(Stdio::null()).status().is_err() {
        bail!(
            "no perf here. On Debian: apt-get install linux-perf; or any profiler that takes a process: \
             while `benches/run forward --only \"{}\" --secs 60` runs, give it the pid of `rotunda-bench-forward \
             serve {}`",
            BAR.name,
            kind.name()
        );
    }
    let run = Run::prepare(&BAR, kind, core)?;
    let data = directory.join(format!("bench-forward-{}.perf", kind.name()));
    // A virtual machine has no counter of cycles: the clock samples everywhere.
    let mut perf = Command::new("perf")
        .args(["record", "--quiet", "--event", "cpu-clock", "--freq", FREQUENCY, "--output"])
        .arg(&data)
        .args(["--pid", &run.pid().to_string()])
        .spawn()
        .context("perf cannot be started")?;
    // The server ends with the run, and perf with the server.
    let outcome = run.measure(Times { warm: Duration::from_secs(1), window: WINDOW });
    if outcome.is_err() {
        let _ = perf.kill();
    }
    let status = perf.wait()?;
    let outcome = outcome?;
    if !status.success() && !data.exists() {
        bail!("perf recorded nothing: {status}");
    }
    println!("{} at {}: {:.2} us/packet\n", kind.name(), BAR.name, outcome.cpu_us);
    // First by part, then by symbol.
    for fields in ["overhead,dso", "overhead,dso,symbol"] {
        let listed = Command::new("perf")
            .args(["report", "--stdio", "--quiet", "--no-children"])
            .args(["--fields", fields, "--percent-limit", LISTED, "--input"])
            .arg(&data)
            .status()?;
        if !listed.success() {
            bail!("perf report: {listed}");
        }
    }
    Ok(())
}
