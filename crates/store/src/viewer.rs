//! Finding the members who see a channel, page by page.
//!
//! Which way is fast depends on the lists, so these statements are planned anew for the very lists they are asked
//! with: a plan kept for all lists reads the members of the whole server for a list of one. Both must run in a
//! transaction, in which that setting stays.

use crate::{PgConnection, StoreError, row};
use rotunda_model::{Accid, Millis, RoleId, ServerId};

/// A member and when it joined.
pub type Joined = (Accid, Millis);

/// Named members up to which [`only`] looks each up and sorts them (40 ms here). Above, they are dense enough among
/// those of the server to be met soon by going through all in order.
const FEW: i64 = 5_000;

/// Members that neither are among `accids` nor in any of `roles`, and always `owner`. Newest first, created before
/// `before`.
pub async fn all_but(
    db: &mut PgConnection,
    server: ServerId,
    owner: &Accid,
    (accids, roles): (&[Accid], &[RoleId]),
    before: Millis,
    limit: u32,
) -> Result<Vec<Joined>, StoreError> {
    plan_anew(db).await?;
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
    found.into_iter().map(|r| joined(&r.accid, r.created)).collect()
}

/// Members that are among `accids` or in any of `roles`, and always `owner`. Newest first, created before `before`.
pub async fn only(
    db: &mut PgConnection,
    server: ServerId,
    owner: &Accid,
    (accids, roles): (&[Accid], &[RoleId]),
    before: Millis,
    limit: u32,
) -> Result<Vec<Joined>, StoreError> {
    plan_anew(db).await?;
    let (accids, roles) = (row::texts(accids), raw(roles));
    let named = sqlx::query_scalar!(
        r#"SELECT COALESCE(sum(member_count), 0)::bigint AS "named!" FROM server_roles WHERE id = ANY($1)"#,
        &roles
    )
    .fetch_one(&mut *db)
    .await?;
    if named > FEW {
        return among_all(db, server, owner, &accids, &roles, before, limit).await;
    }
    let found = sqlx::query!(
        r#"SELECT n.accid AS "accid!", m.created FROM (
            SELECT $3 AS accid UNION SELECT unnest($4::text[])
            UNION SELECT r.accid FROM role_members r WHERE r.role = ANY($5)) n
         CROSS JOIN LATERAL (
            SELECT m.created FROM members m WHERE m.server = $1 AND m.accid = n.accid AND m.created < $2 OFFSET 0) m
         ORDER BY m.created DESC LIMIT $6"#,
        server.get(),
        before.get(),
        owner.as_str(),
        &accids,
        &roles,
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    found.into_iter().map(|r| joined(&r.accid, r.created)).collect()
}

async fn among_all(
    db: &mut PgConnection,
    server: ServerId,
    owner: &Accid,
    accids: &[String],
    roles: &[i64],
    before: Millis,
    limit: u32,
) -> Result<Vec<Joined>, StoreError> {
    let found = sqlx::query!(
        "SELECT m.accid, m.created FROM members m
         WHERE m.server = $1 AND m.created < $2 AND (m.accid = $3 OR m.accid = ANY($4)
            OR EXISTS (SELECT FROM role_members r WHERE r.role = ANY($5) AND r.accid = m.accid))
         ORDER BY m.created DESC LIMIT $6",
        server.get(),
        before.get(),
        owner.as_str(),
        accids,
        roles,
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    found.into_iter().map(|r| joined(&r.accid, r.created)).collect()
}

async fn plan_anew(db: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("SET LOCAL plan_cache_mode = force_custom_plan").execute(db).await?;
    Ok(())
}

fn joined(accid: &str, created: i64) -> Result<Joined, StoreError> {
    Ok((row::accid(accid, "members.accid")?, Millis(created)))
}

fn raw(roles: &[RoleId]) -> Vec<i64> {
    roles.iter().map(|id| id.get()).collect()
}
