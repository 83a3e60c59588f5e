//! What forwarding costs, with a baseline of the same run. See benches/README.md and docs/PERFORMANCE.md.

mod instructions;
mod memory;
mod overload;
mod profile;
mod report;
mod scenario;
mod server;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use rotunda_bench_forward::{machine, page};
use serde_json::json;

use crate::{
    report::{Pair, Report},
    scenario::{ALL, BAR, DISTURBED_ABOVE, Outcome, Scenario, Times},
    server::Kind,
};

/// Prints what forwarding costs as Markdown and writes it as JSON.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Pairs at 1 to 200 and the user space only; end with status 1 when the ratio is above its bar
    #[arg(long)]
    check: bool,
    /// One short pair at 1 to 200, and the user space
    #[arg(long)]
    quick: bool,
    /// A few packets only: shows that everything runs, and measures nothing
    #[arg(long)]
    smoke: bool,
    /// Prints where the server's time goes at 1 to 200, by perf; measures nothing else
    #[arg(long)]
    profile: bool,
    /// Prints how many instructions a packet takes in user space, by valgrind; measures nothing else
    #[arg(long)]
    instructions: bool,
    /// Only the user space, in memory
    #[arg(long)]
    user_space: bool,
    /// Only what those who are seated notice of more newcomers than fit; with --check, status 1 when it is too much
    #[arg(long)]
    overload: bool,
    /// Only the scenarios with this in their name, and no pairs
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only this server in scenarios and profile
    #[arg(long, value_name = "SERVER")]
    server: Option<Kind>,
    /// Pairs at 1 to 200
    #[arg(long, value_name = "N")]
    pairs: Option<usize>,
    /// Seconds of each window
    #[arg(long, value_name = "S")]
    secs: Option<f64>,
    /// Measure a run or a pair that other processes disturbed up to N times and keep the least disturbed
    #[arg(long, value_name = "N", default_value_t = 1)]
    tries: usize,
    /// Also put it into this page, between `<!-- forward -->` (or `overload`, `instructions`) and its end
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Where the JSON goes
    #[arg(long, value_name = "FILE", default_value = "target/bench-forward.json")]
    out: PathBuf,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Forwards in memory, for a profiler
    #[command(hide = true)]
    Counted { subscribers: usize, seconds: u64 },
    /// Serves as the bench says over the pipes
    #[command(hide = true)]
    Serve {
        kind: Kind,
        #[arg(long)]
        core: Option<usize>,
    },
}

impl Role {
    fn play(self) -> anyhow::Result<()> {
        match self {
            Self::Counted { subscribers, seconds } => instructions::counted(subscribers, seconds),
            Self::Serve { kind, core } => {
                core.map_or(Ok(()), machine::pin)?;
                match kind {
                    Kind::Rotunda => server::rotunda::serve(),
                    Kind::Str0m => server::baseline::serve(),
                }
            }
        }
    }
}

/// What is measured, and for how long.
struct Plan {
    pairs: usize,
    of: Scenario,
    times: Times,
    scenarios: Vec<Scenario>,
    /// Subscribers, rounds, seconds of media in each.
    user_space: Option<(usize, usize, u64)>,
}

