//! Black and white lists (黑白名单) of channels and categories.

use rotunda_model::{Accid, ListKind, Millis, Place, RoleId, ServerId};
use sqlx::PgExecutor;

use crate::{StoreError, row};

/// One of the two lists of a channel or category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List {
    pub place: Place,
    pub kind: ListKind,
}

/// Who is on a list, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<T> {
    pub who: T,
    pub created: Millis,
}

/// The statements over the tables of one kind of place; the two kinds differ in nothing but names.
macro_rules! statements {
    ($module:ident, members: $members:literal, $into_members:literal, roles: $roles:literal, $into_roles:literal) => {
        mod $module {
            use sqlx::{PgExecutor, Result};

            type Key = (i64, i16);

            pub(super) async fn add_members(
                db: impl PgExecutor<'_>,
                (place, kind): Key,
                server: i64,
                accids: &[String],
                first: i64,
            ) -> Result<Vec<String>> {
                let query = sqlx::query_scalar!(
                    $into_members
                        + "SELECT $1, $2, $3, a.accid, $5 + a.at - 1
                           FROM unnest($4::text[]) WITH ORDINALITY AS a (accid, at)
                           ON CONFLICT DO NOTHING RETURNING accid",
                    place,
                    kind,
                    server,
                    accids,
                    first
                );
                query.fetch_all(db).await
            }

            pub(super) async fn remove_members(
                db: impl PgExecutor<'_>,
                (place, kind): Key,
                accids: &[String],
            ) -> Result<Vec<String>> {
                let query = sqlx::query_scalar!(
                    "DELETE " + $members + " = $1 AND kind = $2 AND accid = ANY($3) RETURNING accid",
                    place,
                    kind,
                    accids
                );
                query.fetch_all(db).await
            }

            pub(super) async fn count_members(
                db: impl PgExecutor<'_>,
                (place, kind): Key,
            ) -> Result<Option<i64>> {
                let query =
                    sqlx::query_scalar!("SELECT count(*) " + $members + " = $1 AND kind = $2", place, kind);
                query.fetch_one(db).await
            }

            pub(super) async fn members_page(
                db: impl PgExecutor<'_>,
                (place, kind): Key,
                before: i64,
                limit: i64,
            ) -> Result<Vec<(String, i64)>> {
                let query = sqlx::query!(
                    "SELECT accid, created "
                        + $members
                        + " = $1 AND kind = $2 AND created < $3 ORDER BY created DESC LIMIT $4",
                    place,
                    kind,
                    before,
                    limit
                );
                query.map(|r| (r.accid, r.created)).fetch_all(db).await
            }

            pub(super) async fn members_among(
                db: impl PgExecutor<'_>,
                (place, kind): Key,
                accids: &[String],
            ) -> Result<Vec<String>> {
                let query = sqlx::query_scalar!(
                    "SELECT accid " + $members + " = $1 AND kind = $2 AND accid = ANY($3)",
                    place,
                    kind,
                    accids
                );
                query.fetch_all(db).await
            }

            pub(super) async fn add_role(
                db: impl PgExecutor<'_>,
                (place, kind): Key,
                role: i64,
                now: i64,
            ) -> Result<bool> {
                let query = sqlx::query!(
                    $into_roles + "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                    place,
                    kind,
                    role,
                    now
                );
                Ok(query.execute(db).await?.rows_affected() == 1)
            }

            pub(super) async fn remove_role(
                db: impl PgExecutor<'_>,
                (place, kind): Key,
                role: i64,
            ) -> Result<bool> {
                let query =
                    sqlx::query!("DELETE " + $roles + " = $1 AND kind = $2 AND role = $3", place, kind, role);
                Ok(query.execute(db).await?.rows_affected() == 1)
            }

            pub(super) async fn roles(
                db: impl PgExecutor<'_>,
                (place, kind): Key,
            ) -> Result<Vec<(i64, i64)>> {
                let query = sqlx::query!(
                    "SELECT role, created " + $roles + " = $1 AND kind = $2 ORDER BY created DESC",
                    place,
                    kind
                );
                query.map(|r| (r.role, r.created)).fetch_all(db).await
            }
        }
    };
}

