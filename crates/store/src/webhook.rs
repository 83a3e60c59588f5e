//! Where apps want their events sent, and what became of each.

use rotunda_model::{
    AppId, Millis,
    event::Event,
    webhook::{Delivery, DeliveryState, Webhook},
};
use sqlx::PgExecutor;

use crate::{PgConnection, StoreError, row};

/// Events from now on go there; the id of the new row.
pub async fn create(
    db: impl PgExecutor<'_>,
    app: AppId,
    url: &str,
    kinds: &[String],
    now: Millis,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar!(
        "INSERT INTO webhooks (app, url, kinds, created, through)
         VALUES ($1, $2, $3, $4, (SELECT COALESCE(max(id), 0) FROM events)) RETURNING id",
        app.get(),
        url,
        kinds,
        now.get()
    )
    .fetch_one(db)
    .await?;
    Ok(id)
}

struct Row {
    id: i64,
    app: i64,
    key: String,
    url: String,
    kinds: Vec<String>,
    created: i64,
}

impl TryFrom<Row> for Webhook {
    type Error = StoreError;

    fn try_from(r: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: r.id,
            app: row::id(r.app, "webhooks.app")?,
            app_key: r.key,
            url: r.url,
            kinds: r.kinds,
            created: Millis(r.created),
        })
    }
}

/// Oldest first.
pub async fn of_app(db: impl PgExecutor<'_>, app: AppId) -> Result<Vec<Webhook>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT w.id, w.app, a.app_key AS key, w.url, w.kinds, w.created FROM webhooks w JOIN apps a ON a.id = w.app
         WHERE w.app = $1 ORDER BY w.id",
        app.get()
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(Webhook::try_from).collect()
}

pub async fn find(db: impl PgExecutor<'_>, id: i64) -> Result<Option<Webhook>, StoreError> {
    let found = sqlx::query_as!(
        Row,
        "SELECT w.id, w.app, a.app_key AS key, w.url, w.kinds, w.created FROM webhooks w JOIN apps a ON a.id = w.app
         WHERE w.id = $1",
        id
    )
    .fetch_optional(db)
    .await?;
    found.map(Webhook::try_from).transpose()
}

pub async fn remove(db: impl PgExecutor<'_>, app: AppId, id: i64) -> Result<bool, StoreError> {
    let done =
        sqlx::query!("DELETE FROM webhooks WHERE app = $1 AND id = $2", app.get(), id).execute(db).await?;
    Ok(done.rows_affected() > 0)
}

/// Those that have not looked at every event of their app.
pub async fn behind(db: impl PgExecutor<'_>) -> Result<Vec<i64>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM webhooks w WHERE EXISTS (SELECT FROM events e WHERE e.app = w.app AND e.id > w.through)
         ORDER BY id"
    )
    .fetch_all(db)
    .await?)
}

/// Where a webhook is, and what it wants. Nobody else moves it until the transaction ends.
#[derive(Debug)]
pub struct Position {
    pub app: AppId,
    pub kinds: Vec<String>,
    pub through: i64,
}

/// `None`: gone, or another process is at it.
pub async fn lock(db: &mut PgConnection, id: i64) -> Result<Option<Position>, StoreError> {
    let row =
        sqlx::query!("SELECT app, kinds, through FROM webhooks WHERE id = $1 FOR UPDATE SKIP LOCKED", id)
            .fetch_optional(db)
            .await?;
    row.map(|r| Ok(Position { app: row::id(r.app, "webhooks.app")?, kinds: r.kinds, through: r.through }))
        .transpose()
}

