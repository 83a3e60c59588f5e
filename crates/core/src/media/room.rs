//! What of an open media channel outlives the process: written through by the channel's owner.

use rotunda_model::{Accid, ChannelId, Millis};

use crate::{Core, Error};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedRoom {
    /// Name and value, e.g. `audioOff` and `offNotAllowSelfOn_1700000000000`.
    pub properties: Vec<(String, String)>,
    /// Sources a moderator switched off: account and source ("audio", "video", "subVideo").
    pub muted: Vec<(Accid, String)>,
}

pub async fn load_room(core: &Core, channel: ChannelId) -> Result<SavedRoom, Error> {
    let _ = (core, channel);
    todo!()
}

/// `None` removes the property.
pub async fn save_property(
    core: &Core,
    channel: ChannelId,
    name: &str,
    value: Option<&str>,
) -> Result<(), Error> {
    let _ = (core, channel, name, value);
    todo!()
}

pub async fn save_moderator_off(
    core: &Core,
    channel: ChannelId,
    accid: &Accid,
    source: &str,
    off: bool,
) -> Result<(), Error> {
    let _ = (core, channel, accid, source, off);
    todo!()
}

/// The emptied room forgets its properties and moderators' offs; cid and rtcUids stay.
pub async fn clear_room(core: &Core, channel: ChannelId) -> Result<(), Error> {
    let _ = (core, channel);
    todo!()
}

/// True the first time for a `jti`: a session token may re-seat its owner once after a restart. Kept until `expires`.
pub async fn use_once(core: &Core, jti: &str, expires: Millis) -> Result<bool, Error> {
    let _ = (core, jti, expires);
    todo!()
}
