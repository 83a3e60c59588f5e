//! What core asks of the parts above it. Implemented in `gateway`, faked in tests.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use rotunda_model::{
    Accid, AppId, ChannelId, DeviceId, Millis, RtcConfig, ServerId, UserKey, notification::Notification,
};

use crate::{
    Error,
    login::Client,
    media::{MediaVerdict, operator::Moderation},
};

/// An account's membership of one server, as the hub indexes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    pub server: ServerId,
    /// Whether it receives what is told to the whole server: always in a small one, by subscription in a large one.
    pub hears: bool,
}

/// The link sessions of this process.
pub trait Hub: Send + Sync {
    /// Online members who receive what is told to the whole server.
    fn subscribers(&self, app: AppId, server: ServerId) -> Vec<Accid>;
    /// All online members, also of a large server: what is addressed to accounts needs no subscription.
    fn online_members(&self, app: AppId, server: ServerId) -> Vec<Accid>;
    fn is_online(&self, user: &UserKey) -> bool;
    /// To every device of the account; the number of sessions reached. Never blocks.
    fn deliver(&self, user: &UserKey, notification: &Arc<Notification>) -> usize;
    /// The account became a member: index it if it is online.
    fn joined(&self, user: &UserKey, membership: Membership);
    /// A member begins or ceases to receive what is told to the whole server. Nothing for who is no member any more.
    fn subscribed(&self, user: &UserKey, membership: Membership);
    /// The account is no longer a member: out of the index.
    fn left(&self, user: &UserKey, server: ServerId);
    /// Ends every link of the account with push 24_5; `reason` as on the wire (2 = by the server), `ext` for the app.
    fn kick(&self, user: &UserKey, reason: u8, ext: &str);
}

/// A login, as the app's own server is asked about it.
#[derive(Clone, Copy)]
pub struct LoginQuestion<'a> {
    pub url: &'a str,
    pub app_key: &'a str,
    /// In clear: it signs the question.
    pub secret: &'a str,
    pub auth_type: i64,
    pub accid: &'a Accid,
    pub token: &'a str,
    pub client: Client<'a>,
    pub now: Millis,
}

impl fmt::Debug for LoginQuestion<'_> {
    /// Secret, token and address stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginQuestion").field("auth_type", &self.auth_type).finish_non_exhaustive()
    }
}

/// The servers of apps.
#[async_trait]
pub trait Callbacks: Send + Sync {
    /// Whether the account may come in. `None`: no answer, in time or at all.
    async fn ask_login(&self, question: LoginQuestion<'_>) -> Option<bool>;
}

/// The open media channels of this process.
#[async_trait]
pub trait Rooms: Send + Sync {
    /// Everybody seated in the channels of that server.
    fn seated(&self, server: ServerId) -> Vec<(ChannelId, Accid)>;
    /// Accounts now in the channel (25_4).
    fn online(&self, channel: ChannelId) -> Vec<Accid>;
    /// A commit changed something: the member's verdict under that version of the server, or `None` to evict. What is
    /// older than the verdict a seat was last given is dropped: commits may be told out of order.
    fn rights_changed(&self, channel: ChannelId, user: &UserKey, version: i64, verdict: Option<MediaVerdict>);
    /// The channel or its server is gone: everybody out (push 51).
    fn close(&self, channel: ChannelId);
    /// What an operator wants, in one step at the channel's owner: all of it or nothing; the accounts it changed something
    /// for, once it has taken effect. Errors: 404 nobody, or not that member, is in the channel; 403 the member itself
    /// lacks the right; 503.
    async fn moderate(&self, channel: ChannelId, act: Moderation) -> Result<Vec<Accid>, Error>;
    /// The account was blocked: out of every channel at once.
    fn expel(&self, user: &UserKey);
    fn link_up(&self, user: &UserKey, link_device: &DeviceId);
    /// The seat ends 10 s later, unless `link_up` comes first.
    fn link_down(&self, user: &UserKey, link_device: &DeviceId);
    fn config_changed(&self, channel: ChannelId, config: RtcConfig);
}
