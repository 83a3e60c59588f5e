//! An app's backend that calls the vendor's REST actions at a steady rate, whether or not the server keeps up.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::Context as _;
use aws_lc_rs::digest;
use hdrhistogram::Histogram;
use rotunda_bench_forward::{clock, machine};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::{
    VOID_ABOVE,
    scenario::Options,
    seed::{self, APP_KEY, APP_SECRET, Community, OWNER},
    server::Server,
    socket::{Door, Http},
};

/// Connections a backend keeps. Each has one request on its way: more hide a slow server less than fewer would, for time
/// is counted from when a request was due.
const CONNECTIONS: usize = 64;
/// Servers of the app. Writes of one server wait for each other, as they do in production.
const SERVERS: usize = 50;
/// Members of each, beside the owner.
const MEMBERS: usize = 20;
/// Before what is counted: connections, and what the server reads once.
const WARM_UP: Duration = Duration::from_secs(2);
/// Slowest answer that is told apart, microseconds.
const SLOWEST: u64 = 60_000_000;

/// What is called, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Profiles,
    Members,
    Channels,
    ServersOfAccount,
    Rights,
    Profile,
    Nick,
    Topic,
    Register,
}

/// Twenty calls as they take turns: sixteen read.
const TURNS: [Call; 20] = [
    Call::Profiles,
    Call::Members,
    Call::Channels,
    Call::ServersOfAccount,
    Call::Profile,
    Call::Rights,
    Call::Profiles,
    Call::Members,
    Call::Channels,
    Call::Nick,
    Call::ServersOfAccount,
    Call::Rights,
    Call::Profiles,
    Call::Members,
    Call::Topic,
    Call::Channels,
    Call::Rights,
    Call::Profiles,
    Call::Members,
    Call::Register,
];

impl Call {
    const fn path(self) -> &'static str {
        match self {
            Self::Profiles => "user/getUinfos",
            Self::Members => "qchat/getServerMembers",
            Self::Channels => "qchat/getChannels",
            Self::ServersOfAccount => "qchat/getServerListPage",
            Self::Rights => "qchat/queryIdentifyResources",
            Self::Profile => "user/updateUinfo",
            Self::Nick => "qchat/updateServerMember",
            Self::Topic => "qchat/updateChannel",
            Self::Register => "user/create",
        }
    }

    const fn writes(self) -> bool {
        matches!(self, Self::Profile | Self::Nick | Self::Topic | Self::Register)
    }

    /// The form of the call with that number. Nothing in it needs an escape but quotes and brackets.
    fn form(self, number: usize, communities: &[Community]) -> String {
        let community = &communities[number % communities.len()];
        let (server, channel) = (&community.server, &community.channel);
        let member = &community.members[number / communities.len() % community.members.len()];
        let three: Vec<String> =
            community.members.iter().take(3).map(|accid| format!("%22{accid}%22")).collect();
        let three = three.join(",");
        match self {
            Self::Profiles => format!("accids=%5B{three}%5D"),
            Self::Members => format!("serverId={server}&accids=%5B{three}%5D&accid={member}"),
            Self::Channels => format!("channelIds=%5B{channel}%5D&accid={member}"),
            Self::ServersOfAccount => format!("accid={member}&timetag=0&limit=100"),
            Self::Rights => format!("serverId={server}&channelId={channel}&accid={member}"),
            Self::Profile => format!("accid={member}&sign=call{number}"),
            Self::Nick => format!("serverId={server}&accid={member}&nick=call{number}"),
            Self::Topic => format!("channelId={channel}&accid={OWNER}&topic=call{number}"),
            Self::Register => format!("accid=new{number}&name=new{number}"),
        }
    }
}

/// Of reads, of writes, or of both.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    pub what: &'static str,
    pub requests: u64,
    /// From the time at which it was due to its answer, milliseconds.
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub slowest_ms: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Each second, asked for and answered.
    pub rate: f64,
    pub answered_per_s: f64,
    pub latency: Vec<Latency>,
    /// What was not answered with 200, why, and how often.
    pub refused: BTreeMap<String, u64>,
    /// CPU of the server for one request, without Postgres, microseconds.
    pub cpu_us: f64,
    /// Percent of a core.
    pub server_cpu: f64,
    pub load_cpu: f64,
}

