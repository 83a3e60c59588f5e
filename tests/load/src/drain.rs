//! What a stop does to calls: they go on without a gap, newcomers are refused, and the last to leave ends the process.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use rotunda_bench_forward::clock;
use serde::Serialize;

use crate::{
    media::Heard,
    member::{Member, Room},
    scenario::{AUDIO, Options, World, all, groups, login, talk},
    seed::{self, Place},
    server::Server,
};

/// Longest that calls may go on: more than everybody here takes to leave.
const PATIENCE: (&str, &str) = ("ROTUNDA_SERVER__DRAIN_SECS", "600");
/// For whatever must happen soon.
const SOON: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// From the join of the last until the signal: everybody's media has come by then.
const SETTLE: Duration = Duration::from_secs(2);
/// How a newcomer is answered (docs/operate/running.md).
const REFUSED: i64 = 503;

/// What calls noticed of a stop, from the signal until each of them ended by itself.
#[derive(Debug, Clone, Serialize)]
pub struct Drained {
    pub calls: usize,
    /// Seconds from the signal until the first call ended.
    pub held_s: f64,
    /// Packets of sound that came, and that were missing between the first and the last.
    pub received: u64,
    pub gaps: u64,
    /// The longest that one member heard nothing of the other; packets leave every 20 ms.
    pub silence_ms: f64,
    /// The longest that the load itself did not look: so much of the silence may be its own.
    pub stall_ms: f64,
    /// Entries that were refused with 503, of so many tries.
    pub refused: [usize; 2],
    /// From the leave of the last member until the process had ended.
    pub ended_ms: f64,
    /// With somebody in a call, from a second signal until the process had ended.
    pub forced_ms: f64,
}

impl Drained {
    /// A head and a row of Markdown.
    pub fn markdown(&self) -> String {
        let [refused, tries] = self.refused;
        format!(
            "| calls of two | s from SIGTERM | packets | missing | longest silence ms | load looked away ms | \
             newcomers refused | ended after the last left, ms | after a second SIGTERM, ms |\n\
             | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n\
             | {} | {:.1} | {} | {} | {:.0} | {:.0} | {refused} of {tries} | {:.0} | {:.0} |\n",
            self.calls,
            self.held_s,
            self.received,
            self.gaps,
            self.silence_ms,
            self.stall_ms,
            self.ended_ms,
            self.forced_ms,
        )
    }
}

/// A call that goes on.
struct Call {
    members: Vec<Room>,
    peers: Vec<u64>,
}

impl Call {
    async fn begin(world: Arc<World>, members: Vec<Member>) -> anyhow::Result<Self> {
        let _place = world.at_once.acquire().await?;
        let [first, second] = members.try_into().ok().context("a call is of two")?;
        let (both, _) = talk(&world, first, second, AUDIO).await?;
        let (members, peers): (Vec<_>, Vec<_>) = both.into_iter().map(|member| member.stay()).unzip();
        Ok(Self { members, peers: peers.concat() })
    }

    /// Both leave; what they heard until then.
    async fn end(self, world: &World) -> anyhow::Result<Heard> {
        let heard = world.media.end(self.peers).await?;
        for member in self.members {
            member.leave().await?;
        }
        Ok(heard)
    }
}

/// Starts a server, lets so many calls begin, and stops it; then another one, which is told twice.
///
/// # Errors
/// A call did not come about, a newcomer was let in, or the server did not end.
pub async fn run(options: &Options<'_>, calls: usize) -> anyhow::Result<Drained> {
    let mut places = seed::make(options.database, options.data, calls + 1, 2).await?;
    let newcomers: [Place; 2] = places.split_off(2 * calls).try_into().ok().context("nobody comes late")?;
    let first_call = places.iter().take(2).cloned().collect();
    let mut drained = orderly(options, places, newcomers).await?;
    drained.forced_ms = forced(options, first_call).await?.as_secs_f64() * 1e3;
    Ok(drained)
}

async fn begin(
    server: &Server,
    options: &Options<'_>,
    places: Vec<Place>,
) -> anyhow::Result<(Arc<World>, Vec<Call>)> {
    let world = World::new(server, options.at_once)?;
    let members = all(places, |place| login(Arc::clone(&world), place)).await?;
    let calls = all(groups(members, 2), |members| Call::begin(Arc::clone(&world), members)).await?;
    tokio::time::sleep(SETTLE).await;
    Ok((world, calls))
}

async fn orderly(
    options: &Options<'_>,
    places: Vec<Place>,
    newcomers: [Place; 2],
) -> anyhow::Result<Drained> {
    let mut server = Server::start(options, &[PATIENCE]).await?;
    let (world, calls) = begin(&server, options, places).await?;
    let count = calls.len();
    let [early, late] = newcomers;
    let mut early = Member::login(&world.door, &early).await?;
    world.media.begin_window()?;
    let told = clock::now();
    server.terminate()?;
    while server.is_ready().await? {
        ensure!(clock::now() - told < SOON, "the server takes newcomers");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    // One who was there before, and one who comes now: links are still taken, for those whose connection was cut.
    let mut late = Member::login(&world.door, &late).await?;
    let mut refused = [0, 0];
    while clock::now() - told < options.window {
        for newcomer in [&mut early, &mut late] {
            let (code, words) = newcomer.try_to_enter().await?;
            ensure!(code == REFUSED && words.contains("about to restart"), "answered with {code} {words}");
            refused = refused.map(|count| count + 1);
        }
        ensure!(server.ended()?.is_none(), "the server has ended with calls going on");
        tokio::time::sleep(10 * LOOK_EVERY).await;
    }
    let held = clock::now() - told;
    let (mut all, mut left) = (Heard::default(), clock::now());
    for call in calls {
        ensure!(server.ended()?.is_none(), "the server has ended with calls going on");
        let heard = call.end(&world).await?;
        ensure!(heard.streams == 2, "somebody heard nothing");
        all.received += heard.received;
        all.gaps += heard.gaps;
        all.silence = all.silence.max(heard.silence);
        all.stall = all.stall.max(heard.stall);
        left = clock::now();
    }
    let ended = server.end(SOON).await?;
    Ok(Drained {
        calls: count,
        held_s: held.as_secs_f64(),
        received: all.received,
        gaps: all.gaps,
        silence_ms: all.silence.as_secs_f64() * 1e3,
        stall_ms: all.stall.as_secs_f64() * 1e3,
        refused,
        ended_ms: (ended - left).as_secs_f64() * 1e3,
        forced_ms: f64::NAN,
    })
}

/// A call goes on over the first signal and not over the second; how long that took.
async fn forced(options: &Options<'_>, places: Vec<Place>) -> anyhow::Result<Duration> {
    let mut server = Server::start(options, &[PATIENCE]).await?;
    let (world, calls) = begin(&server, options, places).await?;
    server.terminate()?;
    let told = clock::now();
    while server.is_ready().await? {
        ensure!(clock::now() - told < SOON, "the server takes newcomers");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    world.media.begin_window()?;
    tokio::time::sleep(SETTLE).await;
    ensure!(server.ended()?.is_none(), "one signal has ended a call");
    let again = clock::now();
    server.terminate()?;
    let ended = server.end(SOON).await?;
    for Call { peers, .. } in calls {
        ensure!(world.media.end(peers).await?.received > 0, "a call did not go on");
    }
    Ok(ended - again)
}
