//! Open channels, as an operator sees, moderates and ends them: of any app, without a right.

use rotunda_model::{Accid, ChannelId, ClientType, DeviceId, RtcConfig, UserKey};
use rotunda_store::channel::Home;

use super::config::{self, ConfigUpdate};
use crate::{Actor, Core, Error};

/// The device of who acts, where an actor must have one.
const DEVICE: &str = "operator";

/// What a member sends and an operator switches. Screens are their members' alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sending {
    Audio,
    Video,
}

/// What is done in an open channel. Nobody in it is named as the one who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moderation {
    /// One member's microphone and camera, off or on. It is on only with the member's own right, and although mute-all
    /// binds the others.
    Switch { accid: Accid, sources: Vec<Sending>, on: bool },
    /// Everybody's, but of those whom the right over everybody exempts. Without a lock each may switch on again.
    MuteAll { sources: Vec<Sending>, lock: bool },
    /// The lock is lifted; each switches on for itself.
    UnmuteAll { sources: Vec<Sending> },
    /// Out of the channel, not of the server; may come again.
    Kick(Accid),
}

/// Who is in the channel now. Errors: 404.
pub async fn members(core: &Core, channel: ChannelId) -> Result<Vec<Accid>, Error> {
    home(core, channel).await?;
    Ok(core.rooms().map_or_else(Vec::new, |rooms| rooms.online(channel)))
}

/// Puts everybody out (push 51); they may come again. Answers who was there. Errors: 404.
pub async fn end(core: &Core, channel: ChannelId) -> Result<Vec<Accid>, Error> {
    home(core, channel).await?;
    let Some(rooms) = core.rooms() else { return Ok(Vec::new()) };
    let members = rooms.online(channel);
    rooms.close(channel);
    Ok(members)
}

/// Acts on who is in the channel; the accounts it changed something for.
///
/// Errors: 404 unknown channel, nobody or not that member in it; 403 to switch on what the member has no right to; 503.
pub async fn moderate(core: &Core, channel: ChannelId, act: Moderation) -> Result<Vec<Accid>, Error> {
    home(core, channel).await?;
    let rooms = core.rooms().ok_or(Error::Busy("the server is stopping"))?;
    rooms.moderate(channel, act).await
}

/// 25_3, as the server's owner reads it. Errors: 404; 414 not of type media.
pub async fn config(core: &Core, channel: ChannelId) -> Result<RtcConfig, Error> {
    let home = home(core, channel).await?;
    config::config(core, &owner(&home)?, home.server, channel).await
}

/// 25_2, as the server's owner does it. Errors: 404; 414 and 405 as [`super::set_config`].
pub async fn set_config(core: &Core, channel: ChannelId, update: ConfigUpdate) -> Result<RtcConfig, Error> {
    let home = home(core, channel).await?;
    config::set_config(core, &owner(&home)?, home.server, channel, update).await
}

async fn home(core: &Core, channel: ChannelId) -> Result<Home, Error> {
    let home = rotunda_store::channel::home(core.store().pool(), channel).await?;
    home.ok_or(Error::NotFound("channel"))
}

/// To whom everything of the server is open.
fn owner(home: &Home) -> Result<Actor, Error> {
    let device = DeviceId::new(DEVICE).ok_or(Error::Internal("a device id"))?;
    let user = UserKey { app: home.app, accid: home.owner.clone() };
    Ok(Actor { user, device, client_type: ClientType::SERVER.0, nick: String::new() })
}
