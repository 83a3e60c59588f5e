use rotunda_core::{
    Actor, Error,
    role::{self, NewRole, RoleUpdate},
    server,
};
use rotunda_model::{AuthValue, ChannelId, Code, Right, RoleId, ServerId, ViewMode, notification::Fact};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join, set_everyone};

#[sqlx::test(migrations = "../../migrations")]
async fn a_new_role_is_what_its_creator_has_and_comes_last(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.limits.roles_per_server = 2).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let create = async || role::create(&app.core, &ann, made.id, NewRole::default()).await;
    let first = create().await?;
    let second = create().await?;
    assert_eq!((first.priority, second.priority), (1, 2));
    assert_eq!(first.auths.get(Right::SEND_MSG), AuthValue::Allow);
    assert_eq!(first.auths.get(Right::MANAGE_ROLE), AuthValue::Deny);
    assert_eq!(code(create().await), Code::OVER_LIMIT);
    let list = role::list(&app.core, &ann, made.id, 0, Some(2)).await?;
    assert_eq!(list.iter().map(|own| own.role.priority).collect::<Vec<_>>(), [0, 1]);
    let rest = role::list(&app.core, &ann, made.id, 1, Some(2)).await?;
    assert_eq!(rest.iter().map(|own| own.role.id).collect::<Vec<_>>(), [second.id]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_update_is_told_with_what_it_changed(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    app.quiet().await?;
    let auths = [(Right::MANAGE_ROLE, AuthValue::Allow), (Right::SEND_MSG, AuthValue::Deny)];
    set_everyone(&app, &ann, made.id, &auths).await?;
    let got = app.got(&bob).await?;
    assert!(matches!(
        &got.first().unwrap().fact,
        Fact::ServerRoleUpdate { auths, .. } if auths == r#"{"3":1,"4":-1}"#
    ));
    assert_eq!(app.told(&ann).await?, [28]);
    assert!(role::check(&app.core, &bob, made.id, None, Right::MANAGE_ROLE).await?);
    assert!(!role::check(&app.core, &bob, made.id, None, Right::SEND_MSG).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn everyone_is_the_owners_and_only_its_rights_change(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    set_everyone(&app, &ann, made.id, &[(Right::MANAGE_ROLE, AuthValue::Allow)]).await?;
    let everyone = support::everyone(&app, &ann, made.id).await?;
    let auths = RoleUpdate { auths: vec![(Right::SEND_MSG, AuthValue::Deny)], ..RoleUpdate::default() };
    let name = RoleUpdate { name: Some("all".into()), ..RoleUpdate::default() };
    let update = async |actor, id, change: &RoleUpdate| {
        code(role::update(&app.core, actor, made.id, id, change.clone()).await)
    };
    assert_eq!(update(&bob, everyone, &auths).await, Code::FORBIDDEN);
    assert_eq!(update(&ann, everyone, &name).await, Code::FORBIDDEN);
    assert_eq!(update(&ann, everyone, &auths).await, Code::OK);
    assert_eq!(update(&ann, RoleId::new(9).unwrap(), &auths).await, Code::NOT_FOUND);
    let bobs = support::one(&bob);
    let added = role::add_members(&app.core, &ann, made.id, everyone, &bobs).await;
    assert_eq!(code(added), Code::FORBIDDEN);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn rank_and_grant_guards_hold_for_a_manager(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
    let high = custom_role(&app, &ann, made.id, 5).await?;
    let low = custom_role(&app, &ann, made.id, 9).await?;
    let manage = RoleUpdate { auths: vec![(Right::MANAGE_ROLE, AuthValue::Allow)], ..RoleUpdate::default() };
    role::update(&app.core, &ann, made.id, high, manage.clone()).await?;
    let add = async |actor, role, who: &rotunda_core::Actor| {
        let accids = support::one(who);
        code(role::add_members(&app.core, actor, made.id, role, &accids).await)
    };
    assert_eq!(add(&ann, high, &bob).await, Code::OK);
    let update =
        async |role, change: RoleUpdate| code(role::update(&app.core, &bob, made.id, role, change).await);
    let set = |right, value| RoleUpdate { auths: vec![(right, value)], ..RoleUpdate::default() };
    assert_eq!(update(low, manage).await, Code::OK);
    assert_eq!(update(high, set(Right::SEND_MSG, AuthValue::Deny)).await, Code::FORBIDDEN);
    assert_eq!(update(low, set(Right::BAN_SERVER_MEMBER, AuthValue::Allow)).await, Code::FORBIDDEN);
    assert_eq!(update(low, RoleUpdate { priority: Some(5), ..RoleUpdate::default() }).await, Code::FORBIDDEN);
    assert_eq!(update(low, RoleUpdate { priority: Some(0), ..RoleUpdate::default() }).await, Code::PARAMETER);
    assert_eq!(update(low, RoleUpdate { priority: Some(6), ..RoleUpdate::default() }).await, Code::OK);
    assert_eq!(add(&bob, high, &cy).await, Code::FORBIDDEN);
    assert_eq!(add(&bob, low, &cy).await, Code::OK);
    let new = NewRole { priority: Some(5), ..NewRole::default() };
    assert_eq!(code(role::create(&app.core, &bob, made.id, new).await), Code::FORBIDDEN);
    let too_many = RoleUpdate {
        auths: (10_000..10_051).map(|id| (Right::try_from(id).unwrap(), AuthValue::Allow)).collect(),
        ..RoleUpdate::default()
    };
    assert_eq!(update(low, too_many).await, Code::PARAMETER);
    let undefined = set(Right::try_from(10_001)?, AuthValue::Allow);
    assert_eq!(update(low, undefined).await, Code::PARAMETER);
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_check_tells_unknown_places_from_missing_rights(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, eve) = (app.account("ann").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    let other = support::server(&app, &ann).await?;
    let elsewhere = support::channel(&app, &ann, other.id, ViewMode::Public).await?;
    let check = async |actor, channel| role::check(&app.core, actor, made.id, channel, Right::SEND_MSG).await;
    assert!(check(&ann, None).await?);
    assert!(!check(&eve, None).await?);
    assert_eq!(code(check(&ann, Some(elsewhere.id)).await), Code::NOT_FOUND);
    assert_eq!(code(check(&ann, ChannelId::new(9)).await), Code::NOT_FOUND);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_right_lost_reaches_the_seat_before_the_notification(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let channel = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    app.rooms.seat(made.id, channel.id, &bob.user.accid);
    app.quiet().await?;

    set_everyone(&app, &ann, made.id, &[(Right::RTC_OPEN_MICROPHONE, AuthValue::Deny)]).await?;
    let calls = app.rooms.take();
    let [RoomCall::Rights { verdict: Some(verdict), .. }] = calls.as_slice() else {
        panic!("one verdict, got {calls:?}")
    };
    assert!(!verdict.rights.has(Right::RTC_OPEN_MICROPHONE) && verdict.rights.has(Right::RTC_CONNECT));
    assert_eq!(verdict.version, rotunda_core::media::version(&app.core, made.id));
    assert_eq!(verdict.display_name, "bob");

    set_everyone(&app, &ann, made.id, &[(Right::RTC_CONNECT, AuthValue::Deny)]).await?;
    assert!(matches!(app.rooms.take().as_slice(), [RoomCall::Rights { verdict: None, .. }]));
    assert_eq!(app.told(&bob).await?, [28, 28]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_list_of_checks_answers_each_in_the_order_asked(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let channel = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    let rights = [Right::SEND_MSG, Right::KICK_SERVER, Right::SEND_MSG, Right::RTC_CONNECT];
    let check = async |actor, channel| -> Result<Vec<bool>, Error> {
        let answer = role::check_all(&app.core, actor, made.id, channel, &rights).await?;
        assert!(answer.iter().map(|(right, _)| right).eq(&rights));
        for (right, allowed) in &answer {
            assert_eq!(role::check(&app.core, actor, made.id, channel, *right).await?, *allowed);
        }
        Ok(answer.into_iter().map(|(_, allowed)| allowed).collect())
    };
    assert_eq!(check(&ann, Some(channel.id)).await?, [true; 4]);
    assert_eq!(check(&bob, None).await?, [true, false, true, true]);
    assert_eq!(check(&bob, Some(channel.id)).await?, [false; 4]);
    assert_eq!(check(&eve, None).await?, [false; 4]);
    assert_eq!(code(check(&bob, ChannelId::new(9)).await), Code::NOT_FOUND);
    let many: Vec<Right> = Right::BUILT_IN.into_iter().take(11).collect();
    for rights in [&[][..], &many] {
        let refused = role::check_all(&app.core, &bob, made.id, None, rights).await;
        assert_eq!(code(refused), Code::PARAMETER);
    }
    let ten = role::check_all(&app.core, &bob, made.id, None, many.get(..10).unwrap()).await?;
    assert_eq!(ten.len(), 10);
    let nowhere = ServerId::new(9).unwrap();
    assert_eq!(code(role::check_all(&app.core, &bob, nowhere, None, &rights).await), Code::NOT_FOUND);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_update_that_names_nothing_changes_and_tells_nothing(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let id = custom_role(&app, &ann, made.id, 4).await?;
    let before = role::list(&app.core, &ann, made.id, 0, None).await?;
    app.quiet().await?;
    app.clock.advance(5_000);
    let same = role::update(&app.core, &ann, made.id, id, RoleUpdate::default()).await?;
    assert_eq!(Some(&same), before.last().map(|own| &own.role));
    assert_eq!(role::list(&app.core, &ann, made.id, 0, None).await?, before);
    assert!(app.told(&ann).await?.is_empty());
    let refused = role::update(&app.core, &bob, made.id, id, RoleUpdate::default()).await;
    assert_eq!(code(refused), Code::FORBIDDEN);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn ignore_on_a_server_role_is_kept_and_told_as_deny(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    app.quiet().await?;
    set_everyone(&app, &ann, made.id, &[(Right::SEND_MSG, AuthValue::Ignore)]).await?;
    let got = app.got(&ann).await?;
    assert!(matches!(
        got.as_slice(),
        [told] if matches!(&told.fact, Fact::ServerRoleUpdate { auths, role }
            if auths == r#"{"4":-1}"# && role.auths.get(Right::SEND_MSG) == AuthValue::Deny)
    ));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn priorities_move_together_or_not_at_all(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let made = support::server(&app, &ann).await?;
    let other = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
    let foreign = custom_role(&app, &ann, other.id, 50).await?;
    let top = support::manager(&app, &ann, &bob, made.id, 5).await?;
    let a = custom_role(&app, &ann, made.id, 10).await?;
    let b = custom_role(&app, &ann, made.id, 20).await?;
    let everyone = support::everyone(&app, &ann, made.id).await?;
    app.quiet().await?;
    let order = async || -> anyhow::Result<Vec<RoleId>> {
        let roles = role::list(&app.core, &ann, made.id, 0, None).await?;
        Ok(roles.iter().map(|own| own.role.id).collect())
    };
    let set =
        async |actor, list: &[(RoleId, i64)]| role::set_priorities(&app.core, actor, made.id, list).await;
    let nobody = RoleId::new(9).unwrap();
    let too_many: Vec<_> = (1..=101).map(|n| (RoleId::new(n).unwrap(), n)).collect();
    type Refusal<'a> = (&'a Actor, &'a [(RoleId, i64)], Code);
    let refusals: [Refusal<'_>; 13] = [
        (&cy, &[(a, 30)], Code::FORBIDDEN),
        // The manager's own role, a role to its own rank, above it; the valid one beside them moves no further.
        (&bob, &[(a, 30), (top, 40)], Code::FORBIDDEN),
        (&bob, &[(a, 30), (b, 5)], Code::FORBIDDEN),
        (&bob, &[(a, 30), (b, 4)], Code::FORBIDDEN),
        (&bob, &[(a, 30), (everyone, 40)], Code::FORBIDDEN),
        (&ann, &[(a, 30), (everyone, 40)], Code::FORBIDDEN),
        (&ann, &[(a, 30), (nobody, 40)], Code::NOT_FOUND),
        (&ann, &[(a, 30), (foreign, 40)], Code::NOT_FOUND),
        (&ann, &[(a, 30), (b, 0)], Code::PARAMETER),
        (&ann, &[(a, 30), (b, 1 << 53)], Code::PARAMETER),
        (&ann, &[(a, 30), (a, 31)], Code::PARAMETER),
        (&ann, &[], Code::PARAMETER),
        (&ann, &too_many, Code::PARAMETER),
    ];
    for (actor, list, expected) in refusals {
        assert_eq!(code(set(actor, list).await), expected, "{list:?}");
    }
    assert_eq!(order().await?, [everyone, top, a, b]);
    assert!(app.told(&cy).await?.is_empty());

    let moved = set(&bob, &[(b, 6), (a, 10)]).await?;
    assert_eq!(moved.iter().map(|role| (role.id, role.priority)).collect::<Vec<_>>(), [(b, 6), (a, 10)]);
    assert_eq!(order().await?, [everyone, top, b, a]);
    let got = app.got(&cy).await?;
    assert!(matches!(
        got.as_slice(),
        [told] if matches!(&told.fact, Fact::ServerRoleUpdate { role, auths } if role.id == b && auths == "{}")
    ));
    // Nothing moves: nothing to tell.
    assert_eq!(set(&bob, &[(b, 6)]).await?.len(), 1);
    assert!(app.told(&cy).await?.is_empty());
    // The whole range, from the smallest to the largest number JavaScript holds; equal ones may be.
    let edges = set(&ann, &[(a, 1), (b, (1 << 53) - 1), (top, 1)]).await?;
    assert_eq!(edges.len(), 3);
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_deleted_role_takes_its_entries_and_says_who_lost_it(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let dan = app.account("dan").await?;
    let made = support::server(&app, &ann).await?;
    for actor in [&bob, &cy, &dan] {
        join(&app, actor, made.id).await?;
    }
    app.hub.log_out(&dan.user);
    let hidden = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    let role = custom_role(&app, &ann, made.id, 7).await?;
    let both = [bob.user.accid.clone(), dan.user.accid.clone()];
    role::add_members(&app.core, &ann, made.id, role, &both).await?;
    for sql in [
        "INSERT INTO channel_list_roles (channel, kind, role, created) VALUES ($1, 1, $2, 1)",
        "INSERT INTO channel_roles (id, channel, server_role, auths, created, updated)
         VALUES (77, $1, $2, '{\"15\":1}', 2, 2)",
    ] {
        sqlx::query(sql).bind(hidden.id.get()).bind(role.get()).execute(app.pool()).await?;
    }
    let app = app.restart().await?;
    for actor in [&ann, &bob, &cy] {
        app.log_in(actor).await?;
    }
    app.rooms.seat(made.id, hidden.id, &bob.user.accid);
    assert!(role::check(&app.core, &bob, made.id, Some(hidden.id), Right::RTC_CONNECT).await?);
    app.quiet().await?;

    role::delete(&app.core, &ann, made.id, role).await?;
    assert!(matches!(app.rooms.take().as_slice(), [RoomCall::Rights { verdict: None, .. }]));
    let got = app.got(&bob).await?;
    assert_eq!(got.iter().map(|told| told.fact.number()).collect::<Vec<_>>(), [27, 31]);
    assert!(matches!(
        &got.first().unwrap().fact,
        Fact::ServerRoleMembersRemove { role: gone, removed }
            if gone.id == role && gone.member_count == 0 && *removed == support::one(&bob)
    ));
    assert_eq!(app.told(&cy).await?, [27]);
    assert!(!role::check(&app.core, &bob, made.id, Some(hidden.id), Right::RTC_CONNECT).await?);
    let left: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM role_members) + (SELECT count(*) FROM channel_list_roles)
            + (SELECT count(*) FROM channel_roles WHERE server_role = $1)",
    )
    .bind(role.get())
    .fetch_one(app.pool())
    .await?;
    assert_eq!(left, 0);
    assert_eq!(code(role::delete(&app.core, &ann, made.id, role).await), Code::NOT_FOUND);
    let update = role::update(&app.core, &ann, made.id, role, RoleUpdate::default()).await;
    assert_eq!(code(update), Code::NOT_FOUND);
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn each_of_many_who_lose_a_role_is_named_once(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, cy) = (app.account("ann").await?, app.account("cy").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &cy, made.id).await?;
    let role = custom_role(&app, &ann, made.id, 1).await?;
    let mut many = Vec::new();
    for n in 0..130 {
        let actor = app.account(&format!("m{n:03}")).await?;
        join(&app, &actor, made.id).await?;
        many.push(actor);
    }
    let accids: Vec<_> = many.iter().map(|actor| actor.user.accid.clone()).collect();
    for batch in accids.chunks(100) {
        role::add_members(&app.core, &ann, made.id, role, batch).await?;
    }
    app.quiet().await?;
    role::delete(&app.core, &ann, made.id, role).await?;
    for actor in &many {
        let got = app.got(actor).await?;
        let named = |told: &&std::sync::Arc<rotunda_model::notification::Notification>| {
            matches!(&told.fact, Fact::ServerRoleMembersRemove { removed, .. }
                if removed.len() <= 100 && removed.contains(&actor.user.accid))
        };
        assert_eq!(got.iter().filter(named).count(), 1);
    }
    assert_eq!(app.told(&cy).await?, [27]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn only_who_ranks_above_a_role_deletes_it(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let eve = app.account("eve").await?;
    let made = support::server(&app, &ann).await?;
    let other = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
    let own = support::manager(&app, &ann, &bob, made.id, 5).await?;
    let (above, equal) =
        (custom_role(&app, &ann, made.id, 4).await?, custom_role(&app, &ann, made.id, 5).await?);
    let below = custom_role(&app, &ann, made.id, 6).await?;
    let foreign = custom_role(&app, &ann, other.id, 9).await?;
    let everyone = support::everyone(&app, &ann, made.id).await?;
    let delete = async |actor, id| code(role::delete(&app.core, actor, made.id, id).await);
    for id in [own, above, equal, everyone] {
        assert_eq!(delete(&bob, id).await, Code::FORBIDDEN);
    }
    assert_eq!(delete(&ann, everyone).await, Code::FORBIDDEN);
    assert_eq!(delete(&cy, below).await, Code::FORBIDDEN);
    assert_eq!(delete(&eve, below).await, Code::FORBIDDEN);
    assert_eq!(delete(&ann, foreign).await, Code::NOT_FOUND);
    assert_eq!(delete(&bob, below).await, Code::OK);
    assert_eq!(delete(&ann, own).await, Code::OK);
    // With its role the manager lost the right.
    assert_eq!(code(role::create(&app.core, &bob, made.id, NewRole::default()).await), Code::FORBIDDEN);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn one_with_only_everyone_touches_no_role(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    set_everyone(&app, &ann, made.id, &[(Right::MANAGE_ROLE, AuthValue::Allow)]).await?;
    let role = custom_role(&app, &ann, made.id, (1 << 53) - 1).await?;
    let bobs = support::one(&bob);
    assert_eq!(code(role::create(&app.core, &bob, made.id, NewRole::default()).await), Code::FORBIDDEN);
    assert_eq!(code(role::delete(&app.core, &bob, made.id, role).await), Code::FORBIDDEN);
    assert_eq!(code(role::add_members(&app.core, &bob, made.id, role, &bobs).await), Code::FORBIDDEN);
    assert_eq!(code(role::remove_members(&app.core, &bob, made.id, role, &bobs).await), Code::FORBIDDEN);
    let update = role::update(&app.core, &bob, made.id, role, RoleUpdate::default()).await;
    assert_eq!(code(update), Code::FORBIDDEN);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_priority_has_a_range_and_texts_have_lengths(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let create = async |new| code(role::create(&app.core, &ann, made.id, new).await);
    for priority in [i64::MIN, -1, 0, 1 << 53, i64::MAX] {
        let new = NewRole { priority: Some(priority), ..NewRole::default() };
        assert_eq!(create(new).await, Code::PARAMETER, "{priority}");
    }
    assert_eq!(create(NewRole { name: "n".repeat(65), ..NewRole::default() }).await, Code::TOO_LONG);
    assert_eq!(create(NewRole { icon: "i".repeat(1_025), ..NewRole::default() }).await, Code::TOO_LONG);
    assert_eq!(create(NewRole { ext: "e".repeat(4_097), ..NewRole::default() }).await, Code::TOO_LONG);
    assert_eq!(role::list(&app.core, &ann, made.id, 0, None).await?.len(), 1);
    let last = NewRole { name: "n".repeat(64), priority: Some((1 << 53) - 1), ..NewRole::default() };
    assert_eq!(create(last).await, Code::OK);
    // Below the last there is no number left: the next one shares it.
    let next = role::create(&app.core, &ann, made.id, NewRole::default()).await?;
    assert_eq!(next.priority, (1 << 53) - 1);
    Ok(())
}
