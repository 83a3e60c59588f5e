//! The schema's steps, and which of them a database still lacks.

use sqlx::migrate::Migrator;

use crate::{Store, StoreError};

pub(crate) static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

impl Store {
    /// Names of the migrations that [`Store::migrate`] would run, in order. Changes nothing.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        // Not compile-checked: the table is the migrator's own and missing from a fresh database.
        let known: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
            .fetch_one(self.pool())
            .await?;
        let applied: Vec<i64> = if known {
            sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
                .fetch_all(self.pool())
                .await?
        } else {
            Vec::new()
        };
        let pending = MIGRATOR.iter().filter(|migration| !applied.contains(&migration.version));
        Ok(pending.map(|migration| format!("{:04} {}", migration.version, migration.description)).collect())
    }
}
