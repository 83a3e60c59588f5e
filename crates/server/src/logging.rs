//! Log lines: readable on a terminal, or one JSON object each.

use std::{io::IsTerminal, sync::OnceLock};

use anyhow::Context;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::{
    config::{Log, LogFormat},
    telemetry::Telemetry,
};

/// Postgres' notices say that what exists exists. Directives of the configuration still override this.
const QUIET: &str = "sqlx::postgres::notice=warn";

/// Exchanges the filter of the running process.
static EXCHANGE: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts logging to standard error, so that standard output stays free for answers and the banner. Traces go their own
/// way: neither sees what only the other wants.
pub fn start(log: &Log, telemetry: Option<&Telemetry>) -> anyhow::Result<()> {
    let (filter, exchange) = reload::Layer::new(filter(&log.level)?);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match log.format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let mut layers = vec![lines.with_filter(filter).boxed()];
    layers.extend(telemetry.map(Telemetry::layer));
    let started = tracing_subscriber::registry().with(layers).try_init();
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))?;
    let _ = EXCHANGE.set(exchange);
    Ok(())
}

/// From now on logs at this level. Before [`start`] it is only looked at.
pub fn set_level(level: &str) -> anyhow::Result<()> {
    let filter = filter(level)?;
    if let Some(exchange) = EXCHANGE.get() {
        exchange.reload(filter).context("log.level: the filter cannot be exchanged")?;
    }
    Ok(())
}

fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(format!("{QUIET},{level}"))
        .with_context(|| format!("log.level: cannot understand \"{level}\""))
}
