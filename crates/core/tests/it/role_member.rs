use rotunda_core::{
    PageRequest, ban, channel, member,
    role::{self, NewRole, RoleUpdate},
    server,
};
use rotunda_model::{AuthValue, Code, Right, RoleId, ServerId, ViewMode, notification::Fact};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join};

const ALL: PageRequest = PageRequest { timetag: 0, limit: None };

/// The members a role says it has, and those it has.
async fn count(app: &TestApp, role: RoleId) -> anyhow::Result<(i32, i64)> {
    let sql = "SELECT member_count, (SELECT count(*) FROM role_members WHERE role = id) FROM server_roles
         WHERE id = $1";
    Ok(sqlx::query_as(sql).bind(role.get()).fetch_one(app.pool()).await?)
}

#[sqlx::test(migrations = "../../migrations")]
async fn adding_members_tells_who_and_who_not(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let role = custom_role(&app, &ann, made.id, 1).await?;
    let hidden = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    // The role is on the white list: who gets it sees the channel.
    sqlx::query("INSERT INTO channel_list_roles (channel, kind, role, created) VALUES ($1, 1, $2, 1)")
        .bind(hidden.id.get())
        .bind(role.get())
        .execute(app.pool())
        .await?;
    let app = app.restart().await?;
    for actor in [&ann, &bob, &eve] {
        app.log_in(actor).await?;
    }
    app.quiet().await?;
    let accids = [bob.user.accid.clone(), eve.user.accid.clone()];
    let added = role::add_members(&app.core, &ann, made.id, role, &accids).await?;
    assert_eq!(added.done, support::one(&bob));
    assert_eq!(added.failed, support::one(&eve));
    let got = app.got(&bob).await?;
    assert_eq!(got.iter().map(|n| n.fact.number()).collect::<Vec<_>>(), [26, 31]);
    assert!(matches!(
        &got.first().unwrap().fact,
        Fact::ServerRoleMembersAdd { role, added } if role.member_count == 1 && *added == accids[..1]
    ));
    assert_eq!(got.get(1).unwrap().channel, Some(hidden.id));
    assert_eq!(app.told(&ann).await?, [26]);
    assert!(app.told(&eve).await?.is_empty());
    // Again: done, but nothing new to tell.
    let again = role::add_members(&app.core, &ann, made.id, role, &accids[..1]).await?;
    assert_eq!(again.done, accids[..1]);
    assert!(app.told(&ann).await?.is_empty());
    let seen = channel::by_ids(&app.core, &bob, &[hidden.id]).await?;
    assert_eq!(seen.len(), 1);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn removing_members_tells_who_and_who_not(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let eve = app.account("eve").await?;
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
    let role = custom_role(&app, &ann, made.id, 1).await?;
    let hidden = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    sqlx::query("INSERT INTO channel_list_roles (channel, kind, role, created) VALUES ($1, 1, $2, 1)")
        .bind(hidden.id.get())
        .bind(role.get())
        .execute(app.pool())
        .await?;
    let app = app.restart().await?;
    for actor in [&ann, &bob, &cy, &eve] {
        app.log_in(actor).await?;
    }
    role::add_members(&app.core, &ann, made.id, role, &support::one(&bob)).await?;
    app.quiet().await?;

    let named = [&eve, &bob, &cy, &bob].map(|actor| actor.user.accid.clone());
    let done = role::remove_members(&app.core, &ann, made.id, role, &named).await?;
    // Cy was not in it and is not now; eve is no member.
    assert_eq!(done.done, [bob.user.accid.clone(), cy.user.accid.clone()]);
    assert_eq!(done.failed, support::one(&eve));
    let got = app.got(&bob).await?;
    assert_eq!(got.iter().map(|told| told.fact.number()).collect::<Vec<_>>(), [27, 31]);
    assert!(matches!(
        &got.first().unwrap().fact,
        Fact::ServerRoleMembersRemove { role, removed }
            if role.member_count == 0 && *removed == support::one(&bob)
    ));
    assert!(matches!(&got.get(1).unwrap().fact, Fact::ChannelVisibility { visible: false }));
    assert_eq!(app.told(&cy).await?, [27]);
    assert!(app.told(&eve).await?.is_empty());
    assert!(channel::by_ids(&app.core, &bob, &[hidden.id]).await?.is_empty());
    assert_eq!(count(&app, role).await?, (0, 0));

    // Again: so already, and nothing to tell.
    let again = role::remove_members(&app.core, &ann, made.id, role, &support::one(&bob)).await?;
    assert_eq!(again.done, support::one(&bob));
    assert!(app.told(&ann).await?.iter().all(|kind| *kind == 27));
    assert!(app.told(&cy).await?.is_empty());
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn those_concerned_are_told_without_subscribing(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
    // So many members that nobody hears of the server unasked.
    sqlx::query("UPDATE servers SET member_count = 5000").execute(app.pool()).await?;
    let role = custom_role(&app, &ann, made.id, 1).await?;
    for actor in [&ann, &bob, &cy] {
        app.hub.log_out(&actor.user);
        app.log_in(actor).await?;
    }
    app.quiet().await?;
    role::add_members(&app.core, &ann, made.id, role, &support::one(&bob)).await?;
    assert_eq!((app.told(&bob).await?, app.told(&cy).await?), (vec![26], vec![]));
    role::remove_members(&app.core, &ann, made.id, role, &support::one(&bob)).await?;
    assert_eq!((app.told(&bob).await?, app.told(&cy).await?), (vec![27], vec![]));
    role::add_members(&app.core, &ann, made.id, role, &support::one(&bob)).await?;
    role::delete(&app.core, &ann, made.id, role).await?;
    assert_eq!((app.told(&bob).await?, app.told(&cy).await?), (vec![26, 27], vec![]));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn members_of_a_role_change_only_by_those_above_it(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let made = support::server(&app, &ann).await?;
    let other = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
    let own = support::manager(&app, &ann, &bob, made.id, 5).await?;
    let above = custom_role(&app, &ann, made.id, 4).await?;
    let below = custom_role(&app, &ann, made.id, 6).await?;
    let foreign = custom_role(&app, &ann, other.id, 9).await?;
    let everyone = support::everyone(&app, &ann, made.id).await?;
    role::add_members(&app.core, &ann, made.id, own, &support::one(&cy)).await?;
    role::add_members(&app.core, &ann, made.id, above, &support::one(&cy)).await?;
    let (bobs, cys) = (support::one(&bob), support::one(&cy));
    let both = [bob.user.accid.clone(), cy.user.accid.clone()];
    let add = async |actor, id, who: &[_]| code(role::add_members(&app.core, actor, made.id, id, who).await);
    let remove =
        async |actor, id, who: &[_]| code(role::remove_members(&app.core, actor, made.id, id, who).await);

    for id in [own, above, everyone] {
        assert_eq!(add(&bob, id, &cys).await, Code::FORBIDDEN);
        assert_eq!(remove(&bob, id, &cys).await, Code::FORBIDDEN);
    }
    assert_eq!(remove(&ann, everyone, &cys).await, Code::FORBIDDEN);
    assert_eq!(remove(&ann, foreign, &cys).await, Code::NOT_FOUND);
    assert_eq!(add(&ann, foreign, &cys).await, Code::NOT_FOUND);
    let crowd = vec![cy.user.accid.clone(); 101];
    for who in [&[][..], &crowd] {
        assert_eq!(add(&ann, below, who).await, Code::PARAMETER);
        assert_eq!(remove(&ann, below, who).await, Code::PARAMETER);
    }
    assert_eq!(add(&bob, below, &both).await, Code::OK);
    assert_eq!(remove(&bob, below, &both).await, Code::OK);

    // A role that allows more than the manager holds is no ladder, for itself; for others rank decides.
    let kick = RoleUpdate { auths: vec![(Right::KICK_SERVER, AuthValue::Allow)], ..RoleUpdate::default() };
    role::update(&app.core, &ann, made.id, below, kick).await?;
    assert_eq!(add(&bob, below, &bobs).await, Code::FORBIDDEN);
    assert_eq!(add(&bob, below, &both).await, Code::FORBIDDEN);
    assert_eq!(add(&bob, below, &cys).await, Code::OK);

    // Its own highest role one may leave, alone; a role above, that one is not in, stays out of reach.
    assert_eq!(remove(&bob, own, &both).await, Code::FORBIDDEN);
    assert_eq!(remove(&bob, above, &bobs).await, Code::FORBIDDEN);
    assert_eq!(remove(&bob, own, &bobs).await, Code::OK);
    assert_eq!(remove(&bob, below, &cys).await, Code::FORBIDDEN);
    assert_eq!(count(&app, below).await?, (1, 1));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn members_of_a_role_are_read_newest_first(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let eve = app.account("eve").await?;
    let mut accids = Vec::new();
    for name in ["m1", "m2", "m3", "m4"] {
        let actor = app.account(name).await?;
        join(&app, &actor, made.id).await?;
        accids.push(actor.user.accid);
    }
    let role = custom_role(&app, &ann, made.id, 1).await?;
    let foreign = {
        let other = support::server(&app, &ann).await?;
        custom_role(&app, &ann, other.id, 1).await?
    };
    let everyone = support::everyone(&app, &ann, made.id).await?;
    role::add_members(&app.core, &ann, made.id, role, &accids).await?;
    let reader = app.account("reader").await?;
    join(&app, &reader, made.id).await?;

    let first = PageRequest { limit: Some(3), ..ALL };
    let page = role::members_page(&app.core, &reader, made.id, role, first).await?;
    let names: Vec<&str> = page.iter().map(|of| of.member.accid.as_str()).collect();
    assert_eq!(names, ["m4", "m3", "m2"]);
    let last = page.last().unwrap();
    assert_eq!((last.server, last.role, last.member.nick.as_str()), (made.id, role, "m2"));
    let rest = PageRequest { timetag: last.created.get(), limit: Some(3) };
    let rest = role::members_page(&app.core, &reader, made.id, role, rest).await?;
    assert_eq!(rest.iter().map(|of| of.member.accid.as_str()).collect::<Vec<_>>(), ["m1"]);

    let asked = [accids[2].clone(), reader.user.accid.clone(), accids[0].clone(), eve.user.accid.clone()];
    let among = role::members_among(&app.core, &reader, made.id, role, &asked).await?;
    assert_eq!(among.iter().map(|of| of.member.accid.as_str()).collect::<Vec<_>>(), ["m3", "m1"]);

    // Everybody is in @everyone, so nobody is in the list of it.
    assert!(role::members_page(&app.core, &reader, made.id, everyone, ALL).await?.is_empty());
    assert!(role::members_among(&app.core, &reader, made.id, everyone, &asked).await?.is_empty());

    let page =
        async |actor, id, request| code(role::members_page(&app.core, actor, made.id, id, request).await);
    assert_eq!(page(&eve, role, ALL).await, Code::FORBIDDEN);
    assert_eq!(page(&ann, foreign, ALL).await, Code::NOT_FOUND);
    assert_eq!(page(&ann, role, PageRequest { limit: Some(101), ..ALL }).await, Code::PARAMETER);
    assert_eq!(page(&ann, role, PageRequest { limit: Some(0), ..ALL }).await, Code::PARAMETER);
    assert_eq!(page(&ann, role, PageRequest { timetag: -1, ..ALL }).await, Code::PARAMETER);
    let among =
        async |actor, id, who: &[_]| code(role::members_among(&app.core, actor, made.id, id, who).await);
    assert_eq!(among(&eve, role, &asked).await, Code::FORBIDDEN);
    assert_eq!(among(&ann, foreign, &asked).await, Code::NOT_FOUND);
    assert_eq!(among(&ann, role, &[]).await, Code::PARAMETER);
    assert_eq!(among(&ann, role, &vec![eve.user.accid.clone(); 101]).await, Code::PARAMETER);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn roles_of_accounts_are_the_custom_ones(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let eve = app.account("eve").await?;
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
    let low = custom_role(&app, &ann, made.id, 9).await?;
    let high = custom_role(&app, &ann, made.id, 3).await?;
    let _unused = custom_role(&app, &ann, made.id, 1).await?;
    for id in [low, high] {
        role::add_members(&app.core, &ann, made.id, id, &support::one(&bob)).await?;
    }
    let of = async |accid, request| role::of_account(&app.core, &cy, made.id, accid, request).await;
    let ids =
        |roles: &[rotunda_model::role::ServerRole]| roles.iter().map(|role| role.id).collect::<Vec<_>>();
    let found = of(&bob.user.accid, ALL).await?;
    assert_eq!(ids(&found), [high, low]);
    let newest = of(&bob.user.accid, PageRequest { limit: Some(1), ..ALL }).await?;
    assert_eq!(ids(&newest), [high]);
    let older = PageRequest { timetag: newest.last().unwrap().created.get(), limit: Some(1) };
    assert_eq!(ids(&of(&bob.user.accid, older).await?), [low]);
    assert!(of(&cy.user.accid, ALL).await?.is_empty());
    assert!(of(&eve.user.accid, ALL).await?.is_empty());

    let asked = [&bob, &cy, &eve].map(|actor| actor.user.accid.clone());
    let all = role::of_accounts(&app.core, &cy, made.id, &asked).await?;
    let all: Vec<_> = all.iter().map(|(accid, roles)| (accid.as_str(), ids(roles))).collect();
    assert_eq!(all, [("bob", vec![high, low]), ("cy", vec![])]);

    let refused = role::of_account(&app.core, &eve, made.id, &bob.user.accid, ALL).await;
    assert_eq!(code(refused), Code::FORBIDDEN);
    let refused = role::of_accounts(&app.core, &eve, made.id, &asked).await;
    assert_eq!(code(refused), Code::FORBIDDEN);
    let nowhere = ServerId::new(9).unwrap();
    assert_eq!(code(role::of_accounts(&app.core, &ann, nowhere, &asked).await), Code::NOT_FOUND);
    assert_eq!(code(role::of_accounts(&app.core, &ann, made.id, &[]).await), Code::PARAMETER);
    let crowd = vec![bob.user.accid.clone(); 101];
    assert_eq!(code(role::of_accounts(&app.core, &ann, made.id, &crowd).await), Code::PARAMETER);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_roles_count_follows_every_way_out_of_it(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let mut actors = Vec::new();
    for name in ["bob", "cy", "dan", "eve", "fay"] {
        let actor = app.account(name).await?;
        join(&app, &actor, made.id).await?;
        actors.push(actor);
    }
    let [first, second] = [1, 2].map(|priority| NewRole { priority: Some(priority), ..NewRole::default() });
    let first = role::create(&app.core, &ann, made.id, first).await?.id;
    let second = role::create(&app.core, &ann, made.id, second).await?.id;
    let accids: Vec<_> = actors.iter().map(|actor| actor.user.accid.clone()).collect();
    for id in [first, second] {
        role::add_members(&app.core, &ann, made.id, id, &accids).await?;
        role::add_members(&app.core, &ann, made.id, id, &accids).await?;
        assert_eq!(count(&app, id).await?, (5, 5));
    }
    let counts =
        async || -> anyhow::Result<_> { Ok((count(&app, first).await?, count(&app, second).await?)) };
    member::leave(&app.core, &actors[0], made.id).await?;
    assert_eq!(counts().await?, ((4, 4), (4, 4)));
    member::kick(&app.core, &ann, made.id, &accids[1..3]).await?;
    assert_eq!(counts().await?, ((2, 2), (2, 2)));
    ban::add(&app.core, &ann, made.id, &accids[3], String::new()).await?;
    assert_eq!(counts().await?, ((1, 1), (1, 1)));
    role::remove_members(&app.core, &ann, made.id, first, &accids).await?;
    assert_eq!(counts().await?, ((0, 0), (1, 1)));
    // Back in the server, but not in the role.
    join(&app, &actors[0], made.id).await?;
    assert_eq!(counts().await?, ((0, 0), (1, 1)));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn concurrent_edits_of_members_leave_memory_and_storage_alike(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let mut actors = Vec::new();
    for name in ["bob", "cy", "dan", "eve"] {
        let actor = app.account(name).await?;
        join(&app, &actor, made.id).await?;
        actors.push(actor);
    }
    // Each role allows another right, so verdicts tell who is in which.
    let rights = [Right::KICK_SERVER, Right::MANAGE_SERVER, Right::REMIND_EVERYONE];
    let mut roles = Vec::new();
    for (right, priority) in rights.into_iter().zip(1..) {
        let id = custom_role(&app, &ann, made.id, priority).await?;
        let auths = vec![(right, AuthValue::Allow)];
        let update = RoleUpdate { auths, ..RoleUpdate::default() };
        role::update(&app.core, &ann, made.id, id, update).await?;
        roles.push(id);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..96_usize {
        let (core, ann, server) = (app.core.clone(), ann.clone(), made.id);
        let (id, next) = (roles[n % 3], roles[(n + 1) % 3]);
        let who = actors[(n / 3) % 4].clone();
        tasks.spawn(async move {
            let one = support::one(&who);
            match n % 8 {
                0 | 3 | 5 => code(role::add_members(&core, &ann, server, id, &one).await),
                1 | 4 => code(role::remove_members(&core, &ann, server, id, &one).await),
                2 => code(role::set_priorities(&core, &ann, server, &[(id, 9), (next, 8)]).await),
                // Reading in between keeps something in memory that could grow old.
                _ if n != 79 => code(role::check(&core, &who, server, None, Right::KICK_SERVER).await),
                _ => code(role::delete(&core, &ann, server, id).await),
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        let code = done?;
        // What comes after the deletion finds no role.
        assert!(matches!(code, Code::OK | Code::NOT_FOUND), "{code}");
    }
    let verdicts = async |app: &TestApp| -> anyhow::Result<Vec<bool>> {
        let mut found = Vec::new();
        for actor in &actors {
            let answers = role::check_all(&app.core, actor, made.id, None, &rights).await?;
            found.extend(answers.into_iter().map(|(_, allowed)| allowed));
        }
        Ok(found)
    };
    assert!(server::rules_agree(&app.core, made.id).await?);
    assert_eq!(role::list(&app.core, &ann, made.id, 0, None).await?.len(), 3);
    for id in roles.iter().filter(|id| **id != roles[79 % 3]) {
        let (said, kept) = count(&app, *id).await?;
        assert_eq!(i64::from(said), kept);
    }
    let before = verdicts(&app).await?;
    let app = app.restart().await?;
    assert_eq!(verdicts(&app).await?, before);
    Ok(())
}
