//! Channel categories.

use rotunda_model::{AppId, Category, CategoryId, Millis, ServerId, ViewMode};
use sqlx::PgExecutor;

use crate::{StoreError, row};

struct Row {
    id: i64,
    server: i64,
    name: String,
    ext: String,
    owner: String,
    view_mode: i16,
    channel_count: i64,
    reorder_weight: i64,
    created: i64,
    updated: i64,
}

impl TryFrom<Row> for Category {
    type Error = StoreError;
    fn try_from(r: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row::id(r.id, "categories.id")?,
            server: row::id(r.server, "categories.server")?,
            name: r.name,
            ext: r.ext,
            owner: row::accid(&r.owner, "categories.owner")?,
            view_mode: row::number(ViewMode::from_number, r.view_mode, "categories.view_mode")?,
            channel_count: u32::try_from(r.channel_count)
                .map_err(|_| StoreError::Row { column: "count of channels.category" })?,
            reorder_weight: r.reorder_weight,
            created: Millis(r.created),
            updated: Millis(r.updated),
        })
    }
}

pub async fn insert(db: impl PgExecutor<'_>, category: &Category) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO categories (id, server, name, ext, owner, view_mode, reorder_weight, created, updated)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        category.id.get(),
        category.server.get(),
        category.name,
        category.ext,
        category.owner.as_str(),
        category.view_mode.number(),
        category.reorder_weight,
        category.created.get(),
        category.updated.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those that exist in the app, in no order.
pub async fn by_ids(
    db: impl PgExecutor<'_>,
    app: AppId,
    ids: &[CategoryId],
) -> Result<Vec<Category>, StoreError> {
    let raw: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    sqlx::query_as!(
        Row,
        r#"SELECT g.id, g.server, g.name, g.ext, g.owner, g.view_mode, g.reorder_weight, g.created, g.updated,
            (SELECT count(*) FROM channels c WHERE c.category = g.id) AS "channel_count!"
         FROM categories g JOIN servers s ON s.id = g.server WHERE s.app = $1 AND g.id = ANY($2)"#,
        app.get(),
        &raw
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Category::try_from)
    .collect()
}

pub async fn get(
    db: impl PgExecutor<'_>,
    app: AppId,
    id: CategoryId,
) -> Result<Option<Category>, StoreError> {
    Ok(by_ids(db, app, &[id]).await?.pop())
}

/// All of a server created before `before`, newest first. The cap on categories bounds it.
pub async fn of_server(
    db: impl PgExecutor<'_>,
    server: ServerId,
    before: Millis,
) -> Result<Vec<Category>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT g.id, g.server, g.name, g.ext, g.owner, g.view_mode, g.reorder_weight, g.created, g.updated,
            (SELECT count(*) FROM channels c WHERE c.category = g.id) AS "channel_count!"
         FROM categories g WHERE g.server = $1 AND g.created < $2 ORDER BY g.created DESC"#,
        server.get(),
        before.get()
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Category::try_from)
    .collect()
}

/// Writes name, ext, view mode and updated.
pub async fn update(db: impl PgExecutor<'_>, changed: &Category) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE categories SET name = $2, ext = $3, view_mode = $4, updated = $5 WHERE id = $1",
        changed.id.get(),
        changed.name,
        changed.ext,
        changed.view_mode.number(),
        changed.updated.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// With its layer and lists. Its channels stay: take them out of sync before, and out of the category.
pub async fn delete(db: impl PgExecutor<'_>, id: CategoryId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM categories WHERE id = $1", id.get()).execute(db).await?;
    Ok(())
}
