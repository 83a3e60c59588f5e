//! Channels in and out of sync with their category.

use rotunda_core::{
    Actor, PageRequest,
    category::{self, CategoryUpdate},
    channel::{self, CategoryInfo, ChannelUpdate},
    layer_role,
    list::{self, List},
    member_role::{self, Key},
    role, server,
};
use rotunda_model::{
    AuthValue::{Allow, Deny},
    CategoryId, Channel, ChannelId, Code, ListKind, Place, Right, RoleId, ServerId, SyncMode, ViewMode,
    notification::Fact,
};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::{
    category::{category, inside},
    support::{self, code, custom_role, join, media, one},
};

/// One server with a category that says something in every way a category can, and another that says nothing.
pub struct World {
    pub app: TestApp,
    pub server: ServerId,
    pub ann: Actor,
    /// Members: dan is on the black list, cid in the role, bob has an override.
    pub members: [Actor; 3],
    pub crew: RoleId,
    pub full: CategoryId,
    pub empty: CategoryId,
}

/// Everything a channel or category says of itself, ids and times aside.
macro_rules! said {
    ($of:literal, $all:literal) => {
        concat!(
            "SELECT 'mode ' || view_mode FROM ",
            $all,
            " WHERE id = $1
             UNION ALL SELECT 'role ' || server_role || auths FROM ",
            $of,
            "_roles WHERE ",
            $of,
            " = $1
             UNION ALL SELECT 'override ' || accid || auths FROM ",
            $of,
            "_overrides WHERE ",
            $of,
            " = $1
             UNION ALL SELECT 'list ' || kind || accid FROM ",
            $of,
            "_list_members WHERE ",
            $of,
            " = $1
             UNION ALL SELECT 'list ' || kind || role FROM ",
            $of,
            "_list_roles WHERE ",
            $of,
            " = $1 ORDER BY 1"
        )
    };
}

impl World {
    pub async fn new(pool: PgPool) -> anyhow::Result<Self> {
        let app = TestApp::new(pool).await?;
        let ann = app.account("ann").await?;
        let members = [app.account("bob").await?, app.account("cid").await?, app.account("dan").await?];
        let server = support::server(&app, &ann).await?.id;
        for member in &members {
            join(&app, member, server).await?;
        }
        let crew = custom_role(&app, &ann, server, 1).await?;
        role::add_members(&app.core, &ann, server, crew, &one(&members[1])).await?;
        let full = category(&app, &ann, server, ViewMode::Private).await?.id;
        let empty = category(&app, &ann, server, ViewMode::Public).await?.id;
        let world = Self { app, server, ann, members, crew, full, empty };
        world.fill(Place::Category(full), &[Right::RTC_CONNECT], &[Right::RTC_OPEN_MICROPHONE]).await?;
        Ok(world)
    }

    /// Both lists, a role, @everyone and an override; the place is public afterwards.
    async fn fill(&self, place: Place, allow: &[Right], deny: &[Right]) -> anyhow::Result<()> {
        let core = &self.app.core;
        let list = |kind| List { server: self.server, place, kind };
        let auths: Vec<_> = allow.iter().map(|right| (*right, Allow)).collect();
        let denied: Vec<_> = deny.iter().map(|right| (*right, Deny)).collect();
        self.set_mode(place, ViewMode::Private).await?;
        list::add_members(core, &self.ann, list(ListKind::White), &one(&self.members[0])).await?;
        list::add_role(core, &self.ann, list(ListKind::White), self.crew).await?;
        self.set_mode(place, ViewMode::Public).await?;
        list::add_members(core, &self.ann, list(ListKind::Black), &one(&self.members[2])).await?;
        let roles = layer_role::page(core, &self.ann, self.server, place, PageRequest::default()).await?;
        let everyone = roles.last().unwrap().id;
        layer_role::update(core, &self.ann, self.server, place, everyone, &denied).await?;
        let added = layer_role::add(core, &self.ann, self.server, place, self.crew).await?;
        layer_role::update(core, &self.ann, self.server, place, added.id, &auths).await?;
        let key = Key { server: self.server, place, accid: self.members[0].user.accid.clone() };
        member_role::add(core, &self.ann, &key).await?;
        member_role::update(core, &self.ann, &key, &[(Right::RTC_OPEN_CAMERA, Deny)]).await?;
        Ok(())
    }

