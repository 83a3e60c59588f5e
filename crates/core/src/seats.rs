//! Seated members around a commit: who may stay, and with which rights.
//!
//! Everything Postgres has to say is read before the commit, under the server's row lock: so it is of exactly the
//! version that the commit makes, and nothing can fail between the commit and its effect on those seated. Who takes a
//! seat between reading and commit is judged after it; who takes one later finds the new version and asks again.

use std::{collections::HashMap, time::Duration};

use rotunda_model::{Accid, AppId, ChannelId, RoleId, RtcConfig, ServerId, UserKey};
use rotunda_permissions::{Snapshot, Subject};
use rotunda_store::Tx;

use crate::{Core, Error, Rooms, media::Seat};

/// How often, and how far apart, verdicts are tried again when Postgres cannot say whether a commit happened. After
/// that everybody seated is evicted: a right that may be gone is not kept for longer than this.
const TRIES: u32 = 20;
const RETRY: Duration = Duration::from_millis(500);

/// What is known of those seated in a server, at one moment.
#[derive(Debug, Default)]
pub(crate) struct Seated {
    seats: Vec<(ChannelId, Accid)>,
    /// Of members only.
    roles: HashMap<Accid, Vec<RoleId>>,
    names: HashMap<Accid, String>,
    configs: HashMap<ChannelId, RtcConfig>,
}

/// Reads it as the transaction sees it. Nobody seated costs no query.
pub(crate) async fn read(core: &Core, tx: &mut Tx, server: ServerId) -> Result<Seated, Error> {
    let seats = core.rooms().map(|rooms| rooms.seated(server)).unwrap_or_default();
    if seats.is_empty() {
        return Ok(Seated::default());
    }
    let mut accids: Vec<Accid> = seats.iter().map(|(_, accid)| accid.clone()).collect();
    accids.sort_unstable();
    accids.dedup();
    let mut channels: Vec<_> = seats.iter().map(|(channel, _)| *channel).collect();
    channels.sort_unstable();
    channels.dedup();
    let configs = rotunda_store::media::configs(&mut **tx, &channels).await?;
    let roles = rotunda_store::member::standings(&mut **tx, server, &accids).await?;
    let servers = vec![server; accids.len()];
    let members = rotunda_store::member::by_keys(&mut **tx, &servers, &accids).await?;
    let names = members.into_iter().map(|member| (member.accid, member.nick)).collect();
    Ok(Seated { seats, roles, names, configs })
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
        let subject = match seated.roles.get(accid) {
            Some(roles) => Subject::member(accid, roles),
            None => Subject::outsider(accid),
        };
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

async fn judge_once(core: &Core, app: AppId, server: ServerId) -> Result<(), Error> {
    let Some(rooms) = core.rooms() else { return Ok(()) };
    let mut tx = core.store().begin_read().await?;
    let rules = rotunda_store::rules::load(&mut tx, server).await?;
    let Some(rules) = rules else {
        rooms.seated(server).into_iter().for_each(|(channel, _)| rooms.close(channel));
        core.rules().put_gone(server);
        return Ok(());
    };
    let snapshot = std::sync::Arc::new(crate::rules::build(rules)?);
    let seated = read(core, &mut tx, server).await?;
    core.rules().put_live(app, std::sync::Arc::clone(&snapshot));
    judge(rooms.as_ref(), app, &snapshot, &seated, &[]);
    Ok(())
}
