use rotunda_core::{Actor, PageRequest, ban, invite, member};
use rotunda_model::{Accid, Code, notification::Fact};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, join, one};

const ALL: PageRequest = PageRequest { timetag: 0, limit: None };

#[sqlx::test(migrations = "../../migrations")]
async fn the_banned_are_out_and_find_no_way_in(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?.id;
    join(&app, &bob, made).await?;
    app.quiet().await?;
    let bobs = &bob.user.accid;
    ban::add(&app.core, &ann, made, bobs, "rude".into()).await?;
    let told = app.got(&ann).await?;
    assert!(matches!(
        told.iter().map(|n| &n.fact).collect::<Vec<_>>().as_slice(),
        [Fact::MemberKick { kicked, .. }] if *kicked == one(&bob)
    ));
    assert_eq!(app.told(&bob).await?, [32]);
    let members = member::page(&app.core, &ann, made, ALL).await?;
    assert_eq!(members.items.len(), 1);
    let banned = ban::page(&app.core, &ann, made, ALL).await?;
    assert_eq!(
        banned.items.iter().map(|ban| (&ban.accid, ban.ext.as_str())).collect::<Vec<_>>(),
        [(bobs, "rude")]
    );

    assert_eq!(code(invite::apply(&app.core, &bob, made, "", None).await), Code::FORBIDDEN);
    let invited = invite::invite(&app.core, &ann, made, &one(&bob), "", None).await?;
    assert_eq!(invited.banned, one(&bob));
    let again = ban::add(&app.core, &ann, made, bobs, String::new()).await;
    assert_eq!(code(again), Code::REPEATED);

    ban::remove(&app.core, &ann, made, bobs).await?;
    assert_eq!(app.told(&ann).await?, [0; 0], "nobody is told of an unban");
    assert_eq!(code(ban::remove(&app.core, &ann, made, bobs).await), Code::NOT_FOUND);
    join(&app, &bob, made).await?;
    Ok(())
}

/// An invitation that was open when its receiver joined another way, and was banned, is no way back.
#[sqlx::test(migrations = "../../migrations")]
async fn an_old_invitation_does_not_let_the_banned_in(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?.id;
    let invited = invite::invite(&app.core, &ann, made, &one(&bob), "", None).await?;
    join(&app, &bob, made).await?;
    ban::add(&app.core, &ann, made, &bob.user.accid, String::new()).await?;
    let accepted = invite::accept_invite(&app.core, &bob, made, &ann.user.accid, invited.request.id).await;
    assert!([Code::FORBIDDEN, Code::REPEATED].contains(&code(accepted)));
    assert_eq!(member::page(&app.core, &ann, made, ALL).await?.items.len(), 1);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn banning_is_for_members_and_by_the_right(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let [ann, bob, eve] = [app.account("ann").await?, app.account("bob").await?, app.account("eve").await?];
    let made = support::server(&app, &ann).await?.id;
    join(&app, &bob, made).await?;
    let [anns, bobs, eves] = [&ann, &bob, &eve].map(|actor| actor.user.accid.clone());
    let ban = async |by: &Actor, whom: &Accid, ext: &str| {
        code(ban::add(&app.core, by, made, whom, ext.into()).await)
    };
    assert_eq!(ban(&ann, &eves, "").await, Code::NOT_FOUND, "an outsider");
    assert_eq!(ban(&ann, &anns, "").await, Code::FORBIDDEN, "oneself, and the owner");
    assert_eq!(ban(&bob, &anns, "").await, Code::FORBIDDEN);
    assert_eq!(ban(&eve, &bobs, "").await, Code::FORBIDDEN);
    assert_eq!(ban(&ann, &bobs, &"x".repeat(4_097)).await, Code::TOO_LONG);
    assert_eq!(code(ban::page(&app.core, &bob, made, ALL).await), Code::FORBIDDEN);
    assert_eq!(code(ban::page(&app.core, &eve, made, ALL).await), Code::FORBIDDEN);
    assert!(ban::page(&app.core, &ann, made, ALL).await?.items.is_empty(), "a refused ban is none");
    assert_eq!(member::page(&app.core, &ann, made, ALL).await?.items.len(), 2);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn bans_page_newest_first(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?.id;
    for accid in ["m1", "m2", "m3"] {
        let actor = app.away(accid).await?;
        join(&app, &actor, made).await?;
        ban::add(&app.core, &ann, made, &actor.user.accid, String::new()).await?;
    }
    let mut seen = Vec::new();
    let mut timetag = 0;
    for _ in 0..3 {
        let page = ban::page(&app.core, &ann, made, PageRequest { timetag, limit: Some(1) }).await?;
        seen.extend(page.items.iter().map(|ban| ban.accid.as_str().to_owned()));
        timetag = page.next.get();
        assert_eq!(page.has_more, seen.len() < 3);
    }
    assert_eq!(seen, ["m3", "m2", "m1"]);
    Ok(())
}

/// Whoever comes first: nobody ends up banned and a member, or counted twice.
#[sqlx::test(migrations = "../../migrations")]
async fn a_ban_and_the_ways_in_and_out_at_once(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?.id;
    let core = &app.core;
    let bobs = one(&bob);
    for round in 0..12 {
        if round % 2 == 0 {
            join(&app, &bob, made).await?;
        }
        let (banned, kicked, left, joined) = tokio::join!(
            ban::add(core, &ann, made, &bob.user.accid, String::new()),
            member::kick(core, &ann, made, &bobs),
            member::leave(core, &bob, made),
            invite::apply(core, &bob, made, "", None),
        );
        let banned = code(banned);
        let codes = (banned, code(kicked), code(left), code(joined));
        let found: (i64, i64, i32) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM members), (SELECT count(*) FROM bans),
                (SELECT member_count FROM servers)",
        )
        .fetch_one(app.pool())
        .await?;
        assert_eq!(found.0, i64::from(found.2), "{codes:?}");
        assert_eq!(found.1, i64::from(banned == Code::OK), "{codes:?}");
        assert!(found.0 + found.1 <= 2, "a member and banned: {codes:?}");
        assert!(rotunda_core::server::rules_agree(core, made).await?);
        let _ = ban::remove(core, &ann, made, &bob.user.accid).await;
        let _ = member::kick(core, &ann, made, &bobs).await;
    }
    Ok(())
}
