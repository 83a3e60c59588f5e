use rotunda_core::{
    channel,
    role::{self, NewRole, RoleUpdate},
    server,
};
use rotunda_model::{AuthValue, ChannelId, Code, Right, RoleId, ViewMode, notification::Fact};
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
