//! Accounts kept out of servers.

use rotunda_model::{Accid, Millis, ServerId, server::Ban};
use sqlx::PgExecutor;

use crate::{StoreError, row};

/// False: banned already, and that ban stays as it is.
pub async fn insert(db: impl PgExecutor<'_>, ban: &Ban) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO bans (server, accid, ext, created, updated) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (server, accid) DO NOTHING",
        ban.server.get(),
        ban.accid.as_str(),
        ban.ext,
        ban.created.get(),
        ban.updated.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// False: not banned.
pub async fn delete(db: impl PgExecutor<'_>, server: ServerId, accid: &Accid) -> Result<bool, StoreError> {
    let done =
        sqlx::query!("DELETE FROM bans WHERE server = $1 AND accid = $2", server.get(), accid.as_str())
            .execute(db)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Newest first, created before `before`.
pub async fn page(
    db: impl PgExecutor<'_>,
    server: ServerId,
    before: Millis,
    limit: u32,
) -> Result<Vec<Ban>, StoreError> {
    let found = sqlx::query!(
        "SELECT accid, ext, created, updated FROM bans WHERE server = $1 AND created < $2
         ORDER BY created DESC LIMIT $3",
        server.get(),
        before.get(),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    found
        .into_iter()
        .map(|r| {
            Ok(Ban {
                server,
                accid: row::accid(&r.accid, "bans.accid")?,
                ext: r.ext,
                created: Millis(r.created),
                updated: Millis(r.updated),
            })
        })
        .collect()
}

/// Those of `accids` that are banned.
pub async fn among(
    db: impl PgExecutor<'_>,
    server: ServerId,
    accids: &[Accid],
) -> Result<Vec<Accid>, StoreError> {
    let found = sqlx::query_scalar!(
        "SELECT accid FROM bans WHERE server = $1 AND accid = ANY($2)",
        server.get(),
        &row::texts(accids)
    )
    .fetch_all(db)
    .await?;
    found.iter().map(|accid| row::accid(accid, "bans.accid")).collect()
}
