use rotunda_core::{
    custom_right,
    member_role::{self, Key},
    role::{self, RoleUpdate},
};
use rotunda_model::{AuthValue, Code, Place, Right, ViewMode, notification::Fact};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join};

fn allow(right: Right) -> RoleUpdate {
    RoleUpdate { auths: vec![(right, AuthValue::Allow)], ..RoleUpdate::default() }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_defined_right_is_set_told_and_checked(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let role = custom_role(&app, &ann, made.id, 1).await?;
    role::add_members(&app.core, &ann, made.id, role, &support::one(&bob)).await?;
    let (dance, sing) = (Right::try_from(10_001)?, Right::try_from(10_002)?);
    let check = async |right| role::check(&app.core, &bob, made.id, None, right).await;
    let set = async |right| code(role::update(&app.core, &ann, made.id, role, allow(right)).await);
    assert_eq!(code(check(dance).await), Code::PARAMETER);
    assert_eq!(set(dance).await, Code::PARAMETER);

    let defined = custom_right::define(&app.core, app.app.id, 10_001, "dance").await?;
    assert_eq!((defined.right, defined.name.as_str()), (dance, "dance"));
    assert!(!check(dance).await?);
    app.quiet().await?;
    assert_eq!(set(dance).await, Code::OK);
    let got = app.got(&bob).await?;
    assert!(matches!(
        &got.first().unwrap().fact,
        Fact::ServerRoleUpdate { auths, .. } if auths == r#"{"10001":1}"#
    ));
    assert!(check(dance).await?);
    let both = [dance, Right::SEND_MSG, Right::KICK_SERVER];
    let answers = role::check_all(&app.core, &bob, made.id, None, &both).await?;
    assert_eq!(answers.iter().map(|(_, allowed)| *allowed).collect::<Vec<_>>(), [true, true, false]);
    // One that is not defined fails the whole question, and the whole update.
    let refused = role::check_all(&app.core, &bob, made.id, None, &[dance, sing]).await;
    assert_eq!(code(refused), Code::PARAMETER);
    let mixed = RoleUpdate {
        auths: vec![(dance, AuthValue::Deny), (sing, AuthValue::Allow)],
        ..RoleUpdate::default()
    };
    assert_eq!(code(role::update(&app.core, &ann, made.id, role, mixed).await), Code::PARAMETER);
    assert!(check(dance).await?);

    custom_right::remove(&app.core, app.app.id, 10_001).await?;
    assert_eq!(code(check(dance).await), Code::PARAMETER);
    assert_eq!(set(dance).await, Code::PARAMETER);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_defined_right_is_decided_by_the_layers_of_a_channel(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let channel = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    let right = Right::try_from(10_001)?;
    let key = Key { server: made.id, place: Place::Channel(channel.id), accid: bob.user.accid.clone() };
    member_role::add(&app.core, &ann, &key).await?;
    let set = async |value| code(member_role::update(&app.core, &ann, &key, &[(right, value)]).await);
    assert_eq!(set(AuthValue::Allow).await, Code::PARAMETER);
    custom_right::define(&app.core, app.app.id, 10_001, "dance").await?;
    let check = async |channel| role::check(&app.core, &bob, made.id, channel, right).await;
    assert!(!check(Some(channel.id)).await?);
    assert_eq!(set(AuthValue::Allow).await, Code::OK);
    assert!(check(Some(channel.id)).await? && !check(None).await?);
    support::set_everyone(&app, &ann, made.id, &[(right, AuthValue::Allow)]).await?;
    assert_eq!(set(AuthValue::Deny).await, Code::OK);
    assert!(!check(Some(channel.id)).await? && check(None).await?);
    assert_eq!(set(AuthValue::Ignore).await, Code::OK);
    assert!(check(Some(channel.id)).await?);
    let asked = [right, Right::SEND_MSG];
    let answers = role::check_all(&app.core, &bob, made.id, Some(channel.id), &asked).await?;
    assert_eq!(answers, [(right, true), (Right::SEND_MSG, true)]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn rights_are_of_one_app_and_have_a_range(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let other = app.other_app().await?.id;
    let define = async |of, id, name: &str| code(custom_right::define(&app.core, of, id, name).await);
    assert_eq!(define(other, 10_000, "theirs").await, Code::OK);
    let asked = role::check(&app.core, &ann, made.id, None, Right::try_from(10_000)?).await;
    assert_eq!(code(asked), Code::PARAMETER);
    assert_eq!(define(app.app.id, 10_000, "ours").await, Code::OK);
    assert_eq!(define(app.app.id, 10_000, "again").await, Code::REPEATED);
    for id in [0, 4, 27, 28, 9_999, 1 << 31, u32::MAX] {
        assert_eq!(define(app.app.id, id, "no").await, Code::PARAMETER, "{id}");
    }
    assert_eq!(define(app.app.id, 10_001, &"n".repeat(65)).await, Code::TOO_LONG);
    assert_eq!(define(app.app.id, (1 << 31) - 1, "last").await, Code::OK);
    for id in 0..98 {
        assert_eq!(define(app.app.id, 20_000 + id, "many").await, Code::OK);
    }
    assert_eq!(define(app.app.id, 30_000, "too many").await, Code::OVER_LIMIT);
    let listed = custom_right::list(&app.core, app.app.id).await?;
    assert_eq!(listed.len(), 100);
    assert!(listed.is_sorted_by_key(|known| known.right));
    let remove = async |id| code(custom_right::remove(&app.core, app.app.id, id).await);
    assert_eq!(remove(10_000).await, Code::OK);
    assert_eq!(remove(10_000).await, Code::NOT_FOUND);
    assert_eq!(remove(4).await, Code::PARAMETER);
    assert_eq!(custom_right::list(&app.core, other).await?.len(), 1);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_another_process_defines_or_removes_is_noticed(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let right = Right::try_from(10_007)?;
    let check = async || code(role::check(&app.core, &ann, made.id, None, right).await);
    assert_eq!(check().await, Code::PARAMETER);
    sqlx::query("INSERT INTO custom_rights (app, id, name, created) VALUES ($1, 10007, 'x', 1)")
        .bind(app.app.id.get())
        .execute(app.pool())
        .await?;
    assert_eq!(check().await, Code::OK);
    sqlx::query("DELETE FROM custom_rights").execute(app.pool()).await?;
    app.clock.advance(5_000);
    assert_eq!(check().await, Code::PARAMETER);
    Ok(())
}
