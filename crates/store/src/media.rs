//! Media channels: configuration, counters, what of an open room outlives the process.

use std::collections::HashMap;

use rotunda_model::{Accid, AppId, ChannelId, ChannelKind, Millis, RtcConfig, ServerId};
use sqlx::PgExecutor;

use crate::{PgConnection, StoreError, row};

/// What a verdict needs beside the rules.
#[derive(Debug)]
pub struct Entrance {
    pub server: ServerId,
    /// The server's version at which this was read.
    pub version: i64,
    pub kind: ChannelKind,
    pub config: RtcConfig,
    /// Nick in the server, else the account's name; may be empty.
    pub name: String,
}

/// `None`: no such channel in the app.
pub async fn entrance(
    db: impl PgExecutor<'_>,
    app: AppId,
    channel: ChannelId,
    accid: &Accid,
) -> Result<Option<Entrance>, StoreError> {
    let found = sqlx::query!(
        r#"SELECT c.server, s.version, c.kind, g.capacity AS "capacity?", g.audio AS "audio?", g.video AS "video?",
            COALESCE(NULLIF(m.nick, ''), a.name, '') AS "name!"
         FROM channels c JOIN servers s ON s.id = c.server
         LEFT JOIN rtc_configs g ON g.channel = c.id
         LEFT JOIN members m ON m.server = c.server AND m.accid = $3
         LEFT JOIN accounts a ON a.app = s.app AND a.accid = $3
         WHERE c.id = $1 AND s.app = $2"#,
        channel.get(),
        app.get(),
        accid.as_str()
    )
    .fetch_optional(db)
    .await?;
    found
        .map(|r| {
            let default = RtcConfig::default();
            Ok(Entrance {
                server: row::id(r.server, "channels.server")?,
                version: r.version,
                kind: row::number(ChannelKind::from_number, r.kind, "channels.kind")?,
                config: RtcConfig {
                    limit: r.capacity.map_or(Ok(default.limit), |c| row::count(c, "rtc_configs.capacity"))?,
                    audio: r.audio.unwrap_or(default.audio),
                    video: r.video.unwrap_or(default.video),
                },
                name: r.name,
            })
        })
        .transpose()
}

/// Configurations of those channels that have their own.
pub async fn configs(
    db: impl PgExecutor<'_>,
    channels: &[ChannelId],
) -> Result<HashMap<ChannelId, RtcConfig>, StoreError> {
    let raw: Vec<i64> = channels.iter().map(|id| id.get()).collect();
    let rows =
        sqlx::query!("SELECT channel, capacity, audio, video FROM rtc_configs WHERE channel = ANY($1)", &raw)
            .fetch_all(db)
            .await?;
    rows.into_iter()
        .map(|r| {
            let limit = row::count(r.capacity, "rtc_configs.capacity")?;
            let config = RtcConfig { limit, audio: r.audio, video: r.video };
            Ok((row::id(r.channel, "rtc_configs.channel")?, config))
        })
        .collect()
}

/// As stored, else the default.
pub async fn config(db: impl PgExecutor<'_>, channel: ChannelId) -> Result<RtcConfig, StoreError> {
    let found =
        sqlx::query!("SELECT capacity, audio, video FROM rtc_configs WHERE channel = $1", channel.get())
            .fetch_optional(db)
            .await?;
    found.map_or_else(
        || Ok(RtcConfig::default()),
        |r| {
            let limit = row::count(r.capacity, "rtc_configs.capacity")?;
            Ok(RtcConfig { limit, audio: r.audio, video: r.video })
        },
    )
}

