//! Black and white lists (黑白名单) of channels and categories.

pub use rotunda_model::ListKind;
use rotunda_model::{Accid, ChannelId, Millis, ServerId};
use sqlx::PgExecutor;

use crate::StoreError;

/// Puts a member on a channel's list; once is as good as twice.
pub async fn list_member(
    db: impl PgExecutor<'_>,
    server: ServerId,
    channel: ChannelId,
    kind: ListKind,
    accid: &Accid,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO channel_list_members (channel, kind, server, accid, created) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        channel.get(),
        kind.number(),
        server.get(),
        accid.as_str(),
        now.get()
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes a member off a channel's list; once is as good as twice.
pub async fn unlist_member(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
    kind: ListKind,
    accid: &Accid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM channel_list_members WHERE channel = $1 AND kind = $2 AND accid = $3",
        channel.get(),
        kind.number(),
        accid.as_str()
    )
    .execute(db)
    .await?;
    Ok(())
}
