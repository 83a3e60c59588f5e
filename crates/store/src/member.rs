//! Members of servers, bans, and who stands where.

use std::collections::HashMap;

use rotunda_model::{Accid, AppId, Millis, RoleId, ServerId, server::Member};
use sqlx::PgExecutor;

use crate::{PgConnection, StoreError, row};

struct Row {
    server: i64,
    accid: String,
    nick: String,
    avatar: String,
    ext: String,
    is_owner: bool,
    inviter: Option<String>,
    joined: i64,
    created: i64,
    updated: i64,
}

impl TryFrom<Row> for Member {
    type Error = StoreError;
    fn try_from(r: Row) -> Result<Self, StoreError> {
        Ok(Self {
            server: row::id(r.server, "members.server")?,
            accid: row::accid(&r.accid, "members.accid")?,
            nick: r.nick,
            avatar: r.avatar,
            ext: r.ext,
            is_owner: r.is_owner,
            inviter: r.inviter.map(|accid| row::accid(&accid, "members.inviter")).transpose()?,
            joined: Millis(r.joined),
            created: Millis(r.created),
            updated: Millis(r.updated),
        })
    }
}

/// A new member without own nick and avatar. Conflict when it is one already.
pub async fn insert(db: impl PgExecutor<'_>, app: AppId, member: &Member) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO members (server, accid, app, is_owner, inviter, joined, created, updated)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $6)",
        member.server.get(),
        member.accid.as_str(),
        app.get(),
        member.is_owner,
        member.inviter.as_ref().map(Accid::as_str),
        member.joined.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn get(
    db: impl PgExecutor<'_>,
    server: ServerId,
    accid: &Accid,
) -> Result<Option<Member>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT m.server, m.accid, COALESCE(NULLIF(m.nick, ''), a.name) AS "nick!",
            COALESCE(NULLIF(m.avatar, ''), a.icon) AS "avatar!", m.ext, m.is_owner, m.inviter, m.joined, m.created,
            m.updated
         FROM members m JOIN accounts a ON a.app = m.app AND a.accid = m.accid
         WHERE m.server = $1 AND m.accid = $2"#,
        server.get(),
        accid.as_str()
    )
    .fetch_optional(db)
    .await?
    .map(Member::try_from)
    .transpose()
}

/// Those of the pairs that exist, in no order. The two slices have one length.
pub async fn by_keys(
    db: impl PgExecutor<'_>,
    servers: &[ServerId],
    accids: &[Accid],
) -> Result<Vec<Member>, StoreError> {
    let servers: Vec<i64> = servers.iter().map(|id| id.get()).collect();
    sqlx::query_as!(
        Row,
        r#"SELECT m.server, m.accid, COALESCE(NULLIF(m.nick, ''), a.name) AS "nick!",
            COALESCE(NULLIF(m.avatar, ''), a.icon) AS "avatar!", m.ext, m.is_owner, m.inviter, m.joined, m.created,
            m.updated
         FROM members m JOIN accounts a ON a.app = m.app AND a.accid = m.accid
         WHERE (m.server, m.accid) IN (SELECT * FROM unnest($1::bigint[], $2::text[]))"#,
        &servers,
        &row::texts(accids)
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Member::try_from)
    .collect()
}

/// Newest first, created before `before`.
pub async fn page(
    db: impl PgExecutor<'_>,
    server: ServerId,
    before: Millis,
    limit: u32,
) -> Result<Vec<Member>, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT m.server, m.accid, COALESCE(NULLIF(m.nick, ''), a.name) AS "nick!",
            COALESCE(NULLIF(m.avatar, ''), a.icon) AS "avatar!", m.ext, m.is_owner, m.inviter, m.joined, m.created,
            m.updated
         FROM members m JOIN accounts a ON a.app = m.app AND a.accid = m.accid
         WHERE m.server = $1 AND m.created < $2 ORDER BY m.created DESC LIMIT $3"#,
        server.get(),
        before.get(),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?
    .into_iter()
    .map(Member::try_from)
    .collect()
}

