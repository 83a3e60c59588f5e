//! What the things of a server are called: for people, never for a decision.

use std::collections::HashMap;

use rotunda_model::{CategoryId, ChannelId, RoleId, ServerId};
use sqlx::PgExecutor;

use crate::{StoreError, row};

/// Names by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerNames {
    pub server: String,
    /// Server roles, @everyone included.
    pub roles: HashMap<RoleId, String>,
    pub channels: HashMap<ChannelId, String>,
    pub categories: HashMap<CategoryId, String>,
}

/// Of everything the server has. The caps on roles and channels bound it.
pub async fn of_server(db: impl PgExecutor<'_>, server: ServerId) -> Result<ServerNames, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT 'server' AS "kind!", id AS "id!", name AS "name!" FROM servers WHERE id = $1
         UNION ALL SELECT 'role', id, name FROM server_roles WHERE server = $1
         UNION ALL SELECT 'channel', id, name FROM channels WHERE server = $1
         UNION ALL SELECT 'category', id, name FROM categories WHERE server = $1"#,
        server.get()
    )
    .fetch_all(db)
    .await?;
    let mut names = ServerNames::default();
    for r in rows {
        match r.kind.as_str() {
            "role" => drop(names.roles.insert(row::id(r.id, "server_roles.id")?, r.name)),
            "channel" => drop(names.channels.insert(row::id(r.id, "channels.id")?, r.name)),
            "category" => drop(names.categories.insert(row::id(r.id, "categories.id")?, r.name)),
            _ => names.server = r.name,
        }
    }
    Ok(names)
}
