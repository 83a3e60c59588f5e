use rotunda_core::{
    member_role::{self, Key},
    role,
};
use rotunda_model::{AuthValue, ChannelId, Code, Right, ViewMode, notification::Fact};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::support::{self, code, join};

#[sqlx::test(migrations = "../../migrations")]
async fn an_override_decides_for_one_member_in_one_channel(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let channel = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    app.rooms.seat(made.id, channel.id, &bob.user.accid);
    app.quiet().await?;
    let key = Key { server: made.id, channel: channel.id, accid: bob.user.accid.clone() };
    let deny = [(Right::RTC_CONNECT, AuthValue::Deny)];

    assert_eq!(code(member_role::update(&app.core, &ann, &key, &deny).await), Code::NOT_FOUND);
    assert_eq!(code(member_role::remove(&app.core, &ann, &key).await), Code::NOT_FOUND);
    assert_eq!(code(member_role::add(&app.core, &bob, &key).await), Code::FORBIDDEN);
    let outsider = Key { accid: eve.user.accid.clone(), ..key.clone() };
    assert_eq!(code(member_role::add(&app.core, &ann, &outsider).await), Code::NOT_FOUND);
    let nowhere = Key { channel: ChannelId::new(9).unwrap(), ..key.clone() };
    assert_eq!(code(member_role::add(&app.core, &ann, &nowhere).await), Code::NOT_FOUND);

    let added = member_role::add(&app.core, &ann, &key).await?;
    assert_eq!((added.member.nick.as_str(), added.auths.iter().count()), ("bob", 0));
    assert_eq!(code(member_role::add(&app.core, &ann, &key).await), Code::REPEATED);
    assert!(app.told(&bob).await?.is_empty());
    app.rooms.take();

    let check = async || role::check(&app.core, &bob, made.id, Some(channel.id), Right::RTC_CONNECT).await;
    assert!(check().await?);
    let server_only = [(Right::MANAGE_SERVER, AuthValue::Allow)];
    assert_eq!(code(member_role::update(&app.core, &ann, &key, &server_only).await), Code::PARAMETER);
    let updated = member_role::update(&app.core, &ann, &key, &deny).await?;
    assert_eq!(updated.auths.get(Right::RTC_CONNECT), AuthValue::Deny);
    assert!(!check().await?);
    assert!(matches!(app.rooms.take().as_slice(), [RoomCall::Rights { verdict: None, .. }]));
    let got = app.got(&bob).await?;
    assert!(matches!(
        &got.first().unwrap().fact,
        Fact::MemberRoleUpdate { auths, role } if auths == r#"{"15":-1}"# && role.accid == bob.user.accid
    ));
    assert_eq!(app.told(&ann).await?, [30]);

    member_role::remove(&app.core, &ann, &key).await?;
    assert!(check().await?);
    assert_eq!(app.told(&bob).await?, [30]);
    Ok(())
}
