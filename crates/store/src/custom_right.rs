//! Rights an app defines for itself (自定义权限项).

use rotunda_model::{AppId, Millis, Right};
use sqlx::PgExecutor;

use crate::StoreError;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomRight {
    /// From 10000 on.
    pub right: Right,
    /// For people; clients know only the number.
    pub name: String,
    pub created: Millis,
}

/// Conflict when the app has defined it already. A right that is no custom one, or above what the column holds, is a
/// wrong row.
pub async fn insert(db: impl PgExecutor<'_>, app: AppId, new: &CustomRight) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO custom_rights (app, id, name, created) VALUES ($1, $2, $3, $4)",
        app.get(),
        number(new.right)?,
        new.name,
        new.created.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// False: it was not defined.
pub async fn delete(db: impl PgExecutor<'_>, app: AppId, right: Right) -> Result<bool, StoreError> {
    let done =
        sqlx::query!("DELETE FROM custom_rights WHERE app = $1 AND id = $2", app.get(), number(right)?)
            .execute(db)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// All of an app, by id.
pub async fn of_app(db: impl PgExecutor<'_>, app: AppId) -> Result<Vec<CustomRight>, StoreError> {
    sqlx::query!("SELECT id, name, created FROM custom_rights WHERE app = $1 ORDER BY id", app.get())
        .fetch_all(db)
        .await?
        .into_iter()
        .map(|r| {
            let right = u32::try_from(r.id).ok().and_then(|id| Right::try_from(id).ok());
            let right = right.ok_or(StoreError::Row { column: "custom_rights.id" })?;
            Ok(CustomRight { right, name: r.name, created: Millis(r.created) })
        })
        .collect()
}

fn number(right: Right) -> Result<i32, StoreError> {
    i32::try_from(right.id()).map_err(|_| StoreError::Row { column: "custom_rights.id" })
}
