//! How fast verdicts, snapshots and large roles are, with a baseline of the same run. See benches/README.md.

mod community;
mod figures;
mod measure;
#[expect(dead_code, reason = "the tests' evaluator, of which this needs a part")]
#[path = "../../../crates/permissions/tests/suite/reference.rs"]
mod reference;
mod snapshots;
mod storage;
#[expect(dead_code, reason = "the tests' conversions, of which this needs a part")]
#[path = "../../../crates/permissions/tests/suite/typed.rs"]
mod typed;
mod verdicts;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use serde_json::json;

use crate::figures::Figures;

/// Prints figures of the permission engine as Markdown and writes them as JSON.
#[derive(Debug, Parser)]
struct Options {
    /// End with status 1 when a figure is above its bar
    #[arg(long)]
    check: bool,
    /// A few iterations only: shows that everything runs, and measures nothing
    #[arg(long)]
    smoke: bool,
    /// Where the JSON goes
    #[arg(long, value_name = "FILE", default_value = "target/bench-permissions.json")]
    out: PathBuf,
}

/// How often and how much.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Timed batches of verdicts.
    pub verdicts: usize,
    /// Built snapshots.
    pub builds: usize,
    /// Members of the large role.
    pub members: usize,
    /// Changes of it, and other work on Postgres.
    pub rounds: usize,
}

impl Scale {
    const FULL: Self = Self { verdicts: 500_000, builds: 500, members: 100_000, rounds: 50 };
    const SMOKE: Self = Self { verdicts: 1_000, builds: 3, members: 2_000, rounds: 3 };
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let scale = if options.smoke { Scale::SMOKE } else { Scale::FULL };
    let url =
        std::env::var("DATABASE_URL").context("DATABASE_URL: a Postgres that lets us create a database")?;
    let mut figures = Figures::default();
    figures.note(machine());
    verdicts::run(&scale, &mut figures)?;
    snapshots::run(&scale, &mut figures)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(storage::run(
        &url,
        &scale,
        &mut figures,
    ))?;
    println!("{}", figures.markdown());
    let written = json!({ "bench": "permissions", "smoke": options.smoke, "result": figures.json() });
    if let Some(directory) = options.out.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(&options.out, format!("{written:#}\n"))?;
    let failed = figures.failed();
    for figure in &failed {
        eprintln!("above its bar: {}", figure.what);
    }
    Ok(if options.check && !failed.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The processor, and how busy it was before we began.
fn machine() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("?", |(_, m)| m);
    let count = std::thread::available_parallelism().map_or(0, |count| count.get());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("?");
    format!("Machine: {model}, {count} CPUs, load {load} at the start.")
}
