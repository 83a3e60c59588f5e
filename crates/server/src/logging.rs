//! Log lines: readable on a terminal, or one JSON object each.

use std::{io::IsTerminal, sync::OnceLock};

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Log, LogFormat};

/// Postgres' notices say that what exists exists. Directives of the configuration still override this.
const QUIET: &str = "sqlx::postgres::notice=warn";

/// Exchanges the filter of the running process.
type Exchange = Box<dyn Fn(EnvFilter) -> bool + Send + Sync>;

static EXCHANGE: OnceLock<Exchange> = OnceLock::new();

/// Starts logging to standard error, so that standard output stays free for answers and the banner.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let lines = fmt().with_env_filter(filter(&log.level)?).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Human => {
            let lines =
                lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).with_filter_reloading();
            let handle = lines.reload_handle();
            let _ = EXCHANGE.set(Box::new(move |filter| handle.reload(filter).is_ok()));
            lines.try_init()
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let handle = lines.reload_handle();
            let _ = EXCHANGE.set(Box::new(move |filter| handle.reload(filter).is_ok()));
            lines.try_init()
        }
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}

/// From now on logs at this level. Before [`start`] it is only looked at.
pub fn set_level(level: &str) -> anyhow::Result<()> {
    let filter = filter(level)?;
    if let Some(exchange) = EXCHANGE.get() {
        anyhow::ensure!(exchange(filter), "log.level: the filter cannot be exchanged");
    }
    Ok(())
}

fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(format!("{QUIET},{level}"))
        .with_context(|| format!("log.level: cannot understand \"{level}\""))
}
