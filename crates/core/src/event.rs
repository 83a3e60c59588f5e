//! The log of what happened in an app: written beside what it tells of, read by backends from where they were.

use std::collections::VecDeque;

use parking_lot::Mutex;
use rotunda_model::{
    AppId, MediaSession,
    event::{Event, Happening, Link},
};
use rotunda_store::{StoreError, event as store};

pub use rotunda_store::event::Entry;

use crate::{Core, Error};

/// How long an event is kept, ms: seven days. Longer helps a backend that was away, and keeps longer who did what.
pub const RETENTION_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// Removed at once: more would hold their locks longer, fewer would fall behind a busy day.
const REMOVED_AT_ONCE: u32 = 5_000;

/// Logins and logouts that wait to be written. More survive a longer outage of Postgres, and take more memory.
const WAITING_MAX: usize = 10_000;

/// Most entries of a page.
pub const PAGE_MAX: u32 = 1_000;

/// What no transaction writes: logins and logouts, until the dispatcher takes them.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<VecDeque<Event>>);

impl Waiting {
    /// The oldest ones, to be written; [`Waiting::put_back`] when that fails.
    pub(crate) fn take(&self, most: usize) -> Vec<Event> {
        let mut waiting = self.0.lock();
        let most = most.min(waiting.len());
        waiting.drain(..most).collect()
    }

    pub(crate) fn put_back(&self, events: Vec<Event>) {
        let mut waiting = self.0.lock();
        for event in events.into_iter().rev() {
            waiting.push_front(event);
        }
        let over = waiting.len().saturating_sub(WAITING_MAX);
        waiting.truncate(WAITING_MAX);
        lost(over);
    }

    fn push(&self, event: Event) {
        let mut waiting = self.0.lock();
        if waiting.len() < WAITING_MAX {
            waiting.push_back(event);
        } else {
            lost(1);
        }
    }
}

fn lost(count: usize) {
    if count > 0 {
        metrics::counter!("rotunda_events_lost_total").increment(count as u64);
    }
}

/// A device of the app's account opened a link. Written soon, not at once.
pub fn logged_in(core: &Core, app: AppId, link: Link) {
    note(core, app, Happening::Login(link));
}

/// Its link ended, however.
pub fn logged_out(core: &Core, app: AppId, link: Link) {
    note(core, app, Happening::Logout(link));
}

fn note(core: &Core, app: AppId, what: Happening) {
    core.waiting_events().push(Event { app, server: None, time: core.env().now(), what });
    core.outbox_signal().notify_one();
}

/// Appends these in a transaction of their own.
pub(crate) async fn write(core: &Core, events: &[Event]) -> Result<(), Error> {
    let mut tx = core.store().begin().await?;
    store::append(&mut tx, events).await?;
    tx.commit().await.map_err(StoreError::from)?;
    core.event_signal().notify_one();
    Ok(())
}

/// What the record of a stay tells: that it began when it was written for the first time, and that it ended.
pub(crate) fn of_sessions(sessions: &[MediaSession], new: &[i64]) -> Vec<Event> {
    let event = |session: &MediaSession, time, what| Event {
        app: session.user.app,
        server: Some(session.server),
        time,
        what,
    };
    let mut events = Vec::new();
    for session in sessions {
        let (id, channel) = (session.id, session.channel);
        let (accid, device) = (&session.user.accid, &session.link_device);
        if new.contains(&id.get()) {
            let what =
                Happening::Entered { session: id, channel, accid: accid.clone(), device: device.clone() };
            events.push(event(session, session.entered, what));
        }
        if let Some(end) = &session.end {
            let (accid, device, reason) = (accid.clone(), device.clone(), end.reason.clone());
            events.push(event(
                session,
                end.at,
                Happening::Left { session: id, channel, accid, device, reason },
            ));
        }
    }
    events.sort_by_key(|event| event.time);
    events
}

/// A page of the log.
#[derive(Debug, Clone)]
pub struct Events {
    pub items: Vec<Entry>,
    pub has_more: bool,
    /// True: entries after the cursor were removed before this read; what they told is to be read anew.
    pub gap: bool,
}

/// What happened in the app after the entry `after` (0: from the oldest that is kept), oldest first. For operators and
/// backends: asks for no right. Errors: 414 a limit outside 1 to 1000, a cursor that was never given out.
pub async fn list(core: &Core, app: AppId, after: i64, limit: u32) -> Result<Events, Error> {
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Error::Parameter("a limit outside 1 to 1000"));
    }
    if after < 0 {
        return Err(Error::Parameter("a cursor below 0"));
    }
    let db = core.store().pool();
    let mut items = store::after(db, app, after, limit + 1).await?;
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let gap = after > 0 && store::removed_through(db).await? > after;
    Ok(Events { items, has_more, gap })
}

/// Removes some of what is older than [`RETENTION_MS`]; how many. Not all at once: call it every now and then.
pub async fn remove_old(core: &Core) -> Result<u64, Error> {
    let before = core.env().now().plus(-RETENTION_MS);
    Ok(store::remove_old(core.store().pool(), before, REMOVED_AT_ONCE).await?)
}
