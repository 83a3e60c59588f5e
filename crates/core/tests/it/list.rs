use rotunda_core::{
    Actor, PageRequest,
    category::{self, NewCategory},
    channel::{self, NewChannel},
    list::{self, List},
    media, server,
};
use rotunda_model::{
    Accid, ChannelId, Code, ListKind, Place, RoleId, ServerId, SyncMode, ViewMode, notification::Fact,
};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join, one};

/// One server with a public and a private place of each kind; ann owns it, bob and cy are members, eve is not.
struct World {
    app: TestApp,
    ann: Actor,
    bob: Actor,
    cy: Actor,
    eve: Actor,
    server: ServerId,
    role: RoleId,
    /// Each is the list that fits its place.
    lists: [List; 4],
}

impl World {
    async fn new(pool: PgPool) -> anyhow::Result<Self> {
        let app = TestApp::with(pool, |config| {
            config.limits.members_per_list = 2;
            config.limits.roles_per_list = 2;
        })
        .await?;
        let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
        let (cy, eve) = (app.account("cy").await?, app.account("eve").await?);
        let server = support::server(&app, &ann).await?.id;
        join(&app, &bob, server).await?;
        join(&app, &cy, server).await?;
        let role = custom_role(&app, &ann, server, 1).await?;
        let mut lists = Vec::new();
        for (mode, kind) in [(ViewMode::Public, ListKind::Black), (ViewMode::Private, ListKind::White)] {
            let channel = support::channel(&app, &ann, server, mode).await?.id;
            lists.push(List { server, place: Place::Channel(channel), kind });
            let category = new_category(&app, &ann, server, mode).await?;
            lists.push(List { server, place: category, kind });
        }
        app.quiet().await?;
        let lists = lists.try_into().map_err(|_| anyhow::anyhow!("two modes of two places"))?;
        Ok(Self { app, ann, bob, cy, eve, server, role, lists })
    }

    async fn agrees(&self) -> anyhow::Result<()> {
        anyhow::ensure!(server::rules_agree(&self.app.core, self.server).await?, "rules differ from storage");
        Ok(())
    }

    /// Of the rules in memory.
    fn version(&self) -> i64 {
        media::version(&self.app.core, self.server)
    }

    async fn on(&self, list: List) -> anyhow::Result<Vec<Accid>> {
        let page = list::members(&self.app.core, &self.ann, list, PageRequest::default()).await?;
        Ok(page.items.into_iter().map(|member| member.accid).collect())
    }

    async fn roles_on(&self, list: List) -> anyhow::Result<Vec<RoleId>> {
        let page = list::roles(&self.app.core, &self.ann, list, PageRequest::default()).await?;
        Ok(page.items.into_iter().map(|role| role.id).collect())
    }
}

async fn new_category(app: &TestApp, ann: &Actor, server: ServerId, mode: ViewMode) -> anyhow::Result<Place> {
    let new = NewCategory { name: "wing".into(), view_mode: mode, ..NewCategory::default() };
    Ok(Place::Category(category::create(&app.core, ann, server, new).await?.id))
}

async fn sees(app: &TestApp, actor: &Actor, id: ChannelId) -> anyhow::Result<bool> {
    Ok(!channel::by_ids(&app.core, actor, &[id]).await?.is_empty())
}