    pub async fn set_mode(&self, place: Place, view_mode: ViewMode) -> anyhow::Result<()> {
        let core = &self.app.core;
        match place {
            Place::Category(id) => {
                let update = CategoryUpdate { view_mode: Some(view_mode), ..CategoryUpdate::default() };
                category::update(core, &self.ann, id, update).await?;
            }
            Place::Channel(id) => {
                let update = ChannelUpdate { view_mode: Some(view_mode), ..ChannelUpdate::default() };
                channel::update(core, &self.ann, id, update).await?;
            }
        }
        Ok(())
    }

    async fn channel(&self, category: CategoryId, sync: SyncMode) -> anyhow::Result<ChannelId> {
        let made = channel::create(&self.app.core, &self.ann, self.server, inside(category, sync)).await?;
        self.agrees().await?;
        Ok(made.id)
    }

    async fn set(&self, channel: ChannelId, info: CategoryInfo) -> anyhow::Result<Channel> {
        let moved = channel::set_category(&self.app.core, &self.ann, channel, info).await?;
        self.agrees().await?;
        let read = channel::by_ids(&self.app.core, &self.ann, &[channel]).await?;
        assert_eq!(read, std::slice::from_ref(&moved));
        Ok(moved)
    }

    pub async fn agrees(&self) -> anyhow::Result<()> {
        anyhow::ensure!(server::rules_agree(&self.app.core, self.server).await?, "rules differ from storage");
        Ok(())
    }

    /// What everybody may do there: none who does not see it may do anything.
    async fn answers(&self, channel: ChannelId) -> anyhow::Result<Vec<(bool, Vec<Right>)>> {
        let mut answers = Vec::new();
        for actor in self.members.iter().chain([&self.ann]) {
            let sees = !channel::by_ids(&self.app.core, actor, &[channel]).await?.is_empty();
            let mut held = Vec::new();
            for right in Right::BUILT_IN {
                if role::check(&self.app.core, actor, self.server, Some(channel), right).await? {
                    held.push(right);
                }
            }
            answers.push((sees, held));
        }
        Ok(answers)
    }

    pub async fn says(&self, place: Place) -> anyhow::Result<Vec<String>> {
        let (sql, id) = match place {
            Place::Channel(id) => (said!("channel", "channels"), id.get()),
            Place::Category(id) => (said!("category", "categories"), id.get()),
        };
        Ok(sqlx::query_scalar(sql).bind(id).fetch_all(self.app.pool()).await?)
    }
}

fn to(category: Option<CategoryId>, sync_mode: Option<SyncMode>) -> CategoryInfo {
    CategoryInfo { category: Some(category), sync_mode }
}

fn sync(sync_mode: SyncMode) -> CategoryInfo {
    CategoryInfo { category: None, sync_mode: Some(sync_mode) }
}

/// Every way out of the sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Out {
    Off,
    Homeless,
    Elsewhere,
    Deleted,
}