impl Outcome {
    pub fn markdown(&self) -> String {
        let mark = if self.load_cpu > VOID_ABOVE { " VOID" } else { "" };
        let mut text = format!(
            "| {:.0} requests/s{mark} | requests | p50 ms | p99 ms | slowest ms |\n\
             | --- | ---: | ---: | ---: | ---: |\n",
            self.rate
        );
        for of in &self.latency {
            text += &format!(
                "| {} | {} | {:.1} | {:.1} | {:.0} |\n",
                of.what, of.requests, of.p50_ms, of.p99_ms, of.slowest_ms
            );
        }
        text += &format!(
            "\n| answered/s | server CPU us/request | server CPU | load CPU | not answered with 200 |\n\
             | ---: | ---: | ---: | ---: | --- |\n| {:.0} | {:.0} | {:.0} % | {:.0} % | {} |\n",
            self.answered_per_s,
            self.cpu_us,
            self.server_cpu,
            self.load_cpu,
            refused(&self.refused)
        );
        text
    }
}

/// What one connection has seen, of reads and of writes.
struct Seen {
    micros: [Histogram<u64>; 2],
    refused: BTreeMap<String, u64>,
}

impl Seen {
    fn new() -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, SLOWEST, 3);
        Ok(Self { micros: [histogram()?, histogram()?], refused: BTreeMap::new() })
    }

    fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        for (own, others) in self.micros.iter_mut().zip(&other.micros) {
            own.add(others)?;
        }
        for (code, count) in &other.refused {
            *self.refused.entry(code.clone()).or_default() += count;
        }
        Ok(())
    }
}

/// Requests that are due one after the other, whoever sends them.
struct Plan {
    begin: Instant,
    every: Duration,
    count: usize,
    next: AtomicUsize,
    /// The number of the first, so that no two runs of one process make the same account.
    from: usize,
}

impl Plan {
    fn new(rate: f64, window: Duration, from: usize) -> Self {
        let count = (rate * window.as_secs_f64()) as usize;
        Self {
            begin: clock::now(),
            every: Duration::from_secs_f64(1.0 / rate),
            count,
            next: AtomicUsize::new(0),
            from,
        }
    }

    fn next(&self) -> Option<(usize, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = self.begin + self.every.mul_f64(number as f64);
        (number < self.count).then_some((self.from + number, due))
    }
}

/// Calls at the rate for as long as the window, on a server of its own.
///
/// # Errors
/// A connection or an answer failed; refusals are counted.
pub async fn run(options: &Options<'_>, rate: f64) -> anyhow::Result<Outcome> {
    let communities = seed::communities(options.database, options.data, SERVERS, MEMBERS).await?;
    let communities: Arc<[Community]> = communities.into();
    // What one backend may ask for is not what is measured.
    let unlimited = [("ROTUNDA_LIMITS__REST_PER_SECOND", "0"), ("ROTUNDA_LIMITS__SERVERS_PER_ACCOUNT", "0")];
    let server = Server::start(options, &unlimited).await?;
    let door = Door::new(&server.ready.link, &server.ready.certificate)?;
    let mut connections = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push(door.http().await?);
    }
    let warm_up = Plan::new(rate, WARM_UP, 0);
    let from = warm_up.count;
    let (connections, _) = all(connections, warm_up, &communities).await?;
    let plan = Plan::new(rate, options.window, from);
    let (count, begin) = (plan.count, plan.begin);
    let ran = || [server.pid(), std::process::id()].map(|pid| machine::scheduled(pid).ran);
    let before = ran();
    let (_, seen) = all(connections, plan, &communities).await?;
    let seconds = (clock::now() - begin).as_secs_f64();
    let [server_ns, load_ns] = [0, 1].map(|of| ran()[of].saturating_sub(before[of]) as f64);
    let mut both = seen.micros[0].clone();
    both.add(&seen.micros[1])?;
    let latency = [("reads", &seen.micros[0]), ("writes", &seen.micros[1]), ("all", &both)];
    Ok(Outcome {
        rate,
        answered_per_s: count as f64 / seconds,
        latency: latency.map(|(what, micros)| latency_of(what, micros)).into(),
        refused: seen.refused,
        cpu_us: server_ns / 1e3 / count as f64,
        server_cpu: server_ns / 1e7 / seconds,
        load_cpu: load_ns / 1e7 / seconds,
    })
}

