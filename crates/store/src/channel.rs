//! Channels.
//!
//! The view mode of a channel is read as it is in force: of a channel in sync with its category it is the category's.
//! What the channel's own column says then has no effect, until leaving the sync overwrites it.

use rotunda_model::{
    Accid, AppId, CategoryId, Channel, ChannelId, ChannelKind, Millis, ServerId, SyncMode, ViewMode,
    VisitorMode,
};
use sqlx::PgExecutor;

use crate::{StoreError, row};

struct Row {
    id: i64,
    server: i64,
    category: Option<i64>,
    kind: i16,
    name: String,
    topic: String,
    ext: String,
    owner: String,
    view_mode: i16,
    visitor_mode: i16,
    sync_mode: i16,
    reorder_weight: i64,
    created: i64,
    updated: i64,
}

impl TryFrom<Row> for Channel {
    type Error = StoreError;
    fn try_from(r: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row::id(r.id, "channels.id")?,
            server: row::id(r.server, "channels.server")?,
            category: r.category.map(|id| row::id(id, "channels.category")).transpose()?,
            kind: row::number(ChannelKind::from_number, r.kind, "channels.kind")?,
            name: r.name,
            topic: r.topic,
            ext: r.ext,
            owner: row::accid(&r.owner, "channels.owner")?,
            view_mode: row::number(ViewMode::from_number, r.view_mode, "channels.view_mode")?,
            visitor_mode: row::number(VisitorMode::from_number, r.visitor_mode, "channels.visitor_mode")?,
            sync_mode: row::number(SyncMode::from_number, r.sync_mode, "channels.sync_mode")?,
            reorder_weight: r.reorder_weight,
            created: Millis(r.created),
            updated: Millis(r.updated),
        })
    }
}

pub async fn insert(db: impl PgExecutor<'_>, channel: &Channel) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO channels (id, server, category, kind, name, topic, ext, owner, view_mode, visitor_mode, sync_mode,
            reorder_weight, created, updated)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        channel.id.get(),
        channel.server.get(),
        channel.category.map(|id| id.get()),
        channel.kind.number(),
        channel.name,
        channel.topic,
        channel.ext,
        channel.owner.as_str(),
        channel.view_mode.number(),
        channel.visitor_mode.number(),
        channel.sync_mode.number(),
        channel.reorder_weight,
        channel.created.get(),
        channel.updated.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those that exist in the app, in no order.
pub async fn by_ids(
    db: impl PgExecutor<'_>,
    app: AppId,
    ids: &[ChannelId],
) -> Result<Vec<Channel>, StoreError> {
    let raw: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    sqlx::query_as!(
        Row,
        r#"SELECT c.id, c.server, c.category, c.kind, c.name, c.topic, c.ext, c.owner,
            CASE c.sync_mode WHEN 1 THEN COALESCE(g.view_mode, c.view_mode) ELSE c.view_mode END AS "view_mode!",
            c.visitor_mode, c.sync_mode, c.reorder_weight, c.created, c.updated
         FROM channels c JOIN servers s ON s.id = c.server LEFT JOIN categories g ON g.id = c.category
         WHERE s.app = $1 AND c.id = ANY($2)"#,
        app.get(),
        &raw
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Channel::try_from)
    .collect()
}

pub async fn get(db: impl PgExecutor<'_>, app: AppId, id: ChannelId) -> Result<Option<Channel>, StoreError> {
    Ok(by_ids(db, app, &[id]).await?.pop())
}

/// All of a server created before `before`, newest first. The cap on channels bounds it.
pub async fn of_server(
    db: impl PgExecutor<'_>,
    server: ServerId,
    before: Millis,
) -> Result<Vec<Channel>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT c.id, c.server, c.category, c.kind, c.name, c.topic, c.ext, c.owner,
            CASE c.sync_mode WHEN 1 THEN COALESCE(g.view_mode, c.view_mode) ELSE c.view_mode END AS "view_mode!",
            c.visitor_mode, c.sync_mode, c.reorder_weight, c.created, c.updated
         FROM channels c LEFT JOIN categories g ON g.id = c.category
         WHERE c.server = $1 AND c.created < $2 ORDER BY c.created DESC"#,
        server.get(),
        before.get()
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Channel::try_from)
    .collect()
}

/// All of a category created before `before`, newest first. The cap on channels bounds it.
pub async fn of_category(
    db: impl PgExecutor<'_>,
    category: CategoryId,
    before: Millis,
) -> Result<Vec<Channel>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT c.id, c.server, c.category, c.kind, c.name, c.topic, c.ext, c.owner,
            CASE c.sync_mode WHEN 1 THEN g.view_mode ELSE c.view_mode END AS "view_mode!",
            c.visitor_mode, c.sync_mode, c.reorder_weight, c.created, c.updated
         FROM channels c JOIN categories g ON g.id = c.category
         WHERE c.category = $1 AND c.created < $2 ORDER BY c.created DESC"#,
        category.get(),
        before.get()
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Channel::try_from)
    .collect()
}

/// Writes name, topic, ext, visitor mode and updated. The view mode only when one is given: the one that was read may
/// be the category's.
pub async fn update(
    db: impl PgExecutor<'_>,
    changed: &Channel,
    view_mode: Option<ViewMode>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE channels SET name = $2, topic = $3, ext = $4, visitor_mode = $5, updated = $6,
            view_mode = COALESCE($7, view_mode)
         WHERE id = $1",
        changed.id.get(),
        changed.name,
        changed.topic,
        changed.ext,
        changed.visitor_mode.number(),
        changed.updated.get(),
        view_mode.map(ViewMode::number)
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes category, sync mode and updated.
pub async fn set_category(db: impl PgExecutor<'_>, changed: &Channel) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE channels SET category = $2, sync_mode = $3, updated = $4 WHERE id = $1",
        changed.id.get(),
        changed.category.map(|id| id.get()),
        changed.sync_mode.number(),
        changed.updated.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// With everything below it.
pub async fn delete(db: impl PgExecutor<'_>, id: ChannelId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM channels WHERE id = $1", id.get()).execute(db).await?;
    Ok(())
}

/// Takes every channel out of a category.
pub async fn leave_category(
    db: impl PgExecutor<'_>,
    category: CategoryId,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE channels SET category = NULL, updated = GREATEST(updated, $2) WHERE category = $1",
        category.get(),
        now.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Where a channel is, and whose it is.
#[derive(Debug, Clone)]
pub struct Home {
    pub app: AppId,
    pub server: ServerId,
    /// Of the server.
    pub owner: Accid,
}

/// Of whatever app.
pub async fn home(db: impl PgExecutor<'_>, id: ChannelId) -> Result<Option<Home>, StoreError> {
    let found = sqlx::query!(
        "SELECT s.app, s.id, s.owner FROM channels c JOIN servers s ON s.id = c.server WHERE c.id = $1",
        id.get()
    )
    .fetch_optional(db)
    .await?;
    found
        .map(|r| {
            Ok(Home {
                app: row::id(r.app, "servers.app")?,
                server: row::id(r.id, "servers.id")?,
                owner: row::accid(&r.owner, "servers.owner")?,
            })
        })
        .transpose()
}
