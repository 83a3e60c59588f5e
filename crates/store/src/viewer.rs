//! Finding the members who see a channel, page by page.

use rotunda_model::{Accid, Millis, RoleId, ServerId};
use sqlx::PgExecutor;

use crate::{StoreError, row};

/// A member and when it joined.
pub type Joined = (Accid, Millis);

/// Members that neither are among `accids` nor in any of `roles`, and always `owner`. Newest first, created before
/// `before`.
pub async fn all_but(
    db: impl PgExecutor<'_>,
    server: ServerId,
    owner: &Accid,
    accids: &[Accid],
    roles: &[RoleId],
    before: Millis,
    limit: u32,
) -> Result<Vec<Joined>, StoreError> {
    let found = sqlx::query!(
        "SELECT m.accid, m.created FROM members m
         WHERE m.server = $1 AND m.created < $2 AND (m.accid = $3 OR NOT (
            m.accid = ANY($4)
            OR EXISTS (SELECT FROM role_members r WHERE r.role = ANY($5) AND r.accid = m.accid)))
         ORDER BY m.created DESC LIMIT $6",
        server.get(),
        before.get(),
        owner.as_str(),
        &row::texts(accids),
        &raw(roles),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    found.into_iter().map(|r| Ok((row::accid(&r.accid, "members.accid")?, Millis(r.created)))).collect()
}

/// Members that are among `accids` or in any of `roles`, and always `owner`. Newest first, created before `before`.
pub async fn only(
    db: impl PgExecutor<'_>,
    server: ServerId,
    owner: &Accid,
    accids: &[Accid],
    roles: &[RoleId],
    before: Millis,
    limit: u32,
) -> Result<Vec<Joined>, StoreError> {
    let found = sqlx::query!(
        "SELECT m.accid, m.created FROM members m
         WHERE m.server = $1 AND m.created < $2 AND m.accid IN (
            SELECT $3 UNION SELECT unnest($4::text[]) UNION SELECT r.accid FROM role_members r WHERE r.role = ANY($5))
         ORDER BY m.created DESC LIMIT $6",
        server.get(),
        before.get(),
        owner.as_str(),
        &row::texts(accids),
        &raw(roles),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    found.into_iter().map(|r| Ok((row::accid(&r.accid, "members.accid")?, Millis(r.created)))).collect()
}

fn raw(roles: &[RoleId]) -> Vec<i64> {
    roles.iter().map(|id| id.get()).collect()
}
