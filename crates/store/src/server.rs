//! Servers, and the row lock every change below one takes.

use rotunda_model::{
    AppId, Millis, ServerId, UserKey,
    server::{ApplyMode, InviteMode, Server},
};
use sqlx::PgExecutor;

use crate::{PgConnection, StoreError, row};

struct Row {
    id: i64,
    app: i64,
    name: String,
    icon: String,
    ext: String,
    owner: String,
    invite_mode: i16,
    apply_mode: i16,
    search_type: i32,
    search_enabled: bool,
    reorder_weight: i64,
    member_count: i32,
    channel_count: i32,
    category_count: i32,
    created: i64,
    updated: i64,
    version: i64,
}

impl TryFrom<Row> for Server {
    type Error = StoreError;
    fn try_from(r: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row::id(r.id, "servers.id")?,
            app: row::id(r.app, "servers.app")?,
            name: r.name,
            icon: r.icon,
            ext: r.ext,
            owner: row::accid(&r.owner, "servers.owner")?,
            invite_mode: row::number(InviteMode::from_number, r.invite_mode, "servers.invite_mode")?,
            apply_mode: row::number(ApplyMode::from_number, r.apply_mode, "servers.apply_mode")?,
            search_type: r.search_type,
            search_enabled: r.search_enabled,
            reorder_weight: r.reorder_weight,
            member_count: row::count(r.member_count, "servers.member_count")?,
            channel_count: row::count(r.channel_count, "servers.channel_count")?,
            category_count: row::count(r.category_count, "servers.category_count")?,
            created: Millis(r.created),
            updated: Millis(r.updated),
            version: r.version,
        })
    }
}

/// The newest creation time among the app's servers.
pub async fn newest(db: impl PgExecutor<'_>, app: AppId) -> Result<Option<Millis>, StoreError> {
    let newest = sqlx::query_scalar!("SELECT max(created) FROM servers WHERE app = $1", app.get())
        .fetch_one(db)
        .await?;
    Ok(newest.map(Millis))
}

pub async fn insert(db: impl PgExecutor<'_>, server: &Server) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO servers (id, app, name, icon, ext, owner, invite_mode, apply_mode, search_type, search_enabled,
            reorder_weight, member_count, channel_count, category_count, created, updated, version, last_time)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $15)",
        server.id.get(),
        server.app.get(),
        server.name,
        server.icon,
        server.ext,
        server.owner.as_str(),
        server.invite_mode.number(),
        server.apply_mode.number(),
        server.search_type,
        server.search_enabled,
        server.reorder_weight,
        i32::try_from(server.member_count).unwrap_or(i32::MAX),
        i32::try_from(server.channel_count).unwrap_or(i32::MAX),
        i32::try_from(server.category_count).unwrap_or(i32::MAX),
        server.created.get(),
        server.updated.get(),
        server.version
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A locked server: `server.version` is already the next one.
#[derive(Debug, Clone)]
pub struct Locked {
    pub server: Server,
    /// The last creation time given out below it.
    pub last_time: Millis,
    /// The last outbox sequence number.
    pub outbox_seq: i64,
}

/// Takes the row lock and raises the version. `None`: no such server in the app.
pub async fn lock(db: &mut PgConnection, app: AppId, id: ServerId) -> Result<Option<Locked>, StoreError> {
    let rest = sqlx::query!(
        "UPDATE servers SET version = version + 1 WHERE id = $1 AND app = $2 RETURNING last_time, outbox_seq",
        id.get(),
        app.get()
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(rest) = rest else { return Ok(None) };
    let server = get(db, app, id).await?;
    Ok(server.map(|server| Locked { server, last_time: Millis(rest.last_time), outbox_seq: rest.outbox_seq }))
}

/// Waits for every change of the server under way, and keeps others out until the transaction ends. False: no such
/// server.
pub async fn hold(db: &mut PgConnection, id: ServerId) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!("SELECT id FROM servers WHERE id = $1 FOR UPDATE", id.get());
    Ok(found.fetch_optional(db).await?.is_some())
}

/// What the transaction that holds the lock leaves behind: counts, last time, last sequence number.
pub async fn settle(db: &mut PgConnection, locked: &Locked) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE servers SET member_count = $2, channel_count = $3, category_count = $4, last_time = $5,
            outbox_seq = $6 WHERE id = $1",
        locked.server.id.get(),
        i32::try_from(locked.server.member_count).unwrap_or(i32::MAX),
        i32::try_from(locked.server.channel_count).unwrap_or(i32::MAX),
        i32::try_from(locked.server.category_count).unwrap_or(i32::MAX),
        locked.last_time.get(),
        locked.outbox_seq
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn get(db: impl PgExecutor<'_>, app: AppId, id: ServerId) -> Result<Option<Server>, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT id, app, name, icon, ext, owner, invite_mode, apply_mode, search_type, search_enabled, reorder_weight,
            member_count, channel_count, category_count, created, updated, version
         FROM servers WHERE id = $1 AND app = $2",
        id.get(),
        app.get()
    )
    .fetch_optional(db)
    .await?
    .map(Server::try_from)
    .transpose()
}

/// Those that exist in the app, in no order.
pub async fn by_ids(
    db: impl PgExecutor<'_>,
    app: AppId,
    ids: &[ServerId],
) -> Result<Vec<Server>, StoreError> {
    let raw: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    sqlx::query_as!(
        Row,
        "SELECT id, app, name, icon, ext, owner, invite_mode, apply_mode, search_type, search_enabled, reorder_weight,
            member_count, channel_count, category_count, created, updated, version
         FROM servers WHERE app = $1 AND id = ANY($2)",
        app.get(),
        &raw
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Server::try_from)
    .collect()
}

/// Servers the account is in, newest first, created before `before`.
pub async fn page(
    db: impl PgExecutor<'_>,
    user: &UserKey,
    before: Millis,
    limit: u32,
) -> Result<Vec<Server>, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT s.id, s.app, s.name, s.icon, s.ext, s.owner, s.invite_mode, s.apply_mode, s.search_type,
            s.search_enabled, s.reorder_weight, s.member_count, s.channel_count, s.category_count, s.created,
            s.updated, s.version
         FROM servers s JOIN members m ON m.server = s.id
         WHERE m.app = $1 AND m.accid = $2 AND s.created < $3 ORDER BY s.created DESC LIMIT $4",
        user.app.get(),
        user.accid.as_str(),
        before.get(),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Server::try_from)
    .collect()
}

/// The servers the account is in, and how many members each has.
pub async fn joined_by(db: impl PgExecutor<'_>, user: &UserKey) -> Result<Vec<(ServerId, u32)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT s.id, s.member_count FROM members m JOIN servers s ON s.id = m.server
         WHERE m.app = $1 AND m.accid = $2",
        user.app.get(),
        user.accid.as_str()
    )
    .fetch_all(db)
    .await?;
    let count = |count| u32::try_from(count).map_err(|_| StoreError::Row { column: "servers.member_count" });
    rows.into_iter().map(|r| Ok((row::id(r.id, "servers.id")?, count(r.member_count)?))).collect()
}

/// With everything below it.
pub async fn delete(db: impl PgExecutor<'_>, id: ServerId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM servers WHERE id = $1", id.get()).execute(db).await?;
    Ok(())
}
