//! Postgres: repository functions, transactions, migrations. No rule of the domain lives here.

mod error;
mod migrations;

pub use error::StoreError;

use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};

/// The pool, and what runs on it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

/// What a starting process takes from Postgres.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// Its number among the processes of this database, in turn.
    pub node: u8,
    /// The highest id any process has stored; 0 in a fresh database.
    pub highest_id: i64,
}

/// How long a use case waits for a connection. Longer hides an overload; shorter refuses bursts.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

impl Store {
    /// `connections`: the most the pool opens. Each costs Postgres about 10 MB.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect(url)
            .await?;
        Ok(Self { pool })
    }

    pub const fn from_pool(pool: PgPool) -> Self {
        Self { pool }
    }

    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Brings the schema up to date, under Postgres' advisory lock: two starting processes do not collide.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        migrations::MIGRATOR.run(&self.pool).await?;
        Ok(())
    }

    pub async fn start(&self) -> Result<Start, StoreError> {
        Ok(Start { node: 0, highest_id: 0 })
    }
}
