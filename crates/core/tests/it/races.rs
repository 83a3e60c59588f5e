//! Many at once: what must hold however the commits fall.

use rotunda_core::{Actor, invite, role, role::RoleUpdate, server};
use rotunda_model::{AuthValue, Code, Right, ViewMode};
use rotunda_testkit::TestApp;
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::support::{self, closed_server, code, join};

async fn accounts(app: &TestApp, count: usize) -> anyhow::Result<Vec<Actor>> {
    let mut actors = Vec::with_capacity(count);
    for n in 0..count {
        actors.push(app.away(&format!("user{n}")).await?);
    }
    Ok(actors)
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_thousand_joiners_fill_a_server_exactly(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.limits.members_per_server = 101).await?;
    let ann = app.away("ann").await?;
    let made = support::server(&app, &ann).await?;
    let mut tasks = JoinSet::new();
    for actor in accounts(&app, 1_000).await? {
        let core = app.core.clone();
        tasks.spawn(async move { code(invite::apply(&core, &actor, made.id, "", None).await) });
    }
    let codes = tasks.join_all().await;
    let count = |of| codes.iter().filter(|code| **code == of).count();
    // A pool that is out of connections for 5 s says so; nobody is in two minds.
    assert_eq!(count(Code::OK), 100);
    assert_eq!(count(Code::OVER_LIMIT) + count(Code::BUSY), 900);
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM members").fetch_one(app.pool()).await?;
    assert_eq!(stored, 101);
    let found = server::by_ids(&app.core, &ann, &[made.id]).await?;
    assert_eq!(found.first().unwrap().member_count, 101);
    let times: i64 =
        sqlx::query_scalar("SELECT count(DISTINCT created) FROM members").fetch_one(app.pool()).await?;
    assert_eq!(times, 101);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_request_is_accepted_once(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.away("ann").await?, app.away("bob").await?);
    let made = closed_server(&app, &ann).await?;
    let request = invite::apply(&app.core, &bob, made.id, "", None).await?;
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let (core, ann, bob) = (app.core.clone(), ann.clone(), bob.user.accid.clone());
        tasks.spawn(
            async move { code(invite::accept_application(&core, &ann, made.id, &bob, request.id).await) },
        );
    }
    let mut codes = tasks.join_all().await;
    codes.sort_by_key(|code| code.0);
    assert_eq!(codes.first(), Some(&Code::OK));
    assert!(codes.iter().skip(1).all(|code| *code == Code::REPEATED), "{codes:?}");
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_accounts_last_place_is_taken_once(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.limits.servers_per_account = 12).await?;
    let (ann, bob) = (app.away("ann").await?, app.away("bob").await?);
    let mut tasks = JoinSet::new();
    for n in 0..24 {
        let owner = if n < 12 { ann.clone() } else { app.away(&format!("owner{n}")).await? };
        let made = support::server(&app, &owner).await?;
        let (core, bob) = (app.core.clone(), bob.clone());
        tasks.spawn(async move { code(invite::apply(&core, &bob, made.id, "", None).await) });
    }
    let codes = tasks.join_all().await;
    assert_eq!(codes.iter().filter(|code| **code == Code::OK).count(), 12, "{codes:?}");
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn concurrent_edits_leave_memory_and_storage_alike(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.away("ann").await?, app.away("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let everyone = support::everyone(&app, &ann, made.id).await?;
    let mut tasks = JoinSet::new();
    for n in 0..120_u32 {
        let (core, ann) = (app.core.clone(), ann.clone());
        tasks.spawn(async move {
            let right = Right::try_from(n % 27 + 1).unwrap();
            let value = if n.is_multiple_of(2) { AuthValue::Allow } else { AuthValue::Deny };
            match n % 4 {
                0 => {
                    let new = support::media(ViewMode::Private);
                    code(rotunda_core::channel::create(&core, &ann, made.id, new).await)
                }
                1 => code(role::create(&core, &ann, made.id, role::NewRole::default()).await),
                _ => {
                    let update = RoleUpdate { auths: vec![(right, value)], ..RoleUpdate::default() };
                    code(role::update(&core, &ann, made.id, everyone, update).await)
                }
            }
        });
    }
    let codes = tasks.join_all().await;
    let unexpected: Vec<_> =
        codes.iter().filter(|code| !matches!(**code, Code::OK | Code::OVER_LIMIT)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    assert!(server::rules_agree(&app.core, made.id).await?);
    let (rights, version) = server::rights(&app.core, &bob, made.id).await?;
    let app = app.restart().await?;
    assert_eq!(server::rights(&app.core, &bob, made.id).await?, (rights, version));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_caller_that_goes_away_does_not_tear_a_commit(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.away("ann").await?;
    let made = support::server(&app, &ann).await?;
    for n in 0..40_u64 {
        let (core, ann) = (app.core.clone(), ann.clone());
        let task = tokio::spawn(async move {
            let new = support::media(ViewMode::Public);
            rotunda_core::channel::create(&core, &ann, made.id, new).await
        });
        for _ in 0..n * 3 {
            tokio::task::yield_now().await;
        }
        task.abort();
        let _ = task.await;
    }
    // A last change waits for the row lock, so every torn one is over by then.
    role::create(&app.core, &ann, made.id, role::NewRole::default()).await?;
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}
