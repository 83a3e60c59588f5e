//! Webhooks: an app's events on their way to its backend. At least once, within a server in order, repeated until an
//! answer comes or patience ends. Who sends is above; what is sent when, and what becomes of it, is here.

use rotunda_model::{
    AppId, ServerId,
    webhook::{Delivery, DeliveryState, Webhook},
};
use rotunda_store::{StoreError, event as events, webhook as store};

pub use rotunda_store::webhook::Head;

use crate::{Core, Error, event::RETENTION_MS, text};

/// Webhooks of an app. Each costs a row for every event.
const PER_APP: u32 = 10;

/// Longest address, bytes.
const URL_MAX: usize = 2_048;

/// Most deliveries of a page.
const PAGE_MAX: u32 = 1_000;

/// Events looked at in one transaction. More saves round trips, fewer holds the webhook's row for less long.
const SPREAD_AT_ONCE: u32 = 500;

/// Seconds from an attempt that failed to the next. Together two days: a backend that is down over a weekend's first
/// day still gets everything, and after it a lane that nobody takes no longer holds back what comes later.
const PAUSES_S: [i64; 12] = [2, 10, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 72_000];

/// Pauses are longer by up to this share of themselves, so that what failed together does not return together.
const JITTER_PER_MILLE: i64 = 200;

/// Deliveries forgotten at once.
const REMOVED_AT_ONCE: u32 = 5_000;

/// Events from now on go to that address; `kinds` empty: all. The address itself is checked by who sends.
/// Errors: 414 an empty address, a NUL; 405 too long; 419 ten already.
pub async fn create(core: &Core, app: AppId, url: &str, kinds: &[String]) -> Result<Webhook, Error> {
    text::bytes("webhook address", url, URL_MAX)?;
    if url.is_empty() {
        return Err(Error::Parameter("an empty webhook address"));
    }
    for kind in kinds {
        text::bytes("name of an event", kind, 64)?;
    }
    let db = core.store().pool();
    if store::of_app(db, app).await?.len() >= PER_APP as usize {
        return Err(Error::OverLimit { what: "webhooks of an app", max: PER_APP });
    }
    let id = store::create(db, app, url, kinds, core.env().now()).await?;
    store::find(db, id).await?.ok_or(Error::Internal("a webhook that was just made"))
}

/// Oldest first.
pub async fn list(core: &Core, app: AppId) -> Result<Vec<Webhook>, Error> {
    Ok(store::of_app(core.store().pool(), app).await?)
}

/// Errors: 404.
pub async fn remove(core: &Core, app: AppId, id: i64) -> Result<(), Error> {
    if store::remove(core.store().pool(), app, id).await? { Ok(()) } else { Err(Error::NotFound("webhook")) }
}

/// Newest first, of events below `before`. Errors: 404; 414 a limit outside 1 to 1000.
pub async fn deliveries(
    core: &Core,
    app: AppId,
    id: i64,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Delivery>, Error> {
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Error::Parameter("a limit outside 1 to 1000"));
    }
    let db = core.store().pool();
    if store::find(db, id).await?.is_none_or(|webhook| webhook.app != app) {
        return Err(Error::NotFound("webhook"));
    }
    Ok(store::deliveries(db, id, state, before.unwrap_or(i64::MAX), limit).await?)
}

/// Sends it again, whatever became of it. What of its server came later may have arrived before. Errors: 404.
pub async fn redeliver(core: &Core, app: AppId, id: i64, event: i64) -> Result<(), Error> {
    let found = store::again(core.store().pool(), app, id, event, core.env().now()).await?;
    if !found {
        return Err(Error::NotFound("delivery"));
    }
    core.event_signal().notify_one();
    Ok(())
}

/// Turns events into deliveries for the webhooks that want them. `name` is an event's name, as webhooks ask for it.
pub async fn spread(core: &Core, name: impl Fn(&events::Entry) -> Option<&'static str>) -> Result<(), Error> {
    for id in store::behind(core.store().pool()).await? {
        while spread_some(core, id, &name).await? {}
    }
    Ok(())
}

