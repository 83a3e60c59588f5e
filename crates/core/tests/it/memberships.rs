//! What is held in memory about who is in which role.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rotunda_core::{Actor, PageRequest, channel, invite, list, media, member, role, server, subscription};
use rotunda_model::{Accid, AuthValue, Code, ListKind, Place, Right, RoleId, ServerId, ViewMode};
use rotunda_testkit::TestApp;
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::support::{self, code, custom_role, join, one};

async fn own_roles(app: &TestApp, actor: &Actor, server: ServerId) -> anyhow::Result<Option<Vec<RoleId>>> {
    let (mut own, _) = subscription::own_roles(&app.core, actor, &[server]).await?;
    Ok(own.pop().map(|own| own.roles))
}

#[sqlx::test(migrations = "../../migrations")]
async fn once_read_roles_are_not_asked_for_again(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let talk = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    let role = custom_role(&app, &ann, made.id, 1).await?;
    role::add_members(&app.core, &ann, made.id, role, &one(&bob)).await?;
    app.rooms.seat(made.id, talk.id, &bob.user.accid);
    let everything = async || -> anyhow::Result<()> {
        for actor in [&ann, &bob] {
            server::rights(&app.core, actor, made.id).await?;
            role::check(&app.core, actor, made.id, Some(talk.id), Right::RTC_CONNECT).await?;
            channel::page(&app.core, actor, made.id, PageRequest::default()).await?;
            media::verdict(&app.core, &actor.user, talk.id).await?;
            own_roles(&app, actor, made.id).await?;
        }
        support::set_everyone(&app, &ann, made.id, &[(Right::MENTIONED_ROLE, AuthValue::Allow)]).await?;
        support::channel(&app, &ann, made.id, ViewMode::Public).await?;
        assert!(app.told(&bob).await?.contains(&15));
        Ok(())
    };
    everything().await?;
    let before = app.core.membership_stats();
    for _ in 0..10 {
        everything().await?;
    }
    let after = app.core.membership_stats();
    assert_eq!((after.misses, after.entries), (before.misses, 2));
    assert!(after.hits >= before.hits + 100);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn who_is_away_is_not_held(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.away("bob").await?, app.account("eve").await?);
    let (made, other) = (support::server(&app, &ann).await?, support::server(&app, &ann).await?);
    join(&app, &bob, made.id).await?;
    for of in [made.id, other.id] {
        server::rights(&app.core, &ann, of).await?;
        server::rights(&app.core, &bob, of).await?;
        server::rights(&app.core, &eve, of).await?;
    }
    assert_eq!(app.core.membership_stats().entries, 4, "ann's two, and that eve is in neither");
    server::delete(&app.core, &ann, other.id).await?;
    assert_eq!(app.core.membership_stats().entries, 3, "no member of what is gone");
    app.log_out(&eve);
    assert_eq!(app.core.membership_stats().entries, 1);
    app.log_out(&ann);
    assert_eq!(app.core.membership_stats().entries, 0);
    server::rights(&app.core, &ann, made.id).await?;
    assert_eq!(app.core.membership_stats().entries, 0);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn every_change_of_roles_shows_at_once(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    let bobs = one(&bob);
    let roles = async || own_roles(&app, &bob, made.id).await;
    assert_eq!(roles().await?, None);
    join(&app, &bob, made.id).await?;
    assert_eq!(roles().await?, Some(vec![]));
    let role = custom_role(&app, &ann, made.id, 1).await?;
    role::add_members(&app.core, &ann, made.id, role, &bobs).await?;
    assert_eq!(roles().await?, Some(vec![role]));
    role::remove_members(&app.core, &ann, made.id, role, &bobs).await?;
    assert_eq!(roles().await?, Some(vec![]));
    role::add_members(&app.core, &ann, made.id, role, &bobs).await?;
    assert_eq!(roles().await?, Some(vec![role]));
    role::delete(&app.core, &ann, made.id, role).await?;
    assert_eq!(roles().await?, Some(vec![]));
    member::kick(&app.core, &ann, made.id, &bobs).await?;
    assert_eq!(roles().await?, None);
    join(&app, &bob, made.id).await?;
    assert_eq!(roles().await?, Some(vec![]));
    member::leave(&app.core, &bob, made.id).await?;
    assert_eq!(roles().await?, None);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_another_process_wrote_is_seen_with_the_next_change(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let role = custom_role(&app, &ann, made.id, 1).await?;
    assert_eq!(own_roles(&app, &bob, made.id).await?, Some(vec![]));
    let other = app.sibling().await?;
    role::add_members(&other.core, &ann, made.id, role, &one(&bob)).await?;
    custom_role(&app, &ann, made.id, 2).await?;
    assert_eq!(own_roles(&app, &bob, made.id).await?, Some(vec![role]));
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

/// What the busy test works on.
struct Busy {
    app: TestApp,
    owner: Actor,
    server: ServerId,
    /// Never at once: `watched` is in it, and it allows [`Right::MANAGE_SERVER`].
    role: RoleId,
    watched: Actor,
    noise: Vec<RoleId>,
    crowd: Vec<Actor>,
}

impl Busy {
    async fn new(pool: PgPool) -> anyhow::Result<Self> {
        let app = TestApp::new(pool).await?;
        let (owner, watched) = (app.account("owner").await?, app.account("watched").await?);
        let server = support::server(&app, &owner).await?.id;
        join(&app, &watched, server).await?;
        let role = custom_role(&app, &owner, server, 1).await?;
        let mut noise = Vec::new();
        for n in 0..3 {
            noise.push(custom_role(&app, &owner, server, n + 2).await?);
        }
        let mut crowd = Vec::new();
        for n in 0..6 {
            let actor = app.account(&format!("crowd{n}")).await?;
            join(&app, &actor, server).await?;
            crowd.push(actor);
        }
        Ok(Self { app, owner, server, role, watched, noise, crowd })
    }

    /// No state between these steps has both.
    async fn alternate(&self, rounds: usize) -> anyhow::Result<()> {
        let (core, owner, watched) = (&self.app.core, &self.owner, one(&self.watched));
        let allow = async |value| {
            let auths = vec![(Right::MANAGE_SERVER, value)];
            let update = role::RoleUpdate { auths, ..role::RoleUpdate::default() };
            role::update(core, owner, self.server, self.role, update).await
        };
        for _ in 0..rounds {
            role::add_members(core, owner, self.server, self.role, &watched).await?;
            role::remove_members(core, owner, self.server, self.role, &watched).await?;
            allow(AuthValue::Allow).await?;
            allow(AuthValue::Deny).await?;
        }
        Ok(())
    }

    /// Everything else that changes members, roles and lists.
    async fn disturb(&self, seed: usize, rounds: usize) -> anyhow::Result<()> {
        let (core, owner, server) = (&self.app.core, &self.owner, self.server);
        let channel = support::channel(&self.app, owner, server, ViewMode::Private).await?;
        let list = list::List { server, place: Place::Channel(channel.id), kind: ListKind::White };
        for n in 0..rounds {
            let at = n * 7 + seed * 3;
            let (Some(role), Some(actor)) =
                (self.noise.get(at % self.noise.len()), self.crowd.get(at % self.crowd.len()))
            else {
                continue;
            };
            let them = one(actor);
            let done = match at % 6 {
                0 => code(role::add_members(core, owner, server, *role, &them).await),
                1 => code(role::remove_members(core, owner, server, *role, &them).await),
                2 => code(list::add_members(core, owner, list, &them).await),
                3 => code(list::remove_members(core, owner, list, &them).await),
                4 => code(member::kick(core, owner, server, &them).await),
                _ => code(invite::apply(core, actor, server, "", None).await),
            };
            // Kicked by another writer, or back already.
            let expected = [Code::OK, Code::NOT_FOUND, Code::REPEATED];
            anyhow::ensure!(expected.contains(&done), "{done:?}");
        }
        Ok(())
    }

    /// Versions rise, and no answer is of a state that never was.
    async fn watch(&self, stop: &AtomicBool) -> anyhow::Result<usize> {
        let (mut last, mut asked) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            let (rights, version) = server::rights(&self.app.core, &self.watched, self.server).await?;
            anyhow::ensure!(!rights.has(Right::MANAGE_SERVER), "version {version}");
            anyhow::ensure!(last <= version, "{version} after {last}");
            (last, asked) = (version, asked + 1);
            for actor in &self.crowd {
                server::rights(&self.app.core, actor, self.server).await?;
            }
            tokio::task::yield_now().await;
        }
        Ok(asked)
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn many_writers_leave_memory_and_storage_alike(pool: PgPool) -> anyhow::Result<()> {
    let busy = Arc::new(Busy::new(pool).await?);
    let stop = Arc::new(AtomicBool::new(false));
    let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
    for _ in 0..2 {
        let (busy, stop) = (Arc::clone(&busy), Arc::clone(&stop));
        readers.spawn(async move { busy.watch(&stop).await });
    }
    for seed in 0..5 {
        let busy = Arc::clone(&busy);
        writers.spawn(async move {
            if seed == 0 { busy.alternate(25).await } else { busy.disturb(seed, 40).await }
        });
    }
    for done in writers.join_all().await {
        done?;
    }
    stop.store(true, Ordering::Relaxed);
    for asked in readers.join_all().await {
        assert!(asked? > 10);
    }

    assert!(server::rules_agree(&busy.app.core, busy.server).await?);
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT accid, role FROM role_members").fetch_all(busy.app.pool()).await?;
    let mut stored: BTreeMap<Accid, Vec<RoleId>> = BTreeMap::new();
    for (accid, role) in rows {
        stored.entry(Accid::new(&accid)?).or_default().extend(RoleId::new(role));
    }
    let members: Vec<String> =
        sqlx::query_scalar("SELECT accid FROM members").fetch_all(busy.app.pool()).await?;
    for actor in busy.crowd.iter().chain([&busy.watched, &busy.owner]) {
        let is_member = members.iter().any(|accid| accid == actor.user.accid.as_str());
        let mut expected = stored.remove(&actor.user.accid).unwrap_or_default();
        expected.sort_unstable();
        // Twice: from wherever it comes, and from memory.
        for _ in 0..2 {
            let mut held = own_roles(&busy.app, actor, busy.server).await?;
            held.iter_mut().for_each(|roles| roles.sort_unstable());
            assert_eq!(held, is_member.then(|| expected.clone()));
        }
    }
    let (_, version) = server::rights(&busy.app.core, &busy.owner, busy.server).await?;
    let stored: i64 = sqlx::query_scalar("SELECT version FROM servers").fetch_one(busy.app.pool()).await?;
    assert_eq!(version, stored);
    Ok(())
}
