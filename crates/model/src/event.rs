//! What happened in an app, as its backend is told.

use serde::{Deserialize, Serialize};

use crate::{Accid, AppId, ChannelId, DeviceId, Millis, ServerId, SessionId, notification::Notification};

/// One entry of the log before it has a place in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub app: AppId,
    /// Events of one server keep their order wherever they are delivered.
    pub server: Option<ServerId>,
    pub time: Millis,
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Happening {
    /// An account's device opened a link.
    Login(Link),
    /// That link ended. A device that comes back may log in before its old link is found dead.
    Logout(Link),
    /// A seat was taken in a media channel.
    Entered { session: SessionId, channel: ChannelId, accid: Accid, device: DeviceId },
    /// It was given up or taken away; `reason` as in the session's record.
    Left { session: SessionId, channel: ChannelId, accid: Accid, device: DeviceId, reason: String },
    /// Members were told of a change.
    Told(Box<Notification>),
}

/// A connection of the QChat link, from login to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Unlike any other's; in the login and in the logout.
    pub id: String,
    pub accid: Accid,
    pub device: DeviceId,
    pub client_type: u8,
}

impl Event {
    /// `None` for what is told to single accounts only because they see or do not see something: the change behind it
    /// is an event of its own.
    pub fn told(notification: &Notification) -> Option<Self> {
        use crate::notification::Fact;
        if matches!(notification.fact, Fact::ChannelVisibility { .. } | Fact::ServerEnterLeave { .. }) {
            return None;
        }
        Some(Self {
            app: notification.app,
            server: notification.server,
            time: notification.time,
            what: Happening::Told(Box::new(notification.clone())),
        })
    }
}
