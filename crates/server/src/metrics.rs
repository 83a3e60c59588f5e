//! What is counted, for Prometheus: one table of names, and what is read only when somebody asks.
//!
//! No label names a channel, an account or a server: their number is not ours to bound. Who was in which call is in
//! the records (`rotunda sessions`).

use std::{borrow::Cow, fs, sync::OnceLock, time::Duration};

use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use rotunda_media_io::MediaHandle;
use rotunda_sfu::Counters;

/// Upper bounds in seconds of how long a request or a connection takes: from a query to a client that gives up.
const SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How often histograms are drained, so that they stay small while nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One series, or one per value of its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    pub name: Cow<'static, str>,
    pub kind: Kind,
    pub help: Cow<'static, str>,
}

macro_rules! table {
    ($($kind:ident $name:literal $help:literal;)*) => {
        const TABLE: &[(&str, Kind, &str)] = &[$(($name, Kind::$kind, $help)),*];
    };
}

table! {
    Gauge "rotunda_build_info" "Always 1; the version is the label.";
    Gauge "rotunda_start_time_seconds" "When the process began to serve, Unix time.";
    Gauge "rotunda_draining" "1 while the process takes no newcomers because it is about to stop.";
    Gauge "rotunda_link_sessions" "QChat links that are logged in.";
    Counter "rotunda_link_logins_total" "Logins on the link (24_2), by vendor code; 200 is success.";
    Counter "rotunda_link_sessions_ended_total" "Link sessions that ended, by reason.";
    Counter "rotunda_link_commands_total" "Link commands answered, by the SDK's name and vendor code.";
    Counter "rotunda_link_commands_unbuilt_total" "Link commands that no server does yet, by name.";
    Counter "rotunda_link_turned_away_total" "Handshakes and sockets refused because too many strangers were at the door.";
    Counter "rotunda_link_unreadable_total" "Sockets closed for a message that is none of ours.";
    Counter "rotunda_push_logins_total" "Logins on the push link (2_3), by result.";
    Counter "rotunda_push_unknown_total" "Packets on push links that mean nothing there.";
    Counter "rotunda_room_requests_total" "Room REST, by endpoint and code; 0 is success.";
    Histogram "rotunda_room_request_seconds" "Time to answer room REST, by endpoint; `entry` is the first step of a join.";
    Counter "rotunda_channel_info_total" "Channel info asked for, by code.";
    Counter "rotunda_signal_requests_total" "RTC signalling requests, by method and code.";
    Counter "rotunda_signal_turned_away_total" "Signalling sockets refused because too many strangers were at the door.";
    Counter "rotunda_joins_total" "Joins on RTC signalling, by code; 200 is success.";
    Histogram "rotunda_transport_connect_seconds" "From the answer that opens a transport to its keys: ICE and DTLS.";
    Counter "rotunda_transports_failed_total" "Transports that never connected, by reason.";
    Gauge "rotunda_channels_open" "Media channels that have an owner.";
    Gauge "rotunda_seats" "Seats taken in media channels.";
    Gauge "rotunda_transports" "WebRTC transports, connected or about to be.";
    Counter "rotunda_seats_ended_total" "Seats given up or taken away, by reason.";
    Counter "rotunda_media_refused_total" "Newcomers refused because media threads were busy or the server drains, by reason.";
    Counter "rotunda_media_commands_lost_total" "Commands that a media thread did not take: a bug or a stall.";
    Counter "rotunda_media_records_delayed_total" "Tries to write call records that failed and are repeated.";
    Counter "rotunda_media_records_lost_total" "Call records given up.";
    Counter "rotunda_room_writes_failed_total" "Room state that Postgres did not take.";
    Counter "rotunda_room_panics_total" "Owners of channels that failed: bugs.";
    Counter "rotunda_panics_total" "Requests, commands and sessions that failed, by place: bugs.";
    Counter "rotunda_memberships_asked_total" "Memberships read from memory or from Postgres.";
    Gauge "rotunda_memberships" "Memberships held in memory.";
    Gauge "rotunda_media_busy_ratio" "Share of its time that a media thread does not wait; newcomers are refused above 0.65.";
    Counter "rotunda_media_dropped_total" "Datagrams and packets of media that were dropped, by reason.";
    Counter "rotunda_media_transports_total" "Transports that connected, by SRTP profile.";
    Gauge "rotunda_database_connections" "Connections to Postgres, idle or busy.";
    Gauge "rotunda_database_connections_max" "The most there may be.";
    Gauge "rotunda_database_up" "1 when Postgres answered when this page was read.";
    Counter "rotunda_limited_total" "Things refused because they were asked for too often, by what.";
    Counter "rotunda_login_callbacks_total" "Apps' own servers asked about a login, by result.";
    Counter "rotunda_rest_actions_total" "The vendor's REST actions, by action and code; 200 is success.";
    Counter "rotunda_rest_actions_unbuilt_total" "REST actions that no server does yet, by action.";
    Counter "rotunda_events_lost_total" "Logins and logouts that are not in the log of events: Postgres was away too long.";
    Counter "rotunda_webhook_attempts_total" "Events sent to webhooks, by result.";
    Gauge "rotunda_outbox_waiting" "Notifications decided and not delivered yet.";
    Gauge "rotunda_outbox_lag_seconds" "Age of the oldest of them.";
    Gauge "rotunda_process_resident_bytes" "Memory of the process that is in RAM.";
    Gauge "rotunda_process_open_fds" "File descriptors in use.";
    Gauge "rotunda_process_max_fds" "File descriptors allowed.";
    Gauge "rotunda_process_threads" "Threads of the process.";
    Gauge "rotunda_certificate_expires_seconds" "When the certificate that is shown ends, Unix time.";
    Counter "rotunda_config_reloads_total" "Times the configuration was read again, by result.";
    Counter "rotunda_trace_spans_total" "Spans that were sent to the collector of traces or lost, by result.";
}

