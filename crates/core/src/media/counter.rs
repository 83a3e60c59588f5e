//! `cid` and `rtcUid`: small stable numbers for what the RTC wire keeps in JavaScript numbers.

use rotunda_model::{Accid, ChannelId};

use crate::{Core, Error};

/// The channel's number on the RTC wire: below 2^53, never the channelId, the same for ever.
pub async fn cid(core: &Core, channel: ChannelId) -> Result<i64, Error> {
    let _ = (core, channel);
    todo!()
}

/// The account's number in that channel: below 2^53, the same for ever.
pub async fn rtc_uid(core: &Core, channel: ChannelId, accid: &Accid) -> Result<i64, Error> {
    let _ = (core, channel, accid);
    todo!()
}
