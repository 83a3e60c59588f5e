use rotunda_core::{
    PageRequest, channel, member, role,
    server::{self, NewServer},
};
use rotunda_model::{AuthValue, Code, Right, ServerId, ViewMode, notification::Fact, server::ApplyMode};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::support::{self, code, join};

#[sqlx::test(migrations = "../../migrations")]
async fn a_new_server_has_its_owner_and_everyone(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    assert_eq!((made.member_count, made.channel_count), (1, 0));
    assert_eq!(made.apply_mode, ApplyMode::Open);

    let members = member::page(&app.core, &ann, made.id, PageRequest::default()).await?;
    assert!(members.items.iter().all(|m| m.is_owner && m.accid == ann.user.accid && m.nick == "ann"));
    assert_eq!((members.items.len(), members.has_more), (1, false));

    let roles = role::list(&app.core, &ann, made.id, 0, None).await?;
    let everyone = &roles.first().unwrap().role;
    assert_eq!((roles.len(), everyone.member_count, everyone.priority), (1, -1, 0));
    let allowed: Vec<u32> = Right::BUILT_IN
        .into_iter()
        .filter(|right| everyone.auths.get(*right) == AuthValue::Allow)
        .map(Right::id)
        .collect();
    assert_eq!(allowed, [4, 5, 6, 11, 15, 17, 18, 23]);

    let got = app.got(&ann).await?;
    assert_eq!(got.iter().map(|n| n.fact.number()).collect::<Vec<_>>(), [5, 32]);
    assert!(matches!(&got.first().unwrap().fact, Fact::ServerCreate { server } if server.id == made.id));
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn unfit_values_of_a_new_server_are_refused(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let with = |name: &str, icon: &str, search_type| NewServer {
        name: name.into(),
        icon: icon.into(),
        search_type,
        ..NewServer::default()
    };
    for (new, expected) in [
        (with("", "", 0), Code::PARAMETER),
        (with(&"频".repeat(65), "", 0), Code::TOO_LONG),
        (with("a", &"i".repeat(1025), 0), Code::TOO_LONG),
        (with("a\0b", "", 0), Code::PARAMETER),
        (with("a", "", -1), Code::PARAMETER),
        (with(&"频".repeat(64), "", 0), Code::OK),
    ] {
        assert_eq!(code(server::create(&app.core, &ann, new).await), expected);
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn only_the_owner_deletes_and_everybody_is_told(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let channel = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    app.rooms.seat(made.id, channel.id, &bob.user.accid);
    app.quiet().await?;

    assert_eq!(code(server::delete(&app.core, &bob, made.id).await), Code::FORBIDDEN);
    assert_eq!(code(server::delete(&app.core, &eve, made.id).await), Code::FORBIDDEN);
    server::delete(&app.core, &ann, made.id).await?;
    assert_eq!(app.rooms.take(), [RoomCall::Close(channel.id)]);
    for actor in [&ann, &bob] {
        assert_eq!(app.told(actor).await?, [6, 32]);
    }
    assert!(app.told(&eve).await?.is_empty());
    assert_eq!(code(server::delete(&app.core, &ann, made.id).await), Code::NOT_FOUND);
    assert_eq!(code(channel::delete(&app.core, &ann, channel.id).await), Code::NOT_FOUND);
    assert_eq!(code(role::list(&app.core, &ann, made.id, 0, None).await), Code::NOT_FOUND);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn servers_of_one_millisecond_are_all_paged(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let mut made: Vec<ServerId> = Vec::new();
    for round in 0..7 {
        let owner = if round % 2 == 0 { &ann } else { &bob };
        let server = support::server(&app, owner).await?;
        if round % 2 == 1 {
            join(&app, &ann, server.id).await?;
        }
        made.push(server.id);
    }
    let mut seen = Vec::new();
    let mut timetag = 0;
    loop {
        let page = server::page(&app.core, &ann, PageRequest { timetag, limit: Some(2) }).await?;
        seen.extend(page.items.iter().map(|server| server.id));
        if !page.has_more {
            break;
        }
        timetag = page.next.get();
    }
    made.reverse();
    assert_eq!(seen, made);
    for limit in [0, 101, -1] {
        let asked = PageRequest { timetag: 0, limit: Some(limit) };
        assert_eq!(code(server::page(&app.core, &ann, asked).await), Code::PARAMETER);
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_query_by_id_hides_ext_from_outsiders_and_other_apps_entirely(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, eve) = (app.account("ann").await?, app.account("eve").await?);
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let new = NewServer { name: "s".into(), ext: "secret".into(), ..NewServer::default() };
    let made = server::create(&app.core, &ann, new).await?;
    let unknown = ServerId::new(99).unwrap();
    let ask = async |actor| server::by_ids(&app.core, actor, &[unknown, made.id]).await;
    assert_eq!(ask(&ann).await?.first().unwrap().ext, "secret");
    assert_eq!(ask(&eve).await?.first().unwrap().ext, "");
    assert!(ask(&stranger).await?.is_empty());
    assert_eq!(code(server::delete(&app.core, &stranger, made.id).await), Code::NOT_FOUND);
    assert_eq!(code(role::list(&app.core, &stranger, made.id, 0, None).await), Code::NOT_FOUND);
    let asked = role::check(&app.core, &stranger, made.id, None, Right::SEND_MSG).await;
    assert_eq!(code(asked), Code::NOT_FOUND);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn leaving_takes_everything_and_coming_back_gives_only_everyone(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let channel = support::channel(&app, &ann, made.id, ViewMode::Public).await?;
    let role = support::custom_role(&app, &ann, made.id, 1).await?;
    let accids = support::one(&bob);
    role::add_members(&app.core, &ann, made.id, role, &accids).await?;
    app.rooms.seat(made.id, channel.id, &bob.user.accid);
    app.quiet().await?;

    assert_eq!(code(member::leave(&app.core, &ann, made.id).await), Code::FORBIDDEN);
    member::leave(&app.core, &bob, made.id).await?;
    let evicted = RoomCall::Rights { channel: channel.id, accid: bob.user.accid.clone(), verdict: None };
    assert_eq!(app.rooms.take(), [evicted]);
    assert_eq!(app.told(&ann).await?, [13]);
    assert_eq!(app.told(&bob).await?, [31, 32]);
    assert_eq!(code(member::leave(&app.core, &bob, made.id).await), Code::FORBIDDEN);

    let roles = role::list(&app.core, &ann, made.id, 0, None).await?;
    assert_eq!(roles.last().unwrap().role.member_count, 0);
    join(&app, &bob, made.id).await?;
    let roles = role::list(&app.core, &bob, made.id, 0, None).await?;
    assert_eq!(roles.iter().map(|own| own.is_member).collect::<Vec<_>>(), [true, false]);
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn members_are_read_by_those_inside_only(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let keys = [(made.id, bob.user.accid.clone()), (made.id, eve.user.accid.clone())];
    let found = member::by_keys(&app.core, &ann, &keys).await?;
    assert_eq!(found.iter().map(|m| m.accid.clone()).collect::<Vec<_>>(), support::one(&bob));
    assert!(member::by_keys(&app.core, &eve, &keys).await?.is_empty());
    let page = member::page(&app.core, &eve, made.id, PageRequest::default()).await;
    assert_eq!(code(page), Code::FORBIDDEN);
    let page = member::page(&app.core, &bob, made.id, PageRequest { timetag: 0, limit: Some(1) }).await?;
    assert_eq!((page.items.len(), page.has_more), (1, true));
    let rest = PageRequest { timetag: page.next.get(), limit: Some(1) };
    let rest = member::page(&app.core, &bob, made.id, rest).await?;
    assert_eq!((rest.items.first().unwrap().accid.clone(), rest.has_more), (ann.user.accid, false));
    Ok(())
}
