//! How fast verdicts, snapshots and large roles are, with a baseline of the same run. See benches/README.md.

mod community;
mod figures;
mod measure;
#[expect(dead_code, reason = "the tests' evaluator, of which this needs a part")]
#[path = "../../../crates/permissions/tests/suite/reference.rs"]
mod reference;
mod snapshots;
#[expect(dead_code, reason = "the tests' conversions, of which this needs a part")]
#[path = "../../../crates/permissions/tests/suite/typed.rs"]
mod typed;
mod verdicts;

use std::{path::PathBuf, process::ExitCode};

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
}

impl Scale {
    const FULL: Self = Self { verdicts: 500_000, builds: 500 };
    const SMOKE: Self = Self { verdicts: 1_000, builds: 3 };
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let scale = if options.smoke { Scale::SMOKE } else { Scale::FULL };
    let mut figures = Figures::default();
    verdicts::run(&scale, &mut figures)?;
    snapshots::run(&scale, &mut figures)?;
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
