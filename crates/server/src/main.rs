//! The `rotunda` binary: configuration, wiring, lifecycle, command line. No rules of its own.

mod addresses;
mod ambient;
mod assets;
mod certificate;
mod cli;
mod commands;
mod config;
mod database;
mod demo;
mod healthcheck;
mod keys;
mod lifecycle;
mod listener;
mod logging;
mod private_file;
mod ready;
#[cfg(test)]
mod scratch;
mod seed;
mod serve;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command, ConfigCommand},
    config::{Config, Overrides},
};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, all causes: a backtrace helps no operator.
            eprintln!("rotunda: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
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
        Command::Config(ConfigCommand::Print) => print!("{}", toml::to_string_pretty(&config.masked())?),
        Command::Healthcheck => healthcheck::run(&config).await?,
    }
    Ok(())
}