fn accids(actors: &[&Actor]) -> Vec<Accid> {
    actors.iter().map(|actor| actor.user.accid.clone()).collect()
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_white_list_opens_a_private_channel(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let private = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    app.quiet().await?;
    let bobs = one(&bob);
    let verdict = async || code(media::verdict(&app.core, &bob.user, private.id).await);
    assert_eq!(verdict().await, Code::FORBIDDEN);

    let list = |kind| List { server: made.id, place: Place::Channel(private.id), kind };
    let add =
        async |actor, kind, accids: &[_]| code(list::add_members(&app.core, actor, list(kind), accids).await);
    assert_eq!(add(&bob, ListKind::White, &bobs).await, Code::FORBIDDEN);
    assert_eq!(add(&ann, ListKind::Black, &bobs).await, Code::PARAMETER);
    assert_eq!(add(&ann, ListKind::White, &one(&eve)).await, Code::NOT_FOUND);
    assert_eq!(add(&ann, ListKind::White, &bobs).await, Code::OK);
    assert_eq!(verdict().await, Code::OK);
    assert_eq!(app.told(&bob).await?, [19, 31]);
    assert_eq!(app.told(&ann).await?, [19]);

    app.rooms.seat(made.id, private.id, &bob.user.accid);
    list::remove_members(&app.core, &ann, list(ListKind::White), &bobs).await?;
    assert_eq!(verdict().await, Code::FORBIDDEN);
    assert!(matches!(app.rooms.take().as_slice(), [RoomCall::Rights { verdict: None, .. }]));
    assert_eq!(app.told(&bob).await?, [19, 31]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn members_come_and_go_on_every_list(pool: PgPool) -> anyhow::Result<()> {
    let w = World::new(pool).await?;
    for list in w.lists {
        let both = accids(&[&w.bob, &w.cy]);
        list::add_members(&w.app.core, &w.ann, list, &one(&w.bob)).await?;
        w.agrees().await?;
        assert_eq!(w.on(list).await?, one(&w.bob));
        w.app.quiet().await?;

        // Bob is on it already: only cy is new, and only cy is told of.
        list::add_members(&w.app.core, &w.ann, list, &[&both[..], &both[..]].concat()).await?;
        w.agrees().await?;
        assert_eq!(w.on(list).await?, accids(&[&w.cy, &w.bob]));
        told_of_members(&w, list, true, &one(&w.cy)).await?;

        let existing =
            list::existing_members(&w.app.core, &w.ann, list, &accids(&[&w.cy, &w.eve, &w.bob])).await?;
        assert_eq!(
            existing.iter().map(|m| &m.accid).collect::<Vec<_>>(),
            [&w.cy.user.accid, &w.bob.user.accid]
        );

        let version = w.version();
        list::add_members(&w.app.core, &w.ann, list, &both).await?;
        list::remove_members(&w.app.core, &w.ann, list, &one(&w.ann)).await?;
        assert_eq!(w.version(), version, "nothing changed");
        assert!(w.app.told(&w.ann).await?.is_empty());

        list::remove_members(&w.app.core, &w.ann, list, &accids(&[&w.ann, &w.cy, &w.bob])).await?;
        w.agrees().await?;
        told_of_members(&w, list, false, &accids(&[&w.cy, &w.bob])).await?;
        assert!(w.on(list).await?.is_empty());
        w.app.quiet().await?;
    }
    Ok(())
}

/// The notification of a change by ann, as ann got it, and nothing but it.
async fn told_of_members(w: &World, list: List, added: bool, names: &[Accid]) -> anyhow::Result<()> {
    let got = w.app.got(&w.ann).await?;
    let [got] = got.as_slice() else { panic!("one notification, not {}", got.len()) };
    let (channel, fact) = match list.place {
        Place::Channel(id) => {
            (Some(id), Fact::ChannelListMembers { list: list.kind, add: added, accids: names.to_vec() })
        }
        Place::Category(category) => (
            None,
            Fact::CategoryListMembers { category, list: list.kind, add: added, accids: names.to_vec() },
        ),
    };
    assert_eq!((got.channel, &got.fact), (channel, &fact));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn roles_come_and_go_on_every_list(pool: PgPool) -> anyhow::Result<()> {
    let w = World::new(pool).await?;
    let everyone = support::everyone(&w.app, &w.ann, w.server).await?;
    for list in w.lists {
        list::add_role(&w.app.core, &w.ann, list, w.role).await?;
        w.agrees().await?;
        told_of_role(&w, list, true, w.role).await?;
        let version = w.version();
        list::add_role(&w.app.core, &w.ann, list, w.role).await?;
        list::remove_role(&w.app.core, &w.ann, list, everyone).await?;
        assert_eq!(w.version(), version, "nothing changed");
        assert!(w.app.told(&w.ann).await?.is_empty());

        w.app.quiet().await?;
        list::add_role(&w.app.core, &w.ann, list, everyone).await?;
        w.agrees().await?;
        assert_eq!(w.roles_on(list).await?, [everyone, w.role]);
        let asked = [w.role, RoleId::new(9).unwrap(), everyone];
        let existing = list::existing_roles(&w.app.core, &w.ann, list, &asked).await?;
        assert_eq!(existing.iter().map(|role| role.id).collect::<Vec<_>>(), [w.role, everyone]);
        assert_eq!(existing.last().unwrap().member_count, -1);

        list::remove_role(&w.app.core, &w.ann, list, everyone).await?;
        w.app.quiet().await?;
        list::remove_role(&w.app.core, &w.ann, list, w.role).await?;
        w.agrees().await?;
        told_of_role(&w, list, false, w.role).await?;
        assert!(w.roles_on(list).await?.is_empty());
        w.app.quiet().await?;
    }
    Ok(())
}

async fn told_of_role(w: &World, list: List, added: bool, role: RoleId) -> anyhow::Result<()> {
    let got = w.app.got(&w.ann).await?;
    let [got] = got.as_slice() else { panic!("one notification, not {}", got.len()) };
    let (channel, fact) = match list.place {
        Place::Channel(id) => (Some(id), Fact::ChannelListRole { list: list.kind, add: added, role }),
        Place::Category(category) => {
            (None, Fact::CategoryListRole { category, list: list.kind, add: added, role })
        }
    };
    assert_eq!((got.channel, &got.fact), (channel, &fact));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_does_not_fit_is_refused_and_changes_nothing(pool: PgPool) -> anyhow::Result<()> {
    let w = World::new(pool).await?;
    let core = &w.app.core;
    let elsewhere = support::server(&w.app, &w.ann).await?.id;
    let strange = custom_role(&w.app, &w.ann, elsewhere, 1).await?;
    let nobody = Accid::new("nobody")?;
    let many = vec![w.bob.user.accid.clone(); 101];
    w.app.quiet().await?;
    let version = w.version();
    for list in w.lists {
        let other = match list.kind {
            ListKind::White => ListKind::Black,
            ListKind::Black => ListKind::White,
        };
        let unfit = List { kind: other, ..list };
        let moved = List { server: elsewhere, ..list };
        let unknown = List { server: ServerId::new(9).unwrap(), ..list };
        let gone = List {
            place: match list.place {
                Place::Channel(_) => Place::Channel(ChannelId::new(9).unwrap()),
                Place::Category(_) => Place::Category(rotunda_model::CategoryId::new(9).unwrap()),
            },
            ..list
        };
        for (actor, list, expected) in [
            (&w.ann, unfit, Code::PARAMETER),
            (&w.ann, moved, Code::NOT_FOUND),
            (&w.ann, unknown, Code::NOT_FOUND),
            (&w.ann, gone, Code::NOT_FOUND),
            (&w.bob, list, Code::FORBIDDEN),
            (&w.eve, list, Code::FORBIDDEN),
        ] {
            let (bobs, roles) = (one(&w.bob), [w.role]);
            let codes = [
                code(list::add_members(core, actor, list, &bobs).await),
                code(list::remove_members(core, actor, list, &bobs).await),
                code(list::members(core, actor, list, PageRequest::default()).await),
                code(list::existing_members(core, actor, list, &bobs).await),
                code(list::add_role(core, actor, list, w.role).await),
                code(list::remove_role(core, actor, list, w.role).await),
                code(list::roles(core, actor, list, PageRequest::default()).await),
                code(list::existing_roles(core, actor, list, &roles).await),
            ];
            assert_eq!(codes, [expected; 8], "{list:?} by {actor:?}");
        }
        for (names, expected) in [
            (&[][..], Code::PARAMETER),
            (&many[..], Code::PARAMETER),
            (&[nobody.clone(), w.bob.user.accid.clone()][..], Code::NOT_FOUND),
            (&one(&w.eve)[..], Code::NOT_FOUND),
        ] {
            assert_eq!(code(list::add_members(core, &w.ann, list, names).await), expected);
            assert_eq!(code(list::remove_members(core, &w.ann, list, names).await), expected);
        }
        assert_eq!(code(list::existing_members(core, &w.ann, list, &[]).await), Code::PARAMETER);
        assert_eq!(code(list::existing_members(core, &w.ann, list, &many).await), Code::PARAMETER);
        assert_eq!(code(list::existing_roles(core, &w.ann, list, &[]).await), Code::PARAMETER);
        let many = vec![w.role; 101];
        assert_eq!(code(list::existing_roles(core, &w.ann, list, &many).await), Code::PARAMETER);
        for role in [strange, RoleId::new(9).unwrap()] {
            assert_eq!(code(list::add_role(core, &w.ann, list, role).await), Code::NOT_FOUND);
            assert_eq!(code(list::remove_role(core, &w.ann, list, role).await), Code::NOT_FOUND);
        }
        for bad in [PageRequest { timetag: -1, limit: None }, PageRequest { timetag: 0, limit: Some(101) }] {
            assert_eq!(code(list::members(core, &w.ann, list, bad).await), Code::PARAMETER);
            assert_eq!(code(list::roles(core, &w.ann, list, bad).await), Code::PARAMETER);
        }
    }
    assert_eq!(w.version(), version);
    assert!(w.app.told(&w.ann).await?.is_empty());
    w.agrees().await?;
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_full_list_takes_nobody_of_a_batch(pool: PgPool) -> anyhow::Result<()> {
    let w = World::new(pool).await?;
    let core = &w.app.core;
    let second = custom_role(&w.app, &w.ann, w.server, 2).await?;
    let everyone = support::everyone(&w.app, &w.ann, w.server).await?;
    for list in w.lists {
        let all = accids(&[&w.ann, &w.bob, &w.cy]);
        assert_eq!(code(list::add_members(core, &w.ann, list, &all).await), Code::OVER_LIMIT);
        assert!(w.on(list).await?.is_empty());
        list::add_members(core, &w.ann, list, &all[..2]).await?;
        assert_eq!(code(list::add_members(core, &w.ann, list, &all[2..]).await), Code::OVER_LIMIT);
        // Who is on it already needs no room.
        assert_eq!(code(list::add_members(core, &w.ann, list, &all[..2]).await), Code::OK);
        assert_eq!(w.on(list).await?.len(), 2);

        list::add_role(core, &w.ann, list, w.role).await?;
        list::add_role(core, &w.ann, list, second).await?;
        assert_eq!(code(list::add_role(core, &w.ann, list, everyone).await), Code::OVER_LIMIT);
        assert_eq!(code(list::add_role(core, &w.ann, list, second).await), Code::OK);
        assert_eq!(w.roles_on(list).await?, [second, w.role]);
        w.agrees().await?;
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn pages_go_back_in_time_of_entry(pool: PgPool) -> anyhow::Result<()> {
    let w = World::new(pool).await?;
    let core = &w.app.core;
    let second = custom_role(&w.app, &w.ann, w.server, 2).await?;
    for list in w.lists {
        // In an order that is neither that of joining nor that of names.
        list::add_members(core, &w.ann, list, &accids(&[&w.cy, &w.bob])).await?;
        list::add_role(core, &w.ann, list, second).await?;
        list::add_role(core, &w.ann, list, w.role).await?;
        let at = |timetag| PageRequest { timetag, limit: Some(1) };
        let first = list::members(core, &w.ann, list, at(0)).await?;
        assert_eq!(first.items.first().unwrap().accid, w.bob.user.accid);
        let next = list::members(core, &w.ann, list, at(first.next.get())).await?;
        assert_eq!(next.items.first().unwrap().accid, w.cy.user.accid);
        assert_eq!((first.has_more, next.has_more), (true, false));
        assert!(list::members(core, &w.ann, list, at(next.next.get())).await?.items.is_empty());

        let first = list::roles(core, &w.ann, list, at(0)).await?;
        assert_eq!((first.items.first().unwrap().id, first.has_more), (w.role, true));
        let next = list::roles(core, &w.ann, list, at(first.next.get())).await?;
        assert_eq!((next.items.first().unwrap().id, next.has_more), (second, false));
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn everyone_on_a_list_is_every_member_but_not_the_owner(pool: PgPool) -> anyhow::Result<()> {
    let w = World::new(pool).await?;
    let everyone = support::everyone(&w.app, &w.ann, w.server).await?;
    for list in w.lists {
        let Place::Channel(channel) = list.place else { continue };
        let open = list.kind == ListKind::Black;
        for (listed, role) in [(true, everyone), (false, everyone), (true, w.role)] {
            match listed {
                true => list::add_role(&w.app.core, &w.ann, list, role).await?,
                false => list::remove_role(&w.app.core, &w.ann, list, role).await?,
            }
            let hit = listed && role == everyone;
            for actor in [&w.bob, &w.cy] {
                assert_eq!(sees(&w.app, actor, channel).await?, open != hit);
                let flipped = if role == everyone { &[18, 31][..] } else { &[18][..] };
                assert_eq!(w.app.told(actor).await?, flipped);
            }
            assert!(sees(&w.app, &w.ann, channel).await?);
            assert_eq!(w.app.told(&w.ann).await?, [18]);
        }
        if open {
            // On the black list by name, the owner still sees it.
            list::add_members(&w.app.core, &w.ann, list, &one(&w.ann)).await?;
            assert!(sees(&w.app, &w.ann, channel).await?);
            assert_eq!(w.app.told(&w.ann).await?, [19]);
        }
        w.app.quiet().await?;
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_channel_in_sync_has_its_categorys_lists(pool: PgPool) -> anyhow::Result<()> {
    let w = World::new(pool).await?;
    let core = &w.app.core;
    let private = w.lists.iter().find(|l| l.kind == ListKind::White && matches!(l.place, Place::Category(_)));
    let template = *private.unwrap();
    let Place::Category(category) = template.place else { unreachable!() };
    let new = NewChannel {
        category: Some(category),
        sync_mode: SyncMode::WithCategory,
        ..support::media(ViewMode::Public)
    };
    let channel = channel::create(core, &w.ann, w.server, new).await?.id;
    let own = List { place: Place::Channel(channel), ..template };
    w.app.quiet().await?;

    assert_eq!(code(list::add_members(core, &w.ann, own, &one(&w.bob)).await), Code::PARAMETER);
    assert_eq!(code(list::add_role(core, &w.ann, own, w.role).await), Code::PARAMETER);
    let public = List { kind: ListKind::Black, ..own };
    assert_eq!(code(list::members(core, &w.ann, public, PageRequest::default()).await), Code::PARAMETER);
    assert!(!sees(&w.app, &w.bob, channel).await?);

    list::add_members(core, &w.ann, template, &one(&w.bob)).await?;
    list::add_role(core, &w.ann, template, w.role).await?;
    assert_eq!(w.on(own).await?, one(&w.bob));
    assert_eq!(w.roles_on(own).await?, [w.role]);
    assert!(sees(&w.app, &w.bob, channel).await?);
    let got = w.app.got(&w.bob).await?;
    assert_eq!(got.iter().map(|n| n.fact.number()).collect::<Vec<_>>(), [25, 31, 24]);
    assert_eq!(got.get(1).unwrap().channel, Some(channel));
    assert_eq!(w.app.told(&w.cy).await?, [25, 24]);
    w.agrees().await?;
    Ok(())
}
