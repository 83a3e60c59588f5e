//! Records of stays in media channels.

use rotunda_model::{
    Accid, ChannelId, DeviceId, MediaSession, Millis, ServerId, SessionEnd, SessionId, Traffic, UserKey,
};
use sqlx::PgExecutor;

use crate::{StoreError, row};

/// Writes all, new ones and known ones; the ids of the new ones. No two may have the same id.
pub async fn save(db: impl PgExecutor<'_>, sessions: &[MediaSession]) -> Result<Vec<i64>, StoreError> {
    let numbers = |of: fn(&MediaSession) -> i64| sessions.iter().map(of).collect::<Vec<i64>>();
    let texts = |of: fn(&MediaSession) -> &str| {
        sessions.iter().map(|session| of(session).to_owned()).collect::<Vec<String>>()
    };
    let ended: Vec<Option<i64>> =
        sessions.iter().map(|session| session.end.as_ref().map(|end| end.at.get())).collect();
    let reasons: Vec<Option<String>> =
        sessions.iter().map(|session| session.end.as_ref().map(|end| end.reason.clone())).collect();
    let protocols: Vec<Option<String>> = sessions.iter().map(|session| session.protocol.clone()).collect();
    let profiles: Vec<Option<String>> = sessions.iter().map(|session| session.srtp.clone()).collect();
    let written = sqlx::query!(
        r#"INSERT INTO media_sessions (id, app, server, channel, accid, device, link_device, client, entered, seen,
            ended, reason, protocol, srtp, packets_up, bytes_up, lost_up, packets_down, bytes_down, lost_down)
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
            $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[],
            $14::text[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[])
         ON CONFLICT (id) DO UPDATE SET seen = EXCLUDED.seen, ended = EXCLUDED.ended, reason = EXCLUDED.reason,
            protocol = EXCLUDED.protocol, srtp = EXCLUDED.srtp, packets_up = EXCLUDED.packets_up,
            bytes_up = EXCLUDED.bytes_up, lost_up = EXCLUDED.lost_up, packets_down = EXCLUDED.packets_down,
            bytes_down = EXCLUDED.bytes_down, lost_down = EXCLUDED.lost_down
         RETURNING id, xmax = 0 AS "new!""#,
        &numbers(|session| session.id.get()),
        &numbers(|session| session.user.app.get()),
        &numbers(|session| session.server.get()),
        &numbers(|session| session.channel.get()),
        &texts(|session| session.user.accid.as_str()),
        &texts(|session| session.device.as_str()),
        &texts(|session| session.link_device.as_str()),
        &texts(|session| &session.client),
        &numbers(|session| session.entered.get()),
        &numbers(|session| session.seen.get()),
        &ended as &[Option<i64>],
        &reasons as &[Option<String>],
        &protocols as &[Option<String>],
        &profiles as &[Option<String>],
        &numbers(|session| total(session.traffic.packets_up)),
        &numbers(|session| total(session.traffic.bytes_up)),
        &numbers(|session| total(session.traffic.lost_up)),
        &numbers(|session| total(session.traffic.packets_down)),
        &numbers(|session| total(session.traffic.bytes_down)),
        &numbers(|session| total(session.traffic.lost_down))
    )
    .fetch_all(db)
    .await?;
    Ok(written.into_iter().filter(|row| row.new).map(|row| row.id).collect())
}