#[sqlx::test(migrations = "../../migrations")]
async fn whoever_leaves_the_sync_keeps_what_held(pool: PgPool) -> anyhow::Result<()> {
    let world = World::new(pool).await?;
    let app = &world.app;
    for mode in [ViewMode::Public, ViewMode::Private] {
        for out in [Out::Off, Out::Homeless, Out::Elsewhere, Out::Deleted] {
            let from = category(app, &world.ann, world.server, ViewMode::Private).await?.id;
            world.fill(Place::Category(from), &[Right::RTC_CONNECT], &[Right::RTC_OPEN_MICROPHONE]).await?;
            world.set_mode(Place::Category(from), mode).await?;
            let channel = world.channel(world.empty, SyncMode::Own).await?;
            // What the channel says of its own must not come back.
            world.fill(Place::Channel(channel), &[Right::DELETE_MSG], &[Right::RTC_CONNECT]).await?;
            let own = layer_role::page(
                &app.core,
                &world.ann,
                world.server,
                Place::Channel(channel),
                PageRequest::default(),
            );
            let ids: Vec<RoleId> = own.await?.iter().map(|role| role.id).collect();
            let before_sync = world.says(Place::Channel(channel)).await?;
            world.set(channel, to(Some(from), Some(SyncMode::WithCategory))).await?;
            assert_eq!(world.says(Place::Channel(channel)).await?, before_sync, "sync copies nothing");
            let template = world.says(Place::Category(from)).await?;
            let answers = world.answers(channel).await?;
            assert_ne!(template, before_sync);
            app.quiet().await?;
            app.rooms.seat(world.server, channel, &world.members[1].user.accid);

            match out {
                Out::Off => drop(world.set(channel, sync(SyncMode::Own)).await?),
                Out::Homeless => drop(world.set(channel, to(None, None)).await?),
                Out::Elsewhere => {
                    drop(world.set(channel, to(Some(world.empty), Some(SyncMode::Own))).await?);
                }
                Out::Deleted => category::remove(&app.core, &world.ann, from).await?,
            }
            world.agrees().await?;
            assert_eq!(world.answers(channel).await?, answers, "{mode:?} {out:?}");
            assert_eq!(world.says(Place::Channel(channel)).await?, template, "{mode:?} {out:?}");
            let kept = layer_role::page(
                &app.core,
                &world.ann,
                world.server,
                Place::Channel(channel),
                PageRequest::default(),
            );
            assert_eq!(kept.await?.iter().map(|role| role.id).collect::<Vec<_>>(), ids, "ids stay");

            let now = channel::by_ids(&app.core, &world.ann, &[channel]).await?;
            let now = now.first().unwrap();
            let expected = match out {
                Out::Off => Some(from),
                Out::Homeless | Out::Deleted => None,
                Out::Elsewhere => Some(world.empty),
            };
            assert_eq!((now.category, now.sync_mode, now.view_mode), (expected, SyncMode::Own, mode));
            // Nobody's sight changed, so nobody hears 31; those who see it hear 17.
            let seen = |at: usize| answers.get(at).is_some_and(|(sees, _)| *sees);
            let seeing = (0..3).filter(|at| seen(*at));
            for at in seeing {
                let got = app.got(&world.members[at]).await?;
                let told: Vec<&Fact> = got
                    .iter()
                    .filter(|n| n.channel == Some(channel))
                    .map(|notification| &notification.fact)
                    .collect();
                assert!(
                    matches!(told.as_slice(), [Fact::ChannelUpdate { channel }] if channel == now),
                    "{got:?}"
                );
            }
            for at in (0..3).filter(|at| !seen(*at)) {
                let got = app.got(&world.members[at]).await?;
                assert!(got.iter().all(|n| n.channel.is_none()), "{got:?}");
            }
            let calls = app.rooms.take();
            assert!(
                matches!(calls.as_slice(), [RoomCall::Rights { verdict: Some(_), .. }]),
                "the seat is kept: {calls:?}"
            );

            // From here on the category is not asked any more.
            if out != Out::Deleted {
                world.set_mode(Place::Category(from), ViewMode::Private).await?;
                assert_eq!(world.answers(channel).await?, answers);
                category::remove(&app.core, &world.ann, from).await?;
                assert_eq!(world.answers(channel).await?, answers);
            }
            app.rooms.take();
            channel::delete(&app.core, &world.ann, channel).await?;
            world.agrees().await?;
        }
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_deleted_category_leaves_its_rules_with_each_synced_channel(pool: PgPool) -> anyhow::Result<()> {
    let world = World::new(pool).await?;
    let app = &world.app;
    let (one, two) = (
        world.channel(world.full, SyncMode::WithCategory).await?,
        world.channel(world.full, SyncMode::WithCategory).await?,
    );
    let own = world.channel(world.full, SyncMode::Own).await?;
    let other = world.channel(world.empty, SyncMode::WithCategory).await?;
    let untouched = world.says(Place::Channel(own)).await?;
    let template = world.says(Place::Category(world.full)).await?;
    let mut before = Vec::new();
    for channel in [one, two, own, other] {
        before.push(world.answers(channel).await?);
    }
    app.quiet().await?;
    category::remove(&app.core, &world.ann, world.full).await?;
    world.agrees().await?;
    let mut after = Vec::new();
    for channel in [one, two, own, other] {
        after.push(world.answers(channel).await?);
    }
    assert_eq!(after, before);
    for channel in [one, two] {
        assert_eq!(world.says(Place::Channel(channel)).await?, template);
    }
    assert_eq!(world.says(Place::Channel(own)).await?, untouched);
    let channels = channel::by_ids(&app.core, &world.ann, &[one, two, own, other]).await?;
    let categories: Vec<_> = channels.iter().map(|channel| (channel.category, channel.sync_mode)).collect();
    let free = (None, SyncMode::Own);
    assert_eq!(categories, [free, free, free, (Some(world.empty), SyncMode::WithCategory)]);
    assert_eq!(app.told(&world.ann).await?, [22, 17, 17, 17]);
    // dan sees neither the category nor what was in sync with it.
    let got = app.got(&world.members[2]).await?;
    assert!(matches!(got.as_slice(), [n] if n.channel == Some(own)), "{got:?}");
    // The copies are the channels' own now: each can be changed alone.
    let places = [one, two].map(Place::Channel);
    for place in places {
        let roles =
            layer_role::page(&app.core, &world.ann, world.server, place, PageRequest::default()).await?;
        assert_eq!(roles.len(), 2);
    }
    let key = Key { server: world.server, place: places[0], accid: world.members[0].user.accid.clone() };
    member_role::remove(&app.core, &world.ann, &key).await?;
    world.agrees().await?;
    assert_ne!(world.says(places[0]).await?, template);
    assert_eq!(world.says(places[1]).await?, template);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn sync_shows_the_template_and_tells_whose_sight_changed(pool: PgPool) -> anyhow::Result<()> {
    let world = World::new(pool).await?;
    let app = &world.app;
    world.set_mode(Place::Category(world.full), ViewMode::Private).await?;
    let channel = channel::create(&app.core, &world.ann, world.server, media(ViewMode::Public)).await?.id;
    app.quiet().await?;
    for member in &world.members {
        app.rooms.seat(world.server, channel, &member.user.accid);
    }

    // Into the category alone: nothing but the category changes.
    let moved = world.set(channel, to(Some(world.full), None)).await?;
    assert_eq!((moved.sync_mode, moved.view_mode), (SyncMode::Own, ViewMode::Public));
    for member in &world.members {
        assert_eq!(app.told(member).await?, [17]);
    }
    assert_eq!(app.told(&world.ann).await?, [17]);
    app.rooms.take();

    // In sync: dan is on no white list.
    let synced = world.set(channel, sync(SyncMode::WithCategory)).await?;
    assert_eq!((synced.sync_mode, synced.view_mode), (SyncMode::WithCategory, ViewMode::Private));
    let got = app.got(&world.members[0]).await?;
    assert!(matches!(got.as_slice(), [n] if n.fact == Fact::ChannelUpdate { channel: synced.clone() }));
    assert_eq!(app.told(&world.members[1]).await?, [17]);
    let got = app.got(&world.members[2]).await?;
    assert!(matches!(got.as_slice(), [n] if n.fact == Fact::ChannelVisibility { visible: false }));
    let calls = app.rooms.take();
    let out: Vec<_> = calls
        .iter()
        .filter_map(|call| match call {
            RoomCall::Rights { accid, verdict: None, .. } => Some(accid),
            _ => None,
        })
        .collect();
    assert_eq!(out, [&world.members[2].user.accid], "{calls:?}");

    // The mode is the category's to set, and nothing of a refused update stays.
    for view_mode in [ViewMode::Public, ViewMode::Private] {
        let update = ChannelUpdate {
            name: Some("never".into()),
            view_mode: Some(view_mode),
            ..ChannelUpdate::default()
        };
        assert_eq!(code(channel::update(&app.core, &world.ann, channel, update).await), Code::PARAMETER);
    }
    let rename = ChannelUpdate { name: Some("named".into()), ..ChannelUpdate::default() };
    let renamed = channel::update(&app.core, &world.ann, channel, rename).await?;
    assert_eq!((renamed.name.as_str(), renamed.view_mode), ("named", ViewMode::Private));
    world.agrees().await?;
    app.quiet().await?;

    // Saying what is so already tells nobody.
    for info in [CategoryInfo::default(), sync(SyncMode::WithCategory), to(Some(world.full), None)] {
        assert_eq!(world.set(channel, info).await?, renamed);
    }
    assert!(app.told(&world.ann).await?.is_empty());

    // From one category into the other: in sync with the other, and nothing is copied.
    let stored = world.says(Place::Channel(channel)).await?;
    let moved = world.set(channel, to(Some(world.empty), None)).await?;
    assert_eq!(
        (moved.category, moved.sync_mode, moved.view_mode),
        (Some(world.empty), SyncMode::WithCategory, ViewMode::Public)
    );
    assert_eq!(world.says(Place::Channel(channel)).await?, stored);
    assert_eq!(app.told(&world.members[2]).await?, [17, 31]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn moving_needs_the_channel_and_the_category_to_be_seen(pool: PgPool) -> anyhow::Result<()> {
    let world = World::new(pool).await?;
    let app = &world.app;
    let (bob, eve) = (&world.members[0], app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let foreign = support::server(app, &world.ann).await?.id;
    let foreign = category(app, &world.ann, foreign, ViewMode::Public).await?.id;
    let hidden = category(app, &world.ann, world.server, ViewMode::Private).await?.id;
    let open = channel::create(&app.core, &world.ann, world.server, media(ViewMode::Public)).await?;
    let secret = channel::create(&app.core, &world.ann, world.server, media(ViewMode::Private)).await?.id;
    let within = world.channel(hidden, SyncMode::Own).await?;
    let into = |category| to(Some(category), None);
    let set = async |actor, id, info| code(channel::set_category(&app.core, actor, id, info).await);
    app.quiet().await?;

    assert_eq!(set(bob, open.id, into(world.empty)).await, Code::FORBIDDEN);
    assert_eq!(set(&eve, open.id, into(world.empty)).await, Code::FORBIDDEN);
    assert_eq!(set(&stranger, open.id, into(world.empty)).await, Code::NOT_FOUND);
    assert_eq!(set(&world.ann, ChannelId::new(9).unwrap(), into(world.empty)).await, Code::NOT_FOUND);
    assert_eq!(set(&world.ann, open.id, into(foreign)).await, Code::NOT_FOUND);
    assert_eq!(set(&world.ann, open.id, into(CategoryId::new(9).unwrap())).await, Code::NOT_FOUND);
    assert_eq!(set(&world.ann, open.id, sync(SyncMode::WithCategory)).await, Code::PARAMETER);
    assert_eq!(set(&world.ann, open.id, to(None, Some(SyncMode::WithCategory))).await, Code::PARAMETER);
    assert_eq!(channel::by_ids(&app.core, &world.ann, &[open.id]).await?, std::slice::from_ref(&open));
    assert!(app.told(&world.ann).await?.is_empty());

    role::add_members(&app.core, &world.ann, world.server, world.crew, &one(bob)).await?;
    let auths = vec![(Right::MANAGE_CHANNEL, Allow)];
    let grant = role::RoleUpdate { auths, ..role::RoleUpdate::default() };
    role::update(&app.core, &world.ann, world.server, world.crew, grant).await?;
    assert_eq!(set(bob, secret, into(world.empty)).await, Code::FORBIDDEN);
    assert_eq!(set(bob, open.id, into(hidden)).await, Code::FORBIDDEN);
    // What one cannot see one cannot make a channel follow, even where the channel is in it already.
    assert_eq!(set(bob, within, sync(SyncMode::WithCategory)).await, Code::FORBIDDEN);
    assert_eq!(set(bob, within, to(None, None)).await, Code::OK);
    assert_eq!(set(bob, open.id, into(world.empty)).await, Code::OK);
    assert_eq!(set(bob, open.id, to(Some(world.full), Some(SyncMode::WithCategory))).await, Code::OK);
    assert_eq!(set(bob, open.id, to(None, None)).await, Code::OK);
    world.agrees().await
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_channel_made_in_sync_shows_its_category_from_the_start(pool: PgPool) -> anyhow::Result<()> {
    let world = World::new(pool).await?;
    let app = &world.app;
    world.set_mode(Place::Category(world.full), ViewMode::Private).await?;
    app.quiet().await?;
    let new = inside(world.full, SyncMode::WithCategory);
    let made = channel::create(&app.core, &world.ann, world.server, new).await?;
    world.agrees().await?;
    assert_eq!((made.view_mode, made.sync_mode), (ViewMode::Private, SyncMode::WithCategory));
    let [bob, cid, dan] = &world.members;
    let got = app.got(bob).await?;
    assert!(matches!(got.as_slice(), [n, seen] if n.fact == Fact::ChannelCreate { channel: made.clone() }
        && seen.fact == Fact::ChannelVisibility { visible: true }));
    assert_eq!(app.told(cid).await?, [15, 31]);
    assert!(app.told(dan).await?.is_empty());
    let check = async |actor, right| role::check(&app.core, actor, world.server, Some(made.id), right).await;
    assert!(check(cid, Right::RTC_CONNECT).await? && !check(bob, Right::RTC_OPEN_CAMERA).await?);
    assert!(!check(bob, Right::RTC_OPEN_MICROPHONE).await? && !check(dan, Right::RTC_CONNECT).await?);

    // In sync with nothing is not in sync: a later move into a category is a move and no more.
    let new = channel::NewChannel { sync_mode: SyncMode::WithCategory, ..media(ViewMode::Public) };
    let made = channel::create(&app.core, &world.ann, world.server, new).await?;
    assert_eq!((made.category, made.sync_mode), (None, SyncMode::Own));
    let moved = world.set(made.id, to(Some(world.full), None)).await?;
    assert_eq!((moved.sync_mode, moved.view_mode), (SyncMode::Own, ViewMode::Public));
    Ok(())
}