/// Who of `accids` is a member, with the custom roles of each.
pub async fn standings(
    db: impl PgExecutor<'_>,
    server: ServerId,
    accids: &[Accid],
) -> Result<HashMap<Accid, Vec<RoleId>>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT m.accid, array_remove(array_agg(r.role), NULL) AS "roles!"
         FROM members m LEFT JOIN role_members r ON r.server = m.server AND r.accid = m.accid
         WHERE m.server = $1 AND m.accid = ANY($2) GROUP BY m.accid"#,
        server.get(),
        &row::texts(accids)
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|r| {
            let roles: Result<_, _> =
                r.roles.into_iter().map(|id| row::id(id, "role_members.role")).collect();
            Ok((row::accid(&r.accid, "members.accid")?, roles?))
        })
        .collect()
}

/// As [`standings`], with the server's version of the same moment. `None`: no such server.
pub async fn standings_at(
    db: impl PgExecutor<'_>,
    server: ServerId,
    accids: &[Accid],
) -> Result<Option<(i64, HashMap<Accid, Vec<RoleId>>)>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT s.version, m.accid AS "accid?", array_remove(array_agg(r.role), NULL) AS "roles!"
         FROM servers s
         LEFT JOIN members m ON m.server = s.id AND m.accid = ANY($2)
         LEFT JOIN role_members r ON r.server = m.server AND r.accid = m.accid
         WHERE s.id = $1 GROUP BY s.version, m.accid"#,
        server.get(),
        &row::texts(accids)
    )
    .fetch_all(db)
    .await?;
    let Some(version) = rows.first().map(|r| r.version) else { return Ok(None) };
    let mut found = HashMap::new();
    for r in rows {
        let Some(accid) = r.accid else { continue };
        let roles: Result<_, _> = r.roles.into_iter().map(|id| row::id(id, "role_members.role")).collect();
        found.insert(row::accid(&accid, "members.accid")?, roles?);
    }
    Ok(Some((version, found)))
}

/// Those of `servers` the account is in.
pub async fn among(
    db: impl PgExecutor<'_>,
    app: AppId,
    accid: &Accid,
    servers: &[ServerId],
) -> Result<Vec<ServerId>, StoreError> {
    let raw: Vec<i64> = servers.iter().map(|id| id.get()).collect();
    let found = sqlx::query_scalar!(
        "SELECT server FROM members WHERE app = $1 AND accid = $2 AND server = ANY($3)",
        app.get(),
        accid.as_str(),
        &raw
    )
    .fetch_all(db)
    .await?;
    found.into_iter().map(|id| row::id(id, "members.server")).collect()
}

/// Removes a member with its roles, overrides and list entries; the roles' counts follow. False: it was none.
pub async fn delete(db: &mut PgConnection, server: ServerId, accid: &Accid) -> Result<bool, StoreError> {
    sqlx::query!(
        "UPDATE server_roles SET member_count = member_count - 1
         WHERE id IN (SELECT role FROM role_members WHERE server = $1 AND accid = $2)",
        server.get(),
        accid.as_str()
    )
    .execute(&mut *db)
    .await?;
    let done =
        sqlx::query!("DELETE FROM members WHERE server = $1 AND accid = $2", server.get(), accid.as_str())
            .execute(db)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Those of `accids` that are banned.
pub async fn banned(
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

/// The longest members among those in any of `roles`; at most `limit`.
pub async fn of_roles(
    db: impl PgExecutor<'_>,
    server: ServerId,
    roles: &[RoleId],
    limit: u32,
) -> Result<Vec<Accid>, StoreError> {
    let raw: Vec<i64> = roles.iter().map(|id| id.get()).collect();
    let found = sqlx::query_scalar!(
        "SELECT m.accid FROM members m WHERE m.server = $1
            AND m.accid IN (SELECT r.accid FROM role_members r WHERE r.role = ANY($2))
         ORDER BY m.created LIMIT $3",
        server.get(),
        &raw,
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    found.iter().map(|accid| row::accid(accid, "members.accid")).collect()
}

/// The longest members of all; at most `limit`.
pub async fn eldest(db: impl PgExecutor<'_>, server: ServerId, limit: u32) -> Result<Vec<Accid>, StoreError> {
    let found = sqlx::query_scalar!(
        "SELECT accid FROM members WHERE server = $1 ORDER BY created LIMIT $2",
        server.get(),
        i64::from(limit)
    )
    .fetch_all(db)
    .await?;
    found.iter().map(|accid| row::accid(accid, "members.accid")).collect()
}
