//! May this account be in this media channel, and what may it do there?

use rotunda_model::{ChannelId, ChannelKind, Right, RightSet, RtcConfig, ServerId, UserKey};
use rotunda_permissions::{Scope, Snapshot, Subject, guard};

use crate::{Core, Error, rules::STANDING_TRIES};

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
    for _ in 0..STANDING_TRIES {
        let entrance =
            rotunda_store::media::entrance(core.store().pool(), user.app, channel, &user.accid).await?;
        let entrance = entrance.ok_or(Error::NotFound("channel"))?;
        let accid = std::slice::from_ref(&user.accid);
        let (snapshot, standings) = match core.standings(user.app, entrance.server, accid).await {
            Err(Error::NotFound(_)) => return Err(Error::NotFound("channel")),
            found => found?,
        };
        if entrance.version > snapshot.version {
            core.refresh(entrance.server).await?;
        }
        if entrance.version != snapshot.version {
            continue;
        }
        if entrance.kind != ChannelKind::Media {
            return Err(Error::Parameter("the channel is not of type media"));
        }
        let standing = standings.first().ok_or(Error::NotMember)?;
        let seat = Seat { channel, config: &entrance.config, name: &entrance.name };
        return seat.judge(&snapshot, &standing.subject());
    }
    Err(Error::Busy("the server's rules change too fast"))
}

/// The newest committed version of a server known here; memory only. `i64::MAX` once it is deleted.
pub fn version(core: &Core, server: ServerId) -> i64 {
    core.rules().version(server)
}

/// A seat about which is judged.
pub(crate) struct Seat<'a> {
    pub channel: ChannelId,
    pub config: &'a RtcConfig,
    pub name: &'a str,
}

impl Seat<'_> {
    pub(crate) fn judge(&self, snapshot: &Snapshot, subject: &Subject<'_>) -> Result<MediaVerdict, Error> {
        let scope = Scope::Channel(self.channel);
        guard::holds(snapshot, subject, scope, Right::RTC_CONNECT)?;
        let rights = snapshot.rights(subject, scope).ok_or(Error::NotFound("channel"))?;
        let accid = subject.accid();
        Ok(MediaVerdict {
            server: snapshot.server,
            channel: self.channel,
            rights,
            version: snapshot.version,
            is_owner: *accid == snapshot.owner,
            config: self.config.clone(),
            display_name: if self.name.is_empty() { accid.as_str() } else { self.name }.to_owned(),
        })
    }
}
