//! Traces for a collector, by OTLP over HTTP, where `telemetry.otlp_endpoint` names one.
//!
//! What leaves is a list: the spans named here, of their fields those named here, and for each question to the database
//! its text without values. A field that somebody adds elsewhere stays here until it is on the list.

use std::{borrow::Cow, time::Duration};

use anyhow::Context as _;
use opentelemetry::{
    KeyValue, Value,
    trace::{SpanKind, Status, TracerProvider as _},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};
use tokio::runtime::Handle;
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::{Layer, Registry, filter};

use crate::config;

/// Spans that are exported. They stand in the code of the gateway and of the REST actions.
const SPANS: [&str; 4] = ["http", "command", "login", "signal"];

/// Their fields, and what the collector knows them as. No value is a client's word: methods, routes, names of commands,
/// codes.
const FIELDS: [(&str, &str); 5] = [
    ("method", "http.request.method"),
    ("route", "http.route"),
    ("status", "http.response.status_code"),
    ("command", "rotunda.command"),
    ("code", "rotunda.code"),
];

/// Where sqlx tells of each query.
const QUERIES: &str = "sqlx::query";

/// The same of a query: the text has `$1` where values were.
const QUERY_FIELDS: [(&str, &str); 3] = [
    ("summary", "db.query.summary"),
    ("elapsed_secs", "db.client.operation.duration"),
    ("rows_returned", "db.response.returned_rows"),
];

/// Where a collector takes traces, after its address (OTLP 1.9, §HTTP).
const PATH: &str = "/v1/traces";

/// For one delivery. Longer only lets more spans wait, and some of them be lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the last spans get when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// The way to the collector.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// `None`: traces are off.
    ///
    /// # Errors
    /// The address is none, or there is no TLS on this machine.
    pub fn open(config: &config::Telemetry) -> anyhow::Result<Option<Self>> {
        if config.otlp_endpoint.is_empty() {
            return Ok(None);
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .context("telemetry: are there trusted certificates on this machine?")?;
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}{PATH}", config.otlp_endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .with_http_client(Client { client, runtime: Handle::current() })
            .build()
            .context("telemetry.otlp_endpoint")?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Listed { exporter })
            .with_sampler(Sampler::TraceIdRatioBased(config.sample_ratio))
            .with_resource(Resource::builder().with_service_name("rotunda").with_attribute(version).build())
            .build();
        Ok(Some(Self { provider }))
    }

    /// What listens to the spans of the process.
    pub fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("rotunda"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_level(false)
            .with_target(false)
            .with_filter(filter::filter_fn(is_listed).with_max_level_hint(LevelFilter::DEBUG))
            .boxed()
    }

    /// Sends what waits, as far as the collector is quick.
    pub async fn close(self) {
        let closed = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(FAREWELL));
        if !matches!(closed.await, Ok(Ok(()))) {
            tracing::debug!("the last traces were not sent");
        }
    }
}

fn is_listed(metadata: &Metadata<'_>) -> bool {
    match metadata.is_span() {
        true => metadata.target().starts_with("rotunda") && SPANS.contains(&metadata.name()),
        false => metadata.target() == QUERIES,
    }
}

/// Only what is on the lists goes further.
#[derive(Debug)]
struct Listed {
    exporter: opentelemetry_otlp::SpanExporter,
}

impl SpanExporter for Listed {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len() as u64;
        let sent = self.exporter.export(batch.into_iter().map(listed).collect()).await;
        let result = if sent.is_ok() { "sent" } else { "lost" };
        metrics::counter!("rotunda_trace_spans_total", "result" => result).increment(count);
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

fn listed(mut span: SpanData) -> SpanData {
    span.attributes = renamed(std::mem::take(&mut span.attributes), &FIELDS);
    span.span_kind = SpanKind::Server;
    span.status = Status::Unset;
    let of = |name: &str| {
        span.attributes.iter().find(|own| own.key.as_str() == name).map(|own| own.value.as_str())
    };
    let words = match span.name.as_ref() {
        "http" => [of("http.request.method"), of("http.route")],
        name => [Some(Cow::from(name.to_owned())), of("rotunda.command")],
    };
    let words: Vec<_> = words.into_iter().flatten().collect();
    span.name = words.join(" ").into();
    for event in &mut span.events.events {
        event.name = "query".into();
        event.attributes = renamed(std::mem::take(&mut event.attributes), &QUERY_FIELDS);
    }
    span.links.links.clear();
    span
}

fn renamed(fields: Vec<KeyValue>, list: &[(&str, &'static str)]) -> Vec<KeyValue> {
    let name = |field: KeyValue| {
        let (_, name) = list.iter().find(|(own, _)| *own == field.key.as_str())?;
        Some(KeyValue::new(*name, field.value))
    };
    fields.into_iter().filter_map(name).filter(|field| field.value != Value::from("")).collect()
}

/// Requests of the exporter's thread, on the runtime that has the sockets.
#[derive(Debug, Clone)]
struct Client {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let asked = self.runtime.spawn(async move {
            let answer = client.execute(request.try_into()?).await?;
            let status = answer.status();
            Ok::<_, HttpError>((status, answer.bytes().await?))
        });
        let (status, body) = asked.await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

    use super::*;

    fn span(name: &'static str, fields: &[(&'static str, &'static str)]) -> SpanData {
        let context = SpanContext::new(
            TraceId::from(1),
            SpanId::from(1),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        );
        SpanData {
            span_context: context,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: std::time::UNIX_EPOCH,
            end_time: std::time::UNIX_EPOCH,
            attributes: fields.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::error("of somebody's words"),
            instrumentation_scope: opentelemetry::InstrumentationScope::builder("test").build(),
        }
    }

    #[test]
    fn what_is_not_on_the_list_stays_here() {
        let fields = [("method", "GET"), ("route", "/lbs"), ("peer", "203.0.113.7"), ("token", "secret")];
        let span = listed(span("http", &fields));
        assert_eq!(span.name, "GET /lbs");
        let keys: Vec<_> = span.attributes.iter().map(|own| own.key.as_str().to_owned()).collect();
        assert_eq!(keys, ["http.request.method", "http.route"]);
        assert_eq!(span.status, Status::Unset);
    }

    #[test]
    fn a_command_is_named_after_itself() {
        let span = listed(span("command", &[("command", "qchatCreateServer"), ("code", "200")]));
        assert_eq!(span.name, "command qchatCreateServer");
    }
}
