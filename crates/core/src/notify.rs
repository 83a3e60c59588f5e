//! Notifications: outbox, dispatch, storage for those who are not online.

use std::{collections::BTreeSet, future::Future, pin::pin, sync::Arc, time::Duration};

use rotunda_model::{
    Accid, AppId, Place, ServerId, UserKey,
    event::Event,
    notification::{Audience, Fact, Notification},
};
use rotunda_permissions::Sight;
use rotunda_store::{StoreError, outbox as store};

use crate::{Core, Error, Hub, change::Standing, event as events};

/// Rows taken from the outbox at once. More saves round trips under load, fewer holds less in memory.
const BATCH: u32 = 256;

/// How long the dispatcher sleeps after Postgres failed. Longer delays delivery after an outage, shorter loads it.
const RETRY: Duration = Duration::from_millis(500);

/// Stored notifications of an account, oldest first: for 24_24 after 24_19.
pub async fn stored(core: &Core, user: &UserKey) -> Result<Vec<Arc<Notification>>, Error> {
    let stored = store::stored(core.store().pool(), user, core.env().now()).await?;
    Ok(stored.into_iter().map(Arc::new).collect())
}

/// Forgets stored notifications up to and including `stored_id`, once they were handed to a session.
pub async fn acknowledge(core: &Core, user: &UserKey, stored_id: i64) -> Result<(), Error> {
    Ok(store::forget(core.store().pool(), user, stored_id).await?)
}

/// Delivers outbox rows until `shutdown` is ready. One task per process.
pub async fn run_dispatcher(core: Core, shutdown: impl Future<Output = ()> + Send) {
    let mut shutdown = pin!(shutdown);
    loop {
        let pause = match dispatch(&core).await {
            Ok(true) => continue,
            Ok(false) => None,
            Err(error) => {
                tracing::error!(%error, "notifications wait: the outbox could not be read");
                Some(RETRY)
            }
        };
        let woken = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => core.outbox_signal().notified().await,
            }
        };
        tokio::select! {
            () = &mut shutdown => return,
            () = woken => {}
        }
    }
}

/// Delivers what waits in the outbox now, oldest first, up to one batch. False: nothing waited.
///
/// A row is removed before it is delivered: after a crash a notification may be lost, like every other one that was
/// under way to a socket, but none comes twice.
pub async fn dispatch(core: &Core) -> Result<bool, Error> {
    let Some(hub) = core.hub() else { return Ok(false) };
    write_events(core).await?;
    let rows = store::oldest(core.store().pool(), BATCH).await?;
    if rows.is_empty() {
        return Ok(false);
    }
    // Nobody hears of a change before memory shows it: the row may be visible a moment earlier.
    let servers = rows.iter().filter_map(|row| row.notification.as_ref().ok()?.server);
    for server in servers.collect::<BTreeSet<_>>() {
        core.catch_up(server).await?;
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let told = rows.iter().filter_map(|row| Event::told(row.notification.as_ref().ok()?));
    let told: Vec<Event> = told.collect();
    let mut tx = core.store().begin().await?;
    store::remove(&mut *tx, &ids).await?;
    rotunda_store::event::append(&mut tx, &told).await?;
    tx.commit().await.map_err(StoreError::from)?;
    core.event_signal().notify_one();
    for row in rows {
        match row.notification {
            Ok(notification) => deliver(core, hub.as_ref(), notification).await,
            Err(error) => tracing::error!(row = row.id, %error, "dropped an unreadable outbox row"),
        }
    }
    Ok(true)
}

/// Logs what no transaction wrote. What fails to be written waits for the next time. The dispatcher does it; a process
/// that stops does it once more when its last link has ended.
pub async fn write_events(core: &Core) -> Result<(), Error> {
    loop {
        let waiting = core.waiting_events().take(BATCH as usize);
        if waiting.is_empty() {
            return Ok(());
        }
        if let Err(error) = events::write(core, &waiting).await {
            core.waiting_events().put_back(waiting);
            return Err(error);
        }
    }
}

async fn deliver(core: &Core, hub: &dyn Hub, notification: Notification) {
    let app = notification.app;
    let receivers = match receivers(core, hub, &notification).await {
        Ok(receivers) => receivers,
        Err(error) => {
            tracing::error!(%error, kind = notification.fact.number(), "dropped a notification");
            return;
        }
    };
    // Told to each alone: who else it is about is not for everybody to read.
    let personal = matches!(
        notification.fact,
        Fact::ChannelVisibility { .. } | Fact::ServerEnterLeave { .. } | Fact::CategoryRemove { .. }
    ) || matches!(notification.audience, Audience::ChannelAccounts(_));
    // Who left was taken from the index by the commit, and may have come back since.
    let gone = matches!(
        (&notification.fact, &notification.audience),
        (Fact::ServerEnterLeave { entered: false, .. }, Audience::Server { .. })
    );
    let shared = Arc::new(notification);
    for accid in receivers {
        let notification = if personal {
            let mut own = Notification::clone(&shared);
            own.audience = match own.channel {
                Some(_) => Audience::ChannelAccounts(vec![accid.clone()]),
                None => Audience::ServerAccounts(vec![accid.clone()]),
            };
            Arc::new(own)
        } else {
            Arc::clone(&shared)
        };
        let user = UserKey { app, accid };
        let reached = hub.deliver(&user, &notification);
        if reached > 0 && notification.stored_id != 0 {
            let forgotten = store::forget_one(core.store().pool(), notification.stored_id).await;
            if let Err(error) = forgotten {
                tracing::error!(%error, "a notification that was seen stays stored");
            }
        }
        if let Some(server) = notification.server.filter(|_| gone) {
            hub.left(&user, server);
        }
    }
}

async fn receivers(core: &Core, hub: &dyn Hub, notification: &Notification) -> Result<Vec<Accid>, Error> {
    let app = notification.app;
    Ok(match (&notification.audience, notification.server) {
        (Audience::ServerAccounts(accids) | Audience::ChannelAccounts(accids), _) => accids.clone(),
        (Audience::Server { also }, Some(server)) => {
            let mut receivers = hub.subscribers(app, server);
            receivers.extend(also.iter().cloned());
            receivers.sort_unstable();
            receivers.dedup();
            receivers
        }
        (Audience::Channel, Some(server)) => match notification.channel {
            Some(channel) => viewers(core, hub, app, server, Place::Channel(channel)).await?,
            None => Vec::new(),
        },
        (Audience::Category(category), Some(server)) => {
            viewers(core, hub, app, server, Place::Category(*category)).await?
        }
        (Audience::Server { .. } | Audience::Channel | Audience::Category(_), None) => Vec::new(),
    })
}

/// Subscribers who see the place now.
async fn viewers(
    core: &Core,
    hub: &dyn Hub,
    app: AppId,
    server: ServerId,
    place: Place,
) -> Result<Vec<Accid>, Error> {
    let subscribers = hub.subscribers(app, server);
    let (snapshot, standings) = match core.standings(app, server, &subscribers).await {
        Ok(found) => found,
        // Deleted since: who was there is told of that.
        Err(Error::NotFound(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let sees = |standing: &Standing| {
        standing.is_member()
            && snapshot.sight(&standing.subject(), place.into()).is_some_and(Sight::is_visible)
    };
    Ok(standings.into_iter().filter(sees).map(|standing| standing.accid).collect())
}
