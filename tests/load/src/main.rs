//! Prints what members over the real wire cost the server, and what a stop costs them. See tests/README.md.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Parser;
use rotunda_bench_forward::{machine, page};
use rotunda_load::{
    drain,
    scenario::{Options, Outcome, Scenario},
};
use serde_json::json;

/// CPU of the load, percent of its core, above which a run is about the load.
const VOID_ABOVE: f64 = 90.0;

/// Prints what joining and staying cost the whole server as Markdown, and writes it as JSON.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Members who come to one channel; 0: not measured
    #[arg(long, value_name = "N", default_value_t = 200)]
    members: usize,
    /// Channels of two; 0: not measured
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pairs: usize,
    /// Calls of two that go on while the server is told to stop; 0: not measured
    #[arg(long, value_name = "N", default_value_t = 50)]
    drain: usize,
    /// Members on their way in at any moment
    #[arg(long, value_name = "N", default_value_t = 16)]
    at_once: usize,
    /// Seconds of media once everybody is there
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    secs: f64,
    /// The server
    #[arg(long, value_name = "FILE", default_value = "target/release/rotunda")]
    binary: PathBuf,
    /// Directory for the server's data; one is made in it for each scenario
    #[arg(long, value_name = "DIR")]
    scratch: PathBuf,
    /// Databases that are there and empty, one for each scenario
    #[arg(long, value_name = "URL", num_args = 1..)]
    databases: Vec<String>,
    /// Also put it into this page, between `<!-- load -->` and its end
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Where the JSON goes
    #[arg(long, value_name = "FILE", default_value = "target/load.json")]
    out: PathBuf,
}

impl Arguments {
    fn options<'a>(&'a self, data: &'a Path, database: &'a str, cores: Option<[usize; 2]>) -> Options<'a> {
        Options {
            binary: &self.binary,
            database,
            data,
            at_once: self.at_once,
            window: Duration::from_secs_f64(self.secs),
            core: cores.map(|[core, _]| core),
        }
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (cores, machine) = (machine::cores(), machine::describe());
    if let Some([_, own]) = cores {
        machine::pin(own)?;
    }
    let mut scenarios = vec![];
    if arguments.members > 0 {
        scenarios.push(Scenario::Storm { members: arguments.members });
    }
    if arguments.pairs > 0 {
        scenarios.push(Scenario::Pairs { channels: arguments.pairs });
    }
    let mut outcomes = vec![];
    let mut databases = arguments.databases.iter();
    let mut directories = (0..).map(|number| arguments.scratch.join(format!("load-{number}")));
    let mut place = || -> anyhow::Result<(PathBuf, &String)> {
        let data = directories.next().context("a directory for each scenario")?;
        std::fs::create_dir_all(&data)?;
        Ok((data, databases.next().context("a database for each scenario")?))
    };
    for scenario in scenarios {
        eprintln!("{}", scenario.name());
        let (data, database) = place()?;
        let options = arguments.options(&data, database, cores);
        outcomes.push(alone(scenario.run(&options)).with_context(|| scenario.name())?);
    }
    let drained = match arguments.drain {
        0 => None,
        calls => {
            eprintln!("{calls} calls and a stop");
            let (data, database) = place()?;
            let options = arguments.options(&data, database, cores);
            Some(alone(drain::run(&options, calls))?)
        }
    };
    let mut text =
        format!("{machine}\n\n{}", if outcomes.is_empty() { String::new() } else { markdown(&outcomes) });
    if let Some(drained) = &drained {
        text += &format!("\n{}", drained.markdown());
    }
    println!("{text}");
    arguments.into.as_ref().map_or(Ok(()), |file| page::put(file, "load", &text))?;
    if let Some(directory) = arguments.out.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)?;
    }
    let result = json!({ "bench": "load", "machine": machine, "outcomes": outcomes, "drained": drained });
    Ok(std::fs::write(&arguments.out, format!("{result:#}\n"))?)
}

/// On a runtime of its own: with it go the sockets of its members.
fn alone<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_secs(5));
    done
}

fn markdown(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| scenario | joins/s | CPU ms/join | `Join` answered, p50, p99 ms | first packet, p50, p99 ms | \
         logins/s | CPU ms/login | RSS KiB/member | packets/s | CPU us/packet | gaps | p50, p99 ms | \
         server CPU joining, then | load CPU joining, then |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for outcome in outcomes {
        let mark = if outcome.load_cpu[1] > VOID_ABOVE { " VOID" } else { "" };
        let two = |[a, b]: [f64; 2]| format!("{a:.0}, {b:.0}");
        let percent = |[a, b]: [f64; 2]| format!("{a:.0} %, {b:.0} %");
        text += &format!(
            "| {}{mark} | {:.0} | {:.1} | {} | {} | {:.0} | {:.1} | {:.0} | {:.0} | {:.1} | {} | {:.1}, {:.1} | \
             {} | {} |\n",
            outcome.scenario.name(),
            outcome.joins_per_s,
            outcome.join_ms,
            two(outcome.signalled_ms),
            two(outcome.heard_ms),
            outcome.logins_per_s,
            outcome.login_ms,
            outcome.resident_kib,
            outcome.received_per_s,
            outcome.cpu_us,
            outcome.gaps,
            outcome.latency_ms[0],
            outcome.latency_ms[1],
            percent(outcome.server_cpu),
            percent(outcome.load_cpu),
        );
    }
    text
}
