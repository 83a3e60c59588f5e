//! Seated members around a commit: who may stay, and with which rights.
//!
//! Everything Postgres has to say is read before the commit, under the server's row lock: so it is of exactly the
//! version that the commit makes, and nothing can fail between the commit and its effect on those seated. Who takes a
//! seat between reading and commit is judged after it; who takes one later finds the new version and asks again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rotunda_model::{Accid, AppId, ChannelId, RtcConfig, ServerId, UserKey};
use rotunda_permissions::{Snapshot, Subject};
use rotunda_store::Tx;

use crate::{Core, Error, Rooms, change::Standing, media::Seat};

/// How often, and how far apart, verdicts are tried again when Postgres cannot say whether a commit happened. After
/// that everybody seated is evicted: a right that may be gone is not kept for longer than this.
const TRIES: u32 = 20;
const RETRY: Duration = Duration::from_millis(500);

/// What is known of those seated in a server, at one moment.
#[derive(Debug, Default)]
pub(crate) struct Seated {
    seats: Vec<(ChannelId, Accid)>,
    standings: HashMap<Accid, Standing>,
    names: HashMap<Accid, String>,
    configs: HashMap<ChannelId, RtcConfig>,
}

impl Seated {
    /// Nobody seated costs no query. How they stand is for the caller to add.
    pub(crate) async fn read(core: &Core, tx: &mut Tx, server: ServerId) -> Result<Self, Error> {
        let seats = core.rooms().map(|rooms| rooms.seated(server)).unwrap_or_default();
        let mut seated = Self { seats, ..Self::default() };
        let accids = seated.accids();
        if accids.is_empty() {
            return Ok(seated);
        }
        let mut channels: Vec<_> = seated.seats.iter().map(|(channel, _)| *channel).collect();
        channels.sort_unstable();
        channels.dedup();
        seated.configs = rotunda_store::media::configs(&mut **tx, &channels).await?;
        let servers = vec![server; accids.len()];
        let members = rotunda_store::member::by_keys(&mut **tx, &servers, &accids).await?;
        seated.names = members.into_iter().map(|member| (member.accid, member.nick)).collect();
        Ok(seated)
    }

    pub(crate) fn accids(&self) -> Vec<Accid> {
        let mut accids: Vec<Accid> = self.seats.iter().map(|(_, accid)| accid.clone()).collect();
        accids.sort_unstable();
        accids.dedup();
        accids
    }

    pub(crate) fn stand(&mut self, standings: Vec<Standing>) {
        self.standings = standings.into_iter().map(|standing| (standing.accid.clone(), standing)).collect();
    }
}

/// Tells the channels' owners the verdict of everybody seated, under the rules of the same moment. `closed` were told
/// already.
pub(crate) fn judge(
    rooms: &dyn Rooms,
    app: AppId,
    snapshot: &Snapshot,
    seated: &Seated,
    closed: &[ChannelId],
) {
    let default = RtcConfig::default();
    for (channel, accid) in seated.seats.iter().filter(|(channel, _)| !closed.contains(channel)) {
        if snapshot.channel(*channel).is_none() {
            rooms.close(*channel);
            continue;
        }
        let subject = seated.standings.get(accid).map_or(Subject::outsider(accid), Standing::subject);
        let config = seated.configs.get(channel).unwrap_or(&default);
        let name = seated.names.get(accid).map_or("", String::as_str);
        let verdict = Seat { channel: *channel, config, name }.judge(snapshot, &subject).ok();
        rooms.rights_changed(*channel, &UserKey { app, accid: accid.clone() }, snapshot.version, verdict);
    }
}

/// Whether somebody was seated since `seated` was read. Ask after the new rules are in memory.
pub(crate) fn missed(rooms: &dyn Rooms, server: ServerId, seated: &Seated) -> bool {
    rooms.seated(server).iter().any(|seat| !seated.seats.contains(seat))
}

/// Judges by what Postgres says, as soon as it says anything: after a commit of unknown outcome, and for those whom
/// the reading before a commit missed.
pub(crate) async fn judge_by_storage(core: Core, app: AppId, server: ServerId) {
    for _ in 0..TRIES {
        match judge_once(&core, app, server).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "rights of seated members cannot be read; trying again"),
        }
        tokio::time::sleep(RETRY).await;
    }
    let Some(rooms) = core.rooms() else { return };
    let seats = rooms.seated(server);
    tracing::error!(seats = seats.len(), "seats are given up: rights may have changed and cannot be read");
    for (channel, accid) in seats {
        rooms.rights_changed(channel, &UserKey { app, accid }, i64::MAX, None);
    }
}

/// Under the server's row lock: a commit whose connection was lost may still be under way in Postgres, and what was read
/// beside it would be old a moment later.
async fn judge_once(core: &Core, app: AppId, server: ServerId) -> Result<(), Error> {
    let mut tx = core.store().begin().await?;
    let held = rotunda_store::server::hold(&mut tx, server).await?;
    let rules = if held { rotunda_store::rules::load(&mut tx, server).await? } else { None };
    let Some(rules) = rules else {
        core.rules().put_gone(server);
        if let Some(rooms) = core.rooms() {
            rooms.seated(server).into_iter().for_each(|(channel, _)| rooms.close(channel));
        }
        return Ok(());
    };
    let snapshot = Arc::new(crate::rules::build(rules)?);
    core.rules().slot(server).marks.settled(snapshot.version);
    core.rules().put_read(app, Arc::clone(&snapshot));
    let Some(rooms) = core.rooms() else { return Ok(()) };
    let mut seated = Seated::read(core, &mut tx, server).await?;
    let mut roles = rotunda_store::member::standings(&mut *tx, server, &seated.accids()).await?;
    let standing = |accid: Accid| {
        let roles = roles.remove(&accid).map(Into::into);
        Standing::new(accid, roles)
    };
    let standings = seated.accids().into_iter().map(standing).collect();
    seated.stand(standings);
    judge(rooms.as_ref(), app, &snapshot, &seated, &[]);
    Ok(())
}
