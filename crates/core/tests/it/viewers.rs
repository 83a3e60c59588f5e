//! 24_53: the members who see a channel.

use std::collections::BTreeSet;

use rotunda_core::{
    Actor, PageRequest, category,
    channel::{self, CategoryInfo, ChannelUpdate},
    list::{self, List},
    role,
};
use rotunda_model::{Accid, ChannelId, Code, ListKind, Place, ServerId, SyncMode, ViewMode, server::Member};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join, one};

/// Every page of `limit`, each full while there are more, and what they hold together.
async fn walk(
    app: &TestApp,
    actor: &Actor,
    server: ServerId,
    id: ChannelId,
    limit: i64,
) -> anyhow::Result<Vec<Member>> {
    let mut all: Vec<Member> = Vec::new();
    let mut timetag = 0;
    for _ in 0..100 {
        let request = PageRequest { timetag, limit: Some(limit) };
        let page = channel::members(&app.core, actor, server, id, request).await?;
        let newest_first = page.items.iter().map(|m| m.joined).collect::<Vec<_>>();
        assert!(newest_first.is_sorted_by(|a, b| a > b), "{newest_first:?}");
        assert_eq!(page.items.last().map(|m| m.joined), Some(page.next).filter(|next| next.get() != 0));
        assert!(!page.has_more || page.items.len() == usize::try_from(limit)?);
        all.extend(page.items);
        if !page.has_more {
            return Ok(all);
        }
        timetag = page.next.get();
    }
    anyhow::bail!("the pages have no end")
}

