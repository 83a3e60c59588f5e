use rotunda_core::{
    TokenError, account,
    channel::{self, NewChannel},
    media::{self, ConfigUpdate, MEDIA_TOKEN_SECONDS},
};
use rotunda_model::{ChannelId, Code, Millis, Right, RtcConfig, ViewMode};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::support::{self, code, join};

#[sqlx::test(migrations = "../../migrations")]
async fn a_verdict_needs_a_media_channel_membership_and_sight(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let public = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    let private = support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    let text = channel::create(&app.core, &ann, made.id, NewChannel::default()).await?;
    let judge = async |actor: &rotunda_core::Actor, channel| {
        code(media::verdict(&app.core, &actor.user, channel).await)
    };
    assert_eq!(judge(&bob, public.id).await, Code::OK);
    assert_eq!(judge(&bob, private.id).await, Code::FORBIDDEN);
    assert_eq!(judge(&bob, text.id).await, Code::PARAMETER);
    assert_eq!(judge(&eve, public.id).await, Code::FORBIDDEN);
    assert_eq!(judge(&stranger, public.id).await, Code::NOT_FOUND);
    assert_eq!(judge(&ann, ChannelId::new(9).unwrap()).await, Code::NOT_FOUND);

    let verdict = media::verdict(&app.core, &ann.user, private.id).await?;
    assert!(verdict.is_owner && verdict.rights.has(Right::RTC_EVERYONE_MICROPHONE));
    assert_eq!(verdict.config, RtcConfig::default());
    let verdict = media::verdict(&app.core, &bob.user, public.id).await?;
    assert!(!verdict.is_owner && !verdict.rights.has(Right::RTC_EVERYONE_MICROPHONE));
    assert_eq!(verdict.version, media::version(&app.core, made.id));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_token_is_for_one_account_device_and_day(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    app.other_app().await?;
    let ann = app.account("ann").await?;
    let made = media::issue_token(&app.core, &ann, "kit").await?;
    assert_eq!(made.expire_s, 86_400);
    let verify = async |key, accid, device, token: &str| {
        media::verify_token(&app.core, key, accid, device, token).await
    };
    let identity = verify("testkey", "ann", "kit", &made.token).await?;
    assert_eq!((identity.user, identity.link_device), (ann.user.clone(), ann.device.clone()));
    for (key, accid, device) in
        [("otherkey", "ann", "kit"), ("testkey", "bob", "kit"), ("testkey", "ann", "other"), ("", "", "")]
    {
        assert_eq!(verify(key, accid, device, &made.token).await, Err(TokenError::Wrong));
    }
    let mut forged = made.token.clone();
    forged.pop();
    assert_eq!(verify("testkey", "ann", "kit", &forged).await, Err(TokenError::Wrong));
    assert_eq!(verify("testkey", "ann", "kit", "").await, Err(TokenError::Wrong));

    account::set_disabled(&app.core, "testkey", "ann", true).await?;
    assert_eq!(verify("testkey", "ann", "kit", &made.token).await, Err(TokenError::Wrong));
    account::set_disabled(&app.core, "testkey", "ann", false).await?;
    app.clock.advance(MEDIA_TOKEN_SECONDS * 1_000);
    assert_eq!(verify("testkey", "ann", "kit", &made.token).await, Err(TokenError::Expired));
    assert_eq!(code(media::issue_token(&app.core, &ann, "").await), Code::PARAMETER);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_configuration_is_kept_and_told_to_the_room(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    let other = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let id = support::channel(&app, &ann, made.id, ViewMode::Public).await?.id;
    let text = channel::create(&app.core, &ann, made.id, NewChannel::default()).await?;
    let update =
        ConfigUpdate { limit: Some(2), audio: Some(r#"{"profile":"high_quality"}"#.into()), video: None };
    let set = async |actor, server, channel, update: &ConfigUpdate| {
        code(media::set_config(&app.core, actor, server, channel, update.clone()).await)
    };
    assert_eq!(set(&bob, made.id, id, &update).await, Code::FORBIDDEN);
    assert_eq!(set(&ann, other.id, id, &update).await, Code::NOT_FOUND);
    assert_eq!(set(&ann, made.id, text.id, &update).await, Code::PARAMETER);
    for bad in ["[]", "x", ""] {
        let bad = ConfigUpdate { audio: Some(bad.into()), ..ConfigUpdate::default() };
        assert_eq!(set(&ann, made.id, id, &bad).await, Code::PARAMETER);
    }
    let negative = ConfigUpdate { limit: Some(-1), ..ConfigUpdate::default() };
    assert_eq!(set(&ann, made.id, id, &negative).await, Code::PARAMETER);
    app.rooms.take();
    assert_eq!(set(&ann, made.id, id, &update).await, Code::OK);
    let expected = RtcConfig { limit: 2, audio: update.audio.clone().unwrap(), ..RtcConfig::default() };
    assert_eq!(app.rooms.take(), [RoomCall::Config(id, expected.clone())]);
    assert_eq!(media::config(&app.core, &bob, made.id, id).await?, expected);
    assert_eq!(media::verdict(&app.core, &bob.user, id).await?.config, expected);
    assert_eq!(code(media::config(&app.core, &bob, made.id, text.id).await), Code::PARAMETER);

    app.rooms.seat(made.id, id, &bob.user.accid);
    app.rooms.seat(made.id, id, &ann.user.accid);
    let online = media::online(&app.core, &bob, made.id, id).await?;
    let online: Vec<_> = online.into_iter().map(|member| member.accid).collect();
    assert_eq!(online, [bob.user.accid.clone(), ann.user.accid.clone()]);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn counters_are_small_and_stay(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    let one = support::channel(&app, &ann, made.id, ViewMode::Public).await?.id;
    let two = support::channel(&app, &ann, made.id, ViewMode::Public).await?.id;
    let (cid, other) = (media::cid(&app.core, one).await?, media::cid(&app.core, two).await?);
    let anns = media::rtc_uid(&app.core, one, &ann.user.accid).await?;
    let bobs = media::rtc_uid(&app.core, one, &bob.user.accid).await?;
    assert!(cid != other && anns != bobs && anns != media::rtc_uid(&app.core, two, &ann.user.accid).await?);
    assert!([cid, other, anns, bobs].iter().all(|n| (1..1 << 53).contains(n)));
    let app = app.restart().await?;
    assert_eq!(media::cid(&app.core, one).await?, cid);
    assert_eq!(media::rtc_uid(&app.core, one, &ann.user.accid).await?, anns);
    let unknown = ChannelId::new(9).unwrap();
    assert_eq!(code(media::cid(&app.core, unknown).await), Code::NOT_FOUND);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn what_a_room_wrote_through_comes_back(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let id = support::channel(&app, &ann, made.id, ViewMode::Public).await?.id;
    let who = &ann.user.accid;
    media::save_property(&app.core, id, "audioOff", Some("offNotAllowSelfOn_1")).await?;
    media::save_property(&app.core, id, "audioOff", Some("disable_2")).await?;
    media::save_property(&app.core, id, "videoOff", Some("disable_1")).await?;
    media::save_property(&app.core, id, "videoOff", None).await?;
    media::save_moderator_off(&app.core, id, who, "audio", true).await?;
    media::save_moderator_off(&app.core, id, who, "audio", true).await?;
    media::save_moderator_off(&app.core, id, who, "video", true).await?;
    media::save_moderator_off(&app.core, id, who, "video", false).await?;
    let app = app.restart().await?;
    let saved = media::load_room(&app.core, id).await?;
    assert_eq!(saved.properties, [("audioOff".to_owned(), "disable_2".to_owned())]);
    assert_eq!(saved.muted, [(who.clone(), "audio".to_owned())]);
    media::clear_room(&app.core, id).await?;
    assert_eq!(media::load_room(&app.core, id).await?, media::SavedRoom::default());

    let expires = Millis(rotunda_testkit::MockClock::START + 1_000);
    assert!(media::use_once(&app.core, "jti", expires).await?);
    assert!(!media::use_once(&app.core, "jti", expires).await?);
    Ok(())
}
