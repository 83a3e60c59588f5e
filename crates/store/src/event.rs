//! The log of what happened, for backends.

use rotunda_model::{AppId, Millis, ServerId, event::Event};
use sqlx::{PgExecutor, types::Json};

use crate::{PgConnection, StoreError};

/// Key of the advisory lock that makes ids rise in the order of commits.
const ORDER: i64 = 0x726f_7475_6e64_6101;

/// Appends in the given order. To be the last thing of a short transaction: until its commit every other writer waits.
pub async fn append(db: &mut PgConnection, events: &[Event]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let apps: Vec<i64> = events.iter().map(|event| event.app.get()).collect();
    let servers: Vec<Option<i64>> = events.iter().map(|event| event.server.map(ServerId::get)).collect();
    let times: Vec<i64> = events.iter().map(|event| event.time.get()).collect();
    let bodies: Vec<Json<&Event>> = events.iter().map(Json).collect();
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", ORDER).execute(&mut *db).await?;
    sqlx::query!(
        "INSERT INTO events (app, server, created, body)
         SELECT e.app, e.server, e.created, e.body
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::jsonb[])
            WITH ORDINALITY AS e (app, server, created, body, at) ORDER BY e.at",
        &apps,
        &servers as &[Option<i64>],
        &times,
        &bodies as _
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An entry of the log.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: i64,
    /// `Err` with the reason when another release wrote it and this one cannot read it.
    pub event: Result<Event, String>,
}

/// What came after the entry `after`, oldest first. Whoever has read up to an id has missed nothing below it.
pub async fn after(
    db: impl PgExecutor<'_>,
    app: AppId,
    after: i64,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query!(
        "SELECT id, body FROM events WHERE app = $1 AND id > $2 ORDER BY id LIMIT $3",
        app.get(),
        after,
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    let entry =
        |id, body| Entry { id, event: serde_json::from_value(body).map_err(|error| error.to_string()) };
    Ok(rows.into_iter().map(|row| entry(row.id, row.body)).collect())
}

/// The highest id that was ever removed; 0: none.
pub async fn removed_through(db: impl PgExecutor<'_>) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!("SELECT through FROM events_pruned").fetch_one(db).await?)
}

/// Removes at most `limit` that are older than `before`; how many.
pub async fn remove_old(db: impl PgExecutor<'_>, before: Millis, limit: u32) -> Result<u64, StoreError> {
    let removed = sqlx::query_scalar!(
        r#"WITH gone AS (
            DELETE FROM events WHERE id IN (SELECT id FROM events WHERE created < $1 ORDER BY id LIMIT $2) RETURNING id
         ), noted AS (
            UPDATE events_pruned SET through = GREATEST(through, (SELECT max(id) FROM gone))
            WHERE EXISTS (SELECT FROM gone)
         )
         SELECT count(*) AS "count!" FROM gone"#,
        before.get(),
        i64::from(limit)
    )
    .fetch_one(db)
    .await?;
    Ok(u64::try_from(removed).unwrap_or_default())
}
