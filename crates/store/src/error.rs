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

/// Postgres' code for a lock that was not granted within `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

impl StoreError {
    /// No connection or no lock to be had in time: try again later.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::Query(sqlx::Error::PoolTimedOut) => true,
            Self::Query(sqlx::Error::Database(error)) => error.code().as_deref() == Some(LOCK_NOT_AVAILABLE),
            _ => false,
        }
    }

    /// A unique or primary key already has this row.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Query(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}