/// True: there may be more.
async fn spread_some(
    core: &Core,
    id: i64,
    name: impl Fn(&events::Entry) -> Option<&'static str>,
) -> Result<bool, Error> {
    let mut tx = core.store().begin().await?;
    let Some(position) = store::lock(&mut tx, id).await? else { return Ok(false) };
    let entries = events::after(&mut *tx, position.app, position.through, SPREAD_AT_ONCE).await?;
    let Some(last) = entries.last() else { return Ok(false) };
    let wanted = |entry: &&events::Entry| {
        let name = name(entry);
        name.is_some_and(|name| position.kinds.is_empty() || position.kinds.iter().any(|kind| kind == name))
    };
    let lane = |entry: &events::Entry| {
        let server = entry.event.as_ref().ok().and_then(|event| event.server);
        (entry.id, server.map_or(0, ServerId::get))
    };
    let deliveries: Vec<(i64, i64)> = entries.iter().filter(wanted).map(lane).collect();
    store::spread(&mut tx, id, &deliveries, last.id, core.env().now()).await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(entries.len() == SPREAD_AT_ONCE as usize)
}

/// Webhooks with something to be sent now.
pub async fn due(core: &Core) -> Result<Vec<i64>, Error> {
    Ok(store::due(core.store().pool(), core.env().now()).await?)
}

/// The webhook, and the first of each of its lanes that is to be sent now. `None`: it is gone.
pub async fn heads(core: &Core, id: i64, limit: u32) -> Result<Option<(Webhook, Vec<Head>)>, Error> {
    let db = core.store().pool();
    let Some(webhook) = store::find(db, id).await? else { return Ok(None) };
    let heads = store::heads(db, id, core.env().now(), limit).await?;
    Ok(Some((webhook, heads)))
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// An answer with this HTTP status: 2xx is a success, anything else is not.
    Answered(u16),
    /// None, and why in a few words.
    Failed(String),
    /// It cannot be sent at all, now or later.
    Hopeless(String),
}

/// Notes what became of it, and when to try again; the state it is in now.
pub async fn attempted(core: &Core, id: i64, head: &Head, attempt: Attempt) -> Result<DeliveryState, Error> {
    let now = core.env().now();
    let attempts = head.attempts.saturating_add(1);
    let (status, failure) = match &attempt {
        Attempt::Answered(status) => (Some(*status), None),
        Attempt::Failed(why) | Attempt::Hopeless(why) => (None, Some(why.clone())),
    };
    let pause = PAUSES_S.get(head.attempts as usize).filter(|_| !matches!(attempt, Attempt::Hopeless(_)));
    let (state, at) = match (attempt, pause) {
        (Attempt::Answered(200..=299), _) => (DeliveryState::Delivered, now),
        (_, Some(pause)) => (DeliveryState::Waiting, now.plus(jittered(core, pause * 1_000))),
        (_, None) => (DeliveryState::GivenUp, now),
    };
    let delivery = Delivery { event: head.event, state, attempts, at, status, failure };
    store::attempted(core.store().pool(), id, &delivery).await?;
    Ok(state)
}

fn jittered(core: &Core, pause_ms: i64) -> i64 {
    let share = i64::from(u16::from_be_bytes(core.env().bytes())) * JITTER_PER_MILLE / i64::from(u16::MAX);
    pause_ms + pause_ms * share / 1_000
}

/// Forgets some of what was done with longer ago than events are kept; how many.
pub async fn remove_old(core: &Core) -> Result<u64, Error> {
    let before = core.env().now().plus(-RETENTION_MS);
    Ok(store::remove_old(core.store().pool(), before, REMOVED_AT_ONCE).await?)
}

/// Resolves when something may be there to be sent: an event was written, or one is to be sent again.
pub async fn woken(core: &Core) {
    core.event_signal().notified().await;
}
