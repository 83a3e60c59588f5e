//! Health, metrics, draining, reloading.

use std::{fs, time::Duration};

use serde_json::Value;
use sqlx::PgPool;

use crate::program::{Client, Program, until};

/// A channel of the choir in which everyone may talk.
const STAGE: u64 = 200;

/// Far more than a stop with nobody seated takes, far less than the time to drain below.
const AT_ONCE: Duration = Duration::from_secs(20);

const LONG_DRAIN: (&str, &str) = ("ROTUNDA_SERVER__DRAIN_SECS", "600");

fn readiness(program: &Program) -> (u16, Value) {
    let (status, body) = program.private("/readyz");
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn health_and_metrics_are_on_the_private_listener_alone(pool: PgPool) {
    let program = Program::start(&pool, "operate-private", &[]);
    assert_eq!(program.private("/livez").0, 200);
    let (status, ready) = readiness(&program);
    assert_eq!((status, &ready["ready"]), (200, &Value::from(true)), "{ready}");
    let names: Vec<_> =
        ready["checks"].as_array().unwrap().iter().map(|check| check["name"].clone()).collect();
    assert_eq!(names, ["database", "migrations", "media", "draining"]);
    assert!(ready["warnings"][0].as_str().unwrap().contains("loopback"), "{ready}");
    let client = program.client("ann").await;
    assert_eq!(client.enter(STAGE).await.0, 0);
    let metrics = program.private("/metrics").1;
    for line in [
        "rotunda_seats 1",
        "rotunda_channels_open 1",
        "rotunda_link_sessions 1",
        "rotunda_database_up 1",
        "rotunda_link_logins_total{code=\"200\"} 1",
        "rotunda_media_busy_ratio{worker=\"0\"} ",
        "rotunda_media_dropped_total{reason=\"garbage\"} 0",
        "rotunda_media_transports_total{profile=\"gcm_128\"} 0",
        "rotunda_room_request_seconds_count{endpoint=\"entry\"} 1",
        "rotunda_process_resident_bytes ",
        "rotunda_build_info{version=\"",
        "# HELP rotunda_seats Seats taken in media channels.",
    ] {
        assert!(metrics.lines().any(|found| found.starts_with(line)), "{line} is missing in\n{metrics}");
    }
    for path in ["/metrics", "/readyz", "/livez"] {
        assert_eq!(crate::program::http(program.address(), "GET", path, &[], "").0, 404, "{path} is public");
    }
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn as_many_files_as_allowed_may_be_open_and_few_are_told(pool: PgPool) {
    let program = Program::start_by(&["prlimit", "--nofile=300:2000"], &pool, "operate-files", &[]);
    let limits = program.limits();
    let files: Vec<_> = limits.lines().filter(|line| line.starts_with("Max open files")).collect();
    assert_eq!(files[0].split_whitespace().skip(3).take(2).collect::<Vec<_>>(), ["2000", "2000"], "{limits}");
    assert!(program.log().contains("LimitNOFILE=65536"), "{}", program.log());
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn draining_refuses_newcomers_and_ends_with_the_last_seat(pool: PgPool) {
    let mut program = Program::start(&pool, "operate-drain", &[LONG_DRAIN]);
    let (seated, newcomer) = (program.client("ann").await, program.client("bob").await);
    assert_eq!(seated.enter(STAGE).await.0, 0);
    program.signal("TERM");
    let reasons = until("it is not ready", || {
        let (status, ready) = readiness(&program);
        (status == 503).then(|| ready["reasons"].to_string())
    });
    assert!(reasons.contains("about to stop"), "{reasons}");
    assert_eq!(program.private("/livez").0, 200);
    let (code, text) = newcomer.enter(STAGE).await;
    assert_eq!(code, 503);
    assert!(text.contains("about to restart"), "{text}");
    assert_eq!(newcomer.enter(202).await.0, 503, "a channel that nobody is in");
    assert_eq!(seated.enter(STAGE).await.0, 0, "who has a seat comes back to it");
    // The link goes on too, and new ones are taken: a member whose connection was cut needs one.
    let again = program.client("ann").await;
    assert_eq!(again.enter(STAGE).await.0, 0);
    assert!(program.ended(Duration::from_secs(2)).is_none(), "{}", program.log());
    again.leave(STAGE).await;
    let status = program.ended(AT_ONCE).expect("the last seat ends the draining");
    assert!(status.success(), "{status}");
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn fifty_in_calls_are_not_interrupted_by_draining(pool: PgPool) {
    const MANY: usize = 50;
    let accounts = "INSERT INTO accounts (app, accid, name, token_hash, disabled, created, updated)
        SELECT apps.id, 'singer' || n, '', decode(repeat('00', 32), 'hex'), false, 1, 1
        FROM apps, generate_series(1, 50) AS n WHERE apps.app_key = 'choir-app'";
    let members = "INSERT INTO members (server, accid, app, is_owner, joined, created, updated)
        SELECT 1000, 'singer' || n, apps.id, false, 100 + n, 100 + n, 100 + n
        FROM apps, generate_series(1, 50) AS n WHERE apps.app_key = 'choir-app'";
    for statement in [accounts, members] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let mut program = Program::start(&pool, "operate-fifty", &[LONG_DRAIN]);
    let names: Vec<_> = (1..=MANY).map(|number| format!("singer{number}")).collect();
    // Before any link is open: a client of this test answers heartbeats only while it asks for something.
    let tokens: Vec<_> = names.iter().map(|name| program.token(name)).collect();
    let mut seated = Vec::new();
    for (name, token) in names.iter().zip(&tokens) {
        let client = Client::connect(program.address(), name, token).await;
        assert_eq!(client.enter(STAGE).await.0, 0);
        seated.push(client);
    }
    program.signal("TERM");
    until("it drains", || (readiness(&program).0 == 503).then_some(()));
    for _ in 0..3 {
        for client in &mut seated {
            // The link answers, and the seat is there.
            client.request(24, 19, serde_json::json!([{"t": "Property", "v": {"1": 0}}])).await;
            assert_eq!(client.enter(STAGE).await.0, 0);
        }
        let metrics = program.private("/metrics").1;
        assert!(metrics.lines().any(|line| line == "rotunda_seats 50"), "{metrics}");
    }
    for client in &seated {
        assert!(program.ended(Duration::ZERO).is_none(), "ended before the last seat was empty");
        client.leave(STAGE).await;
    }
    assert!(program.ended(AT_ONCE).expect("the last seat ends the draining").success());
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn with_nobody_seated_a_stop_is_at_once(pool: PgPool) {
    let mut program = Program::start(&pool, "operate-stop", &[LONG_DRAIN]);
    let _link = program.client("ann").await;
    program.signal("TERM");
    assert!(program.ended(AT_ONCE).expect("nobody to wait for").success(), "{}", program.log());
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn a_second_signal_does_not_wait_for_anybody(pool: PgPool) {
    let mut program = Program::start(&pool, "operate-force", &[LONG_DRAIN]);
    let seated = program.client("ann").await;
    assert_eq!(seated.enter(STAGE).await.0, 0);
    program.signal("TERM");
    until("it drains", || (readiness(&program).0 == 503).then_some(()));
    assert!(program.ended(Duration::from_secs(1)).is_none());
    program.signal("TERM");
    assert!(program.ended(AT_ONCE).expect("it was told twice").success(), "{}", program.log());
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn the_time_to_drain_has_an_end(pool: PgPool) {
    let mut program = Program::start(&pool, "operate-deadline", &[("ROTUNDA_SERVER__DRAIN_SECS", "1")]);
    let seated = program.client("ann").await;
    assert_eq!(seated.enter(STAGE).await.0, 0);
    program.signal("TERM");
    assert!(program.ended(AT_ONCE).expect("the time is over").success(), "{}", program.log());
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_hangup_reloads_what_it_can_and_names_the_rest(pool: PgPool) {
    let program = Program::start(&pool, "operate-reload", &[]);
    let allowed = |origin: &str| {
        let headers = [("Origin", origin)];
        let stream = std::net::TcpStream::connect(program.address());
        let mut stream = stream.unwrap();
        let request = format!(
            "GET /lbs HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}: {}\r\n\r\n",
            headers[0].0, headers[0].1
        );
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        let found = answer.lines().find_map(|line| line.strip_prefix("access-control-allow-origin: "));
        found.map(str::to_owned)
    };
    let reload = |toml: &str, expected: &str| {
        fs::write(program.directory.join("rotunda.toml"), toml).unwrap();
        program.signal("HUP");
        let series = format!("rotunda_config_reloads_total{{result=\"{expected}\"}} ");
        until("it was read again", || {
            let metrics = program.private("/metrics").1;
            let line = metrics.lines().find_map(|line| line.strip_prefix(&series)).map(str::to_owned);
            line.filter(|count| count == "1")
        })
    };
    assert_eq!(allowed("https://any.example").as_deref(), Some("*"));
    reload(
        "[server]\ncors_origins = [\"https://app.example\"]\n[media]\nworkers = 2\n[log]\nlevel = \"debug\"\n",
        "taken",
    );
    assert_eq!(allowed("https://app.example").as_deref(), Some("https://app.example"));
    assert_eq!(allowed("https://any.example"), None);
    let log = program.log();
    assert!(log.contains("reloaded=\"server.cors_origins, log.level\""), "{log}");
    assert!(log.contains("keys=\"media.workers\""), "{log}");
    // A file that cannot be used changes nothing.
    reload("[server]\ncors_orgins = [\"https://other.example\"]\n", "refused");
    assert!(program.log().contains("did you mean \\\"server.cors_origins\\\""), "{}", program.log());
    assert_eq!(allowed("https://app.example").as_deref(), Some("https://app.example"));
}

#[sqlx::test(migrations = "../../migrations", fixtures("../fixtures/choir.sql"))]
async fn a_hangup_changes_limits_for_those_who_are_there(pool: PgPool) {
    let program = Program::start(&pool, "operate-limits", &[]);
    let client = program.client("ann").await;
    for _ in 0..5 {
        assert_eq!(client.enter(STAGE).await.0, 0);
    }
    let limits = "[limits]\njoins_per_minute = 1\n[media]\naudio_active_max = 3\nworker_members = 7\n";
    fs::write(program.directory.join("rotunda.toml"), limits).unwrap();
    program.signal("HUP");
    let reloaded = "reloaded=\"media.worker_members, media.audio_active_max, limits.joins_per_minute\"";
    until("it was read again", || program.log().contains(reloaded).then_some(()));
    assert_eq!(client.enter(STAGE).await.0, 0);
    assert_eq!(client.enter(STAGE).await.0, 503);
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_doctor_finds_a_running_server_well(pool: PgPool) {
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port().to_string()
    };
    let env = [
        ("ROTUNDA_SERVER__PORT", port.as_str()),
        ("ROTUNDA_TLS__MODE", "development"),
        ("ROTUNDA_ADMIN__LISTEN", "127.0.0.1:0"),
    ];
    let program = Program::start(&pool, "operate-doctor", &env);
    // Its private listener is on a port of its own choice, and found all the same.
    let output = crate::program::command(&crate::program::url(&pool), &program.directory)
        .env("ROTUNDA_SERVER__PORT", &port)
        .args(["doctor", "--json"])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{report:#}");
    let finding = |check: &str| {
        report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|finding| finding["check"] == check)
            .unwrap()
            .clone()
    };
    for check in
        ["database", "latency", "migrations", "clock", "server", "https", "client", "udp", "tcp", "call"]
    {
        assert_eq!(finding(check)["state"], "ok", "{report:#}");
    }
    assert!(finding("server")["says"].as_str().unwrap().contains("it runs"), "{report:#}");
}

#[test]
fn the_doctor_fails_with_a_status_where_something_is_wrong() {
    let directory = crate::program::directory("operate-doctor-fails");
    let output = crate::program::run("postgres://nobody@127.0.0.1:1/none", &directory, "doctor");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("FAIL  database"), "{text}");
}
