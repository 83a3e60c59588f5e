//! Postgres and the clock: version, latency, schema, and whether both ends agree on the time.

use std::time::Duration;

use anyhow::Context;
use rotunda_core::Store;
use tokio::time::Instant;

use super::Finding;
use crate::{ambient, config::Config, database, healthcheck};

/// Longest wait for the database. A start would wait longer, for one that is just coming up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The oldest Postgres that is tested.
const VERSION_MIN: i32 = 150_000;

/// A query on the same machine takes well under a millisecond, in the same data centre one or two.
const LATENCY_WARN: Duration = Duration::from_millis(20);
/// A join takes about ten queries: at this it takes seconds.
const LATENCY_FAIL: Duration = Duration::from_millis(200);

/// Clocks that differ by this much show in logs and records, ms.
const CLOCK_WARN_MS: i64 = 2_000;
/// Tokens and signed requests of one end are old or not yet valid at the other, ms.
const CLOCK_FAIL_MS: i64 = 60_000;

/// Queries timed; the median counts.
const SAMPLES: usize = 5;

pub async fn look(config: &Config, time_from: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match tokio::time::timeout(PATIENCE, ask(config)).await {
        Ok(Ok(answers)) => {
            findings.push(version(answers.version));
            findings.push(latency(answers.latency));
            findings.push(migrations(&answers.pending));
            findings.push(clock("clock", "Postgres'", answers.offset_ms));
        }
        refused => {
            let why = match refused {
                Ok(Err(error)) => format!("{error:#}"),
                _ => "no answer within 5 s".to_owned(),
            };
            let fix = "Check that Postgres runs, database.url, its pg_hba.conf, and a firewall between.";
            findings.push(Finding::fail("database", format!("Postgres cannot be used: {why}")).fix(fix));
            for check in ["latency", "migrations", "clock"] {
                findings.push(Finding::skipped(check, "needs the database"));
            }
        }
    }
    if let Some(url) = time_from {
        findings.push(match http_offset(url).await {
            Ok(offset) => clock("clock-http", "the web server's", offset),
            Err(error) => Finding::warn("clock-http", format!("{url} does not tell the time: {error:#}")),
        });
    }
    findings
}

struct Answers {
    version: i32,
    latency: Duration,
    pending: Vec<String>,
    /// Ours minus theirs.
    offset_ms: i64,
}

async fn ask(config: &Config) -> anyhow::Result<Answers> {
    let store = Store::connect(&database::url(config)?, 2).await?;
    let pool = store.pool();
    let version: i32 =
        sqlx::query_scalar("SELECT current_setting('server_version_num')::int").fetch_one(pool).await?;
    let (mut took, mut offsets) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        let (asked, begun) = (ambient::now_ms(), Instant::now());
        let theirs: i64 = sqlx::query_scalar("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
            .fetch_one(pool)
            .await?;
        took.push(begun.elapsed());
        // Theirs was read half-way.
        offsets.push(asked.midpoint(ambient::now_ms()) - theirs);
    }
    took.sort_unstable();
    offsets.sort_unstable();
    let pending = store.pending_migrations().await?;
    Ok(Answers {
        version,
        latency: took.get(SAMPLES / 2).copied().unwrap_or_default(),
        pending,
        offset_ms: offsets.get(SAMPLES / 2).copied().unwrap_or_default(),
    })
}

fn version(number: i32) -> Finding {
    let (major, minor) = (number / 10_000, number % 10_000);
    if number < VERSION_MIN {
        return Finding::fail("database", format!("Postgres {major}.{minor} is too old"))
            .fix("Rotunda is tested with Postgres 15 and newer.");
    }
    Finding::ok("database", format!("Postgres {major}.{minor} answers"))
}

fn latency(median: Duration) -> Finding {
    let ms = median.as_secs_f64() * 1_000.0;
    let fix = "Put Postgres on the same machine or into the same network.";
    match median {
        slow if slow >= LATENCY_FAIL => {
            Finding::fail("latency", format!("a query takes {ms:.0} ms: joins take seconds")).fix(fix)
        }
        slow if slow >= LATENCY_WARN => {
            Finding::warn("latency", format!("a query takes {ms:.0} ms: logins and joins are slow")).fix(fix)
        }
        _ => Finding::ok("latency", format!("a query takes {ms:.1} ms")),
    }
}

