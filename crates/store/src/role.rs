//! Server roles and who is in them.

use std::collections::HashMap;

use rotunda_model::{
    Accid, Auths, Millis, RoleId, ServerId,
    role::{RoleKind, RoleMember, ServerRole},
};
use sqlx::{PgExecutor, types::Json};

use crate::{PgConnection, StoreError, member, row};

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

/// Writes several priorities and updated, in one round trip.
pub async fn set_priorities(
    db: impl PgExecutor<'_>,
    server: ServerId,
    priorities: &[(RoleId, i64)],
    now: Millis,
) -> Result<(), StoreError> {
    let (roles, priorities): (Vec<i64>, Vec<i64>) =
        priorities.iter().map(|(role, priority)| (role.get(), *priority)).unzip();
    sqlx::query!(
        "UPDATE server_roles r SET priority = p.priority, updated = GREATEST(r.updated, $4)
         FROM unnest($2::bigint[], $3::bigint[]) AS p (role, priority)
         WHERE r.server = $1 AND r.id = p.role",
        server.get(),
        &roles,
        &priorities,
        now.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Its memberships, its roles in channels and categories and its list entries go with it.
pub async fn delete(db: impl PgExecutor<'_>, id: RoleId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM server_roles WHERE id = $1", id.get()).execute(db).await?;
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

/// Those who were in it, in the order asked.
pub async fn remove_members(
    db: &mut PgConnection,
    role: RoleId,
    accids: &[Accid],
) -> Result<Vec<Accid>, StoreError> {
    let removed = sqlx::query_scalar!(
        "DELETE FROM role_members WHERE role = $1 AND accid = ANY($2) RETURNING accid",
        role.get(),
        &row::texts(accids)
    )
    .fetch_all(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE server_roles SET member_count = member_count - $2 WHERE id = $1",
        role.get(),
        i32::try_from(removed.len()).unwrap_or(i32::MAX)
    )
    .execute(db)
    .await?;
    Ok(accids.iter().filter(|accid| removed.iter().any(|text| text == accid.as_str())).cloned().collect())
}

/// Those of `accids` that are in it, in no order.
pub async fn among(
    db: impl PgExecutor<'_>,
    role: RoleId,
    accids: &[Accid],
) -> Result<Vec<Accid>, StoreError> {
    let found = sqlx::query_scalar!(
        "SELECT accid FROM role_members WHERE role = $1 AND accid = ANY($2)",
        role.get(),
        &row::texts(accids)
    )
    .fetch_all(db)
    .await?;
    found.iter().map(|accid| row::accid(accid, "role_members.accid")).collect()
}

/// Newest first, created before `before`.
pub async fn members_page(
    db: &mut PgConnection,
    server: ServerId,
    role: RoleId,
    before: Millis,
    limit: u32,
) -> Result<Vec<RoleMember>, StoreError> {
    let found = sqlx::query_as!(
        Membership,
        "SELECT accid, created FROM role_members WHERE role = $1 AND created < $2
         ORDER BY created DESC LIMIT $3",
        role.get(),
        before.get(),
        i64::from(limit)
    )
    .fetch_all(&mut *db)
    .await?;
    with_members(db, server, role, found).await
}

/// Those of `accids` that are in it, newest first.
pub async fn members_among(
    db: &mut PgConnection,
    server: ServerId,
    role: RoleId,
    accids: &[Accid],
) -> Result<Vec<RoleMember>, StoreError> {
    let found = sqlx::query_as!(
        Membership,
        "SELECT accid, created FROM role_members WHERE role = $1 AND accid = ANY($2) ORDER BY created DESC",
        role.get(),
        &row::texts(accids)
    )
    .fetch_all(&mut *db)
    .await?;
    with_members(db, server, role, found).await
}

struct Membership {
    accid: String,
    created: i64,
}

async fn with_members(
    db: &mut PgConnection,
    server: ServerId,
    role: RoleId,
    found: Vec<Membership>,
) -> Result<Vec<RoleMember>, StoreError> {
    let accids: Result<Vec<Accid>, StoreError> =
        found.iter().map(|of| row::accid(&of.accid, "role_members.accid")).collect();
    let accids = accids?;
    let members = member::by_keys(db, &vec![server; accids.len()], &accids).await?;
    let mut members: HashMap<Accid, _> =
        members.into_iter().map(|member| (member.accid.clone(), member)).collect();
    let pairs = accids.iter().zip(found);
    Ok(pairs
        .filter_map(|(accid, of)| {
            let member = members.remove(accid)?;
            Some(RoleMember { server, role, member, created: Millis(of.created) })
        })
        .collect())
}