/// How a counter of the media threads is exported.
fn media_series(name: &'static str) -> (Cow<'static, str>, Option<(&'static str, &'static str)>) {
    if let Some(reason) = name.strip_prefix("dropped_") {
        return ("rotunda_media_dropped_total".into(), Some(("reason", reason)));
    }
    if let Some(profile) = name.strip_prefix("profile_") {
        return ("rotunda_media_transports_total".into(), Some(("profile", profile)));
    }
    (format!("rotunda_media_{name}_total").into(), None)
}

/// Everything that may appear under `/metrics`.
pub fn all() -> Vec<Metric> {
    let fixed = TABLE.iter().map(|(name, kind, help)| Metric {
        name: (*name).into(),
        kind: *kind,
        help: (*help).into(),
    });
    let media = Counters::meanings().filter_map(|(name, meaning)| {
        let (series, label) = media_series(name);
        let meaning = if meaning.is_empty() { name.replace('_', " ") } else { meaning.to_owned() };
        label.is_none().then(|| Metric {
            name: series,
            kind: Kind::Counter,
            help: format!("Media threads: {meaning}").into(),
        })
    });
    fixed.chain(media).collect()
}

/// The recorder of this process, and the way to read it.
#[derive(Clone)]
pub struct Exporter {
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Exporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}

impl Exporter {
    /// Takes the process's recorder; a second call gives the same one. Before anything that counts is made: handles
    /// made earlier count into nothing.
    pub fn install() -> anyhow::Result<Self> {
        static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();
        if let Some(handle) = INSTALLED.get() {
            return Ok(Self { handle: handle.clone() });
        }
        let mut builder = PrometheusBuilder::new();
        for metric in all().iter().filter(|metric| metric.kind == Kind::Histogram) {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_string()), &SECONDS)?;
        }
        let handle = builder.install_recorder().context("cannot start counting")?;
        for Metric { name, kind, help } in all() {
            match kind {
                Kind::Counter => metrics::describe_counter!(name, help),
                Kind::Gauge => metrics::describe_gauge!(name, help),
                Kind::Histogram => metrics::describe_histogram!(name, help),
            }
        }
        // A counter that nobody has raised yet is 0, not absent: alerts compare it with itself.
        for name in [
            "rotunda_media_records_lost_total",
            "rotunda_room_panics_total",
            "rotunda_room_writes_failed_total",
        ] {
            metrics::counter!(name).increment(0);
        }
        for at in ["http", "link command", "link session"] {
            metrics::counter!("rotunda_panics_total", "at" => at).increment(0);
        }
        metrics::gauge!("rotunda_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        metrics::gauge!("rotunda_start_time_seconds").set(crate::ambient::now_ms() as f64 / 1000.0);
        metrics::gauge!("rotunda_draining").set(0.0);
        Ok(Self { handle: INSTALLED.get_or_init(|| handle).clone() })
    }

    /// The text of `/metrics`.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Keeps histograms small, for ever.
    pub async fn keep(self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.handle.run_upkeep();
        }
    }
}