pub async fn set_config(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
    config: &RtcConfig,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO rtc_configs (channel, capacity, audio, video) VALUES ($1, $2, $3, $4)
         ON CONFLICT (channel) DO UPDATE SET capacity = $2, audio = $3, video = $4",
        channel.get(),
        i32::try_from(config.limit).unwrap_or(i32::MAX),
        config.audio,
        config.video
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Made at the first call. `None`: no such channel.
pub async fn cid(db: &mut PgConnection, channel: ChannelId) -> Result<Option<i64>, StoreError> {
    let known = sqlx::query_scalar!("SELECT cid FROM rtc_channels WHERE channel = $1", channel.get());
    if let Some(cid) = known.fetch_optional(&mut *db).await? {
        return Ok(Some(cid));
    }
    sqlx::query!(
        "INSERT INTO rtc_channels (channel) SELECT id FROM channels WHERE id = $1 ON CONFLICT DO NOTHING",
        channel.get()
    )
    .execute(&mut *db)
    .await?;
    let made = sqlx::query_scalar!("SELECT cid FROM rtc_channels WHERE channel = $1", channel.get());
    Ok(made.fetch_optional(db).await?)
}

/// Made at the first call. `None`: no such channel.
pub async fn rtc_uid(
    db: &mut PgConnection,
    channel: ChannelId,
    accid: &Accid,
) -> Result<Option<i64>, StoreError> {
    let known = sqlx::query_scalar!(
        "SELECT uid FROM rtc_members WHERE channel = $1 AND accid = $2",
        channel.get(),
        accid.as_str()
    );
    if let Some(uid) = known.fetch_optional(&mut *db).await? {
        return Ok(Some(uid));
    }
    sqlx::query!(
        "INSERT INTO rtc_members (channel, accid) SELECT id, $2 FROM channels WHERE id = $1 ON CONFLICT DO NOTHING",
        channel.get(),
        accid.as_str()
    )
    .execute(&mut *db)
    .await?;
    let made = sqlx::query_scalar!(
        "SELECT uid FROM rtc_members WHERE channel = $1 AND accid = $2",
        channel.get(),
        accid.as_str()
    );
    Ok(made.fetch_optional(db).await?)
}

pub async fn properties(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT name, value FROM room_properties WHERE channel = $1 ORDER BY name",
        channel.get()
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (r.name, r.value)).collect())
}

/// Without effect when the channel is gone.
pub async fn set_property(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
    name: &str,
    value: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO room_properties (channel, name, value) SELECT id, $2, $3 FROM channels WHERE id = $1
         ON CONFLICT (channel, name) DO UPDATE SET value = $3",
        channel.get(),
        name,
        value
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn remove_property(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
    name: &str,
) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM room_properties WHERE channel = $1 AND name = $2", channel.get(), name)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn moderator_offs(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
) -> Result<Vec<(Accid, String)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT accid, source FROM room_moderator_offs WHERE channel = $1 ORDER BY accid, source",
        channel.get()
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(|r| Ok((row::accid(&r.accid, "room_moderator_offs.accid")?, r.source))).collect()
}

/// Without effect when the channel is gone.
pub async fn set_moderator_off(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
    accid: &Accid,
    source: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO room_moderator_offs (channel, accid, source) SELECT id, $2, $3 FROM channels WHERE id = $1
         ON CONFLICT DO NOTHING",
        channel.get(),
        accid.as_str(),
        source
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn remove_moderator_off(
    db: impl PgExecutor<'_>,
    channel: ChannelId,
    accid: &Accid,
    source: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM room_moderator_offs WHERE channel = $1 AND accid = $2 AND source = $3",
        channel.get(),
        accid.as_str(),
        source
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Properties and moderators' offs.
pub async fn clear_room(db: &mut PgConnection, channel: ChannelId) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM room_properties WHERE channel = $1", channel.get()).execute(&mut *db).await?;
    sqlx::query!("DELETE FROM room_moderator_offs WHERE channel = $1", channel.get()).execute(db).await?;
    Ok(())
}

/// True the first time. Drops those that expired before `now`.
pub async fn use_once(
    db: &mut PgConnection,
    jti: &str,
    expires: Millis,
    now: Millis,
) -> Result<bool, StoreError> {
    sqlx::query!("DELETE FROM media_reseats WHERE expires < $1", now.get()).execute(&mut *db).await?;
    let done = sqlx::query!(
        "INSERT INTO media_reseats (jti, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        jti,
        expires.get()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
