//! Operators' tokens, the calls whose answers are kept, and the log of what was done.

use rotunda_model::Millis;
use sqlx::PgExecutor;

use crate::StoreError;

/// A token, without what it is checked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub id: i64,
    pub name: String,
    /// Bits.
    pub scopes: i32,
    pub created: Millis,
    pub expires: Option<Millis>,
    pub revoked: Option<Millis>,
}

pub async fn insert_token(
    db: impl PgExecutor<'_>,
    name: &str,
    hash: &[u8],
    scopes: i32,
    created: Millis,
    expires: Option<Millis>,
) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar!(
        "INSERT INTO admin_tokens (name, token_hash, scopes, created, expires) VALUES ($1, $2, $3, $4, $5)
         RETURNING id",
        name,
        hash,
        scopes,
        created.get(),
        expires.map(Millis::get)
    );
    Ok(id.fetch_one(db).await?)
}

pub async fn token_by_hash(db: impl PgExecutor<'_>, hash: &[u8]) -> Result<Option<Token>, StoreError> {
    let found = sqlx::query!(
        "SELECT id, name, scopes, created, expires, revoked FROM admin_tokens WHERE token_hash = $1",
        hash
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|r| Token {
        id: r.id,
        name: r.name,
        scopes: r.scopes,
        created: Millis(r.created),
        expires: r.expires.map(Millis),
        revoked: r.revoked.map(Millis),
    }))
}

/// All, also those that are of no use any more, oldest first.
pub async fn tokens(db: impl PgExecutor<'_>) -> Result<Vec<Token>, StoreError> {
    let found =
        sqlx::query!("SELECT id, name, scopes, created, expires, revoked FROM admin_tokens ORDER BY id")
            .fetch_all(db)
            .await?;
    Ok(found
        .into_iter()
        .map(|r| Token {
            id: r.id,
            name: r.name,
            scopes: r.scopes,
            created: Millis(r.created),
            expires: r.expires.map(Millis),
            revoked: r.revoked.map(Millis),
        })
        .collect())
}

/// False: no such token, or revoked already.
pub async fn revoke_token(db: impl PgExecutor<'_>, id: i64, now: Millis) -> Result<bool, StoreError> {
    let done =
        sqlx::query!("UPDATE admin_tokens SET revoked = $2 WHERE id = $1 AND revoked IS NULL", id, now.get())
            .execute(db)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// A call that came before under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub request: Vec<u8>,
    pub created: Millis,
    /// Status and sealed answer; `None` while it is under way.
    pub answer: Option<(i16, Vec<u8>)>,
}

/// Takes the key for a call. False: it is taken.
pub async fn claim_call(
    db: impl PgExecutor<'_>,
    token: i64,
    key: &str,
    request: &[u8],
    now: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO admin_calls (token, key, request, created) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        token,
        key,
        request,
        now.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn call(db: impl PgExecutor<'_>, token: i64, key: &str) -> Result<Option<Call>, StoreError> {
    let found = sqlx::query!(
        "SELECT request, created, status, answer FROM admin_calls WHERE token = $1 AND key = $2",
        token,
        key
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|r| Call { request: r.request, created: Millis(r.created), answer: r.status.zip(r.answer) }))
}

pub async fn finish_call(
    db: impl PgExecutor<'_>,
    token: i64,
    key: &str,
    status: i16,
    answer: &[u8],
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE admin_calls SET status = $3, answer = $4 WHERE token = $1 AND key = $2",
        token,
        key,
        status,
        answer
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives the key back: nothing was done.
pub async fn drop_call(db: impl PgExecutor<'_>, token: i64, key: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM admin_calls WHERE token = $1 AND key = $2", token, key).execute(db).await?;
    Ok(())
}

/// Forgets calls from before `before`.
pub async fn remove_calls(db: impl PgExecutor<'_>, before: Millis) -> Result<u64, StoreError> {
    let done = sqlx::query!("DELETE FROM admin_calls WHERE created < $1", before.get()).execute(db).await?;
    Ok(done.rows_affected())
}

/// Something that was done or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Rises.
    pub id: i64,
    pub at: Millis,
    pub token: i64,
    /// Of the token, as it was called then.
    pub name: String,
    pub action: String,
    pub target: String,
    pub status: i16,
}

pub async fn note(db: impl PgExecutor<'_>, entry: &Entry) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO admin_log (at, token, name, action, target, status) VALUES ($1, $2, $3, $4, $5, $6)",
        entry.at.get(),
        entry.token,
        entry.name,
        entry.action,
        entry.target,
        entry.status
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Newest first, below `before`.
pub async fn log(db: impl PgExecutor<'_>, before: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
    let found = sqlx::query!(
        "SELECT id, at, token, name, action, target, status FROM admin_log WHERE id < $1
         ORDER BY id DESC LIMIT $2",
        before,
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    Ok(found
        .into_iter()
        .map(|r| Entry {
            id: r.id,
            at: Millis(r.at),
            token: r.token,
            name: r.name,
            action: r.action,
            target: r.target,
            status: r.status,
        })
        .collect())
}
