//! Seated members after a commit: who may stay, and with which rights.

use std::collections::HashMap;

use rotunda_model::{Accid, AppId, RtcConfig, ServerId, UserKey};
use rotunda_permissions::Subject;

use crate::{Core, Error, Rooms, media::Seat};

/// Tells the channels' owners the verdict of everybody seated in the server. `left` are evicted even when Postgres
/// cannot be asked.
pub(crate) async fn judge_again(core: &Core, app: AppId, server: ServerId, left: &[Accid]) {
    let Some(rooms) = core.rooms() else { return };
    let seated = rooms.seated(server);
    if seated.is_empty() {
        return;
    }
    if let Err(error) = judge_all(core, rooms.as_ref(), app, server, &seated).await {
        tracing::error!(%error, seats = seated.len(), "seats keep their old rights: verdicts could not be taken");
        for (channel, accid) in seated.into_iter().filter(|(_, accid)| left.contains(accid)) {
            rooms.rights_changed(channel, &UserKey { app, accid }, None);
        }
    }
}

async fn judge_all(
    core: &Core,
    rooms: &dyn Rooms,
    app: AppId,
    server: ServerId,
    seated: &[(rotunda_model::ChannelId, Accid)],
) -> Result<(), Error> {
    let mut accids: Vec<Accid> = seated.iter().map(|(_, accid)| accid.clone()).collect();
    accids.sort_unstable();
    accids.dedup();
    let mut channels: Vec<_> = seated.iter().map(|(channel, _)| *channel).collect();
    channels.sort_unstable();
    channels.dedup();
    let db = core.store().pool();
    let configs = rotunda_store::media::configs(db, &channels).await?;
    let standings = rotunda_store::member::standings(db, server, &accids).await?;
    let servers = vec![server; accids.len()];
    let members = rotunda_store::member::by_keys(db, &servers, &accids).await?;
    let names: HashMap<Accid, String> =
        members.into_iter().map(|member| (member.accid, member.nick)).collect();
    // The newest there is: a slower sibling must not tell an older verdict after a newer one.
    let Some(snapshot) = core.snapshot(app, server).await? else { return Ok(()) };
    let default = RtcConfig::default();
    for (channel, accid) in seated {
        if snapshot.channel(*channel).is_none() {
            rooms.close(*channel);
            continue;
        }
        let subject = match standings.get(accid) {
            Some(roles) => Subject::member(accid, roles),
            None => Subject::outsider(accid),
        };
        let name = names.get(accid).map_or("", String::as_str);
        let seat = Seat { channel: *channel, config: configs.get(channel).unwrap_or(&default), name };
        let verdict = seat.judge(&snapshot, &subject).ok();
        rooms.rights_changed(*channel, &UserKey { app, accid: accid.clone() }, verdict);
    }
    Ok(())
}
