//! `cid` and `rtcUid`: small stable numbers for what the RTC wire keeps in JavaScript numbers.

use rotunda_model::{Accid, ChannelId};
use rotunda_store::StoreError;

use crate::{Core, Error};

/// The channel's number on the RTC wire: below 2^53, never the channelId, the same for ever. Errors: 404.
pub async fn cid(core: &Core, channel: ChannelId) -> Result<i64, Error> {
    let mut db = core.store().pool().acquire().await.map_err(StoreError::from)?;
    rotunda_store::media::cid(&mut db, channel).await?.ok_or(Error::NotFound("channel"))
}

/// The account's number in that channel: below 2^53, the same for ever. Errors: 404.
pub async fn rtc_uid(core: &Core, channel: ChannelId, accid: &Accid) -> Result<i64, Error> {
    let mut db = core.store().pool().acquire().await.map_err(StoreError::from)?;
    rotunda_store::media::rtc_uid(&mut db, channel, accid).await?.ok_or(Error::NotFound("channel"))
}