/// What the media threads have counted, and how busy they are.
pub fn read_media(media: &MediaHandle) {
    for (name, value) in media.counters().iter() {
        let (series, label) = media_series(name);
        let counter = match label {
            Some((key, of)) => metrics::counter!(series, key => of),
            None => metrics::counter!(series),
        };
        counter.absolute(value);
    }
    for (worker, busy) in media.busy().into_iter().enumerate() {
        metrics::gauge!("rotunda_media_busy_ratio", "worker" => worker.to_string())
            .set(f64::from(busy) / 1000.0);
    }
}

/// What the kernel says of this process. What cannot be read stays as it was.
pub fn read_process() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse::<f64>().ok()
    };
    if let Some(kib) = field("VmRSS") {
        metrics::gauge!("rotunda_process_resident_bytes").set(kib * 1024.0);
    }
    if let Some(threads) = field("Threads") {
        metrics::gauge!("rotunda_process_threads").set(threads);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!("rotunda_process_open_fds").set(open.count() as f64);
    }
    if let Some(limit) = max_fds() {
        metrics::gauge!("rotunda_process_max_fds").set(limit as f64);
    }
}

/// The soft limit of open files.
pub fn max_fds() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        path::{Path, PathBuf},
    };

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn names() -> BTreeSet<String> {
        all().into_iter().map(|metric| metric.name.into_owned()).collect()
    }

    fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    /// Every word of a text that looks like a series of ours.
    fn mentioned(text: &str) -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words.filter(|word| word.starts_with("rotunda_")).map(str::to_owned).collect()
    }

    #[test]
    fn the_table_and_the_code_name_the_same_series() {
        let mut files = Vec::new();
        for entry in fs::read_dir(root().join("crates")).unwrap() {
            sources(&entry.unwrap().path().join("src"), &mut files);
        }
        let mut counted = BTreeSet::new();
        for file in files.iter().filter(|file| !file.ends_with("server/src/metrics.rs")) {
            let text = fs::read_to_string(file).unwrap();
            for call in ["counter!(", "gauge!(", "histogram!("] {
                for rest in text.split(call).skip(1) {
                    let name = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                    counted.extend(name.filter(|name| name.starts_with("rotunda_")).map(str::to_owned));
                }
            }
        }
        let unknown: Vec<_> = counted.difference(&names()).cloned().collect();
        assert!(unknown.is_empty(), "counted, but not in the table: {unknown:?}");
        let own = include_str!("metrics.rs").split("table! {").nth(1).unwrap();
        let (table, reading) = own.split_once("\n}\n").unwrap();
        let read_here = mentioned(reading.split("#[cfg(test)]").next().unwrap());
        let dead: Vec<_> = mentioned(table)
            .into_iter()
            .filter(|name| !counted.contains(name) && !read_here.contains(name))
            .collect();
        assert!(dead.is_empty(), "in the table, but never counted: {dead:?}");
    }

    #[test]
    fn dashboard_and_alerts_use_series_that_exist() {
        let names = names();
        for file in ["deploy/grafana/rotunda.json", "deploy/prometheus/rotunda.rules.yml"] {
            let text = fs::read_to_string(root().join(file)).unwrap();
            let used = mentioned(&text);
            assert!(used.len() > 10, "{file} uses {used:?}");
            for name in used {
                let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
                let known = names.contains(&name) || base.is_some_and(|base| names.contains(base));
                assert!(known, "{file} uses {name}, which nobody counts");
            }
        }
    }

    #[test]
    fn no_label_names_somebody() {
        let mut files = Vec::new();
        for entry in fs::read_dir(root().join("crates")).unwrap() {
            sources(&entry.unwrap().path().join("src"), &mut files);
        }
        let allowed = [
            "action", "at", "code", "command", "endpoint", "from", "method", "profile", "reason", "result",
            "state", "version", "what", "worker",
        ];
        for file in files.iter().filter(|file| !file.ends_with("server/src/metrics.rs")) {
            let text = fs::read_to_string(file).unwrap();
            for rest in text.split("metrics::").skip(1).filter(|rest| rest.contains("!(\"rotunda_")) {
                let call = rest.split(';').next().unwrap();
                for label in call
                    .split(" => ")
                    .filter_map(|before| before.rsplit('"').nth(1))
                    .take(call.matches(" => ").count())
                {
                    assert!(allowed.contains(&label), "{}: label {label}", file.display());
                }
            }
        }
    }

    #[test]
    fn what_the_process_uses_is_read() {
        let exporter = Exporter::install().unwrap();
        read_process();
        let text = exporter.render();
        for name in ["rotunda_process_resident_bytes", "rotunda_process_open_fds", "rotunda_build_info"] {
            assert!(text.contains(name), "{name} is missing in {text}");
        }
        assert!(max_fds().is_some_and(|limit| limit > 0));
    }
}
