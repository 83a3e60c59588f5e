//! The pool and the schema, with what a person wants to see while waiting.

use std::time::Duration;

use anyhow::Context;
use rotunda_core::Store;
use rotunda_store::StoreError;

use crate::{config::Config, private_file, secrets};

/// Tries before the start gives up: together about a minute, enough for both containers of a compose file to come up.
const CONNECT_ATTEMPTS: u32 = 60;
/// Pause between two tries; one that nobody answers takes some seconds itself.
const CONNECT_PAUSE: Duration = Duration::from_secs(1);

/// The URL of `database.url_file`, else `database.url`, else the file that `./run` leaves for the command line.
pub fn url(config: &Config) -> anyhow::Result<String> {
    let url = if !config.database.url_file.as_os_str().is_empty() {
        secrets::read(&config.database.url_file).context("database.url_file")?.trim().to_owned()
    } else {
        config.database.url.clone()
    };
    if !url.is_empty() {
        if !config.demo {
            secrets::check_database(&url)?;
        }
        return Ok(url);
    }
    let file = config.data.join("database.url");
    private_file::read(&file)?.map(|url| url.trim().to_owned()).with_context(|| {
        format!("no database: set database.url, or DATABASE_URL, or start with ./run (no {})", file.display())
    })
}

/// Connects, waiting for a database that is still starting; a refusal for any other reason ends at once.
pub async fn connect(config: &Config) -> anyhow::Result<Store> {
    let url = url(config)?;
    let mut attempt = 1;
    loop {
        match Store::connect(&url, config.database.connections_max).await {
            Ok(store) => return Ok(store),
            Err(error) if !is_unreachable(&error) => {
                return Err(error).context("Postgres refused the connection");
            }
            Err(error) if attempt == CONNECT_ATTEMPTS => {
                return Err(error).with_context(|| format!("Postgres did not answer {attempt} times"));
            }
            Err(error) if attempt == 1 => tracing::info!(%error, "waiting for Postgres"),
            Err(_) => {}
        }
        attempt += 1;
        tokio::time::sleep(CONNECT_PAUSE).await;
    }
}

/// Nothing listens yet, or Postgres itself says that it is starting (SQLSTATE 57P03).
fn is_unreachable(error: &StoreError) -> bool {
    match error {
        StoreError::Query(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => true,
        StoreError::Query(sqlx::Error::Database(error)) => error.code().is_some_and(|code| code == "57P03"),
        _ => false,
    }
}

/// `rotunda migrate --dry-run`: what a migration would run, a line each. Changes nothing.
pub async fn pending(config: &Config) -> anyhow::Result<()> {
    let store = connect(config).await?;
    let pending = store.pending_migrations().await.context("cannot read the list of migrations")?;
    for migration in &pending {
        println!("would run {migration}");
    }
    if pending.is_empty() {
        println!("the schema is up to date");
    }
    Ok(())
}

/// Brings the schema up to date under an advisory lock and says what was run.
pub async fn migrate(store: &Store) -> anyhow::Result<()> {
    let pending = store.pending_migrations().await.context("cannot read the list of migrations")?;
    for migration in &pending {
        tracing::info!(migration, "to be run");
    }
    store.migrate().await.context("the schema could not be brought up to date; nothing was half run")?;
    tracing::info!(run = pending.len(), "the schema is up to date");
    Ok(())
}