fn total(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Ends what has no end at the time it was last seen; those.
pub async fn end_open(db: impl PgExecutor<'_>, reason: &str) -> Result<Vec<MediaSession>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        "UPDATE media_sessions SET ended = seen, reason = $1 WHERE ended IS NULL RETURNING *",
        reason
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(MediaSession::try_from).collect()
}

/// Removes at most `limit` that ended before `before`; how many.
pub async fn remove_old(db: impl PgExecutor<'_>, before: Millis, limit: u32) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "DELETE FROM media_sessions WHERE id IN (SELECT id FROM media_sessions WHERE ended < $1 LIMIT $2)",
        before.get(),
        i64::from(limit)
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

struct Row {
    id: i64,
    app: i64,
    server: i64,
    channel: i64,
    accid: String,
    device: String,
    link_device: String,
    client: String,
    entered: i64,
    seen: i64,
    ended: Option<i64>,
    reason: Option<String>,
    protocol: Option<String>,
    srtp: Option<String>,
    packets_up: i64,
    bytes_up: i64,
    lost_up: i64,
    packets_down: i64,
    bytes_down: i64,
    lost_down: i64,
}

impl TryFrom<Row> for MediaSession {
    type Error = StoreError;

    fn try_from(r: Row) -> Result<Self, StoreError> {
        let device = |text: &str, column| DeviceId::new(text).ok_or(StoreError::Row { column });
        let count = |raw: i64, column| u64::try_from(raw).map_err(|_| StoreError::Row { column });
        Ok(Self {
            id: row::id(r.id, "media_sessions.id")?,
            user: UserKey {
                app: row::id(r.app, "media_sessions.app")?,
                accid: row::accid(&r.accid, "media_sessions.accid")?,
            },
            server: row::id(r.server, "media_sessions.server")?,
            channel: row::id(r.channel, "media_sessions.channel")?,
            device: device(&r.device, "media_sessions.device")?,
            link_device: device(&r.link_device, "media_sessions.link_device")?,
            client: r.client,
            entered: Millis(r.entered),
            seen: Millis(r.seen),
            end: r.ended.zip(r.reason).map(|(at, reason)| SessionEnd { at: Millis(at), reason }),
            protocol: r.protocol,
            srtp: r.srtp,
            traffic: Traffic {
                packets_up: count(r.packets_up, "media_sessions.packets_up")?,
                bytes_up: count(r.bytes_up, "media_sessions.bytes_up")?,
                lost_up: count(r.lost_up, "media_sessions.lost_up")?,
                packets_down: count(r.packets_down, "media_sessions.packets_down")?,
                bytes_down: count(r.bytes_down, "media_sessions.bytes_down")?,
                lost_down: count(r.lost_down, "media_sessions.lost_down")?,
            },
        })
    }
}

/// Whose or where; each has an index in the order of a page.
#[derive(Debug, Clone)]
pub enum Of {
    Server(ServerId),
    Channel(ChannelId),
    Account(UserKey),
}

/// Newest first, begun before `before`; within a server or channel, with `accid` only that account's.
pub async fn page(
    db: impl PgExecutor<'_>,
    of: &Of,
    accid: Option<&Accid>,
    before: Option<SessionId>,
    limit: u32,
) -> Result<Vec<MediaSession>, StoreError> {
    let (accid, before, limit) =
        (accid.map(Accid::as_str), before.map_or(i64::MAX, SessionId::get), i64::from(limit));
    let rows = match of {
        Of::Server(server) => {
            sqlx::query_as!(
                Row,
                "SELECT * FROM media_sessions WHERE server = $1 AND ($2::text IS NULL OR accid = $2) AND id < $3
                 ORDER BY id DESC LIMIT $4",
                server.get(),
                accid,
                before,
                limit
            )
            .fetch_all(db)
            .await?
        }
        Of::Channel(channel) => {
            sqlx::query_as!(
                Row,
                "SELECT * FROM media_sessions WHERE channel = $1 AND ($2::text IS NULL OR accid = $2) AND id < $3
                 ORDER BY id DESC LIMIT $4",
                channel.get(),
                accid,
                before,
                limit
            )
            .fetch_all(db)
            .await?
        }
        Of::Account(user) => {
            sqlx::query_as!(
                Row,
                "SELECT * FROM media_sessions WHERE app = $1 AND accid = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
                user.app.get(),
                user.accid.as_str(),
                before,
                limit
            )
            .fetch_all(db)
            .await?
        }
    };
    rows.into_iter().map(MediaSession::try_from).collect()
}