fn migrations(pending: &[String]) -> Finding {
    if pending.is_empty() {
        return Finding::ok("migrations", "the schema is up to date");
    }
    Finding::warn("migrations", format!("the schema lacks: {}", pending.join(", ")))
        .fix("The next start runs them; or run `rotunda migrate` now. Make a backup before.")
}

fn clock(check: &'static str, whose: &str, offset_ms: i64) -> Finding {
    let seconds = offset_ms as f64 / 1_000.0;
    let fix = "Let both machines follow a time server: systemctl enable --now systemd-timesyncd (or chrony).";
    match offset_ms.abs() {
        off if off >= CLOCK_FAIL_MS => Finding::fail(
            check,
            format!("this machine's clock and {whose} differ by {seconds:.0} s: tokens and signed calls are refused"),
        )
        .fix(fix),
        off if off >= CLOCK_WARN_MS => {
            Finding::warn(check, format!("this machine's clock and {whose} differ by {seconds:.1} s")).fix(fix)
        }
        _ => Finding::ok(check, format!("this machine's clock agrees with {whose}")),
    }
}

/// Ours minus the Date of an answer, which has whole seconds.
async fn http_offset(url: &str) -> anyhow::Result<i64> {
    let url = url::Url::parse(url).context("no URL")?;
    let host = url.host_str().context("no host")?;
    let port = url.port_or_known_default().context("no port")?;
    let target = tokio::net::lookup_host((host, port)).await?.next().context("no address")?;
    let asked = ambient::now_ms();
    let answer = match url.scheme() {
        "https" => healthcheck::head_tls(target, host, url.path()).await?,
        _ => healthcheck::head_plain(target, host, url.path()).await?,
    };
    let date = answer
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("date"))
        .context("no Date in the answer")?
        .1
        .trim()
        .to_owned();
    let format = time::format_description::well_known::Rfc2822;
    let theirs = time::OffsetDateTime::parse(&date.replace("GMT", "+0000"), &format)?;
    let ours = asked.midpoint(ambient::now_ms());
    // Cut off to the second: right on average.
    Ok(ours - (theirs.unix_timestamp() * 1_000 + 500))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn an_old_postgres_is_refused() {
        assert_eq!(version(140_011).state, State::Fail);
        assert_eq!(version(150_008).state, State::Ok);
    }

    #[test]
    fn a_far_database_is_told() {
        assert_eq!(latency(Duration::from_micros(300)).state, State::Ok);
        assert_eq!(latency(Duration::from_millis(40)).state, State::Warn);
        assert_eq!(latency(Duration::from_millis(300)).state, State::Fail);
    }

    #[test]
    fn clocks_that_differ_are_told_in_either_direction() {
        for (offset, state) in
            [(0, State::Ok), (-1_900, State::Ok), (-2_100, State::Warn), (70_000, State::Fail)]
        {
            assert_eq!(clock("clock", "Postgres'", offset).state, state, "{offset}");
        }
    }

    #[tokio::test]
    async fn a_database_that_is_not_there_fails_and_skips_the_rest() {
        let mut config = Config::default();
        config.database.url = "postgres://nobody@127.0.0.1:1/none".into();
        let found = look(&config, None).await;
        let states: Vec<_> = found.iter().map(|finding| (finding.check, finding.state)).collect();
        let skipped = |check| (check, State::Skipped);
        assert_eq!(
            states,
            [("database", State::Fail), skipped("latency"), skipped("migrations"), skipped("clock")]
        );
    }

    #[sqlx::test]
    async fn an_empty_database_lacks_the_schema(pool: sqlx::PgPool) {
        let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&pool).await.unwrap();
        let mut url = url::Url::parse(&std::env::var("DATABASE_URL").unwrap()).unwrap();
        url.set_path(&name);
        let mut config = Config::default();
        config.database.url = url.into();
        let found = look(&config, None).await;
        let state = |check| found.iter().find(|finding| finding.check == check).unwrap().state;
        assert_eq!(state("database"), State::Ok);
        assert_eq!(state("migrations"), State::Warn);
        assert_eq!(state("clock"), State::Ok);
    }

    #[tokio::test]
    async fn the_time_of_a_web_server_is_compared() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let answer =
                "HTTP/1.1 200 OK\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let offset = http_offset(&format!("http://{address}/")).await.unwrap();
        assert_eq!(clock("clock-http", "the web server's", offset).state, State::Fail);
    }
}
