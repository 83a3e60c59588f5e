//! Copying what a category says into channels that leave the sync with it, set by set.
//!
//! Everything the channels had stored of their own is replaced; only a role or override that is there already for the
//! same server role or member keeps its id, because clients hold it. Creation times are the category's: they differ
//! within it, so that pages through the copy lose nothing.

use rotunda_model::{CategoryId, ChannelId, Millis, RoleId};

use crate::{PgConnection, StoreError};

/// Ids that [`copy`] needs: roles and overrides that the channels do not have yet.
pub async fn missing(
    db: &mut PgConnection,
    category: CategoryId,
    channels: &[ChannelId],
) -> Result<usize, StoreError> {
    let missing = sqlx::query_scalar!(
        r#"SELECT (
            SELECT count(*) FROM unnest($1::bigint[]) AS c (id) CROSS JOIN category_roles t
            WHERE t.category = $2
                AND NOT EXISTS (SELECT FROM channel_roles o WHERE o.channel = c.id AND o.server_role = t.server_role)
         ) + (
            SELECT count(*) FROM unnest($1::bigint[]) AS c (id) CROSS JOIN category_overrides t
            WHERE t.category = $2
                AND NOT EXISTS (SELECT FROM channel_overrides o WHERE o.channel = c.id AND o.accid = t.accid)
         ) AS "missing!""#,
        &raw(channels),
        category.get()
    )
    .fetch_one(db)
    .await?;
    usize::try_from(missing).map_err(|_| StoreError::Row { column: "count of category_roles" })
}

/// Takes the channels out of sync with a copy of the category's view mode, layer and lists. They stay in the category.
/// `ids`: as many as [`missing`] said.
pub async fn copy(
    db: &mut PgConnection,
    category: CategoryId,
    channels: &[ChannelId],
    ids: &[RoleId],
    now: Millis,
) -> Result<(), StoreError> {
    let channels = raw(channels);
    let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    let used = roles(db, category, &channels, &ids, now).await?;
    overrides(db, category, &channels, ids.get(used..).unwrap_or_default(), now).await?;
    lists(db, category, &channels).await?;
    sqlx::query!(
        "UPDATE channels c SET sync_mode = 0, view_mode = t.view_mode, updated = GREATEST(c.updated, $3)
         FROM categories t WHERE t.id = $2 AND c.id = ANY($1)",
        &channels,
        category.get(),
        now.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many ids it took.
async fn roles(
    db: &mut PgConnection,
    category: CategoryId,
    channels: &[i64],
    ids: &[i64],
    now: Millis,
) -> Result<usize, StoreError> {
    sqlx::query!(
        "DELETE FROM channel_roles o WHERE o.channel = ANY($1) AND NOT EXISTS (
            SELECT FROM category_roles t WHERE t.category = $2 AND t.server_role = o.server_role)",
        channels,
        category.get()
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE channel_roles o SET auths = t.auths, created = t.created, updated = $3
         FROM category_roles t
         WHERE t.category = $2 AND t.server_role = o.server_role AND o.channel = ANY($1)",
        channels,
        category.get(),
        now.get()
    )
    .execute(&mut *db)
    .await?;
    let made = sqlx::query!(
        "INSERT INTO channel_roles (id, channel, server_role, auths, created, updated)
         SELECT new.id, lacking.channel, lacking.server_role, lacking.auths, lacking.created, $4
         FROM (
            SELECT c.id AS channel, t.server_role, t.auths, t.created,
                row_number() OVER (ORDER BY c.id, t.created, t.server_role) AS place
            FROM unnest($1::bigint[]) AS c (id) CROSS JOIN category_roles t
            WHERE t.category = $2
                AND NOT EXISTS (SELECT FROM channel_roles o WHERE o.channel = c.id AND o.server_role = t.server_role)
         ) lacking
         JOIN unnest($3::bigint[]) WITH ORDINALITY AS new (id, place) ON new.place = lacking.place",
        channels,
        category.get(),
        ids,
        now.get()
    )
    .execute(db)
    .await?;
    Ok(usize::try_from(made.rows_affected()).unwrap_or(usize::MAX))
}

async fn overrides(
    db: &mut PgConnection,
    category: CategoryId,
    channels: &[i64],
    ids: &[i64],
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM channel_overrides o WHERE o.channel = ANY($1) AND NOT EXISTS (
            SELECT FROM category_overrides t WHERE t.category = $2 AND t.accid = o.accid)",
        channels,
        category.get()
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE channel_overrides o SET auths = t.auths, created = t.created, updated = $3
         FROM category_overrides t
         WHERE t.category = $2 AND t.accid = o.accid AND o.channel = ANY($1)",
        channels,
        category.get(),
        now.get()
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "INSERT INTO channel_overrides (id, channel, server, accid, auths, created, updated)
         SELECT new.id, lacking.channel, lacking.server, lacking.accid, lacking.auths, lacking.created, $4
         FROM (
            SELECT c.id AS channel, t.server, t.accid, t.auths, t.created,
                row_number() OVER (ORDER BY c.id, t.created, t.accid) AS place
            FROM unnest($1::bigint[]) AS c (id) CROSS JOIN category_overrides t
            WHERE t.category = $2
                AND NOT EXISTS (SELECT FROM channel_overrides o WHERE o.channel = c.id AND o.accid = t.accid)
         ) lacking
         JOIN unnest($3::bigint[]) WITH ORDINALITY AS new (id, place) ON new.place = lacking.place",
        channels,
        category.get(),
        ids,
        now.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn lists(db: &mut PgConnection, category: CategoryId, channels: &[i64]) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM channel_list_members WHERE channel = ANY($1)", channels)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "INSERT INTO channel_list_members (channel, kind, server, accid, created)
         SELECT c.id, t.kind, t.server, t.accid, t.created
         FROM unnest($1::bigint[]) AS c (id) CROSS JOIN category_list_members t WHERE t.category = $2",
        channels,
        category.get()
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("DELETE FROM channel_list_roles WHERE channel = ANY($1)", channels)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "INSERT INTO channel_list_roles (channel, kind, role, created)
         SELECT c.id, t.kind, t.role, t.created
         FROM unnest($1::bigint[]) AS c (id) CROSS JOIN category_list_roles t WHERE t.category = $2",
        channels,
        category.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

fn raw(channels: &[ChannelId]) -> Vec<i64> {
    channels.iter().map(|id| id.get()).collect()
}
