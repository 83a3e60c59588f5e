//! What a channel or category itself says about rights: its roles and its members' overrides.
//!
//! Channels and categories have tables of one shape, so every statement is written once and run on one or the other.

use rotunda_model::{
    Accid, Auths, Millis, Place, RoleId, ServerId,
    role::{LayerRole, RoleKind},
};
use sqlx::{PgExecutor, types::Json};

use crate::{StoreError, row};

/// Runs a statement with the place's table, its column for the place, and the place's id.
macro_rules! roles_of {
    ($place:expr, $statement:ident) => {
        match $place {
            Place::Channel(id) => $statement!("channel_roles", "channel", id.get()),
            Place::Category(id) => $statement!("category_roles", "category", id.get()),
        }
    };
}

/// As [`roles_of`], for overrides.
macro_rules! overrides_of {
    ($place:expr, $statement:ident) => {
        match $place {
            Place::Channel(id) => $statement!("channel_overrides", "channel", id.get()),
            Place::Category(id) => $statement!("category_overrides", "category", id.get()),
        }
    };
}

struct RoleRow {
    id: i64,
    server: i64,
    server_role: i64,
    kind: i16,
    name: String,
    icon: String,
    ext: String,
    auths: Json<Auths>,
    created: i64,
    updated: i64,
}

impl RoleRow {
    fn at(self, place: Place) -> Result<LayerRole, StoreError> {
        Ok(LayerRole {
            id: row::id(self.id, "layer role id")?,
            server: row::id(self.server, "server_roles.server")?,
            place,
            server_role: row::id(self.server_role, "layer role's server_role")?,
            kind: row::number(RoleKind::from_number, self.kind, "server_roles.kind")?,
            name: self.name,
            icon: self.icon,
            ext: self.ext,
            auths: self.auths.0,
            created: Millis(self.created),
            updated: Millis(self.updated),
        })
    }
}

/// The role of @everyone that every channel and category has from its creation on, all ignore.
pub async fn insert_everyone_role(
    db: impl PgExecutor<'_>,
    id: RoleId,
    place: Place,
    everyone: RoleId,
    created: Millis,
) -> Result<(), StoreError> {
    insert_role(db, id, place, everyone, created).await.map(drop)
}

/// A role of the place for a server role of the same server, all ignore. False: there is one already.
pub async fn insert_role(
    db: impl PgExecutor<'_>,
    id: RoleId,
    place: Place,
    server_role: RoleId,
    created: Millis,
) -> Result<bool, StoreError> {
    macro_rules! insert {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query!(
                "INSERT INTO "
                    + $table
                    + " (id, "
                    + $column
                    + ", server_role, auths, created, updated)
                 VALUES ($1, $2, $3, '{}', $4, $4) ON CONFLICT ("
                    + $column
                    + ", server_role) DO NOTHING",
                id.get(),
                $place,
                server_role.get(),
                created.get()
            )
            .execute(db)
            .await?
        };
    }
    Ok(roles_of!(place, insert).rows_affected() == 1)
}

/// By its own id.
pub async fn get_role(
    db: impl PgExecutor<'_>,
    place: Place,
    id: RoleId,
) -> Result<Option<LayerRole>, StoreError> {
    macro_rules! select {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query_as!(
                RoleRow,
                r#"SELECT l.id, r.server, l.server_role, r.kind, r.name, r.icon, r.ext,
                    l.auths AS "auths: Json<Auths>", l.created, l.updated
                 FROM "#
                    + $table
                    + " l JOIN server_roles r ON r.id = l.server_role
                 WHERE l."
                    + $column
                    + " = $1 AND l.id = $2",
                $place,
                id.get()
            )
            .fetch_optional(db)
            .await?
        };
    }
    roles_of!(place, select).map(|role| role.at(place)).transpose()
}

/// Newest first, created before `before`.
pub async fn role_page(
    db: impl PgExecutor<'_>,
    place: Place,
    before: Millis,
    limit: u32,
) -> Result<Vec<LayerRole>, StoreError> {
    macro_rules! select {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query_as!(
                RoleRow,
                r#"SELECT l.id, r.server, l.server_role, r.kind, r.name, r.icon, r.ext,
                    l.auths AS "auths: Json<Auths>", l.created, l.updated
                 FROM "#
                    + $table
                    + " l JOIN server_roles r ON r.id = l.server_role
                 WHERE l."
                    + $column
                    + " = $1 AND l.created < $2 ORDER BY l.created DESC LIMIT $3",
                $place,
                before.get(),
                i64::from(limit)
            )
            .fetch_all(db)
            .await?
        };
    }
    roles_of!(place, select).into_iter().map(|role| role.at(place)).collect()
}

/// Those of the server roles that have a role there, newest first.
pub async fn roles_for(
    db: impl PgExecutor<'_>,
    place: Place,
    server_roles: &[RoleId],
) -> Result<Vec<LayerRole>, StoreError> {
    let raw: Vec<i64> = server_roles.iter().map(|id| id.get()).collect();
    macro_rules! select {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query_as!(
                RoleRow,
                r#"SELECT l.id, r.server, l.server_role, r.kind, r.name, r.icon, r.ext,
                    l.auths AS "auths: Json<Auths>", l.created, l.updated
                 FROM "#
                    + $table
                    + " l JOIN server_roles r ON r.id = l.server_role
                 WHERE l."
                    + $column
                    + " = $1 AND l.server_role = ANY($2) ORDER BY l.created DESC",
                $place,
                &raw
            )
            .fetch_all(db)
            .await?
        };
    }
    roles_of!(place, select).into_iter().map(|role| role.at(place)).collect()
}