statements!(
    of_channels,
    members: "FROM channel_list_members WHERE channel",
    "INSERT INTO channel_list_members (channel, kind, server, accid, created) ",
    roles: "FROM channel_list_roles WHERE channel",
    "INSERT INTO channel_list_roles (channel, kind, role, created) "
);
statements!(
    of_categories,
    members: "FROM category_list_members WHERE category",
    "INSERT INTO category_list_members (category, kind, server, accid, created) ",
    roles: "FROM category_list_roles WHERE category",
    "INSERT INTO category_list_roles (category, kind, role, created) "
);

/// Runs the statement of that name over the tables of the list's place.
macro_rules! run {
    ($list:expr, $statement:ident($db:expr $(, $argument:expr)* $(,)?)) => {
        match $list.place {
            Place::Channel(id) => {
                of_channels::$statement($db, (id.get(), $list.kind.number()) $(, $argument)*).await?
            }
            Place::Category(id) => {
                of_categories::$statement($db, (id.get(), $list.kind.number()) $(, $argument)*).await?
            }
        }
    };
}

/// One entry per account, `created` rising from `first`; those who are on it already are left out of the answer.
/// The accounts must be members.
pub async fn add_members(
    db: impl PgExecutor<'_>,
    server: ServerId,
    list: List,
    accids: &[Accid],
    first: Millis,
) -> Result<Vec<Accid>, StoreError> {
    accids_of(run!(list, add_members(db, server.get(), &row::texts(accids), first.get())))
}

/// Those who were on it.
pub async fn remove_members(
    db: impl PgExecutor<'_>,
    list: List,
    accids: &[Accid],
) -> Result<Vec<Accid>, StoreError> {
    accids_of(run!(list, remove_members(db, &row::texts(accids))))
}

pub async fn count_members(db: impl PgExecutor<'_>, list: List) -> Result<u32, StoreError> {
    let count = run!(list, count_members(db)).unwrap_or_default();
    u32::try_from(count).map_err(|_| StoreError::Row { column: "count(list_members)" })
}

/// Newest first, entered before `before`.
pub async fn members_page(
    db: impl PgExecutor<'_>,
    list: List,
    before: Millis,
    limit: u32,
) -> Result<Vec<Entry<Accid>>, StoreError> {
    let rows = run!(list, members_page(db, before.get(), i64::from(limit)));
    rows.into_iter()
        .map(|(accid, created)| {
            Ok(Entry { who: row::accid(&accid, "list_members.accid")?, created: Millis(created) })
        })
        .collect()
}

/// Those of `accids` that are on it, in no order.
pub async fn members_among(
    db: impl PgExecutor<'_>,
    list: List,
    accids: &[Accid],
) -> Result<Vec<Accid>, StoreError> {
    accids_of(run!(list, members_among(db, &row::texts(accids))))
}

/// False: it is on it already. The role must be of the place's server.
pub async fn add_role(
    db: impl PgExecutor<'_>,
    list: List,
    role: RoleId,
    now: Millis,
) -> Result<bool, StoreError> {
    Ok(run!(list, add_role(db, role.get(), now.get())))
}

/// False: it was not on it.
pub async fn remove_role(db: impl PgExecutor<'_>, list: List, role: RoleId) -> Result<bool, StoreError> {
    Ok(run!(list, remove_role(db, role.get())))
}

/// All roles of a list, newest first. The cap on them bounds it.
pub async fn roles(db: impl PgExecutor<'_>, list: List) -> Result<Vec<Entry<RoleId>>, StoreError> {
    let rows = run!(list, roles(db));
    rows.into_iter()
        .map(|(role, created)| Ok(Entry { who: row::id(role, "list_roles.role")?, created: Millis(created) }))
        .collect()
}

fn accids_of(texts: Vec<String>) -> Result<Vec<Accid>, StoreError> {
    texts.iter().map(|accid| row::accid(accid, "list_members.accid")).collect()
}
