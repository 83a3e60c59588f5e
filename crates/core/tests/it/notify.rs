use rotunda_core::{
    Hub, Membership, invite, member,
    member_role::{self, Key},
    notify, server,
};
use rotunda_model::{AuthValue::Deny, Place, Right, UserKey, ViewMode, notification::Audience};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, join};

#[sqlx::test(migrations = "../../migrations")]
async fn who_is_away_finds_invitations_and_applications_later(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.away("ann").await?, app.away("bob").await?);
    let eve = app.account("eve").await?;
    let open = support::server(&app, &ann).await?;
    let closed = support::closed_server(&app, &ann).await?;
    let bobs = support::one(&bob);
    for _ in 0..2 {
        invite::invite(&app.core, &ann, open.id, &bobs, "", None).await?;
    }
    invite::apply(&app.core, &eve, closed.id, "", None).await?;
    app.deliver().await?;

    let stored = notify::stored(&app.core, &bob.user).await?;
    assert_eq!(stored.iter().map(|n| n.fact.number()).collect::<Vec<_>>(), [1, 1]);
    assert!(stored.iter().all(|n| n.stored_id != 0 && n.from == ann.user.accid));
    assert_eq!(notify::stored(&app.core, &ann.user).await?.len(), 1);
    notify::acknowledge(&app.core, &bob.user, stored.first().unwrap().stored_id).await?;
    assert_eq!(notify::stored(&app.core, &bob.user).await?.len(), 1);
    app.clock.advance(31 * 24 * 3_600 * 1_000);
    assert!(notify::stored(&app.core, &bob.user).await?.is_empty());
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_was_seen_live_is_not_kept(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    invite::invite(&app.core, &ann, made.id, &support::one(&bob), "", None).await?;
    let got = app.got(&bob).await?;
    assert_ne!(got.first().unwrap().stored_id, 0);
    assert!(notify::stored(&app.core, &bob.user).await?.is_empty());
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_thousand_are_kept_and_the_newest_stay(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.away("ann").await?, app.away("bob").await?);
    let made = support::server(&app, &ann).await?;
    let bobs = support::one(&bob);
    invite::invite(&app.core, &ann, made.id, &bobs, "", None).await?;
    let first = notify::stored(&app.core, &bob.user).await?;
    let first = first.first().unwrap();
    sqlx::query(
        "INSERT INTO stored_notifications SELECT id + n, app, accid, created, body
         FROM stored_notifications, generate_series(1, 1000) n",
    )
    .execute(app.pool())
    .await?;
    app.clock.advance(1);
    invite::invite(&app.core, &ann, made.id, &bobs, "", None).await?;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM stored_notifications WHERE accid = 'bob'")
        .fetch_one(app.pool())
        .await?;
    assert_eq!(kept, 1_000);
    let oldest: i64 = sqlx::query_scalar("SELECT min(id) FROM stored_notifications WHERE accid = 'bob'")
        .fetch_one(app.pool())
        .await?;
    assert!(oldest > first.stored_id);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_reads_who_else_gained_sight(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    app.quiet().await?;
    support::channel(&app, &ann, made.id, rotunda_model::ViewMode::Public).await?;
    let got = app.got(&bob).await?;
    let own = Audience::ChannelAccounts(support::one(&bob).to_vec());
    assert_eq!(got.get(1).unwrap().audience, own);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_dispatcher_is_woken_by_a_commit_and_stops_when_told(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let dispatcher = tokio::spawn(notify::run_dispatcher(app.core.clone(), async {
        let _ = stopped.await;
    }));
    support::server(&app, &ann).await?;
    let mut got = Vec::new();
    while got.len() < 2 {
        got.extend(app.hub.take(&ann.user));
        tokio::task::yield_now().await;
    }
    drop(stop);
    dispatcher.await?;
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn outbox_sequences_have_no_gap(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.away("ann").await?, app.away("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    support::channel(&app, &ann, made.id, rotunda_model::ViewMode::Public).await?;
    let seqs: Vec<i64> = sqlx::query_scalar("SELECT seq FROM outbox WHERE server = $1 ORDER BY id")
        .bind(made.id.get())
        .fetch_all(app.pool())
        .await?;
    assert_eq!(seqs, (1..=i64::try_from(seqs.len())?).collect::<Vec<_>>());
    assert!(!app.hub.is_online(&UserKey { app: app.app.id, accid: bob.user.accid }));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn who_comes_back_before_the_farewell_is_told_stays_a_member_online(
    pool: PgPool,
) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    app.quiet().await?;
    member::kick(&app.core, &ann, made.id, &support::one(&bob)).await?;
    join(&app, &bob, made.id).await?;
    assert_eq!(app.told(&bob).await?, [12, 32, 10, 32]);
    assert!(app.hub.online_members(app.app.id, made.id).contains(&bob.user.accid));
    Ok(())
}

/// In a large server nobody hears what they did not ask for, except what is about them.
#[sqlx::test(migrations = "../../migrations")]
async fn what_is_about_an_account_needs_no_subscription(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let eve = app.account("eve").await?;
    let made = support::server(&app, &ann).await?;
    let channel = support::channel(&app, &ann, made.id, ViewMode::Public).await?.id;
    for member in [&bob, &eve] {
        join(&app, member, made.id).await?;
        app.hub.subscribed(&member.user, Membership { server: made.id, hears: false });
    }
    app.quiet().await?;
    let key = Key { server: made.id, place: Place::Channel(channel), accid: bob.user.accid.clone() };
    member_role::add(&app.core, &ann, &key).await?;
    member_role::update(&app.core, &ann, &key, &[(Right::SEND_MSG, Deny)]).await?;
    member_role::remove(&app.core, &ann, &key).await?;
    assert_eq!((app.told(&bob).await?, app.told(&eve).await?), (vec![30, 30], vec![]));
    server::delete(&app.core, &ann, made.id).await?;
    assert_eq!(app.told(&ann).await?, [30, 30, 6, 32]);
    assert_eq!((app.told(&bob).await?, app.told(&eve).await?), (vec![32], vec![32]));
    assert!(app.hub.online_members(app.app.id, made.id).is_empty());
    Ok(())
}