#[sqlx::test(migrations = "../../migrations")]
async fn pages_hold_exactly_the_members_who_see_the_channel(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let mut members = Vec::new();
    for at in 0..12 {
        let member = app.account(&format!("m{at:02}")).await?;
        join(&app, &member, made.id).await?;
        members.push(member);
    }
    let crew = custom_role(&app, &ann, made.id, 1).await?;
    let idle = custom_role(&app, &ann, made.id, 2).await?;
    let accids = |range: std::ops::Range<usize>| -> Vec<Accid> {
        members.iter().skip(range.start).take(range.len()).map(|m| m.user.accid.clone()).collect()
    };
    role::add_members(&app.core, &ann, made.id, crew, &accids(3..6)).await?;
    let everyone = support::everyone(&app, &ann, made.id).await?;
    let id = support::channel(&app, &ann, made.id, ViewMode::Public).await?.id;
    let list = |kind| List { server: made.id, place: Place::Channel(id), kind };
    let set_mode = async |view_mode| {
        let update = ChannelUpdate { view_mode: Some(view_mode), ..ChannelUpdate::default() };
        channel::update(&app.core, &ann, id, update).await
    };
    // The pages say who sees it; asking each member says so too.
    let check = async |expected: usize| -> anyhow::Result<()> {
        let mut seeing = BTreeSet::new();
        for actor in members.iter().chain([&ann]) {
            if !channel::by_ids(&app.core, actor, &[id]).await?.is_empty() {
                seeing.insert(actor.user.accid.clone());
            }
        }
        for limit in [1, 3, 4, 100] {
            let found = walk(&app, &ann, made.id, id, limit).await?;
            let names: BTreeSet<Accid> = found.iter().map(|member| member.accid.clone()).collect();
            assert_eq!(names, seeing);
            assert_eq!(found.len(), expected, "each once");
        }
        Ok(())
    };
    check(13).await?;
    list::add_members(&app.core, &ann, list(ListKind::Black), &accids(0..4)).await?;
    check(9).await?;
    list::add_role(&app.core, &ann, list(ListKind::Black), crew).await?;
    list::add_role(&app.core, &ann, list(ListKind::Black), idle).await?;
    check(7).await?;
    list::add_role(&app.core, &ann, list(ListKind::Black), everyone).await?;
    check(1).await?;
    set_mode(ViewMode::Private).await?;
    check(1).await?;
    list::add_members(&app.core, &ann, list(ListKind::White), &accids(5..9)).await?;
    check(5).await?;
    list::add_role(&app.core, &ann, list(ListKind::White), crew).await?;
    check(7).await?;
    // In sync with a public category, that is who sees it.
    let wing = crate::category::category(&app, &ann, made.id, ViewMode::Public).await?;
    let listed = List { server: made.id, place: Place::Category(wing.id), kind: ListKind::Black };
    list::add_members(&app.core, &ann, listed, &accids(11..12)).await?;
    let info = CategoryInfo { category: Some(Some(wing.id)), sync_mode: Some(SyncMode::WithCategory) };
    channel::set_category(&app.core, &ann, id, info).await?;
    check(12).await?;
    category::remove(&app.core, &ann, wing.id).await?;
    check(12).await?;
    set_mode(ViewMode::Private).await?;
    check(1).await?;
    list::add_role(&app.core, &ann, list(ListKind::White), everyone).await?;
    check(13).await?;
    rotunda_core::member::leave(&app.core, members.last().unwrap(), made.id).await?;
    let found = walk(&app, &ann, made.id, id, 5).await?;
    assert_eq!(found.len(), 12);
    assert!(found.last().unwrap().is_owner, "who joined first comes last");
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn only_who_sees_the_channel_reads_who_sees_it(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?;
    let other = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let public = support::channel(&app, &ann, made.id, ViewMode::Public).await?.id;
    let private = support::channel(&app, &ann, made.id, ViewMode::Private).await?.id;
    let ask = async |actor, server, id, timetag, limit| {
        let request = PageRequest { timetag, limit };
        code(channel::members(&app.core, actor, server, id, request).await)
    };
    assert_eq!(ask(&bob, made.id, public, 0, None).await, Code::OK);
    assert_eq!(ask(&bob, made.id, private, 0, None).await, Code::FORBIDDEN);
    assert_eq!(ask(&eve, made.id, public, 0, None).await, Code::FORBIDDEN);
    assert_eq!(ask(&stranger, made.id, public, 0, None).await, Code::NOT_FOUND);
    assert_eq!(ask(&ann, other.id, public, 0, None).await, Code::NOT_FOUND);
    assert_eq!(ask(&ann, made.id, ChannelId::new(9).unwrap(), 0, None).await, Code::NOT_FOUND);
    for (timetag, limit) in [(0, Some(0)), (0, Some(101)), (-1, None)] {
        assert_eq!(ask(&bob, made.id, public, timetag, limit).await, Code::PARAMETER);
    }
    let list = List { server: made.id, place: Place::Channel(private), kind: ListKind::White };
    list::add_members(&app.core, &ann, list, &one(&bob)).await?;
    assert_eq!(ask(&bob, made.id, private, 0, None).await, Code::OK);
    Ok(())
}

/// A role too large to look each of its members up.
#[sqlx::test(migrations = "../../migrations")]
async fn a_crowd_is_paged_without_a_gap(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let crowd = custom_role(&app, &ann, made.id, 1).await?;
    // 6,000 members, of whom every twelfth is not in the role.
    for sql in [
        "INSERT INTO accounts (app, accid, name, token_hash, created, updated)
         SELECT $1, 'm' || i, 'm', sha256(''), 1, 1 FROM generate_series(1, 6000) i WHERE $2 > 0 AND $3 > 0",
        "INSERT INTO members (server, accid, app, joined, created, updated)
         SELECT $2, 'm' || i, $1, s.last_time + i, s.last_time + i, s.last_time + i
         FROM generate_series(1, 6000) i, servers s WHERE s.id = $2 AND $3 > 0",
        "INSERT INTO role_members (role, server, accid, created)
         SELECT $3, $2, 'm' || i, i FROM generate_series(1, 6000) i WHERE i % 12 <> 0 AND $1 > 0",
        "UPDATE server_roles SET member_count = 5500 WHERE id = $3 AND $1 > 0 AND $2 > 0",
    ] {
        let query = sqlx::query(sql).bind(app.app.id.get()).bind(made.id.get()).bind(crowd.get());
        query.execute(app.pool()).await?;
    }
    for (mode, kind, expected) in
        [(ViewMode::Private, ListKind::White, 5_501), (ViewMode::Public, ListKind::Black, 501)]
    {
        let id = support::channel(&app, &ann, made.id, mode).await?.id;
        let list = List { server: made.id, place: Place::Channel(id), kind };
        list::add_role(&app.core, &ann, list, crowd).await?;
        let found = walk(&app, &ann, made.id, id, 100).await?;
        let distinct: BTreeSet<&Accid> = found.iter().map(|member| &member.accid).collect();
        assert_eq!((found.len(), distinct.len()), (expected, expected), "{mode:?}");
        assert!(found.iter().all(|member| {
            let number: Option<u32> =
                member.accid.as_str().strip_prefix('m').and_then(|number| number.parse().ok());
            number.is_none_or(|number| (number % 12 != 0) == (mode == ViewMode::Private))
        }));
    }
    Ok(())
}
