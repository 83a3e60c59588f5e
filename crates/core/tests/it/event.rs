use std::time::Duration;

use rotunda_core::{
    event::{self, RETENTION_MS},
    media::record::{self, Arrival},
};
use rotunda_model::{
    Accid, AppId, Code, DeviceId, MediaSession, ServerId, SessionEnd, UserKey, ViewMode,
    event::{Event, Happening, Link},
};
use rotunda_store::event as store;
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, join};

/// The log of the app so far, one word for each.
async fn words(app: &TestApp) -> anyhow::Result<Vec<String>> {
    app.deliver().await?;
    let page = event::list(&app.core, app.app.id, 0, 1_000).await?;
    page.items
        .iter()
        .map(|entry| {
            let event = entry.event.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
            Ok(match &event.what {
                Happening::Login(link) => format!("login {}", link.id),
                Happening::Logout(link) => format!("logout {}", link.id),
                Happening::Entered { accid, .. } => format!("entered {}", accid.as_str()),
                Happening::Left { accid, reason, .. } => format!("left {} {reason}", accid.as_str()),
                Happening::Told(told) => told.fact.number().to_string(),
            })
        })
        .collect()
}

fn link(id: &str) -> anyhow::Result<Link> {
    let device = DeviceId::new("phone").ok_or_else(|| anyhow::anyhow!("a device id"))?;
    Ok(Link { id: id.to_owned(), accid: Accid::new("ann")?, device, client_type: 16 })
}

fn stay(app: &TestApp, accid: &str) -> anyhow::Result<MediaSession> {
    let device = DeviceId::new("kit").ok_or_else(|| anyhow::anyhow!("a device id"))?;
    let arrival = Arrival {
        user: UserKey { app: app.app.id, accid: Accid::new(accid)? },
        server: ServerId::try_from(1)?,
        channel: 5.try_into()?,
        device: device.clone(),
        link_device: device,
        client: "web".to_owned(),
    };
    app.clock.advance(1_000);
    Ok(record::begin(&app.core, arrival)?)
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_members_are_told_is_in_the_log_once_and_in_order(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let server = support::server(&app, &ann).await?;
    join(&app, &bob, server.id).await?;
    support::channel(&app, &ann, server.id, ViewMode::Public).await?;
    // 32 (entered) and 31 (sees a channel) are for one account alone and are left out.
    assert_eq!(words(&app).await?, ["5", "10", "15"]);
    assert_eq!(words(&app).await?, ["5", "10", "15"]);
    let other = app.other_app().await?;
    assert!(event::list(&app.core, other.id, 0, 10).await?.items.is_empty());
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_stay_enters_once_and_leaves_with_its_reason(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (mut ann, bob) = (stay(&app, "ann")?, stay(&app, "bob")?);
    record::save(&app.core, &[ann.clone(), bob.clone()]).await?;
    ann.traffic.packets_up = 9;
    record::save(&app.core, &[ann.clone(), bob.clone()]).await?;
    ann.end = Some(SessionEnd { at: ann.entered.plus(5_000), reason: "left".to_owned() });
    record::save(&app.core, &[ann]).await?;
    record::end_abandoned(&app.core).await?;
    let expected = ["entered ann", "entered bob", "left ann left", "left bob server_stopped"];
    assert_eq!(words(&app).await?, expected);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_stay_that_was_over_before_it_was_written_still_entered_first(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let mut ann = stay(&app, "ann")?;
    ann.end = Some(SessionEnd { at: ann.entered, reason: "left".to_owned() });
    record::save(&app.core, &[ann]).await?;
    assert_eq!(words(&app).await?, ["entered ann", "left ann left"]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn logins_wait_for_postgres_and_keep_their_order(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool.clone()).await?;
    event::logged_in(&app.core, app.app.id, link("one")?);
    event::logged_out(&app.core, app.app.id, link("one")?);
    sqlx::query("ALTER TABLE events RENAME TO away").execute(&pool).await?;
    assert!(app.deliver().await.is_err());
    event::logged_in(&app.core, app.app.id, link("two")?);
    sqlx::query("ALTER TABLE away RENAME TO events").execute(&pool).await?;
    assert_eq!(words(&app).await?, ["login one", "logout one", "login two"]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn pages_follow_the_cursor_and_a_pruned_one_is_told(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let id = app.app.id;
    for name in ["a", "b", "c"] {
        event::logged_in(&app.core, id, link(name)?);
    }
    app.deliver().await?;
    let first = event::list(&app.core, id, 0, 2).await?;
    assert!(first.has_more && !first.gap);
    let last = first.items.last().unwrap().id;
    let second = event::list(&app.core, id, last, 2).await?;
    assert_eq!((second.items.len(), second.has_more, second.gap), (1, false, false));

    assert_eq!(event::remove_old(&app.core).await?, 0);
    app.clock.advance(RETENTION_MS + 1);
    event::logged_in(&app.core, id, link("d")?);
    app.deliver().await?;
    assert_eq!(event::remove_old(&app.core).await?, 3);
    assert_eq!(event::remove_old(&app.core).await?, 0);
    // "b" was read, "c" was not and is gone.
    let late = event::list(&app.core, id, last, 10).await?;
    assert_eq!((late.items.len(), late.gap), (1, true));
    let up_to_date = event::list(&app.core, id, late.items[0].id, 10).await?;
    assert!(!up_to_date.gap);
    assert!(!event::list(&app.core, id, 0, 10).await?.gap);

    for (cursor, limit) in [(0, 0), (0, 1_001), (-1, 10)] {
        assert_eq!(code(event::list(&app.core, id, cursor, limit).await), Code::PARAMETER);
    }
    Ok(())
}

/// Ids are given before the commit: without the lock a reader passes one whose transaction is still open.
#[sqlx::test(migrations = "../../migrations")]
async fn a_reader_misses_nothing_of_writers_that_race(pool: PgPool) -> anyhow::Result<()> {
    const WRITERS: usize = 6;
    const EACH: usize = 15;
    let app = TestApp::new(pool).await?;
    let id: AppId = app.app.id;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        let core = app.core.clone();
        writers.spawn(async move {
            for round in 0..EACH {
                let what = Happening::Login(link(&format!("{writer}-{round}"))?);
                let event = Event { app: id, server: None, time: core.env().now(), what };
                let mut tx = core.store().begin().await?;
                store::append(&mut tx, &[event]).await?;
                tokio::time::sleep(Duration::from_millis(((writer + round) % 4) as u64)).await;
                tx.commit().await?;
            }
            anyhow::Ok(())
        });
    }
    let (mut cursor, mut read) = (0, 0);
    while read < WRITERS * EACH {
        let done = writers.is_empty();
        let page = event::list(&app.core, id, cursor, 7).await?;
        read += page.items.len();
        cursor = page.items.last().map_or(cursor, |entry| entry.id);
        if done && page.items.is_empty() {
            break;
        }
        while let Some(ended) = writers.try_join_next() {
            ended??;
        }
    }
    assert_eq!(read, WRITERS * EACH);
    Ok(())
}
