//! The `rotunda` binary: configuration, wiring, lifecycle, command line. No rules of its own.

mod addresses;
mod admin;
mod ambient;
mod assets;
mod certificate;
mod cli;
mod commands;
mod config;
mod database;
mod demo;
mod explain;
mod healthcheck;
mod keys;
mod lifecycle;
mod listener;
mod logging;
mod metrics;
mod private_file;
mod ready;
#[cfg(test)]
mod scratch;
mod seed;
mod serve;
mod sessions;
mod vitals;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command, ConfigCommand},
    config::{Config, Overrides},
};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // For `explain` 1 is an answer.
    let failed = match cli.command {
        Command::Explain(_) => ExitCode::from(explain::CANNOT_SAY),
        _ => ExitCode::FAILURE,
    };
    run(cli).await.unwrap_or_else(|error| {
        // One line, all causes: a backtrace helps no operator.
        eprintln!("rotunda: {error:#}");
        failed
    })
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let mut overrides = match &cli.command {
        Command::Serve(serve) => serve.overrides.clone(),
        _ => Overrides::default(),
    };
    overrides.data = cli.data;
    let config = Config::load(cli.config.as_deref(), &overrides)?;
    logging::start(&config.log)?;
    match cli.command {
        Command::Serve(serve) => serve::run(&config, &serve).await?,
        Command::Migrate => database::migrate(&database::connect(&config).await?).await?,
        Command::App(command) => commands::app(&config, command).await?.print(cli.json),
        Command::Account(command) => commands::account(&config, command).await?.print(cli.json),
        Command::Right(command) => commands::right(&config, command).await?.print(cli.json),
        Command::Webhook(command) => webhooks::run(&config, command, cli.json).await?,
        Command::Sessions(command) => sessions::run(&config, command, cli.json).await?,
        Command::Explain(command) => return explain::run(&config, command, cli.json).await,
        Command::Config(ConfigCommand::Print) => print!("{}", toml::to_string_pretty(&config.masked())?),
        Command::Healthcheck => healthcheck::run(&config).await?,
    }
    Ok(ExitCode::SUCCESS)
}
