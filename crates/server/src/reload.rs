//! SIGHUP: the configuration is read again, and what is marked as reloadable takes effect.

use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use rotunda_admin::Vendor;
use rotunda_gateway::{CorsOrigins, Gateway};
use rotunda_media_io::MediaHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use toml::{Table, Value};

use crate::{
    addresses::Advertiser,
    config::{Config, Source, reference},
    logging,
    proxies::Proxies,
    tls::Tls,
};

/// What can change while the server runs.
#[derive(Debug)]
pub struct Live {
    pub source: Source,
    /// The configuration in force: as read at the start, with what was reloaded since.
    pub config: Arc<ArcSwap<Config>>,
    pub cors: CorsOrigins,
    pub proxies: Proxies,
    pub tls: Option<Tls>,
    pub advertiser: Arc<Advertiser>,
    pub gateway: Gateway,
    pub actions: Vendor,
    pub media: MediaHandle,
}

/// Keys that differ between two configurations.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub reloaded: Vec<String>,
    /// They take effect at the next start.
    pub at_start: Vec<String>,
}

/// SIGHUP, which would end a process that does not listen to it.
pub fn hangups() -> anyhow::Result<Signal> {
    Ok(signal(SignalKind::hangup())?)
}

impl Live {
    /// Reads again at each SIGHUP, for ever.
    pub async fn on_signals(self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            let result = match self.reload().await {
                Ok(changes) => {
                    tracing::info!(
                        reloaded = changes.reloaded.join(", "),
                        "the configuration was read again"
                    );
                    if !changes.at_start.is_empty() {
                        tracing::warn!(
                            keys = changes.at_start.join(", "),
                            "these keys take effect at the next start"
                        );
                    }
                    "taken"
                }
                Err(error) => {
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the new configuration is refused; the old one stays"
                    );
                    "refused"
                }
            };
            metrics::counter!("rotunda_config_reloads_total", "result" => result).increment(1);
        }
    }

    /// One reading. Nothing changes when it fails.
    pub async fn reload(&self) -> anyhow::Result<Changes> {
        let old = self.config.load_full();
        let new = self.source.load()?;
        let (next, changes) = merged(&old, &new)?;
        // Whatever can fail comes first. New keys must also fit to those that stay as they were.
        next.check()?;
        logging::set_level(&next.log.level)?;
        let cors = next.cors_origins()?;
        if let Some(tls) = &self.tls {
            // Also when the paths are the same: the files may be new.
            tls.read_again(&next)?;
        }
        self.cors.replace(cors);
        self.proxies.replace(next.server.trusted_proxies.clone());
        self.gateway.limits.replace(next.limits.rates());
        self.gateway.core.set_limits(next.limits.quotas());
        self.actions.set_rate(next.limits.rest());
        self.media.set_audio_active_max(next.media.audio_active_max);
        self.media.set_room_transports(next.media.room_transports());
        self.config.store(Arc::new(next));
        self.advertiser.look().await;
        Ok(changes)
    }
}

/// `old` with the reloadable keys of `new`, and which keys differ.
fn merged(old: &Config, new: &Config) -> anyhow::Result<(Config, Changes)> {
    let (mut table, new) = (Table::try_from(old)?, Table::try_from(new)?);
    let mut changes = Changes::default();
    for key in reference::keys() {
        let value = get(&new, &key.path).cloned();
        if get(&table, &key.path) == value.as_ref() {
            continue;
        }
        if key.reload {
            set(&mut table, &key.path, value.with_context(|| format!("{} is gone", key.path))?);
            changes.reloaded.push(key.path);
        } else {
            changes.at_start.push(key.path);
        }
    }
    Ok((table.try_into()?, changes))
}

fn get<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((section, key)) => table.get(section)?.get(key),
        None => table.get(path),
    }
}

fn set(table: &mut Table, path: &str, value: Value) {
    let (section, key) = path.split_once('.').unwrap_or(("", path));
    let of = match section {
        "" => Some(table),
        _ => table.get_mut(section).and_then(Value::as_table_mut),
    };
    if let Some(of) = of {
        of.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_keys_are_taken_and_the_others_are_named() {
        let (old, mut new) = (Config::default(), Config::default());
        new.log.level = "debug".into();
        new.server.cors_origins = vec!["https://app.example.org".into()];
        new.server.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        new.media.workers = 4;
        new.database.connections_max = 50;
        new.demo = true;
        new.media.audio_active_max = 3;
        new.limits.joins_per_minute = 5;
        let (next, changes) = merged(&old, &new).unwrap();
        assert_eq!(
            changes.reloaded,
            [
                "server.trusted_proxies",
                "server.cors_origins",
                "media.audio_active_max",
                "limits.joins_per_minute",
                "log.level"
            ]
        );
        assert_eq!(changes.at_start, ["demo", "database.connections_max", "media.workers"]);
        assert_eq!((next.log.level.as_str(), next.media.workers, next.demo), ("debug", 1, false));
        assert_eq!(next.server.trusted_proxies, new.server.trusted_proxies);
        assert_eq!((next.media.audio_active_max, next.limits.joins_per_minute), (3, 5));
        // What needs a restart is named each time until there was one.
        assert_eq!(merged(&next, &new).unwrap().1.at_start.len(), 3);
        assert_eq!(merged(&new, &new).unwrap(), (new.clone(), Changes::default()));
    }
}
