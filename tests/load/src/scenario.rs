//! Who comes, and what is measured of it.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use rotunda_bench_forward::{clock, machine};
use rotunda_sfu::ortc::MediaKind;
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    media::Media,
    member::{Member, Seated, Steps},
    seed::{self, Place},
    server::Server,
    socket::Door,
};

/// Packets each second of a microphone and of a camera.
pub(crate) const AUDIO: f64 = 50.0;
const VIDEO: f64 = 150.0;
/// Packets each second of a microphone where 2,000 send: as many as the load's one core bears.
const FEWER: f64 = 20.0;
/// Before memory is read: what was needed to start has been given back.
const SETTLE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// So many come to one channel, in which one sends sound and picture.
    Storm { members: usize },
    /// So many channels of two who talk to each other.
    Pairs { channels: usize },
}

/// How it is run.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    pub binary: &'a Path,
    /// An empty database.
    pub database: &'a str,
    /// An empty directory.
    pub data: &'a Path,
    /// Members on their way in at any moment.
    pub at_once: usize,
    pub window: Duration,
    pub core: Option<usize>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    pub scenario: Scenario,
    pub members: usize,
    /// Link, room token and push link; then entry, signalling and media, until the last has heard something.
    pub logins_per_s: f64,
    pub joins_per_s: f64,
    /// CPU of the server for each of them, milliseconds.
    pub login_ms: f64,
    pub join_ms: f64,
    /// From the entry: `Join` is answered, and the first packet came. p50 and p99, milliseconds.
    pub signalled_ms: [f64; 2],
    pub heard_ms: [f64; 2],
    /// Growth of the server's resident memory since before the first came, with everybody there and media flowing.
    pub resident_kib: f64,
    /// Of the window of media that follows.
    pub received_per_s: f64,
    pub gaps: u64,
    pub cpu_us: f64,
    pub latency_ms: [f64; 2],
    /// CPU while they joined, and in the window, percent of a core.
    pub server_cpu: [f64; 2],
    pub load_cpu: [f64; 2],
}

/// CPU of server and load, and the time.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: std::time::Instant,
    server: u64,
    load: u64,
}

impl Mark {
    fn now(server: &Server) -> Self {
        Self {
            at: clock::now(),
            server: machine::scheduled(server.pid()).ran,
            load: machine::scheduled(std::process::id()).ran,
        }
    }

    fn seconds(&self, until: &Self) -> f64 {
        (until.at - self.at).as_secs_f64()
    }

    fn server_ms(&self, until: &Self) -> f64 {
        until.server.saturating_sub(self.server) as f64 / 1e6
    }

    /// Percent of a core, of server and load.
    fn shares(&self, until: &Self) -> [f64; 2] {
        let share = |ran: u64| ran as f64 / 1e7 / self.seconds(until);
        [share(until.server.saturating_sub(self.server)), share(until.load.saturating_sub(self.load))]
    }
}

/// What all members need.
pub(crate) struct World {
    pub door: Door,
    pub media: Media,
    pub at_once: Semaphore,
}

impl World {
    pub fn new(server: &Server, at_once: usize) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            door: Door::new(&server.ready.link, &server.ready.certificate)?,
            media: Media::start()?,
            at_once: Semaphore::new(at_once),
        }))
    }
}

impl Scenario {
    pub fn name(self) -> String {
        match self {
            Self::Storm { members } => format!("{members} come to one channel"),
            Self::Pairs { channels } => format!("{channels} x 2"),
        }
    }

    const fn shape(self) -> (usize, usize) {
        match self {
            Self::Storm { members } => (1, members + 1),
            Self::Pairs { channels } => (channels, 2),
        }
    }