impl Options {
    fn plan(&self) -> Plan {
        let seconds = |default: f64| Duration::from_secs_f64(self.secs.unwrap_or(default));
        let times = Times { warm: Duration::from_secs(2), window: seconds(5.0) };
        let mut plan = Plan { pairs: 5, of: BAR, times, scenarios: vec![], user_space: Some((200, 9, 2)) };
        if self.smoke {
            let brief = Duration::from_millis(500);
            plan = Plan {
                pairs: 1,
                of: Scenario::smoke(),
                times: Times { warm: brief, window: seconds(0.5) },
                user_space: Some((4, 1, 1)),
                ..plan
            };
        } else if self.quick {
            plan.pairs = 1;
            plan.times = Times { warm: Duration::from_secs(1), window: seconds(3.0) };
        } else if let Some(text) = &self.only {
            plan.pairs = 0;
            plan.user_space = None;
            plan.scenarios = ALL.into_iter().filter(|scenario| scenario.name.contains(text)).collect();
        } else if self.user_space {
            plan.pairs = 0;
        } else if !self.check {
            plan.scenarios = ALL.into_iter().filter(|scenario| scenario.name != BAR.name).collect();
        }
        plan.pairs = self.pairs.unwrap_or(plan.pairs);
        plan
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if let Some(role) = options.role {
        role.play()?;
        return Ok(ExitCode::SUCCESS);
    }
    let (cores, description) = (machine::cores(), machine::describe());
    if let Some([_, own]) = cores {
        machine::pin(own)?;
    } else {
        eprintln!("one core only: server and load share it, and no figure is worth much");
    }
    let core = cores.map(|[core, _]| core);
    let directory = options.out.parent().map(PathBuf::from).unwrap_or_default();
    if options.profile {
        std::fs::create_dir_all(&directory)?;
        profile::run(options.server.unwrap_or(Kind::Rotunda), core, &directory)?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.instructions {
        std::fs::create_dir_all(&directory)?;
        let counted = instructions::count(200, 2, &directory)?;
        say(&options, "instructions", &counted.markdown())?;
        write(&options, &json!({ "bench": "forward", "instructions": counted }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.overload {
        return overloaded(&options, core, &description);
    }
    let report = measure(&options, core, description)?;
    say(&options, "forward", &report.markdown())?;
    let (ratio, result) = (report.ratio(), &report);
    let written = json!({ "bench": "forward", "smoke": options.smoke, "ratio": ratio, "result": result });
    write(&options, &written)?;
    Ok(verdict(&options, report.verdict()))
}

/// Measures with more newcomers than fit.
fn overloaded(options: &Options, core: Option<usize>, machine: &str) -> anyhow::Result<ExitCode> {
    let seconds = |default: f64| Duration::from_secs_f64(options.secs.unwrap_or(default));
    let mut plan = overload::Plan {
        seated: BAR,
        room: 11,
        every: Duration::from_millis(5),
        warm: Duration::from_secs(2),
        window: seconds(10.0),
        patience: Duration::from_secs(120),
    };
    if options.smoke {
        let (seated, window) = (Scenario::smoke(), seconds(2.0));
        plan = overload::Plan { seated, window, warm: Duration::from_millis(500), ..plan };
    }
    let overload = overload::run(&plan, core)?;
    say(options, "overload", &format!("{machine}\n\n{}", overload.markdown()))?;
    write(options, &json!({ "bench": "forward", "smoke": options.smoke, "overload": overload }))?;
    Ok(verdict(options, overload.verdict()))
}

/// Prints what was measured, and puts it into the page.
fn say(options: &Options, name: &str, text: &str) -> anyhow::Result<()> {
    println!("{text}");
    options.into.as_ref().map_or(Ok(()), |file| page::put(file, name, text))
}

fn write(options: &Options, result: &serde_json::Value) -> anyhow::Result<()> {
    if let Some(directory) = options.out.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)?;
    }
    Ok(std::fs::write(&options.out, format!("{result:#}\n"))?)
}

/// Only a check fails.
fn verdict(options: &Options, verdict: Result<String, String>) -> ExitCode {
    match verdict {
        Err(verdict) if options.check => {
            eprintln!("{verdict}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn measure(options: &Options, core: Option<usize>, machine: String) -> anyhow::Result<Report> {
    let plan = options.plan();
    let command: Vec<String> = std::env::args().skip(1).collect();
    let mut report = Report {
        machine,
        command: ["benches/run forward".into(), command.join(" ")].join(" ").trim().into(),
        ..Report::default()
    };
    for number in 0..plan.pairs {
        eprintln!("pair {} of {}", number + 1, plan.pairs);
        let run = |kind| plan.of.run(kind, plan.times, core);
        report.pairs.push(calmest(options.tries, Pair::waited, || {
            // Each goes first in turn, so that a drift of the machine does not favour one.
            if number % 2 == 0 {
                let rotunda = run(Kind::Rotunda)?;
                Ok(Pair { rotunda, str0m: run(Kind::Str0m)? })
            } else {
                let str0m = run(Kind::Str0m)?;
                Ok(Pair { rotunda: run(Kind::Rotunda)?, str0m })
            }
        })?);
    }
    for scenario in &plan.scenarios {
        let wanted = |kind: &Kind| {
            options.server.is_none_or(|only| only == *kind) && !(scenario.selects && *kind == Kind::Str0m)
        };
        for kind in Kind::ALL.into_iter().filter(wanted) {
            eprintln!("{}, {}", scenario.name, kind.name());
            let run = || scenario.run(kind, plan.times, core);
            report.outcomes.push(calmest(options.tries, Outcome::waited, run)?);
        }
        report.note_scaling(scenario);
    }
    if let Some((subscribers, rounds, seconds)) = plan.user_space {
        eprintln!("user space");
        report.user_space = Some(memory::measure(subscribers, rounds, seconds)?);
    }
    Ok(report)
}

/// The first that was not disturbed, or of so many the least. Chosen by the waiting alone, not by what was measured.
fn calmest<T>(
    tries: usize,
    waited: impl Fn(&T) -> f64,
    mut run: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut best = run()?;
    for _ in 1..tries {
        if waited(&best) <= DISTURBED_ABOVE {
            break;
        }
        let next = run()?;
        if waited(&next) < waited(&best) {
            best = next;
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calmest_of_some_tries_is_kept_and_a_calm_one_ends_them() {
        let calmest_of = |tries, waits: &[f64]| {
            let mut left = waits.iter().copied();
            let best =
                calmest(tries, |wait| *wait, || left.next().ok_or_else(|| anyhow::anyhow!("none left")));
            (best.unwrap(), left.len())
        };
        assert_eq!(calmest_of(1, &[50.0, 20.0]), (50.0, 1));
        assert_eq!(calmest_of(3, &[50.0, 20.0, 30.0]), (20.0, 0));
        assert_eq!(calmest_of(3, &[50.0, 5.0, 1.0]), (5.0, 1));
    }
}
