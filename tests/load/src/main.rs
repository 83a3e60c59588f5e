//! Prints what members over the real wire cost the server, and what a stop costs them. See tests/README.md.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use clap::{Parser, ValueEnum};
use rotunda_bench_forward::{machine, page};
use rotunda_load::{
    VOID_ABOVE, drain, rest,
    scenario::{Options, Outcome, Scenario},
};
use serde_json::{Value, json};

/// What is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Members who join channels and stay
    Media,
    /// A backend that calls the vendor's REST actions
    Rest,
}

impl What {
    /// Of the place in a page, and of the JSON.
    const fn name(self) -> &'static str {
        match self {
            Self::Media => "load",
            Self::Rest => "rest",
        }
    }

    /// Seconds that are measured.
    const fn secs(self) -> f64 {
        match self {
            Self::Media => 10.0,
            Self::Rest => 20.0,
        }
    }
}

/// Prints what joining and staying cost the whole server as Markdown, and writes it as JSON.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[arg(value_enum, default_value_t = What::Media)]
    what: What,
    /// Members who come to one channel; 0: not measured
    #[arg(long, value_name = "N", default_value_t = 200)]
    members: usize,
    /// Channels of two; 0: not measured. A server that shares one core with itself refuses before there are 1,000
    #[arg(long, value_name = "N", default_value_t = 500)]
    pairs: usize,
    /// Calls of two that go on while the server is told to stop; 0: not measured
    #[arg(long, value_name = "N", default_value_t = 50)]
    drain: usize,
    /// Members on their way in at any moment
    #[arg(long, value_name = "N", default_value_t = 16)]
    at_once: usize,
    /// Seconds of media once everybody is there, 10 when not given; or of requests, 20
    #[arg(long, value_name = "S")]
    secs: Option<f64>,
    /// Requests each second, of rest
    #[arg(long, value_name = "N", default_value_t = 1_000.0)]
    rate: f64,
    /// The server
    #[arg(long, value_name = "FILE", default_value = "target/release/rotunda")]
    binary: PathBuf,
    /// Directory for the server's data; one is made in it for each scenario
    #[arg(long, value_name = "DIR")]
    scratch: PathBuf,
    /// Databases that are there and empty, one for each scenario
    #[arg(long, value_name = "URL", num_args = 1..)]
    databases: Vec<String>,
    /// Also put it into this page, between `<!-- load -->`, or `<!-- rest -->`, and its end
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Where the JSON goes; target/load.json or target/rest.json when not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Arguments {
    /// An empty directory and an empty database for each scenario.
    fn places(&self) -> impl Iterator<Item = anyhow::Result<(PathBuf, &String)>> {
        self.databases.iter().enumerate().map(|(number, database)| {
            let data = self.scratch.join(format!("load-{number}"));
            std::fs::create_dir_all(&data)?;
            Ok((data, database))
        })
    }

    fn options<'a>(&'a self, data: &'a Path, database: &'a str, cores: Option<[usize; 2]>) -> Options<'a> {
        Options {
            binary: &self.binary,
            database,
            data,
            at_once: self.at_once,
            window: Duration::from_secs_f64(self.secs.unwrap_or(self.what.secs())),
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
    let (text, mut result) = match arguments.what {
        What::Media => media(&arguments, cores)?,
        What::Rest => rest(&arguments, cores)?,
    };
    let name = arguments.what.name();
    let text = format!("{machine}\n\n{text}");
    println!("{text}");
    arguments.into.as_ref().map_or(Ok(()), |file| page::put(file, name, &text))?;
    let out = arguments.out.unwrap_or_else(|| format!("target/{name}.json").into());
    if let Some(directory) = out.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)?;
    }
    result["bench"] = name.into();
    result["machine"] = machine.into();
    Ok(std::fs::write(&out, format!("{result:#}\n"))?)
}

/// As Markdown and as JSON.
type Found = (String, Value);

fn media(arguments: &Arguments, cores: Option<[usize; 2]>) -> anyhow::Result<Found> {
    let mut scenarios = vec![];
    if arguments.members > 0 {
        scenarios.push(Scenario::Storm { members: arguments.members });
    }
    if arguments.pairs > 0 {
        scenarios.push(Scenario::Pairs { channels: arguments.pairs });
    }
    let mut outcomes = vec![];
    let mut places = arguments.places();
    for scenario in scenarios {
        eprintln!("{}", scenario.name());
        let (data, database) = places.next().context("a database for each scenario")??;
        let options = arguments.options(&data, database, cores);
        outcomes.push(alone(scenario.run(&options)).with_context(|| scenario.name())?);
    }
    let drained = match arguments.drain {
        0 => None,
        calls => {
            eprintln!("{calls} calls and a stop");
            let (data, database) = places.next().context("a database for each scenario")??;
            let options = arguments.options(&data, database, cores);
            Some(alone(drain::run(&options, calls))?)
        }
    };
    let mut text = if outcomes.is_empty() { String::new() } else { markdown(&outcomes) };
    if let Some(drained) = &drained {
        text += &format!("\n{}", drained.markdown());
    }
    Ok((text, json!({ "outcomes": outcomes, "drained": drained })))
}

fn rest(arguments: &Arguments, cores: Option<[usize; 2]>) -> anyhow::Result<Found> {
    ensure!(arguments.rate >= 1.0, "a rate of at least 1");
    let (data, database) = arguments.places().next().context("a database")??;
    let options = arguments.options(&data, database, cores);
    let outcome = alone(rest::run(&options, arguments.rate))?;
    Ok((outcome.markdown(), json!({ "outcome": outcome })))
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
