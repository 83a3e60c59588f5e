//! Open channels, as an operator sees and ends them: of any app, without a right.

use rotunda_model::{Accid, ChannelId};

use crate::{Core, Error};

/// Who is in the channel now. Errors: 404.
pub async fn members(core: &Core, channel: ChannelId) -> Result<Vec<Accid>, Error> {
    exists(core, channel).await?;
    Ok(core.rooms().map_or_else(Vec::new, |rooms| rooms.online(channel)))
}

/// Puts everybody out (push 51); they may come again. Answers who was there. Errors: 404.
pub async fn end(core: &Core, channel: ChannelId) -> Result<Vec<Accid>, Error> {
    exists(core, channel).await?;
    let Some(rooms) = core.rooms() else { return Ok(Vec::new()) };
    let members = rooms.online(channel);
    rooms.close(channel);
    Ok(members)
}

async fn exists(core: &Core, channel: ChannelId) -> Result<(), Error> {
    match rotunda_store::channel::exists(core.store().pool(), channel).await? {
        true => Ok(()),
        false => Err(Error::NotFound("channel")),
    }
}
