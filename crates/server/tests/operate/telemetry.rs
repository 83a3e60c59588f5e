//! Traces reach a collector, and nothing goes with them that is nobody's business.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value, trace::v1::Span,
};
use prost::Message;
use sqlx::PgPool;

use crate::program::{Program, until};

/// A channel of the choir in which everyone may talk.
const STAGE: u64 = 200;

/// Request line and body.
type Got = (String, Vec<u8>);

/// Takes what is sent and keeps it.
struct Collector {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, got) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let kept = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut reader, mut first, mut length) = (BufReader::new(stream.unwrap()), None, 0);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 {
                        break;
                    }
                    let line = line.trim().to_ascii_lowercase();
                    first.get_or_insert_with(|| line.clone());
                    if let Some(value) = line.strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.is_empty() {
                        let mut body = vec![0; length];
                        reader.read_exact(&mut body).unwrap();
                        kept.lock().unwrap().push((first.take().unwrap(), body));
                        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                        reader.get_mut().write_all(answer.as_bytes()).unwrap();
                    }
                }
            }
        });
        Self { address, got }
    }

    fn spans(&self) -> Vec<Span> {
        let got = self.got.lock().unwrap();
        let requests =
            got.iter().map(|(_, body)| ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn what_a_member_does_is_traced_and_who_it_is_is_not(pool: PgPool) {
    let collector = Collector::start();
    let endpoint = format!("http://{}", collector.address);
    let mut program =
        Program::start(&pool, "operate-traces", &[("ROTUNDA_TELEMETRY__OTLP_ENDPOINT", &endpoint)]);
    let token = program.token("ann");
    let mut client = crate::program::Client::connect(program.address(), "ann", &token).await;
    client.request(24, 19, serde_json::json!([{"t": "Property", "v": {"1": 0}}])).await;
    assert_eq!(client.enter(STAGE).await.0, 0);
    client.leave(STAGE).await;
    let room_token = client.room_token().to_owned();
    program.signal("TERM");
    // What waits is sent before the end.
    assert!(program.ended(crate::program::PATIENCE).expect("it stops").success(), "{}", program.log());
    let spans = until("traces come", || Some(collector.spans()).filter(|spans| !spans.is_empty()));
    let named = |name: &str| {
        let names: BTreeSet<_> = spans.iter().map(|span| span.name.as_str()).collect();
        spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} is not among {names:?}"))
    };
    let entry = named("POST /scene/apps/{app_key}/v1/rooms/{room}/entry");
    let field = |span: &Span, key: &str| {
        let found = span.attributes.iter().find(|own| own.key == key);
        found.and_then(|own| own.value.clone()?.value)
    };
    assert_eq!(field(entry, "http.response.status_code"), Some(any_value::Value::IntValue(200)));
    assert!(entry.end_time_unix_nano > entry.start_time_unix_nano);
    assert!(entry.events.iter().any(|event| event.name == "query"), "its queries are seen: {entry:?}");
    assert_eq!(field(named("login"), "rotunda.code"), Some(any_value::Value::IntValue(200)));
    let known: BTreeSet<_> = [
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "rotunda.command",
        "rotunda.code",
        "db.query.summary",
        "db.client.operation.duration",
        "db.response.returned_rows",
    ]
    .into();
    for span in &spans {
        let events = span.events.iter().flat_map(|event| &event.attributes);
        for own in span.attributes.iter().chain(events) {
            assert!(known.contains(own.key.as_str()), "{} in {}", own.key, span.name);
        }
        assert!(span.links.is_empty());
    }
    let got = collector.got.lock().unwrap();
    assert!(got.iter().all(|(line, _)| line == "post /v1/traces http/1.1"), "{:?}", got[0].0);
    for secret in [&token, &room_token, "choir-app", "room-ann", "link-ann", "127.0.0.1", "Bearer"] {
        let holds = |(_, body): &Got| body.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!got.iter().any(holds), "{secret} was sent");
    }
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn a_collector_that_is_away_hinders_nobody(pool: PgPool) {
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{away}");
    let mut program =
        Program::start(&pool, "operate-traces-away", &[("ROTUNDA_TELEMETRY__OTLP_ENDPOINT", &endpoint)]);
    let client = program.client("ann").await;
    assert_eq!(client.enter(STAGE).await.0, 0);
    client.leave(STAGE).await;
    until("the loss is counted", || {
        let metrics = program.private("/metrics").1;
        metrics.contains("rotunda_trace_spans_total{result=\"lost\"}").then_some(())
    });
    program.signal("TERM");
    let status = program.ended(std::time::Duration::from_secs(20)).expect("it stops");
    assert!(status.success(), "{}", program.log());
}
