//! Records of stays in media channels: written while they go on, read by operators, removed after a time.

use rotunda_model::{Accid, ChannelId, DeviceId, MediaSession, ServerId, SessionId, Traffic, UserKey};
use rotunda_store::{Store, StoreError, record as store};

pub use rotunda_store::record::Of;

use crate::{Core, Error, event};

/// The process went away under it.
pub const SERVER_STOPPED: &str = "server_stopped";

/// The channel's owner failed.
pub const FAILED: &str = "failed";

/// How long a record is kept after its end, ms: 90 days. Longer answers older questions, and keeps longer who spoke
/// with whom.
pub const RETENTION_MS: i64 = 90 * 24 * 60 * 60 * 1_000;

/// Records removed at once: more would hold their locks longer, fewer would fall behind a busy day.
const REMOVED_AT_ONCE: u32 = 5_000;

/// Most records of a page.
const PAGE_MAX: u32 = 1_000;

/// Who took a seat, where and with what.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub user: UserKey,
    pub server: ServerId,
    pub channel: ChannelId,
    pub device: DeviceId,
    pub link_device: DeviceId,
    pub client: String,
}

/// A record that begins now; nothing is written yet.
pub fn begin(core: &Core, arrival: Arrival) -> Result<MediaSession, Error> {
    let now = core.env().now();
    Ok(MediaSession {
        id: core.next_id()?,
        user: arrival.user,
        server: arrival.server,
        channel: arrival.channel,
        device: arrival.device,
        link_device: arrival.link_device,
        client: arrival.client,
        entered: now,
        seen: now,
        end: None,
        protocol: None,
        srtp: None,
        traffic: Traffic::default(),
    })
}

/// Writes all of them as they are, new ones and known ones, and who came and went into the log of events. No two may
/// have the same id.
pub async fn save(core: &Core, sessions: &[MediaSession]) -> Result<(), Error> {
    let mut tx = core.store().begin().await?;
    let new = store::save(&mut *tx, sessions).await?;
    rotunda_store::event::append(&mut tx, &event::of_sessions(sessions, &new)).await?;
    tx.commit().await.map_err(StoreError::from)?;
    core.event_signal().notify_one();
    Ok(())
}

/// Ends what an earlier process left open, at the time it was last seen; how many. For a starting server: should
/// another one still run over the same database, it writes its own again.
pub async fn end_abandoned(core: &Core) -> Result<u64, Error> {
    let mut tx = core.store().begin().await?;
    let ended = store::end_open(&mut *tx, SERVER_STOPPED).await?;
    rotunda_store::event::append(&mut tx, &event::of_sessions(&ended, &[])).await?;
    tx.commit().await.map_err(StoreError::from)?;
    core.event_signal().notify_one();
    Ok(ended.len() as u64)
}

/// Removes some of what is older than [`RETENTION_MS`]; how many. Not all at once: call it every now and then.
pub async fn remove_old(core: &Core) -> Result<u64, Error> {
    let before = core.env().now().plus(-RETENTION_MS);
    Ok(store::remove_old(core.store().pool(), before, REMOVED_AT_ONCE).await?)
}

/// Which records to read.
#[derive(Debug, Clone)]
pub struct Query {
    pub of: Of,
    /// Within a server or channel: this account's alone.
    pub account: Option<Accid>,
    /// Those that began before this one: the last of the page before.
    pub before: Option<SessionId>,
    /// 1 to 1,000.
    pub limit: u32,
}

/// Newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Sessions {
    pub items: Vec<MediaSession>,
    pub has_more: bool,
}

/// For operators: asks for no right. Errors: 414 the limit.
pub async fn list(records: &Store, query: &Query) -> Result<Sessions, Error> {
    if !(1..=PAGE_MAX).contains(&query.limit) {
        return Err(Error::Parameter("a limit outside 1 to 1000"));
    }
    let db = records.pool();
    let mut items = store::page(db, &query.of, query.account.as_ref(), query.before, query.limit + 1).await?;
    let has_more = items.len() > query.limit as usize;
    items.truncate(query.limit as usize);
    Ok(Sessions { items, has_more })
}
