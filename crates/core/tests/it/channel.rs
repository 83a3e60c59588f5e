use rotunda_core::{
    PageRequest,
    channel::{self, NewChannel},
    server,
};
use rotunda_model::{ChannelId, Code, ServerId, ViewMode, notification::Fact};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::support::{self, code, join, media};

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
