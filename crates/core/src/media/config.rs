//! The configuration of media channels, and who is in one.

use rotunda_model::{Accid, Channel, ChannelId, ChannelKind, RtcConfig, ServerId, server::Member};
use rotunda_permissions::guard;
use rotunda_store::media as store;

use crate::{Actor, Core, Error, channel, text};

/// Bytes of the audio or video text.
const TEXT_MAX: usize = 4_096;

/// What 25_2 carries; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ConfigUpdate {
    pub limit: Option<i64>,
    /// JSON text of an object.
    pub audio: Option<String>,
    /// JSON text of an object.
    pub video: Option<String>,
}

/// 25_2. A limit below the occupancy evicts nobody.
///
/// Errors: 404 server or channel of it; 403 hidden or without manageChannel there; 414 not of type media, a limit
/// below 0 or beyond 32 bits, a text that is no JSON object; 405 an overlong text.
pub async fn set_config(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: ChannelId,
    update: ConfigUpdate,
) -> Result<RtcConfig, Error> {
    for text in [&update.audio, &update.video].into_iter().flatten() {
        text::bytes("audio or video", text, TEXT_MAX)?;
        if !serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_object()) {
            return Err(Error::Parameter("audio or video is no JSON object"));
        }
    }
    let limit = update.limit.map(|limit| u32::try_from(limit).ok().filter(|limit| *limit <= LIMIT_MAX));
    let (mut change, found) = channel::begin(core, actor, id).await?;
    if found.server != server {
        return Err(Error::NotFound("channel"));
    }
    let standing = change.actor_standing().await?;
    guard::update_media_config(&change.before, &standing.subject(), id)?;
    media_only(&found)?;
    let mut config = store::config(&mut *change.tx, id).await?;
    if let Some(limit) = limit {
        config.limit = limit.ok_or(Error::Parameter("limit"))?;
    }
    config.audio = update.audio.unwrap_or(config.audio);
    config.video = update.video.unwrap_or(config.video);
    store::set_config(&mut *change.tx, id, &config).await?;
    change.commit().await?;
    if let Some(rooms) = core.rooms() {
        rooms.config_changed(id, config.clone());
    }
    Ok(config)
}

/// The column's range.
const LIMIT_MAX: u32 = i32::MAX as u32;

/// 25_3. Errors: 404 server or channel of it; 403 hidden; 414 not of type media.
pub async fn config(core: &Core, actor: &Actor, server: ServerId, id: ChannelId) -> Result<RtcConfig, Error> {
    let found = channel::seen(core, actor, Some(server), id).await?;
    media_only(&found)?;
    Ok(store::config(core.store().pool(), id).await?)
}

/// 25_4: the members now in the channel, in the order the channel names them. Errors: as [`config`].
pub async fn online(
    core: &Core,
    actor: &Actor,
    server: ServerId,
    id: ChannelId,
) -> Result<Vec<Member>, Error> {
    let found = channel::seen(core, actor, Some(server), id).await?;
    media_only(&found)?;
    let Some(rooms) = core.rooms() else { return Ok(Vec::new()) };
    let accids: Vec<Accid> = rooms.online(id);
    let servers = vec![found.server; accids.len()];
    let mut members = rotunda_store::member::by_keys(core.store().pool(), &servers, &accids).await?;
    members.sort_by_key(|member| accids.iter().position(|accid| *accid == member.accid));
    Ok(members)
}

fn media_only(channel: &Channel) -> Result<(), Error> {
    match channel.kind {
        ChannelKind::Media => Ok(()),
        _ => Err(Error::Parameter("the channel is not of type media")),
    }
}