/// Writes auths and updated.
pub async fn update_role(db: impl PgExecutor<'_>, changed: &LayerRole) -> Result<(), StoreError> {
    macro_rules! update {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query!(
                "UPDATE " + $table + " SET auths = $3, updated = $4 WHERE " + $column + " = $1 AND id = $2",
                $place,
                changed.id.get(),
                Json(&changed.auths) as _,
                changed.updated.get()
            )
            .execute(db)
            .await?
        };
    }
    roles_of!(changed.place, update);
    Ok(())
}

/// By its own id; its server role stays.
pub async fn delete_role(db: impl PgExecutor<'_>, place: Place, id: RoleId) -> Result<(), StoreError> {
    macro_rules! delete {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query!(
                "DELETE FROM " + $table + " WHERE " + $column + " = $1 AND id = $2",
                $place,
                id.get()
            )
            .execute(db)
            .await?
        };
    }
    roles_of!(place, delete);
    Ok(())
}

/// A member's override without the member beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub id: RoleId,
    pub server: ServerId,
    pub place: Place,
    pub accid: Accid,
    pub auths: Auths,
    pub created: Millis,
    pub updated: Millis,
}

struct OverrideRow {
    id: i64,
    server: i64,
    accid: String,
    auths: Json<Auths>,
    created: i64,
    updated: i64,
}

impl OverrideRow {
    fn at(self, place: Place) -> Result<Override, StoreError> {
        Ok(Override {
            id: row::id(self.id, "override id")?,
            server: row::id(self.server, "override's server")?,
            place,
            accid: row::accid(&self.accid, "override's accid")?,
            auths: self.auths.0,
            created: Millis(self.created),
            updated: Millis(self.updated),
        })
    }
}

/// False: there is one already.
pub async fn insert_override(db: impl PgExecutor<'_>, new: &Override) -> Result<bool, StoreError> {
    macro_rules! insert {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query!(
                "INSERT INTO "
                    + $table
                    + " (id, "
                    + $column
                    + ", server, accid, auths, created, updated)
                 VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT ("
                    + $column
                    + ", accid) DO NOTHING",
                new.id.get(),
                $place,
                new.server.get(),
                new.accid.as_str(),
                Json(&new.auths) as _,
                new.created.get(),
                new.updated.get()
            )
            .execute(db)
            .await?
        };
    }
    Ok(overrides_of!(new.place, insert).rows_affected() == 1)
}

/// Newest first, created before `before`.
pub async fn override_page(
    db: impl PgExecutor<'_>,
    place: Place,
    before: Millis,
    limit: u32,
) -> Result<Vec<Override>, StoreError> {
    macro_rules! select {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query_as!(
                OverrideRow,
                r#"SELECT id, server, accid, auths AS "auths: Json<Auths>", created, updated FROM "#
                    + $table
                    + "
                 WHERE "
                    + $column
                    + " = $1 AND created < $2 ORDER BY created DESC LIMIT $3",
                $place,
                before.get(),
                i64::from(limit)
            )
            .fetch_all(db)
            .await?
        };
    }
    overrides_of!(place, select).into_iter().map(|found| found.at(place)).collect()
}

/// Those of the accounts that have an override there, newest first.
pub async fn overrides_for(
    db: impl PgExecutor<'_>,
    place: Place,
    accids: &[Accid],
) -> Result<Vec<Override>, StoreError> {
    let texts = row::texts(accids);
    macro_rules! select {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query_as!(
                OverrideRow,
                r#"SELECT id, server, accid, auths AS "auths: Json<Auths>", created, updated FROM "#
                    + $table
                    + "
                 WHERE "
                    + $column
                    + " = $1 AND accid = ANY($2) ORDER BY created DESC",
                $place,
                &texts
            )
            .fetch_all(db)
            .await?
        };
    }
    overrides_of!(place, select).into_iter().map(|found| found.at(place)).collect()
}

pub async fn get_override(
    db: impl PgExecutor<'_>,
    place: Place,
    accid: &Accid,
) -> Result<Option<Override>, StoreError> {
    Ok(overrides_for(db, place, std::slice::from_ref(accid)).await?.pop())
}

/// Writes auths and updated.
pub async fn update_override(db: impl PgExecutor<'_>, changed: &Override) -> Result<(), StoreError> {
    macro_rules! update {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query!(
                "UPDATE "
                    + $table
                    + " SET auths = $3, updated = $4 WHERE "
                    + $column
                    + " = $1 AND accid = $2",
                $place,
                changed.accid.as_str(),
                Json(&changed.auths) as _,
                changed.updated.get()
            )
            .execute(db)
            .await?
        };
    }
    overrides_of!(changed.place, update);
    Ok(())
}

/// The member stays.
pub async fn delete_override(db: impl PgExecutor<'_>, place: Place, accid: &Accid) -> Result<(), StoreError> {
    macro_rules! delete {
        ($table:tt, $column:tt, $place:expr) => {
            sqlx::query!(
                "DELETE FROM " + $table + " WHERE " + $column + " = $1 AND accid = $2",
                $place,
                accid.as_str()
            )
            .execute(db)
            .await?
        };
    }
    overrides_of!(place, delete);
    Ok(())
}