    /// Runs it against a server of its own.
    ///
    /// # Errors
    /// Somebody did not get in, or heard nothing.
    pub async fn run(self, options: &Options<'_>) -> anyhow::Result<Outcome> {
        let (channels, members) = self.shape();
        let mut places = seed::make(options.database, options.data, channels, members).await?;
        let server = Server::start(options, &[("ROTUNDA_LOG__LEVEL", "warn")]).await?;
        tokio::time::sleep(SETTLE).await;
        let resident = machine::resident(server.pid());
        let world = World::new(&server, options.at_once)?;

        if let Self::Storm { members } = self {
            let first = places.remove(0);
            let (mut publisher, ..) = Member::login(&world.door, &first).await?.enter().await?;
            let kinds = [(MediaKind::Audio, AUDIO), (MediaKind::Video, VIDEO)];
            publisher.publish(&world.media, &kinds, members as u64).await?;
            let _ = publisher.stay();
        }
        let begin = Mark::now(&server);
        let logged_in = all(places, |place| login(Arc::clone(&world), place)).await?;
        let entering = Mark::now(&server);
        let groups = groups(logged_in, if matches!(self, Self::Pairs { .. }) { 2 } else { 1 });
        let steps: Vec<Steps> =
            all(groups, |group| join(Arc::clone(&world), group)).await?.into_iter().flatten().collect();
        let joined = Mark::now(&server);

        tokio::time::sleep(SETTLE).await;
        world.media.begin_window()?;
        let window = Mark::now(&server);
        tokio::time::sleep(options.window).await;
        let (end, received) = (Mark::now(&server), world.media.window().await?);
        let resident = machine::resident(server.pid()).saturating_sub(resident);

        let count = steps.len() as f64;
        let (joining, flowing) = (entering.shares(&joined), window.shares(&end));
        let since = |at: fn(&Steps) -> std::time::Instant| {
            quantiles(steps.iter().map(|steps| (at(steps) - steps.entered).as_secs_f64() * 1e3).collect())
        };
        Ok(Outcome {
            scenario: self,
            members: channels * members,
            logins_per_s: count / begin.seconds(&entering),
            joins_per_s: count / entering.seconds(&joined),
            login_ms: begin.server_ms(&entering) / count,
            join_ms: entering.server_ms(&joined) / count,
            signalled_ms: since(|steps| steps.joined),
            heard_ms: since(|steps| steps.heard),
            resident_kib: resident as f64 / (channels * members) as f64,
            received_per_s: received.received as f64 / window.seconds(&end),
            gaps: received.gaps,
            cpu_us: window.server_ms(&end) * 1e3 / received.received as f64,
            latency_ms: [received.p50_us, received.p99_us].map(|micros| micros as f64 / 1e3),
            server_cpu: [joining[0], flowing[0]],
            load_cpu: [joining[1], flowing[1]],
        })
    }
}

/// p50 and p99.
fn quantiles(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    [0.5, 0.99].map(|quantile| {
        let place = (values.len() as f64 * quantile) as usize;
        values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    })
}

pub(crate) fn groups<T>(members: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut members = members.into_iter().peekable();
    std::iter::from_fn(|| members.peek().is_some().then(|| members.by_ref().take(size).collect())).collect()
}

/// Does it for all, and gives back what came of it in order.
pub(crate) async fn all<T, R, F>(items: Vec<T>, each: impl Fn(T) -> F) -> anyhow::Result<Vec<R>>
where
    F: Future<Output = anyhow::Result<R>> + Send + 'static,
    R: Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (number, item) in items.into_iter().enumerate() {
        let task = each(item);
        tasks.spawn(async move { task.await.map(|result| (number, result)) });
    }
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        results.push(result??);
    }
    results.sort_by_key(|(number, _)| *number);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

pub(crate) async fn login(world: Arc<World>, place: Place) -> anyhow::Result<Member> {
    let _place = world.at_once.acquire().await?;
    Member::login(&world.door, &place).await.with_context(|| format!("the login of {}", place.accid))
}

/// One who listens, or two who talk to each other.
async fn join(world: Arc<World>, members: Vec<Member>) -> anyhow::Result<Vec<Steps>> {
    let _place = world.at_once.acquire().await?;
    let mut members = members.into_iter();
    let first = members.next().context("nobody joins")?;
    let Some(second) = members.next() else {
        let (mut first, sent, [entered, joined]) = first.enter().await?;
        let heard = first.consume(&world.media, &sent).await?;
        let _ = first.stay();
        return Ok(vec![Steps { entered, joined, heard }]);
    };
    let (both, steps) = talk(&world, first, second, FEWER).await?;
    both.into_iter().for_each(|member| drop(member.stay()));
    // The first heard nothing before somebody spoke: only the second is timed.
    Ok(vec![steps])
}

/// A call of two who hear each other, with so many packets each second; the way of the second.
pub(crate) async fn talk(
    world: &World,
    first: Member,
    second: Member,
    rate: f64,
) -> anyhow::Result<([Seated; 2], Steps)> {
    let own = [(MediaKind::Audio, rate)];
    let (mut first, ..) = first.enter().await?;
    first.publish(&world.media, &own, 1).await?;
    let (mut second, sent, [entered, joined]) = second.enter().await?;
    let heard = second.consume(&world.media, &sent).await?;
    second.publish(&world.media, &own, 1).await?;
    let sent = first.new_producer().await?;
    first.consume(&world.media, &[sent]).await?;
    Ok(([first, second], Steps { entered, joined, heard }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_grouped_in_order() {
        assert_eq!(groups(vec![1, 2, 3, 4, 5], 2), [vec![1, 2], vec![3, 4], vec![5]]);
        assert!(groups(Vec::<u8>::new(), 2).is_empty());
    }

    #[test]
    fn the_middle_and_the_slow_end_are_told() {
        assert_eq!(quantiles((0..200).map(f64::from).rev().collect()), [100.0, 198.0]);
    }
}
