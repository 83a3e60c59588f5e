//! What can go wrong between here and Postgres.

/// A failed query or migration, or a row no release of Rotunda wrote.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("query failed: {0}")]
    Query(#[from] sqlx::Error),
    #[error("migration failed: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("a row holds {column} that no release of Rotunda wrote")]
    Row { column: &'static str },
}

impl StoreError {
    /// No connection to be had in time: try again later.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Query(sqlx::Error::PoolTimedOut))
    }

    /// A unique or primary key already has this row.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Query(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}
