use rotunda_core::{
    PageRequest,
    channel::{self, ChannelUpdate, NewChannel},
    role, server,
};
use rotunda_model::{
    AuthValue, Channel, ChannelId, Code, Right, ServerId, ViewMode, VisitorMode, notification::Fact,
};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join, media, one};

#[sqlx::test(migrations = "../../migrations")]
async fn a_channel_is_told_to_those_who_see_it(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    app.quiet().await?;

    let public = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    let got = app.got(&bob).await?;
    assert!(matches!(&got.first().unwrap().fact, Fact::ChannelCreate { channel } if *channel == public));
    assert!(matches!(got.get(1).unwrap().fact, Fact::ChannelVisibility { visible: true }));
    assert_eq!(app.told(&ann).await?, [15, 31]);

    let private = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    assert!(app.told(&bob).await?.is_empty());
    assert_eq!(app.told(&ann).await?, [15, 31]);
    assert!(app.told(&eve).await?.is_empty());

    channel::delete(&app.core, &ann, private.id).await?;
    assert!(app.told(&bob).await?.is_empty());
    assert_eq!(app.told(&ann).await?, [16, 31]);
    app.rooms.take();
    app.rooms.seat(made.id, public.id, &bob.user.accid);
    channel::delete(&app.core, &ann, public.id).await?;
    let got = app.got(&bob).await?;
    assert_eq!(got.iter().map(|n| n.fact.number()).collect::<Vec<_>>(), [16, 31]);
    assert!(got.iter().all(|n| n.channel == Some(public.id)));
    assert_eq!(app.rooms.take(), [RoomCall::Close(public.id)]);
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn channels_need_the_right_and_a_place_below_the_cap(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.limits.channels_per_server = 2).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let create = async |actor, server, new| code(channel::create(&app.core, actor, server, new).await);
    let public = || media(ViewMode::Public);
    assert_eq!(create(&bob, made.id, public()).await, Code::FORBIDDEN);
    assert_eq!(create(&eve, made.id, public()).await, Code::FORBIDDEN);
    assert_eq!(create(&ann, ServerId::new(9).unwrap(), public()).await, Code::NOT_FOUND);
    let in_nothing = NewChannel { category: rotunda_model::CategoryId::new(9), ..public() };
    assert_eq!(create(&ann, made.id, in_nothing).await, Code::NOT_FOUND);
    let long = NewChannel { name: "n".repeat(65), ..public() };
    assert_eq!(create(&ann, made.id, long).await, Code::TOO_LONG);
    assert_eq!(create(&ann, made.id, public()).await, Code::OK);
    assert_eq!(create(&ann, made.id, public()).await, Code::OK);
    assert_eq!(create(&ann, made.id, public()).await, Code::OVER_LIMIT);
    let first = channel::page(&app.core, &ann, made.id, PageRequest::default()).await?;
    let first = first.items.first().unwrap().id;
    assert_eq!(code(channel::delete(&app.core, &bob, first).await), Code::FORBIDDEN);
    assert_eq!(code(channel::delete(&app.core, &ann, first).await), Code::OK);
    assert_eq!(create(&ann, made.id, public()).await, Code::OK);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_query_shows_only_what_the_caller_sees(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let public = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    let private = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    let ids = [public.id, ChannelId::new(9).unwrap(), private.id];
    let ask = async |actor| -> anyhow::Result<Vec<ChannelId>> {
        let found = channel::by_ids(&app.core, actor, &ids).await?;
        Ok(found.into_iter().map(|channel| channel.id).collect())
    };
    assert_eq!(ask(&ann).await?, [public.id, private.id]);
    assert_eq!(ask(&bob).await?, [public.id]);
    assert!(ask(&eve).await?.is_empty());
    assert!(ask(&stranger).await?.is_empty());

    let page = async |actor| channel::page(&app.core, actor, made.id, PageRequest::default()).await;
    assert_eq!(page(&ann).await?.items.len(), 2);
    assert_eq!(page(&bob).await?.items.len(), 1);
    assert_eq!(code(page(&eve).await), Code::FORBIDDEN);
    assert_eq!(code(page(&stranger).await), Code::NOT_FOUND);
    assert_eq!(code(channel::delete(&app.core, &stranger, public.id).await), Code::NOT_FOUND);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn open_queries_show_everything_of_the_app_and_nothing_of_another(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.open_queries = true).await?;
    let (ann, eve) = (app.account("ann").await?, app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?;
    let private = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    assert_eq!(channel::by_ids(&app.core, &eve, &[private.id]).await?, std::slice::from_ref(&private));
    assert!(channel::by_ids(&app.core, &stranger, &[private.id]).await?.is_empty());
    let keys = [(made.id, ann.user.accid.clone())];
    assert_eq!(rotunda_core::member::by_keys(&app.core, &eve, &keys).await?.len(), 1);
    assert!(rotunda_core::member::by_keys(&app.core, &stranger, &keys).await?.is_empty());
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_update_changes_what_it_names_and_tells_those_who_see_it(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let new = NewChannel { topic: "of old".into(), ext: "{\"a\":1}".into(), ..media(ViewMode::Public) };
    let old = channel::create(&app.core, &ann, made.id, new).await?;
    app.quiet().await?;
    let update = async |update| channel::update(&app.core, &ann, old.id, update).await;
    let unnamed = ChannelUpdate::default;

    app.clock.advance(1_000);
    let renamed = update(ChannelUpdate { name: Some("new".into()), ..unnamed() }).await?;
    assert_eq!(renamed, Channel { name: "new".into(), updated: renamed.updated, ..old.clone() });
    assert!(renamed.updated > old.updated);
    for actor in [&ann, &bob] {
        let got = app.got(actor).await?;
        assert!(matches!(got.as_slice(), [n] if n.channel == Some(old.id)
            && n.fact == Fact::ChannelUpdate { channel: renamed.clone() }));
    }
    let all = ChannelUpdate {
        topic: Some(String::new()),
        ext: Some("e".into()),
        visitor_mode: Some(VisitorMode::Hidden),
        ..unnamed()
    };
    let changed = update(all).await?;
    assert_eq!((changed.name.as_str(), changed.topic.as_str(), changed.ext.as_str()), ("new", "", "e"));
    assert_eq!((changed.visitor_mode, changed.view_mode), (VisitorMode::Hidden, ViewMode::Public));
    assert!(server::rules_agree(&app.core, made.id).await?);
    assert_eq!(channel::by_ids(&app.core, &bob, &[old.id]).await?, std::slice::from_ref(&changed));
    app.quiet().await?;

    assert_eq!(update(unnamed()).await?, changed);
    assert!(app.told(&ann).await?.is_empty(), "naming nothing tells nothing");

    // Who ceases to see it learns that and no more, and is out of the call.
    app.rooms.seat(made.id, old.id, &bob.user.accid);
    let hidden = update(ChannelUpdate { view_mode: Some(ViewMode::Private), ..unnamed() }).await?;
    assert_eq!(hidden.view_mode, ViewMode::Private);
    assert!(server::rules_agree(&app.core, made.id).await?);
    let got = app.got(&bob).await?;
    assert!(matches!(got.as_slice(), [n] if n.fact == Fact::ChannelVisibility { visible: false }), "{got:?}");
    assert_eq!(app.told(&ann).await?, [17]);
    assert!(matches!(app.rooms.take().as_slice(), [RoomCall::Rights { channel, accid, verdict: None }]
            if *channel == old.id && *accid == bob.user.accid));
    update(ChannelUpdate { view_mode: Some(ViewMode::Public), ..unnamed() }).await?;
    assert_eq!(app.told(&bob).await?.len(), 2, "17 and 31");
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_update_needs_the_right_in_a_channel_one_sees(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let public = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    let private = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    app.quiet().await?;
    let rename = || ChannelUpdate { name: Some("x".into()), ..ChannelUpdate::default() };
    let update = async |actor, id, update| code(channel::update(&app.core, actor, id, update).await);
    for named in [rename(), ChannelUpdate::default()] {
        assert_eq!(update(&bob, public.id, named.clone()).await, Code::FORBIDDEN);
        assert_eq!(update(&eve, public.id, named.clone()).await, Code::FORBIDDEN);
        assert_eq!(update(&stranger, public.id, named.clone()).await, Code::NOT_FOUND);
        assert_eq!(update(&ann, ChannelId::new(9).unwrap(), named).await, Code::NOT_FOUND);
    }
    let long = |name: usize, topic: usize, ext: usize| ChannelUpdate {
        name: Some("n".repeat(name)),
        topic: Some("t".repeat(topic)),
        ext: Some("e".repeat(ext)),
        ..ChannelUpdate::default()
    };
    for unfit in [long(65, 1, 1), long(1, 65, 1), long(1, 1, 4_097)] {
        assert_eq!(update(&ann, public.id, unfit).await, Code::TOO_LONG);
    }
    let nul = ChannelUpdate { topic: Some("\0".into()), ..ChannelUpdate::default() };
    assert_eq!(update(&ann, public.id, nul).await, Code::PARAMETER);
    assert_eq!(channel::by_ids(&app.core, &ann, &[public.id]).await?, std::slice::from_ref(&public));

    let crew = custom_role(&app, &ann, made.id, 1).await?;
    let auths = vec![(Right::MANAGE_CHANNEL, AuthValue::Allow)];
    let grant = role::RoleUpdate { auths, ..role::RoleUpdate::default() };
    role::update(&app.core, &ann, made.id, crew, grant).await?;
    role::add_members(&app.core, &ann, made.id, crew, &one(&bob)).await?;
    assert_eq!(update(&bob, public.id, rename()).await, Code::OK);
    assert_eq!(update(&bob, private.id, rename()).await, Code::FORBIDDEN);
    assert_eq!(update(&ann, public.id, long(64, 64, 4_096)).await, Code::OK);
    Ok(())
}
