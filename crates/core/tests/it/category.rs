use rotunda_core::{
    Actor, PageRequest,
    category::{self, CategoryUpdate, NewCategory},
    channel::{self, NewChannel},
    layer_role,
    list::{self, List},
    role, server,
};
use rotunda_model::{
    Auths, Category, CategoryId, Code, ListKind, Place, Right, ServerId, SyncMode, ViewMode,
    notification::{Audience, Fact},
    role::RoleKind,
};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join, media, one};

pub async fn category(
    app: &TestApp,
    owner: &Actor,
    server: ServerId,
    view_mode: ViewMode,
) -> anyhow::Result<Category> {
    let new = NewCategory { name: "wing".into(), view_mode, ..NewCategory::default() };
    Ok(category::create(&app.core, owner, server, new).await?)
}

/// A media channel in the category, in sync with it or not.
pub fn inside(category: CategoryId, sync_mode: SyncMode) -> NewChannel {
    NewChannel { category: Some(category), sync_mode, ..media(ViewMode::Public) }
}

async fn counted(app: &TestApp, actor: &Actor, server: ServerId) -> anyhow::Result<u32> {
    let found = server::by_ids(&app.core, actor, &[server]).await?;
    Ok(found.first().unwrap().category_count)
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_category_is_told_to_those_who_see_it(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    app.quiet().await?;
    let agree = async || server::rules_agree(&app.core, made.id).await;

    let public = category(&app, &ann, made.id, ViewMode::Public).await?;
    assert!(agree().await?);
    assert_eq!((public.name.as_str(), public.channel_count), ("wing", 0));
    let got = app.got(&bob).await?;
    assert!(matches!(got.as_slice(), [n] if n.channel.is_none() && n.server == Some(made.id)
        && matches!(&n.fact, Fact::CategoryCreate { category } if *category == public)));
    assert_eq!(app.told(&ann).await?, [21]);
    let private = category(&app, &ann, made.id, ViewMode::Private).await?;
    assert!(app.told(&bob).await?.is_empty());
    assert_eq!(app.told(&ann).await?, [21]);
    assert!(agree().await? && counted(&app, &ann, made.id).await? == 2);

    for place in [public.id, private.id].map(Place::Category) {
        let roles = layer_role::page(&app.core, &ann, made.id, place, PageRequest::default()).await?;
        let [everyone] = roles.as_slice() else { panic!("one role, not {}", roles.len()) };
        assert_eq!((everyone.kind, &everyone.auths), (RoleKind::Everyone, &Auths::new()));
    }

    let rename = CategoryUpdate { name: Some("east".into()), ..CategoryUpdate::default() };
    let renamed = category::update(&app.core, &ann, public.id, rename.clone()).await?;
    assert_eq!(renamed, Category { name: "east".into(), updated: renamed.updated, ..public.clone() });
    let got = app.got(&bob).await?;
    assert!(
        matches!(got.as_slice(), [n] if matches!(&n.fact, Fact::CategoryUpdate { category } if *category == renamed))
    );
    category::update(&app.core, &ann, private.id, rename).await?;
    assert!(app.told(&bob).await?.is_empty());
    assert_eq!(app.told(&ann).await?, [23, 23]);
    let nothing = category::update(&app.core, &ann, public.id, CategoryUpdate::default()).await?;
    assert!(nothing == renamed && app.told(&ann).await?.is_empty());
    assert!(agree().await?);

    category::remove(&app.core, &ann, private.id).await?;
    assert!(app.told(&bob).await?.is_empty());
    category::remove(&app.core, &ann, public.id).await?;
    let got = app.got(&bob).await?;
    assert!(matches!(got.as_slice(), [n] if n.fact == Fact::CategoryRemove { category: public.id }
        && n.audience == Audience::ServerAccounts(one(&bob).into())));
    assert_eq!(app.told(&ann).await?, [22, 22]);
    assert!(app.told(&eve).await?.is_empty());
    assert!(agree().await? && counted(&app, &ann, made.id).await? == 0);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn categories_need_the_right_and_a_place_below_the_cap(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.limits.categories_per_server = 2).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let create = async |actor, server, new| code(category::create(&app.core, actor, server, new).await);
    let new = |name: String, ext: String| NewCategory { name, ext, ..NewCategory::default() };
    let plain = || new("wing".into(), String::new());
    assert_eq!(create(&bob, made.id, plain()).await, Code::FORBIDDEN);
    assert_eq!(create(&eve, made.id, plain()).await, Code::FORBIDDEN);
    assert_eq!(create(&stranger, made.id, plain()).await, Code::NOT_FOUND);
    assert_eq!(create(&ann, ServerId::new(9).unwrap(), plain()).await, Code::NOT_FOUND);
    assert_eq!(create(&ann, made.id, new("n".repeat(65), String::new())).await, Code::TOO_LONG);
    assert_eq!(create(&ann, made.id, new(String::new(), "e".repeat(4_097))).await, Code::TOO_LONG);
    assert_eq!(counted(&app, &ann, made.id).await?, 0);
    let first = category(&app, &ann, made.id, ViewMode::Public).await?.id;
    let hidden = category(&app, &ann, made.id, ViewMode::Private).await?.id;
    assert_eq!(create(&ann, made.id, plain()).await, Code::OVER_LIMIT);
    app.quiet().await?;

    let rename = || CategoryUpdate { name: Some("x".into()), ..CategoryUpdate::default() };
    let update = async |actor, id, update| code(category::update(&app.core, actor, id, update).await);
    let remove = async |actor, id| code(category::remove(&app.core, actor, id).await);
    let unknown = CategoryId::new(9).unwrap();
    // With the right in the server, bob may change what it sees, and only that.
    let crew = custom_role(&app, &ann, made.id, 1).await?;
    let auths = vec![(Right::MANAGE_CHANNEL, rotunda_model::AuthValue::Allow)];
    let grant = role::RoleUpdate { auths, ..role::RoleUpdate::default() };
    role::update(&app.core, &ann, made.id, crew, grant).await?;
    for (actor, id, expected) in [
        (&bob, first, Code::FORBIDDEN),
        (&eve, first, Code::FORBIDDEN),
        (&stranger, first, Code::NOT_FOUND),
        (&ann, unknown, Code::NOT_FOUND),
    ] {
        assert_eq!(update(actor, id, rename()).await, expected);
        assert_eq!(update(actor, id, CategoryUpdate::default()).await, expected, "naming nothing");
        assert_eq!(remove(actor, id).await, expected);
    }
    let long = CategoryUpdate { name: Some("n".repeat(65)), ..CategoryUpdate::default() };
    assert_eq!(update(&ann, first, long).await, Code::TOO_LONG);
    role::add_members(&app.core, &ann, made.id, crew, &one(&bob)).await?;
    assert_eq!(update(&bob, hidden, rename()).await, Code::FORBIDDEN);
    assert_eq!(remove(&bob, hidden).await, Code::FORBIDDEN);
    let within = inside(hidden, SyncMode::WithCategory);
    assert_eq!(code(channel::create(&app.core, &bob, made.id, within).await), Code::FORBIDDEN);
    assert_eq!(update(&bob, first, rename()).await, Code::OK);
    assert_eq!(remove(&bob, first).await, Code::OK);
    assert_eq!(remove(&bob, first).await, Code::NOT_FOUND);
    assert_eq!(create(&bob, made.id, plain()).await, Code::OK);
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn queries_show_only_categories_and_channels_the_caller_sees(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?;
    let other = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let public = category(&app, &ann, made.id, ViewMode::Public).await?.id;
    let private = category(&app, &ann, made.id, ViewMode::Private).await?.id;
    let foreign = category(&app, &ann, other.id, ViewMode::Public).await?.id;

    let ids = [public, CategoryId::new(9).unwrap(), private, foreign];
    let ask = async |actor| -> anyhow::Result<Vec<CategoryId>> {
        let found = category::by_ids(&app.core, actor, &ids).await?;
        Ok(found.into_iter().map(|category| category.id).collect())
    };
    assert_eq!(ask(&ann).await?, [public, private, foreign]);
    assert_eq!(ask(&bob).await?, [public]);
    assert!(ask(&eve).await?.is_empty() && ask(&stranger).await?.is_empty());
    assert_eq!(code(category::by_ids(&app.core, &ann, &[]).await), Code::PARAMETER);
    assert_eq!(code(category::by_ids(&app.core, &ann, &[public; 101]).await), Code::PARAMETER);

    let page = async |actor, request| category::page(&app.core, actor, made.id, request).await;
    let from_start = PageRequest::default();
    assert_eq!(
        page(&ann, from_start).await?.items.iter().map(|c| c.id).collect::<Vec<_>>(),
        [private, public]
    );
    assert_eq!(page(&bob, from_start).await?.items.iter().map(|c| c.id).collect::<Vec<_>>(), [public]);
    let first = page(&ann, PageRequest { timetag: 0, limit: Some(1) }).await?;
    assert!(first.has_more && first.items.iter().all(|category| category.id == private));
    let second = page(&ann, PageRequest { timetag: first.next.get(), limit: Some(1) }).await?;
    assert!(!second.has_more && second.items.iter().all(|category| category.id == public));
    assert_eq!(code(page(&eve, from_start).await), Code::FORBIDDEN);
    assert_eq!(code(page(&stranger, from_start).await), Code::NOT_FOUND);
    assert_eq!(code(page(&ann, PageRequest { timetag: 0, limit: Some(101) }).await), Code::PARAMETER);
    assert_eq!(code(page(&ann, PageRequest { timetag: -1, limit: None }).await), Code::PARAMETER);

    let create = async |new| channel::create(&app.core, &ann, made.id, new).await;
    let shown = create(inside(public, SyncMode::WithCategory)).await?.id;
    let secret = create(NewChannel { category: Some(public), ..media(ViewMode::Private) }).await?.id;
    let outside = create(media(ViewMode::Public)).await?.id;
    let own = create(inside(private, SyncMode::Own)).await?.id;
    let channels = async |actor, server, id| -> Result<Vec<_>, rotunda_core::Error> {
        let page = category::channels(&app.core, actor, server, id, PageRequest::default()).await?;
        Ok(page.items.into_iter().map(|channel| channel.id).collect())
    };
    assert_eq!(channels(&ann, made.id, public).await?, [secret, shown]);
    assert_eq!(channels(&bob, made.id, public).await?, [shown]);
    assert_eq!(channels(&ann, made.id, private).await?, [own]);
    // The channel shows itself, its category does not.
    assert_eq!(code(channels(&bob, made.id, private).await), Code::FORBIDDEN);
    assert_eq!(channel::by_ids(&app.core, &bob, &[own, outside]).await?.len(), 2);
    assert_eq!(code(channels(&eve, made.id, public).await), Code::FORBIDDEN);
    assert_eq!(code(channels(&stranger, made.id, public).await), Code::NOT_FOUND);
    assert_eq!(code(channels(&ann, made.id, foreign).await), Code::NOT_FOUND);
    let found = category::by_ids(&app.core, &bob, &[public]).await?;
    assert_eq!(found.first().unwrap().channel_count, 2);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn open_queries_show_hidden_categories_of_the_app(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.open_queries = true).await?;
    let (ann, eve) = (app.account("ann").await?, app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?;
    let private = category(&app, &ann, made.id, ViewMode::Private).await?;
    assert_eq!(category::by_ids(&app.core, &eve, &[private.id]).await?, std::slice::from_ref(&private));
    assert!(category::by_ids(&app.core, &stranger, &[private.id]).await?.is_empty());
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn members_see_a_category_by_its_own_mode_and_lists(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cid) = (app.account("ann").await?, app.account("bob").await?, app.account("cid").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cid, made.id).await?;
    let wing = category(&app, &ann, made.id, ViewMode::Public).await?.id;
    let crew = custom_role(&app, &ann, made.id, 1).await?;
    role::add_members(&app.core, &ann, made.id, crew, &one(&cid)).await?;
    let who_sees = async || -> anyhow::Result<[bool; 3]> {
        let mut seen = [false; 3];
        for (at, actor) in seen.iter_mut().zip([&ann, &bob, &cid]) {
            *at = !category::by_ids(&app.core, actor, &[wing]).await?.is_empty();
        }
        Ok(seen)
    };
    let list = |kind| List { server: made.id, place: Place::Category(wing), kind };
    let set_mode = async |view_mode| {
        let update = CategoryUpdate { view_mode: Some(view_mode), ..CategoryUpdate::default() };
        category::update(&app.core, &ann, wing, update).await
    };
    assert_eq!(who_sees().await?, [true, true, true]);
    list::add_members(&app.core, &ann, list(ListKind::Black), &one(&bob)).await?;
    assert_eq!(who_sees().await?, [true, false, true]);
    list::add_role(&app.core, &ann, list(ListKind::Black), crew).await?;
    assert_eq!(who_sees().await?, [true, false, false]);
    set_mode(ViewMode::Private).await?;
    assert_eq!(who_sees().await?, [true, false, false]);
    list::add_role(&app.core, &ann, list(ListKind::White), crew).await?;
    assert_eq!(who_sees().await?, [true, false, true]);
    // Each mode finds its lists as they were left.
    set_mode(ViewMode::Public).await?;
    assert_eq!(who_sees().await?, [true, false, false]);
    set_mode(ViewMode::Private).await?;
    assert_eq!(who_sees().await?, [true, false, true]);
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_categorys_mode_reaches_its_synced_channels_at_once(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let wing = category(&app, &ann, made.id, ViewMode::Public).await?.id;
    let synced = channel::create(&app.core, &ann, made.id, inside(wing, SyncMode::WithCategory)).await?.id;
    let own = channel::create(&app.core, &ann, made.id, inside(wing, SyncMode::Own)).await?.id;
    app.quiet().await?;
    for channel in [synced, own] {
        app.rooms.seat(made.id, channel, &bob.user.accid);
    }
    let set_mode = async |view_mode| {
        let update = CategoryUpdate { view_mode: Some(view_mode), ..CategoryUpdate::default() };
        category::update(&app.core, &ann, wing, update).await
    };
    set_mode(ViewMode::Private).await?;
    let got = app.got(&bob).await?;
    assert!(
        matches!(got.as_slice(), [n] if n.channel == Some(synced) && n.fact == Fact::ChannelVisibility { visible: false }),
        "{got:?}"
    );
    assert_eq!(app.told(&ann).await?, [23]);
    // Who is seated in the synced one is out before anything is told; the other channel is none of its business.
    let calls = app.rooms.take();
    let out = |call: &&RoomCall| {
        matches!(call, RoomCall::Rights { channel, accid, verdict: None }
            if *channel == synced && *accid == bob.user.accid)
    };
    assert_eq!(calls.iter().filter(out).count(), 1, "{calls:?}");
    assert!(calls.iter().all(|call| out(&call)
        || matches!(call, RoomCall::Rights { channel, verdict: Some(_), .. } if *channel == own)));
    assert!(server::rules_agree(&app.core, made.id).await?);
    let modes: Vec<ViewMode> =
        channel::by_ids(&app.core, &ann, &[synced, own]).await?.iter().map(|c| c.view_mode).collect();
    assert_eq!(modes, [ViewMode::Private, ViewMode::Public]);

    set_mode(ViewMode::Public).await?;
    assert_eq!(app.told(&bob).await?.len(), 2, "23 and 31");
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}
