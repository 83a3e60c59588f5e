use rotunda_core::{
    Actor, Store, ban, custom_right,
    explain::{Question, explain},
    layer_role, list, member_role, role,
};
use rotunda_model::{AuthValue, Code, ListKind, Place, Right, ViewMode};
use rotunda_permissions::{Names, Rule};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join};

fn question(of: &Actor, server: rotunda_model::ServerId, place: Option<Place>, right: Right) -> Question {
    Question { app_key: None, server, place, accid: of.user.accid.clone(), right }
}

/// Members with and without roles, an override, one who is banned and one who never came: for every right, in the server and
/// in two channels, the explanation's verdict is the one that `role::check` gives the account itself.
#[sqlx::test(migrations = "../../migrations")]
async fn an_explanation_agrees_with_the_check(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cid) = (app.account("ann").await?, app.account("bob").await?, app.account("cid").await?);
    let (dan, eve, max) = (app.account("dan").await?, app.account("eve").await?, app.account("max").await?);
    let made = support::server(&app, &ann).await?;
    for member in [&bob, &cid, &dan, &max] {
        join(&app, member, made.id).await?;
    }
    let role = custom_role(&app, &ann, made.id, 3).await?;
    role::add_members(&app.core, &ann, made.id, role, &support::one(&bob)).await?;
    let custom = custom_right::define(&app.core, app.app.id, 10_001, "sing").await?.right;
    let open = support::channel(&app, &ann, made.id, ViewMode::Public).await?.id;
    let private = support::channel(&app, &ann, made.id, ViewMode::Private).await?.id;
    let white = list::List { server: made.id, place: Place::Channel(private), kind: ListKind::White };
    list::add_members(&app.core, &ann, white, &support::one(&dan)).await?;
    let at = Place::Channel(open);
    let layer = layer_role::add(&app.core, &ann, made.id, at, role).await?;
    let says = [
        (Right::SEND_MSG, AuthValue::Deny),
        (custom, AuthValue::Allow),
        (Right::RTC_CONNECT, AuthValue::Allow),
    ];
    layer_role::update(&app.core, &ann, made.id, at, layer.id, &says).await?;
    let key = member_role::Key { server: made.id, place: at, accid: cid.user.accid.clone() };
    member_role::add(&app.core, &ann, &key).await?;
    let denies = [(Right::RTC_OPEN_MICROPHONE, AuthValue::Deny)];
    member_role::update(&app.core, &ann, &key, &denies).await?;
    ban::add(&app.core, &ann, made.id, &max.user.accid, String::new()).await?;

    let mut verdicts = [0, 0];
    for who in [&ann, &bob, &cid, &dan, &eve, &max] {
        for channel in [None, Some(open), Some(private)] {
            for right in Right::BUILT_IN.into_iter().chain([custom]) {
                let asked = question(who, made.id, channel.map(Place::Channel), right);
                let answer = explain(app.core.store(), &asked).await?;
                let checked = role::check(&app.core, who, made.id, channel, right).await?;
                assert_eq!(answer.explanation.allowed, checked, "{asked:?}");
                assert_eq!(answer.banned, who.user == max.user);
                verdicts[usize::from(checked)] += 1;
            }
        }
    }
    assert!(verdicts.iter().all(|count| *count > 50), "{verdicts:?}");

    let asked = question(&bob, made.id, Some(at), custom);
    let answer = explain(app.core.store(), &asked).await?;
    assert_eq!(answer.explanation.decided_by().map(|step| step.rule), Some(Rule::LayerRole(role)));
    assert_eq!(answer.names.role(role), Some("a role"));
    assert_eq!(answer.names.place(at), Some("talk"));
    assert_eq!(answer.explanation.version, rotunda_core::media::version(&app.core, made.id));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_explanation_says_what_it_does_not_know(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let other = support::server(&app, &ann).await?;
    let elsewhere = Place::Channel(support::channel(&app, &ann, other.id, ViewMode::Public).await?.id);
    let other_app = app.other_app().await?;
    let stranger = app.away_in(&other_app, "zoe").await?;
    let store: &Store = app.core.store();
    let good = question(&ann, made.id, None, Right::SEND_MSG);
    let asked = async |question: Question| code(explain(store, &question).await);
    let key = |key: &str| Question { app_key: Some(key.to_owned()), ..good.clone() };
    assert_eq!(asked(good.clone()).await, Code::OK);
    assert_eq!(asked(key(&app.app.key)).await, Code::OK);
    assert_eq!(asked(key(&other_app.key)).await, Code::NOT_FOUND);
    assert_eq!(asked(key("none")).await, Code::NOT_FOUND);
    assert_eq!(asked(Question { place: Some(elsewhere), ..good.clone() }).await, Code::NOT_FOUND);
    assert_eq!(asked(question(&stranger, made.id, None, Right::SEND_MSG)).await, Code::NOT_FOUND);
    assert_eq!(asked(Question { right: Right::try_from(10_001)?, ..good }).await, Code::NOT_FOUND);
    Ok(())
}