fn latency_of(what: &'static str, micros: &Histogram<u64>) -> Latency {
    let ms = |micros: u64| micros as f64 / 1e3;
    Latency {
        what,
        requests: micros.len(),
        p50_ms: ms(micros.value_at_quantile(0.5)),
        p99_ms: ms(micros.value_at_quantile(0.99)),
        slowest_ms: ms(micros.max()),
    }
}

async fn all(
    connections: Vec<Http>,
    plan: Plan,
    communities: &Arc<[Community]>,
) -> anyhow::Result<(Vec<Http>, Seen)> {
    let plan = Arc::new(plan);
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn(work(connection, Arc::clone(&plan), Arc::clone(communities)));
    }
    let (mut connections, mut seen) = (Vec::new(), Seen::new()?);
    while let Some(done) = tasks.join_next().await {
        let (connection, own) = done??;
        connections.push(connection);
        seen.add(&own)?;
    }
    Ok((connections, seen))
}

/// Takes the next request that is due, as long as there are some.
async fn work(
    mut connection: Http,
    plan: Arc<Plan>,
    communities: Arc<[Community]>,
) -> anyhow::Result<(Http, Seen)> {
    let mut seen = Seen::new()?;
    while let Some((number, due)) = plan.next() {
        tokio::time::sleep_until(due.into()).await;
        let call = TURNS[number % TURNS.len()];
        let refused = ask(&mut connection, call, number, &communities).await?;
        let micros = (clock::now() - due).as_micros().min(u128::from(SLOWEST)) as u64;
        seen.micros[usize::from(call.writes())].record(micros.max(1))?;
        if let Some(why) = refused {
            *seen.refused.entry(format!("{} {why}", call.path())).or_default() += 1;
        }
    }
    Ok((connection, seen))
}

/// Why it was refused, if it was.
async fn ask(
    connection: &mut Http,
    call: Call,
    number: usize,
    communities: &[Community],
) -> anyhow::Result<Option<String>> {
    let (nonce, time) = (number.to_string(), seconds().to_string());
    let sum = check_sum(APP_SECRET, &nonce, &time);
    let headers = [
        ("AppKey", APP_KEY),
        ("Nonce", nonce.as_str()),
        ("CurTime", time.as_str()),
        ("CheckSum", sum.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let path = format!("/nimserver/{}.action", call.path());
    let answer = connection.ask("POST", &path, &headers, &call.form(number, communities)).await?;
    let answer: Value = serde_json::from_str(&answer).with_context(|| path)?;
    let refused = answer["code"] != 200;
    Ok(refused.then(|| format!("{} {}", answer["code"], answer["desc"].as_str().unwrap_or_default())))
}

/// What the server compares with its clock.
fn seconds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "requests are signed with the machine's real time")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn check_sum(secret: &str, nonce: &str, time: &str) -> String {
    let text = [secret, nonce, time].concat();
    hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

fn refused(codes: &BTreeMap<String, u64>) -> String {
    if codes.is_empty() {
        return "none".to_owned();
    }
    codes.iter().map(|(code, count)| format!("{code}: {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_in_five_writes() {
        assert_eq!(TURNS.iter().filter(|call| call.writes()).count() * 5, TURNS.len());
    }

    /// `printf %s 1415926535123451443592222 | sha1sum`
    #[test]
    fn requests_are_signed_as_sha1sum_does() {
        assert_eq!(
            check_sum("1415926535", "12345", "1443592222"),
            "e62fd6d16458563f4954616b963ef5abb4bf37eb"
        );
    }

    #[test]
    fn requests_are_due_at_the_rate_and_end_with_the_window() {
        let plan = Plan::new(100.0, Duration::from_millis(50), 7);
        let due: Vec<(usize, Instant)> = std::iter::from_fn(|| plan.next()).collect();
        let at: Vec<(usize, u128)> =
            due.iter().map(|(number, due)| (*number, (*due - plan.begin).as_millis())).collect();
        assert_eq!(at, [(7, 0), (8, 10), (9, 20), (10, 30), (11, 40)]);
    }
}
