use rotunda_core::{
    Actor, PageRequest, ban, channel, invite, media, member, role, server, subscription, visitor,
};
use rotunda_model::{ChannelId, Code, Right, ServerId, ViewMode, VisitorMode};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, join};

const ALL: PageRequest = PageRequest { timetag: 0, limit: None };

async fn opened(
    app: &TestApp,
    owner: &Actor,
    server: ServerId,
    view_mode: ViewMode,
    visitor_mode: VisitorMode,
) -> anyhow::Result<ChannelId> {
    let new = channel::NewChannel { visitor_mode, ..support::media(view_mode) };
    Ok(channel::create(&app.core, owner, server, new).await?.id)
}

/// The channels that the account is shown, by page and by id; the two must agree.
async fn shown(
    app: &TestApp,
    actor: &Actor,
    server: ServerId,
    all: &[ChannelId],
) -> anyhow::Result<Vec<ChannelId>> {
    let ids = |channels: Vec<rotunda_model::Channel>| -> Vec<ChannelId> {
        let mut ids: Vec<_> = channels.into_iter().map(|channel| channel.id).collect();
        ids.sort_unstable();
        ids
    };
    let found = ids(channel::by_ids(&app.core, actor, all).await?);
    match channel::page(&app.core, actor, server, ALL).await {
        Ok(page) => assert_eq!(ids(page.items), found),
        Err(error) => assert!(error.code() == Code::FORBIDDEN && found.is_empty()),
    }
    Ok(found)
}

#[sqlx::test(migrations = "../../migrations")]
async fn visitors_see_what_is_open_to_them_and_may_do_nothing(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, vic) = (app.account("ann").await?, app.account("vic").await?);
    let made = support::server(&app, &ann).await?.id;
    let mut all = Vec::new();
    let mut open = Vec::new();
    for (view, visitors, sees) in [
        (ViewMode::Public, VisitorMode::Follow, true),
        (ViewMode::Private, VisitorMode::Follow, false),
        (ViewMode::Public, VisitorMode::Hidden, false),
        (ViewMode::Private, VisitorMode::Visible, true),
    ] {
        let id = opened(&app, &ann, made, view, visitors).await?;
        all.push(id);
        open.extend(sees.then_some(id));
    }
    app.quiet().await?;
    assert!(shown(&app, &vic, made, &all).await?.is_empty());
    visitor::enter(&app.core, &vic, made).await?;
    visitor::enter(&app.core, &vic, made).await?;
    assert_eq!(shown(&app, &vic, made, &all).await?, open);
    assert!(app.told(&ann).await?.is_empty(), "nobody is told");

    let first = *open.first().unwrap();
    assert!(!role::check(&app.core, &vic, made, Some(first), Right::SEND_MSG).await?);
    assert_eq!(code(member::page(&app.core, &vic, made, ALL).await), Code::FORBIDDEN);
    assert_eq!(code(role::list(&app.core, &vic, made, 0, None).await), Code::FORBIDDEN);
    assert_eq!(code(channel::delete(&app.core, &vic, first).await), Code::FORBIDDEN);
    assert_eq!(code(media::verdict(&app.core, &vic.user, first).await), Code::FORBIDDEN);
    assert_eq!(code(media::config(&app.core, &vic, made, first).await), Code::FORBIDDEN);
    let (seen, failed) = subscription::split_channels(&app.core, &vic, &[(made, first)]).await?;
    assert!(seen.is_empty() && failed.len() == 1, "visitors have a subscription of their own");
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_visit_ends_with_leaving_joining_going_offline_and_the_server(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, vic) = (app.account("ann").await?, app.account("vic").await?);
    let made = support::server(&app, &ann).await?.id;
    let all = [opened(&app, &ann, made, ViewMode::Public, VisitorMode::Follow).await?];
    let visits = async || anyhow::Ok(!shown(&app, &vic, made, &all).await?.is_empty());

    visitor::enter(&app.core, &vic, made).await?;
    assert!(visits().await?);
    visitor::leave(&app.core, &vic, made)?;
    assert!(!visits().await?);
    assert_eq!(code(visitor::leave(&app.core, &vic, made)), Code::NOT_FOUND);

    visitor::enter(&app.core, &vic, made).await?;
    visitor::offline(&app.core, &vic.user);
    assert!(!visits().await?);

    visitor::enter(&app.core, &vic, made).await?;
    join(&app, &vic, made).await?;
    assert!(visits().await?, "as a member");
    assert_eq!(code(visitor::enter(&app.core, &vic, made).await), Code::REPEATED);
    member::leave(&app.core, &vic, made).await?;
    assert!(!visits().await?, "the visit ended when he joined");

    visitor::enter(&app.core, &vic, made).await?;
    server::delete(&app.core, &ann, made).await?;
    assert_eq!(code(visitor::leave(&app.core, &vic, made)), Code::NOT_FOUND);
    assert_eq!(code(visitor::enter(&app.core, &vic, made).await), Code::NOT_FOUND);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_banned_the_absent_and_strangers_do_not_visit(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let absent = app.away("cy").await?;
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?.id;
    invite::apply(&app.core, &bob, made, "", None).await?;
    ban::add(&app.core, &ann, made, &bob.user.accid, String::new()).await?;
    let enter = async |actor: &Actor| code(visitor::enter(&app.core, actor, made).await);
    assert_eq!(enter(&bob).await, Code::FORBIDDEN);
    assert_eq!(enter(&absent).await, Code::FORBIDDEN);
    assert_eq!(enter(&stranger).await, Code::NOT_FOUND);
    assert_eq!(enter(&ann).await, Code::REPEATED);
    ban::remove(&app.core, &ann, made, &bob.user.accid).await?;
    assert_eq!(enter(&bob).await, Code::OK);
    Ok(())
}
