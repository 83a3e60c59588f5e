//! The `rotunda` binary: configuration, wiring, lifecycle, command line. No rules of its own.

mod acme;
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
mod doctor;
mod explain;
mod healthcheck;
mod keys;
mod lifecycle;
mod limits;
mod listener;
mod logging;
mod metrics;
mod private_file;
mod proxies;
mod ready;
mod reload;
#[cfg(test)]
mod scratch;
mod secrets;
mod seed;
mod serve;
mod sessions;
mod telemetry;
mod tls;
mod vitals;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command, ConfigCommand},
    config::{Overrides, Source, reference},
    telemetry::Telemetry,
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
    match &cli.command {
        // The reference must be had also where the configuration is wrong.
        Command::Config(ConfigCommand::Sample) => {
            print!("{}", reference::sample());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Config(ConfigCommand::Schema) => {
            println!("{}", serde_json::to_string_pretty(&reference::schema())?);
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let source = Source { file: cli.config, overrides };
    let config = source.load()?;
    let telemetry = match &cli.command {
        Command::Serve(_) => Telemetry::open(&config.telemetry)?,
        _ => None,
    };
    logging::start(&config.log, telemetry.as_ref())?;
    match cli.command {
        Command::Serve(serve) => {
            let served = serve::run(source, config, &serve).await;
            if let Some(telemetry) = telemetry {
                telemetry.close().await;
            }
            served?;
        }
        Command::Migrate { dry_run: true } => database::pending(&config).await?,
        Command::Migrate { dry_run: false } => database::migrate(&database::connect(&config).await?).await?,
        Command::App(command) => commands::app(&config, command).await?.print(cli.json),
        Command::AdminToken(command) => commands::admin_token(&config, command).await?.print(cli.json),
        Command::Account(command) => commands::account(&config, command).await?.print(cli.json),
        Command::Right(command) => commands::right(&config, command).await?.print(cli.json),
        Command::Webhook(command) => webhooks::run(&config, command, cli.json).await?,
        Command::Sessions(command) => sessions::run(&config, command, cli.json).await?,
        Command::Explain(command) => return explain::run(&config, command, cli.json).await,
        Command::Config(_) => print!("{}", toml::to_string_pretty(&config.masked())?),
        Command::Doctor(options) => {
            let report = doctor::examine(&config, &options).await;
            report.print(cli.json)?;
            return Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Healthcheck => healthcheck::run(&config).await?,
    }
    Ok(ExitCode::SUCCESS)
}
