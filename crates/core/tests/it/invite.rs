use rotunda_core::{invite, member, role, server};
use rotunda_model::{AuthValue, Code, RequestId, Right, ViewMode, notification::Fact};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, join};

#[sqlx::test(migrations = "../../migrations")]
async fn an_invitation_waits_until_its_receiver_agrees(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    app.quiet().await?;
    let accids = support::one(&bob);
    let invited = invite::invite(&app.core, &ann, made.id, &accids, "come", None).await?;
    let got = app.got(&bob).await?;
    assert!(matches!(
        &got.first().unwrap().fact,
        Fact::MemberInvite { server, request } if server.id == made.id && *request == invited.request.id
    ));
    assert!(app.told(&ann).await?.is_empty());

    let (id, by) = (invited.request.id, &ann.user.accid);
    assert_eq!(code(invite::accept_invite(&app.core, &eve, made.id, by, id).await), Code::NOT_FOUND);
    let other = &eve.user.accid;
    assert_eq!(code(invite::accept_invite(&app.core, &bob, made.id, other, id).await), Code::NOT_FOUND);
    let unknown = RequestId::new(5).unwrap();
    assert_eq!(code(invite::accept_invite(&app.core, &bob, made.id, by, unknown).await), Code::NOT_FOUND);
    invite::accept_invite(&app.core, &bob, made.id, by, id).await?;
    assert_eq!(app.told(&ann).await?, [9]);
    assert_eq!(app.told(&bob).await?, [9, 32, 31]);
    assert_eq!(code(invite::accept_invite(&app.core, &bob, made.id, by, id).await), Code::REPEATED);
    let again = invite::invite(&app.core, &ann, made.id, &accids, "", None).await;
    assert_eq!(code(again), Code::REPEATED);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn without_consent_the_invited_are_in_at_once(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    app.away("cy").await?;
    let made = support::closed_server(&app, &ann).await?;
    app.quiet().await?;
    let accids = [bob.user.accid.clone(), "cy".parse_accid()];
    let done = invite::invite(&app.core, &ann, made.id, &accids, "", Some(60_000)).await?;
    assert!(done.over.is_empty() && done.banned.is_empty());
    assert_eq!(done.request.expires.get(), rotunda_testkit::MockClock::START + 60_000);
    assert_eq!(app.told(&ann).await?, [8]);
    assert_eq!(app.told(&bob).await?, [8, 32]);
    let found = server::by_ids(&app.core, &bob, &[made.id]).await?;
    assert_eq!(found.first().unwrap().member_count, 3);
    let members = member::by_keys(&app.core, &bob, &[(made.id, bob.user.accid.clone())]).await?;
    assert_eq!(members.first().unwrap().inviter, Some(ann.user.accid));
    Ok(())
}

trait ParseAccid {
    fn parse_accid(&self) -> rotunda_model::Accid;
}

impl ParseAccid for str {
    fn parse_accid(&self) -> rotunda_model::Accid {
        rotunda_model::Accid::new(self).unwrap()
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn inviting_needs_the_right_and_known_accounts(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let eves = support::one(&eve);
    let invite =
        async |actor, accids: &[_]| code(invite::invite(&app.core, actor, made.id, accids, "", None).await);
    assert_eq!(invite(&bob, &eves).await, Code::OK);
    assert_eq!(invite(&eve, &eves).await, Code::FORBIDDEN);
    assert_eq!(invite(&ann, &["nobody".parse_accid()]).await, Code::NOT_FOUND);
    assert_eq!(invite(&ann, &[]).await, Code::PARAMETER);
    support::set_everyone(&app, &ann, made.id, &[(Right::INVITE_SERVER, AuthValue::Deny)]).await?;
    assert_eq!(invite(&bob, &eves).await, Code::FORBIDDEN);
    let soon = invite::invite(&app.core, &ann, made.id, &eves, "", Some(0)).await;
    assert_eq!(code(soon), Code::PARAMETER);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn requests_expire(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let open = support::server(&app, &ann).await?;
    let closed = support::closed_server(&app, &ann).await?;
    let bobs = support::one(&bob);
    let invited = invite::invite(&app.core, &ann, open.id, &bobs, "", Some(1_000)).await?;
    let applied = invite::apply(&app.core, &eve, closed.id, "", Some(1_000)).await?;
    app.clock.advance(1_000);
    let by = &ann.user.accid;
    let late = invite::accept_invite(&app.core, &bob, open.id, by, invited.request.id).await;
    assert_eq!(code(late), Code::EXPIRED);
    let who = &eve.user.accid;
    let late = invite::accept_application(&app.core, &ann, closed.id, who, applied.id).await;
    assert_eq!(code(late), Code::EXPIRED);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_application_is_for_its_handlers(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::closed_server(&app, &ann).await?;
    let bobs = support::one(&bob);
    invite::invite(&app.core, &ann, made.id, &bobs, "", None).await?;
    app.quiet().await?;

    let asked = invite::apply(&app.core, &eve, made.id, "please", None).await?;
    assert_eq!(app.told(&ann).await?, [3]);
    assert!(app.told(&bob).await?.is_empty());
    // Asking again is the same request, and nobody is told twice.
    assert_eq!(invite::apply(&app.core, &eve, made.id, "please!", None).await?, asked);
    assert!(app.told(&ann).await?.is_empty());

    let who = &eve.user.accid;
    let accept =
        async |actor| code(invite::accept_application(&app.core, actor, made.id, who, asked.id).await);
    assert_eq!(accept(&bob).await, Code::FORBIDDEN);
    assert_eq!(accept(&eve).await, Code::FORBIDDEN);
    assert_eq!(accept(&ann).await, Code::OK);
    assert_eq!(app.told(&ann).await?, [11]);
    assert_eq!(app.told(&bob).await?, [11]);
    assert_eq!(app.told(&eve).await?, [11, 32]);
    assert_eq!(accept(&ann).await, Code::REPEATED);
    assert_eq!(code(invite::apply(&app.core, &eve, made.id, "", None).await), Code::REPEATED);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn handlers_hold_the_right_by_any_role(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let (eve, eva) = (app.account("eve").await?, app.account("eva").await?);
    let made = support::closed_server(&app, &ann).await?;
    let both = [bob.user.accid.clone(), cy.user.accid.clone()];
    invite::invite(&app.core, &ann, made.id, &both, "", None).await?;
    let role = support::custom_role(&app, &ann, made.id, 1).await?;
    let handle = vec![(Right::MANAGE_INVITE_APPLY, AuthValue::Allow)];
    let update = role::RoleUpdate { auths: handle.clone(), ..role::RoleUpdate::default() };
    role::update(&app.core, &ann, made.id, role, update).await?;
    role::add_members(&app.core, &ann, made.id, role, &support::one(&bob)).await?;
    app.quiet().await?;
    invite::apply(&app.core, &eve, made.id, "", None).await?;
    assert_eq!((app.told(&ann).await?, app.told(&bob).await?), (vec![3], vec![3]));
    assert!(app.told(&cy).await?.is_empty());
    support::set_everyone(&app, &ann, made.id, &handle).await?;
    app.quiet().await?;
    invite::apply(&app.core, &eva, made.id, "", None).await?;
    for actor in [&ann, &bob, &cy] {
        assert_eq!(app.told(actor).await?, [3]);
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_open_server_takes_applicants_at_once(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    support::channel(&app, &ann, made.id, ViewMode::Private).await?;
    app.quiet().await?;
    join(&app, &bob, made.id).await?;
    assert_eq!(app.told(&ann).await?, [10]);
    // One 31: the private channel stays hidden.
    let got = app.got(&bob).await?;
    assert_eq!(got.iter().map(|n| n.fact.number()).collect::<Vec<_>>(), [10, 32, 31]);
    assert!(matches!(&got.get(1).unwrap().fact, Fact::ServerEnterLeave { entered: true, server: Some(_) }));
    assert!(matches!(got.get(2).unwrap().fact, Fact::ChannelVisibility { visible: true }));
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_banned_do_not_come_in(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    let bobs = support::one(&bob);
    let open = invite::invite(&app.core, &ann, made.id, &bobs, "", None).await?;
    sqlx::query("INSERT INTO bans (server, accid, created, updated) VALUES ($1, 'bob', 1, 1)")
        .bind(made.id.get())
        .execute(app.pool())
        .await?;
    assert_eq!(code(invite::apply(&app.core, &bob, made.id, "", None).await), Code::FORBIDDEN);
    let by = &ann.user.accid;
    let accepted = invite::accept_invite(&app.core, &bob, made.id, by, open.request.id).await;
    assert_eq!(code(accepted), Code::FORBIDDEN);
    let again = invite::invite(&app.core, &ann, made.id, &bobs, "", None).await?;
    assert_eq!(again.banned, bobs);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_account_in_too_many_servers_enters_no_more(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.limits.servers_per_account = 2).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let first = support::server(&app, &ann).await?;
    let second = support::closed_server(&app, &ann).await?;
    let third = server::create(
        &app.core,
        &ann,
        server::NewServer { name: "third".into(), ..server::NewServer::default() },
    );
    assert_eq!(code(third.await), Code::OVER_LIMIT);
    join(&app, &bob, first.id).await?;
    support::server(&app, &bob).await?;
    assert_eq!(code(invite::apply(&app.core, &bob, second.id, "", None).await), Code::OVER_LIMIT);
    let bobs = support::one(&bob);
    let invited = invite::invite(&app.core, &ann, second.id, &bobs, "", None).await?;
    assert_eq!(invited.over, bobs);
    Ok(())
}
