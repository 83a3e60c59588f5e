//! Notifications decided but not yet delivered, and those kept for accounts that are away.

use rotunda_model::{Accid, Millis, ServerId, UserKey, notification::Notification};
use sqlx::{PgExecutor, types::Json};

use crate::{PgConnection, StoreError};

/// Most stored notifications an account keeps (the vendor's number); older ones go first.
const STORED_MAX: i64 = 1_000;

/// How long a stored notification waits, in milliseconds: one month (the vendor's number).
const STORED_FOR_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// Appends, with sequence numbers rising from `first_seq`. Under the server's row lock.
pub async fn append(
    db: impl PgExecutor<'_>,
    server: ServerId,
    first_seq: i64,
    now: Millis,
    notifications: &[Notification],
) -> Result<(), StoreError> {
    if notifications.is_empty() {
        return Ok(());
    }
    let bodies: Vec<Json<&Notification>> = notifications.iter().map(Json).collect();
    sqlx::query!(
        "INSERT INTO outbox (server, seq, created, body)
         SELECT $1, $2 + n.at - 1, $3, n.body FROM unnest($4::jsonb[]) WITH ORDINALITY AS n (body, at) ORDER BY n.at",
        server.get(),
        first_seq,
        now.get(),
        &bodies as _
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A row of the outbox.
#[derive(Debug)]
pub struct Pending {
    pub id: i64,
    /// `Err` with the reason when another release wrote it and this one cannot read it.
    pub notification: Result<Notification, serde_json::Error>,
}

/// The oldest rows, in order; they stay until [`remove`]d.
pub async fn oldest(db: impl PgExecutor<'_>, limit: u32) -> Result<Vec<Pending>, StoreError> {
    let rows = sqlx::query!("SELECT id, body FROM outbox ORDER BY id LIMIT $1", i64::from(limit))
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|r| Pending { id: r.id, notification: serde_json::from_value(r.body) }).collect())
}

/// How many rows wait, and since when the oldest does. In an outbox that keeps up both are near nothing.
pub async fn waiting(db: impl PgExecutor<'_>) -> Result<(i64, Option<Millis>), StoreError> {
    let row = sqlx::query!(r#"SELECT count(*) AS "count!", min(created) AS oldest FROM outbox"#)
        .fetch_one(db)
        .await?;
    Ok((row.count, row.oldest.map(Millis)))
}

pub async fn remove(db: impl PgExecutor<'_>, ids: &[i64]) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM outbox WHERE id = ANY($1)", ids).execute(db).await?;
    Ok(())
}

/// Keeps one for the account's next login, under `notification.stored_id`, and drops what is too much or too old.
pub async fn store(
    db: &mut PgConnection,
    accid: &Accid,
    notification: &Notification,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO stored_notifications (id, app, accid, created, body) VALUES ($1, $2, $3, $4, $5)",
        notification.stored_id,
        notification.app.get(),
        accid.as_str(),
        notification.time.get(),
        Json(notification) as _
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM stored_notifications WHERE app = $1 AND accid = $2 AND (created < $3 OR id <= COALESCE(
            (SELECT id FROM stored_notifications WHERE app = $1 AND accid = $2 ORDER BY id DESC OFFSET $4 LIMIT 1), 0))",
        notification.app.get(),
        accid.as_str(),
        notification.time.get() - STORED_FOR_MS,
        STORED_MAX
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What waits for the account, oldest first; nothing older than a month, nothing unreadable.
pub async fn stored(
    db: impl PgExecutor<'_>,
    user: &UserKey,
    now: Millis,
) -> Result<Vec<Notification>, StoreError> {
    let rows = sqlx::query_scalar!(
        "SELECT body FROM stored_notifications WHERE app = $1 AND accid = $2 AND created >= $3 ORDER BY id LIMIT $4",
        user.app.get(),
        user.accid.as_str(),
        now.get() - STORED_FOR_MS,
        STORED_MAX
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().filter_map(|body| serde_json::from_value(body).ok()).collect())
}

/// Forgets one, seen by its receiver.
pub async fn forget_one(db: impl PgExecutor<'_>, stored_id: i64) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM stored_notifications WHERE id = $1", stored_id).execute(db).await?;
    Ok(())
}

/// Forgets what was handed out, up to and including `stored_id`.
pub async fn forget(db: impl PgExecutor<'_>, user: &UserKey, stored_id: i64) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM stored_notifications WHERE app = $1 AND accid = $2 AND id <= $3",
        user.app.get(),
        user.accid.as_str(),
        stored_id
    )
    .execute(db)
    .await?;
    Ok(())
}
