use rotunda_core::{
    PageRequest, channel, member,
    role::{self, NewRole},
    server,
};
use rotunda_model::{AuthValue, Right, ViewMode};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, join, set_everyone};

#[sqlx::test(migrations = "../../migrations")]
async fn everything_is_there_after_a_restart(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    set_everyone(&app, &ann, made.id, &[(Right::SEND_MSG, AuthValue::Deny)]).await?;
    let view = async |app: &TestApp| -> anyhow::Result<_> {
        Ok((
            server::page(&app.core, &bob, PageRequest::default()).await?,
            channel::page(&app.core, &bob, made.id, PageRequest::default()).await?,
            member::page(&app.core, &bob, made.id, PageRequest::default()).await?,
            role::list(&app.core, &bob, made.id, 0, None).await?,
            server::rights(&app.core, &bob, made.id).await?,
        ))
    };
    let before = view(&app).await?;
    let app = app.restart().await?;
    assert_eq!(view(&app).await?, before);
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn ids_and_times_rise_when_the_clock_was_set_back(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let old = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    let app = app.restart().await?;
    app.clock.advance(-86_400_000);
    let new = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    assert!(new.id > old.id && new.created > old.created);
    let role = role::create(&app.core, &ann, made.id, NewRole::default()).await?;
    assert!(role.created > new.created);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_was_decided_before_a_stop_is_still_delivered(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    app.quiet().await?;
    set_everyone(&app, &ann, made.id, &[(Right::SEND_MSG, AuthValue::Deny)]).await?;
    let app = app.restart().await?;
    app.log_in(&bob).await?;
    assert_eq!(app.told(&bob).await?, [28]);
    Ok(())
}
