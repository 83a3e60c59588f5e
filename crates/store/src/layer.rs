//! What a channel's own layer and lists say.

use rotunda_model::{Accid, Auths, ChannelId, Millis, RoleId, ServerId};
use sqlx::{PgExecutor, types::Json};

use crate::{StoreError, row};

/// A channel's role for a server role, all ignore. Made for @everyone with the channel.
pub async fn insert_channel_role(
    db: impl PgExecutor<'_>,
    id: RoleId,
    channel: ChannelId,
    server_role: RoleId,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO channel_roles (id, channel, server_role, auths, created, updated) VALUES ($1, $2, $3, '{}', $4, $4)",
        id.get(),
        channel.get(),
        server_role.get(),
        now.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A member's override without the member beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub id: RoleId,
    pub server: ServerId,
    pub channel: ChannelId,
    pub accid: Accid,
    pub auths: Auths,
    pub created: Millis,
    pub updated: Millis,
}

/// False: there is one already.
pub async fn insert_override(db: impl PgExecutor<'_>, new: &Override) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "INSERT INTO channel_overrides (id, channel, server, accid, auths, created, updated)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (channel, accid) DO NOTHING",
        new.id.get(),
        new.channel.get(),
        new.server.get(),
        new.accid.as_str(),
        Json(&new.auths) as _,
        new.created.get(),
        new.updated.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn get_override(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
    accid: &Accid,
) -> Result<Option<Override>, StoreError> {
    let found = sqlx::query!(
        r#"SELECT id, server, auths AS "auths: Json<Auths>", created, updated FROM channel_overrides
         WHERE channel = $1 AND accid = $2"#,
        channel.get(),
        accid.as_str()
    )
    .fetch_optional(db)
    .await?;
    found
        .map(|r| {
            Ok(Override {
                id: row::id(r.id, "channel_overrides.id")?,
                server: row::id(r.server, "channel_overrides.server")?,
                channel,
                accid: accid.clone(),
                auths: r.auths.0,
                created: Millis(r.created),
                updated: Millis(r.updated),
            })
        })
        .transpose()
}

/// Writes auths and updated.
pub async fn update_override(db: impl PgExecutor<'_>, changed: &Override) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE channel_overrides SET auths = $2, updated = $3 WHERE id = $1",
        changed.id.get(),
        Json(&changed.auths) as _,
        changed.updated.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// False: there was none.
pub async fn delete_override(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
    accid: &Accid,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM channel_overrides WHERE channel = $1 AND accid = $2",
        channel.get(),
        accid.as_str()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
