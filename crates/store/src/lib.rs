//! Postgres: repository functions, transactions, migrations. No rule of the domain lives here.
//!
//! One module per noun. A function takes the pool or a connection; one that is only right inside a transaction takes
//! `&mut PgConnection`. Absence is `Ok(None)` or `false`, never an error. Queries are checked against the schema at
//! compile time, or against `.sqlx` when no database is at hand.

pub mod account;
pub mod admin;
pub mod ban;
pub mod category;
pub mod channel;
pub mod custom_right;
mod error;
pub mod event;
pub mod layer;
pub mod list;
pub mod media;
pub mod member;
mod migrations;
pub mod name;
pub mod outbox;
pub mod record;
pub mod request;
pub mod role;
mod row;
pub mod rules;
pub mod server;
pub mod template;
pub mod viewer;
pub mod webhook;

pub use error::StoreError;
pub use sqlx::PgConnection;

use std::time::Duration;

use sqlx::{
    ConnectOptions as _, Connection as _, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};

/// A transaction; dropped without commit it rolls back.
pub type Tx = Transaction<'static, Postgres>;

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

/// How long a change waits for its server's row lock, in milliseconds. Longer queues up more behind a slow one, shorter
/// refuses under a burst of edits of one server.
const LOCK_TIMEOUT_MS: &str = "10000";

/// When Postgres ends a transaction in which nothing happens, in milliseconds: a process that hangs must not hold a
/// server's lock for ever. Far above what any change needs between two queries.
const IDLE_TIMEOUT_MS: &str = "60000";

impl Store {
    /// `connections`: the most the pool opens. Each costs Postgres about 10 MB.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = url.parse::<PgConnectOptions>()?.options([
            ("lock_timeout", LOCK_TIMEOUT_MS),
            ("idle_in_transaction_session_timeout", IDLE_TIMEOUT_MS),
        ]);
        // A pool only says that it waited in vain; one connection says why.
        let one = tokio::time::timeout(ACQUIRE_TIMEOUT, options.connect()).await;
        one.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await?;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
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

    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(self.pool.begin().await?)
    }

    /// All its reads see one moment.
    pub async fn begin_read(&self) -> Result<Tx, StoreError> {
        Ok(self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }

    pub async fn start(&self) -> Result<Start, StoreError> {
        let row = sqlx::query!(
            r#"SELECT nextval('node_seq') AS "node!", GREATEST(
                (SELECT max(id) FROM servers), (SELECT max(id) FROM channels), (SELECT max(id) FROM categories),
                (SELECT max(id) FROM server_roles), (SELECT max(id) FROM channel_roles),
                (SELECT max(id) FROM channel_overrides), (SELECT max(id) FROM category_roles),
                (SELECT max(id) FROM category_overrides), (SELECT max(id) FROM requests),
                (SELECT max(id) FROM stored_notifications), (SELECT max(id) FROM media_sessions), 0) AS "highest!""#
        )
        .fetch_one(&self.pool)
        .await?;
        let node = u8::try_from(row.node).map_err(|_| StoreError::Row { column: "node_seq" })?;
        Ok(Start { node, highest_id: row.highest })
    }
}
