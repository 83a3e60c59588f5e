//! May this account be in this media channel, and what may it do there?

use rotunda_model::{ChannelId, RightSet, RtcConfig, ServerId, UserKey};

use crate::{Core, Error};

/// What the channel's owner needs to seat a member.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaVerdict {
    pub server: ServerId,
    pub channel: ChannelId,
    /// All built-in rights of the account in the channel.
    pub rights: RightSet,
    /// The server's version under which this was true.
    pub version: i64,
    pub is_owner: bool,
    pub config: RtcConfig,
    /// The member's nick in the server, else the account's name, else the accid.
    pub display_name: String,
}

/// Errors: 404 unknown channel or other app; 414 not of type media; 403 not a member, invisible, or no right 15.
///
/// A commit may overtake the answer: after seating, compare [`version`] with [`MediaVerdict::version`] and ask again
/// if it rose.
pub async fn verdict(core: &Core, user: &UserKey, channel: ChannelId) -> Result<MediaVerdict, Error> {
    let _ = (core, user, channel);
    todo!()
}

/// The newest committed version of a server known here; memory only. `i64::MAX` once it is deleted.
pub fn version(core: &Core, server: ServerId) -> i64 {
    let _ = (core, server);
    todo!()
}
