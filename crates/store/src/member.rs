//! Members of servers, and who stands where.

use std::collections::HashMap;

use rotunda_model::{Accid, AppId, Millis, RoleId, ServerId, server::Member};
use sqlx::PgExecutor;

use crate::{PgConnection, StoreError, row};

/// What a member says of itself in one server; `None` stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Profile<'a> {
    pub nick: Option<&'a str>,
    pub avatar: Option<&'a str>,
    pub ext: Option<&'a str>,
}

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

/// Writes nick, avatar, ext and updated; `None` leaves a text as it is. An empty nick or avatar shows the account's
/// own. False: no such member.
pub async fn update(
    db: impl PgExecutor<'_>,
    server: ServerId,
    accid: &Accid,
    new: Profile<'_>,
    now: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "UPDATE members SET nick = COALESCE($3, nick), avatar = COALESCE($4, avatar), ext = COALESCE($5, ext),
            updated = GREATEST(updated, $6)
         WHERE server = $1 AND accid = $2",
        server.get(),
        accid.as_str(),
        new.nick,
        new.avatar,
        new.ext,
        now.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes members with their roles, overrides and list entries; the roles' counts follow. How many were members.
/// Two statements, however many they are.
pub async fn delete(db: &mut PgConnection, server: ServerId, accids: &[Accid]) -> Result<u64, StoreError> {
    let accids = row::texts(accids);
    sqlx::query!(
        "UPDATE server_roles r SET member_count = r.member_count - gone.members
         FROM (SELECT role, count(*)::int AS members FROM role_members WHERE server = $1 AND accid = ANY($2)
               GROUP BY role) gone
         WHERE r.id = gone.role",
        server.get(),
        &accids
    )
    .execute(&mut *db)
    .await?;
    let done =
        sqlx::query!("DELETE FROM members WHERE server = $1 AND accid = ANY($2)", server.get(), &accids)
            .execute(db)
            .await?;
    Ok(done.rows_affected())
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
