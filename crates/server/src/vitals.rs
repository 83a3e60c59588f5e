//! How the running server feels: what `/readyz` answers and what `/metrics` reads when it is asked.

use std::{net::IpAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use rotunda_core::Core;
use rotunda_gateway::Gateway;
use rotunda_media_io::MediaHandle;
use rotunda_store::outbox;
use serde::Serialize;

use crate::{
    ambient,
    lifecycle::Shutdown,
    metrics::{self, Exporter},
};

/// Longest wait for Postgres. A readiness probe gives up after a second or a few.
const DATABASE_PATIENCE: Duration = Duration::from_millis(900);

/// Longest wait for a media thread to wake. A turn takes well under a millisecond.
const MEDIA_PATIENCE: Duration = Duration::from_millis(500);

/// What is looked at. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vitals {
    pub core: Core,
    pub gateway: Gateway,
    pub media: MediaHandle,
    pub shutdown: Shutdown,
    /// Where clients are told to send media.
    pub advertised: Arc<ArcSwap<Vec<IpAddr>>>,
    pub exporter: Exporter,
    pub connections_max: u32,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    /// A sentence, also when all is well.
    pub says: String,
}

/// Whether newcomers should be sent here, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    pub ready: bool,
    /// What stands against it; empty when ready.
    pub reasons: Vec<String>,
    pub checks: Vec<Check>,
    /// What is odd, but stops nobody.
    pub warnings: Vec<String>,
}

impl Vitals {
    pub async fn readiness(&self) -> Readiness {
        let (database, media) = tokio::join!(self.database(), self.media());
        let mut checks = database;
        checks.extend([media, self.draining()]);
        let reasons: Vec<String> =
            checks.iter().filter(|check| !check.ok).map(|check| check.says.clone()).collect();
        Readiness { ready: reasons.is_empty(), reasons, checks, warnings: self.warnings() }
    }

    async fn database(&self) -> Vec<Check> {
        let check = |name, ok, says: &str| Check { name, ok, says: says.to_owned() };
        // The schema's list is read from Postgres, so one question answers both.
        match tokio::time::timeout(DATABASE_PATIENCE, self.core.store().pending_migrations()).await {
            Ok(Ok(pending)) if pending.is_empty() => vec![
                check("database", true, "Postgres answers"),
                check("migrations", true, "the schema is up to date"),
            ],
            Ok(Ok(pending)) => vec![
                check("database", true, "Postgres answers"),
                check(
                    "migrations",
                    false,
                    &format!("the schema lacks {} migrations: run `rotunda migrate`", pending.len()),
                ),
            ],
            Ok(Err(_)) => vec![check("database", false, "Postgres refuses or cannot be reached")],
            Err(_) => vec![check("database", false, "Postgres does not answer in time")],
        }
    }

    async fn media(&self) -> Check {
        let awake = self.media.answers(MEDIA_PATIENCE).await;
        let asleep = awake.iter().filter(|awake| !**awake).count();
        let says = match asleep {
            0 => format!("{} media threads answer", awake.len()),
            _ => format!("{asleep} of {} media threads do not answer", awake.len()),
        };
        Check { name: "media", ok: asleep == 0 && !awake.is_empty(), says }
    }

    fn draining(&self) -> Check {
        let draining = self.shutdown.is_draining();
        let says = match draining {
            false => "newcomers are taken".to_owned(),
            true => format!(
                "the server is about to stop and takes no newcomers; {} seats are left",
                self.gateway.rooms.census().seats
            ),
        };
        Check { name: "draining", ok: !draining, says }
    }

    fn warnings(&self) -> Vec<String> {
        let advertised = self.advertised.load();
        match advertised.iter().all(|ip| ip.is_loopback()) {
            true => {
                vec!["media is advertised on loopback only: nobody on another machine can call".to_owned()]
            }
            false => Vec::new(),
        }
    }

    /// The text of `/metrics`, with what is only known by looking.
    pub async fn scrape(&self) -> String {
        let census = self.gateway.rooms.census();
        ::metrics::gauge!("rotunda_channels_open").set(census.channels as f64);
        ::metrics::gauge!("rotunda_seats").set(census.seats as f64);
        ::metrics::gauge!("rotunda_transports").set(census.transports as f64);
        ::metrics::gauge!("rotunda_draining").set(f64::from(u8::from(self.shutdown.is_draining())));
        metrics::read_media(&self.media);
        metrics::read_process();
        self.read_database().await;
        self.exporter.render()
    }

    async fn read_database(&self) {
        let pool = self.core.store().pool();
        let idle = pool.num_idle();
        let busy = usize::try_from(pool.size()).unwrap_or(0).saturating_sub(idle);
        ::metrics::gauge!("rotunda_database_connections", "state" => "idle").set(idle as f64);
        ::metrics::gauge!("rotunda_database_connections", "state" => "busy").set(busy as f64);
        ::metrics::gauge!("rotunda_database_connections_max").set(f64::from(self.connections_max));
        let waiting = tokio::time::timeout(DATABASE_PATIENCE, outbox::waiting(pool)).await;
        let up = ::metrics::gauge!("rotunda_database_up");
        match waiting {
            Ok(Ok((count, oldest))) => {
                up.set(1.0);
                let lag = oldest.map_or(0, |oldest| (ambient::now_ms() - oldest.get()).max(0));
                ::metrics::gauge!("rotunda_outbox_waiting").set(count as f64);
                ::metrics::gauge!("rotunda_outbox_lag_seconds").set(lag as f64 / 1000.0);
            }
            _ => up.set(0.0),
        }
    }
}
