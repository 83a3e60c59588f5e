//! Log lines: readable on a terminal, or one JSON object each.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Log, LogFormat};

/// Postgres' notices say that what exists exists. Directives of the configuration still override this.
const QUIET: &str = "sqlx::postgres::notice=warn";

/// Starts logging to standard error, so that standard output stays free for answers and the banner.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", log.level))
        .with_context(|| format!("log.level: cannot understand \"{}\"", log.level))?;
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}