/// Makes deliveries of those events, as (event, lane), and moves the webhook on to `through`.
pub async fn spread(
    db: &mut PgConnection,
    id: i64,
    events: &[(i64, i64)],
    through: i64,
    now: Millis,
) -> Result<(), StoreError> {
    let (events, lanes): (Vec<i64>, Vec<i64>) = events.iter().copied().unzip();
    sqlx::query!(
        "INSERT INTO webhook_deliveries (webhook, event, lane, at)
         SELECT $1, d.event, d.lane, $4 FROM unnest($2::bigint[], $3::bigint[]) AS d (event, lane)
         ON CONFLICT DO NOTHING",
        id,
        &events,
        &lanes,
        now.get()
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("UPDATE webhooks SET through = $2 WHERE id = $1", id, through).execute(db).await?;
    Ok(())
}

/// Webhooks with something to be sent by now.
pub async fn due(db: impl PgExecutor<'_>, now: Millis) -> Result<Vec<i64>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT DISTINCT webhook FROM (
            SELECT DISTINCT ON (webhook, lane) webhook, at FROM webhook_deliveries WHERE state = 0
            ORDER BY webhook, lane, event) AS first
         WHERE at <= $1",
        now.get()
    )
    .fetch_all(db)
    .await?)
}

/// The first that waits in a lane.
#[derive(Debug)]
pub struct Head {
    pub event: i64,
    pub attempts: u32,
    /// `None`: pruned. `Err` with the reason when this release cannot read it.
    pub body: Option<Result<Event, String>>,
}

/// The first of each lane that is to be sent by now, oldest first.
pub async fn heads(
    db: impl PgExecutor<'_>,
    id: i64,
    now: Millis,
    limit: u32,
) -> Result<Vec<Head>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT first.event, first.attempts, e.body AS "body?" FROM (
            SELECT DISTINCT ON (lane) event, attempts, at FROM webhook_deliveries
            WHERE webhook = $1 AND state = 0 ORDER BY lane, event) AS first
         LEFT JOIN events e ON e.id = first.event
         WHERE first.at <= $2 ORDER BY first.event LIMIT $3"#,
        id,
        now.get(),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    let read = |body| serde_json::from_value(body).map_err(|error: serde_json::Error| error.to_string());
    let rows = rows.into_iter();
    Ok(rows
        .map(|r| Head {
            event: r.event,
            attempts: u32::try_from(r.attempts).unwrap_or_default(),
            body: r.body.map(read),
        })
        .collect())
}

/// Writes what became of an attempt.
pub async fn attempted(db: impl PgExecutor<'_>, id: i64, delivery: &Delivery) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE webhook_deliveries SET state = $3, attempts = $4, at = $5, status = $6, failure = $7
         WHERE webhook = $1 AND event = $2",
        id,
        delivery.event,
        delivery.state.number(),
        i32::try_from(delivery.attempts).unwrap_or(i32::MAX),
        delivery.at.get(),
        delivery.status.map(i32::from),
        delivery.failure
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Newest first, of events below `before`; with a state, only those.
pub async fn deliveries(
    db: impl PgExecutor<'_>,
    id: i64,
    state: Option<DeliveryState>,
    before: i64,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let rows = sqlx::query!(
        "SELECT event, state, attempts, at, status, failure FROM webhook_deliveries
         WHERE webhook = $1 AND ($2::smallint IS NULL OR state = $2) AND event < $3 ORDER BY event DESC LIMIT $4",
        id,
        state.map(DeliveryState::number),
        before,
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|r| {
            let state = DeliveryState::from_number(r.state);
            Ok(Delivery {
                event: r.event,
                state: state.ok_or(StoreError::Row { column: "webhook_deliveries.state" })?,
                attempts: u32::try_from(r.attempts).unwrap_or_default(),
                at: Millis(r.at),
                status: r.status.and_then(|status| u16::try_from(status).ok()),
                failure: r.failure,
            })
        })
        .collect()
}

/// Sends it again, whatever became of it; false when there is no such delivery.
pub async fn again(
    db: impl PgExecutor<'_>,
    app: AppId,
    id: i64,
    event: i64,
    now: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE webhook_deliveries d SET state = 0, attempts = 0, at = $4 FROM webhooks w
         WHERE w.id = d.webhook AND w.app = $1 AND d.webhook = $2 AND d.event = $3",
        app.get(),
        id,
        event,
        now.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets at most `limit` that were done with before `before`; how many.
pub async fn remove_old(db: impl PgExecutor<'_>, before: Millis, limit: u32) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM webhook_deliveries WHERE (webhook, event) IN (
            SELECT webhook, event FROM webhook_deliveries WHERE state <> 0 AND at < $1 LIMIT $2)",
        before.get(),
        i64::from(limit)
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
