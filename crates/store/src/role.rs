//! Server roles and who is in them.

use rotunda_model::{
    Accid, Auths, Millis, RoleId, ServerId,
    role::{RoleKind, ServerRole},
};
use sqlx::{PgExecutor, types::Json};

use crate::{PgConnection, StoreError, row};

struct Row {
    id: i64,
    server: i64,
    kind: i16,
    name: String,
    icon: String,
    ext: String,
    auths: Json<Auths>,
    priority: i64,
    member_count: i32,
    created: i64,
    updated: i64,
}

impl TryFrom<Row> for ServerRole {
    type Error = StoreError;
    fn try_from(r: Row) -> Result<Self, StoreError> {
        let kind = row::number(RoleKind::from_number, r.kind, "server_roles.kind")?;
        Ok(Self {
            id: row::id(r.id, "server_roles.id")?,
            server: row::id(r.server, "server_roles.server")?,
            name: r.name,
            icon: r.icon,
            ext: r.ext,
            auths: r.auths.0,
            kind,
            member_count: if kind == RoleKind::Everyone { -1 } else { r.member_count.into() },
            priority: r.priority,
            created: Millis(r.created),
            updated: Millis(r.updated),
        })
    }
}

pub async fn insert(db: impl PgExecutor<'_>, role: &ServerRole) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO server_roles (id, server, kind, name, icon, ext, auths, priority, member_count, created, updated)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)",
        role.id.get(),
        role.server.get(),
        role.kind.number(),
        role.name,
        role.icon,
        role.ext,
        Json(&role.auths) as _,
        role.priority,
        role.created.get(),
        role.updated.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes name, icon, ext, auths, priority and updated.
pub async fn update(db: impl PgExecutor<'_>, role: &ServerRole) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE server_roles SET name = $2, icon = $3, ext = $4, auths = $5, priority = $6, updated = $7
         WHERE id = $1",
        role.id.get(),
        role.name,
        role.icon,
        role.ext,
        Json(&role.auths) as _,
        role.priority,
        role.updated.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// All of a server: @everyone first, then by rising priority. The cap on roles bounds it.
pub async fn of_server(db: impl PgExecutor<'_>, server: ServerId) -> Result<Vec<ServerRole>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT id, server, kind, name, icon, ext, auths AS "auths: Json<Auths>", priority, member_count, created,
            updated
         FROM server_roles WHERE server = $1 ORDER BY kind, priority, created"#,
        server.get()
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(ServerRole::try_from)
    .collect()
}

pub async fn get(
    db: impl PgExecutor<'_>,
    server: ServerId,
    id: RoleId,
) -> Result<Option<ServerRole>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT id, server, kind, name, icon, ext, auths AS "auths: Json<Auths>", priority, member_count, created,
            updated
         FROM server_roles WHERE server = $1 AND id = $2"#,
        server.get(),
        id.get()
    )
    .fetch_optional(db)
    .await?
    .map(ServerRole::try_from)
    .transpose()
}

/// One row per account, `created` rising from `first`; those who are in it already are left out of the answer.
/// The accounts must be members.
pub async fn add_members(
    db: &mut PgConnection,
    server: ServerId,
    role: RoleId,
    accids: &[Accid],
    first: Millis,
) -> Result<Vec<Accid>, StoreError> {
    let added = sqlx::query_scalar!(
        "INSERT INTO role_members (role, server, accid, created)
         SELECT $1, $2, a.accid, $4 + a.at - 1 FROM unnest($3::text[]) WITH ORDINALITY AS a (accid, at)
         ON CONFLICT DO NOTHING RETURNING accid",
        role.get(),
        server.get(),
        &row::texts(accids),
        first.get()
    )
    .fetch_all(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE server_roles SET member_count = member_count + $2 WHERE id = $1",
        role.get(),
        i32::try_from(added.len()).unwrap_or(i32::MAX)
    )
    .execute(db)
    .await?;
    added.iter().map(|accid| row::accid(accid, "role_members.accid")).collect()
}
