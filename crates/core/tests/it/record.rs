use rotunda_core::media::record::{self, Arrival, Of, Query, RETENTION_MS, SERVER_STOPPED};
use rotunda_model::{Accid, ChannelId, DeviceId, MediaSession, ServerId, SessionEnd, Traffic, UserKey};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

fn arrival(app: &TestApp, accid: &str, channel: i64) -> anyhow::Result<Arrival> {
    let device = |text| DeviceId::new(text).ok_or_else(|| anyhow::anyhow!("a device id"));
    Ok(Arrival {
        user: UserKey { app: app.app.id, accid: Accid::new(accid)? },
        server: ServerId::try_from(1)?,
        channel: ChannelId::try_from(channel)?,
        device: device("kit")?,
        link_device: device("link")?,
        client: "web".to_owned(),
    })
}

fn begin(app: &TestApp, accid: &str, channel: i64) -> anyhow::Result<MediaSession> {
    app.clock.advance(1_000);
    Ok(record::begin(&app.core, arrival(app, accid, channel)?)?)
}

fn query(of: Of) -> Query {
    Query { of, account: None, before: None, limit: 100 }
}

async fn ids(app: &TestApp, query: &Query) -> anyhow::Result<Vec<i64>> {
    let found = record::list(app.core.store(), query).await?;
    Ok(found.items.iter().map(|session| session.id.get()).collect())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_record_is_read_as_it_was_last_written(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (mut first, second) = (begin(&app, "ann", 5)?, begin(&app, "bob", 5)?);
    record::save(&app.core, &[first.clone(), second.clone()]).await?;
    first.seen = first.entered.plus(9_000);
    first.end = Some(SessionEnd { at: first.seen, reason: "left".to_owned() });
    first.protocol = Some("udp".to_owned());
    first.srtp = Some("AEAD_AES_128_GCM".to_owned());
    first.traffic =
        Traffic { packets_up: 1, bytes_up: 2, lost_up: 3, packets_down: 4, bytes_down: 5, lost_down: 6 };
    record::save(&app.core, std::slice::from_ref(&first)).await?;
    let found = record::list(app.core.store(), &query(Of::Channel(first.channel))).await?;
    assert_eq!(found.items, [second, first]);
    assert!(!found.has_more);
    record::save(&app.core, &[]).await?;
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn records_are_paged_by_server_channel_and_account(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let mut all = Vec::new();
    for (accid, channel) in [("ann", 5), ("bob", 5), ("ann", 6), ("ann", 5)] {
        all.push(begin(&app, accid, channel)?);
    }
    record::save(&app.core, &all).await?;
    let id = |at: usize| all[at].id.get();
    assert_eq!(ids(&app, &query(Of::Server(all[0].server))).await?, [id(3), id(2), id(1), id(0)]);
    assert_eq!(ids(&app, &query(Of::Channel(all[0].channel))).await?, [id(3), id(1), id(0)]);
    assert_eq!(ids(&app, &query(Of::Account(all[0].user.clone()))).await?, [id(3), id(2), id(0)]);
    let ann = Query { account: Some(Accid::new("ann")?), ..query(Of::Channel(all[0].channel)) };
    assert_eq!(ids(&app, &ann).await?, [id(3), id(0)]);

    let first = Query { limit: 3, ..query(Of::Server(all[0].server)) };
    let page = record::list(app.core.store(), &first).await?;
    assert!(page.has_more);
    let next = Query { before: page.items.last().map(|session| session.id), ..first.clone() };
    assert_eq!(ids(&app, &next).await?, [id(0)]);
    for limit in [0, 1_001] {
        assert!(record::list(app.core.store(), &Query { limit, ..first.clone() }).await.is_err());
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_a_crash_left_open_ends_when_it_was_last_seen(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let mut open = begin(&app, "ann", 5)?;
    open.seen = open.entered.plus(30_000);
    let mut ended = begin(&app, "bob", 5)?;
    ended.end = Some(SessionEnd { at: ended.seen, reason: "left".to_owned() });
    record::save(&app.core, &[open.clone(), ended.clone()]).await?;

    let app = app.restart().await?;
    app.clock.advance(3_600_000);
    assert_eq!(record::end_abandoned(&app.core).await?, 1);
    assert_eq!(record::end_abandoned(&app.core).await?, 0);
    let found = record::list(app.core.store(), &query(Of::Channel(open.channel))).await?;
    let end = SessionEnd { at: open.seen, reason: SERVER_STOPPED.to_owned() };
    assert_eq!(found.items, [ended, MediaSession { end: Some(end), ..open }]);
    let later = begin(&app, "ann", 5)?;
    assert!(later.id > found.items[0].id, "ids rise over a restart");
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn records_are_removed_after_their_time(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let mut old = begin(&app, "ann", 5)?;
    old.end = Some(SessionEnd { at: old.entered.plus(5_000), reason: "left".to_owned() });
    let open = begin(&app, "bob", 5)?;
    record::save(&app.core, &[old.clone(), open.clone()]).await?;
    app.clock.advance(RETENTION_MS);
    assert_eq!(record::remove_old(&app.core).await?, 0);
    app.clock.advance(5_000);
    assert_eq!(record::remove_old(&app.core).await?, 1);
    assert_eq!(ids(&app, &query(Of::Channel(open.channel))).await?, [open.id.get()]);
    Ok(())
}
