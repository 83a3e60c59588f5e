//! What of an open media channel outlives the process: written through by the channel's owner.

use rotunda_model::{Accid, ChannelId, Millis};
use rotunda_store::{StoreError, media as store};

use crate::{Core, Error, text};

/// Bytes of a room property's name and value.
const PROPERTY_NAME_MAX: usize = 64;
const PROPERTY_VALUE_MAX: usize = 1_024;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedRoom {
    /// Name and value, e.g. `audioOff` and `offNotAllowSelfOn_1700000000000`.
    pub properties: Vec<(String, String)>,
    /// Sources a moderator switched off: account and source ("audio", "video", "subVideo").
    pub muted: Vec<(Accid, String)>,
}

pub async fn load_room(core: &Core, channel: ChannelId) -> Result<SavedRoom, Error> {
    let db = core.store().pool();
    let properties = store::properties(db, channel).await?;
    let muted = store::moderator_offs(db, channel).await?;
    Ok(SavedRoom { properties, muted })
}

/// `None` removes the property. Errors: 405 an overlong name or value.
pub async fn save_property(
    core: &Core,
    channel: ChannelId,
    name: &str,
    value: Option<&str>,
) -> Result<(), Error> {
    text::bytes("property name", name, PROPERTY_NAME_MAX)?;
    let db = core.store().pool();
    match value {
        Some(value) => {
            text::bytes("property value", value, PROPERTY_VALUE_MAX)?;
            store::set_property(db, channel, name, value).await?;
        }
        None => store::remove_property(db, channel, name).await?,
    }
    Ok(())
}

/// `off` false: the source may be on again. Errors: 405 an overlong source.
pub async fn save_moderator_off(
    core: &Core,
    channel: ChannelId,
    accid: &Accid,
    source: &str,
    off: bool,
) -> Result<(), Error> {
    text::bytes("source", source, 16)?;
    let db = core.store().pool();
    match off {
        true => store::set_moderator_off(db, channel, accid, source).await?,
        false => store::remove_moderator_off(db, channel, accid, source).await?,
    }
    Ok(())
}

/// The emptied room forgets its properties and moderators' offs; cid and rtcUids stay.
pub async fn clear_room(core: &Core, channel: ChannelId) -> Result<(), Error> {
    let mut tx = core.store().begin().await?;
    store::clear_room(&mut tx, channel).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}

/// True the first time for a `jti`: a session token may re-seat its owner once after a restart. Kept until `expires`.
/// Errors: 405 an overlong `jti`.
pub async fn use_once(core: &Core, jti: &str, expires: Millis) -> Result<bool, Error> {
    text::bytes("jti", jti, 64)?;
    let mut db = core.store().pool().acquire().await.map_err(StoreError::from)?;
    Ok(store::use_once(&mut db, jti, expires, core.env().now()).await?)
}
