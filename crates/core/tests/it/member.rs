use std::cell::Cell;

use rotunda_core::{
    Actor, channel, list,
    member::{self, MemberUpdate},
    member_role,
    role::{self, RoleUpdate},
    server,
};
use rotunda_model::{
    Accid, AuthValue, Channel, ChannelId, Code, ListKind, Place, Right, RoleId, ServerId, ViewMode,
    notification::Fact,
};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::support::{self, code, custom_role, join, one};

/// Rows that name the account below a server, by table.
const TRACES: &str =
    "SELECT (SELECT count(*) FROM members WHERE accid = $1), (SELECT count(*) FROM role_members
        WHERE accid = $1), (SELECT count(*) FROM channel_overrides WHERE accid = $1),
        (SELECT count(*) FROM channel_list_members WHERE accid = $1)";

type Traces = (i64, i64, i64, i64);

async fn traces(app: &TestApp, of: &Actor) -> anyhow::Result<Traces> {
    Ok(sqlx::query_as(TRACES).bind(of.user.accid.as_str()).fetch_one(app.pool()).await?)
}

/// A server with a private channel that bob sees by the white list and by his role, with an override there.
struct World {
    app: TestApp,
    ann: Actor,
    bob: Actor,
    server: ServerId,
    role: RoleId,
    hidden: Channel,
}

async fn world(pool: PgPool) -> anyhow::Result<World> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let server = support::server(&app, &ann).await?.id;
    join(&app, &bob, server).await?;
    let role = custom_role(&app, &ann, server, 1).await?;
    role::add_members(&app.core, &ann, server, role, &one(&bob)).await?;
    let hidden = support::channel(&app, &ann, server, ViewMode::Private).await?;
    let place = Place::Channel(hidden.id);
    let white = list::List { server, place, kind: ListKind::White };
    list::add_members(&app.core, &ann, white, &one(&bob)).await?;
    let key = member_role::Key { server, place, accid: bob.user.accid.clone() };
    member_role::add(&app.core, &ann, &key).await?;
    app.quiet().await?;
    Ok(World { app, ann, bob, server, role, hidden })
}

async fn kick(w: &World, by: &Actor, whom: &[Accid]) -> Code {
    code(member::kick(&w.app.core, by, w.server, whom).await)
}

#[sqlx::test(migrations = "../../migrations")]
async fn kicking_takes_everything_and_tells_both_sides(pool: PgPool) -> anyhow::Result<()> {
    let w = world(pool).await?;
    assert_eq!(traces(&w.app, &w.bob).await?, (1, 1, 1, 1));
    w.app.rooms.seat(w.server, w.hidden.id, &w.bob.user.accid);
    let twice = [w.bob.user.accid.clone(), w.bob.user.accid.clone()];
    assert_eq!(kick(&w, &w.ann, &twice).await, Code::OK);
    assert_eq!(traces(&w.app, &w.bob).await?, (0, 0, 0, 0));

    let evicted = RoomCall::Rights { channel: w.hidden.id, accid: w.bob.user.accid.clone(), verdict: None };
    assert_eq!(w.app.rooms.take(), [evicted]);
    let told = w.app.got(&w.ann).await?;
    assert!(matches!(
        told.iter().map(|n| &n.fact).collect::<Vec<_>>().as_slice(),
        [Fact::MemberKick { server, kicked }] if server.member_count == 1 && *kicked == one(&w.bob)
    ));
    let mut told = w.app.told(&w.bob).await?;
    told.sort_unstable();
    assert_eq!(told, [31, 32], "not 12: he is no member any more");

    let roles = role::list(&w.app.core, &w.ann, w.server, 0, None).await?;
    let count = roles.iter().find(|own| own.role.id == w.role).map(|own| own.role.member_count);
    assert_eq!(count, Some(0));
    let found = server::by_ids(&w.app.core, &w.ann, &[w.server]).await?;
    assert_eq!(found.first().map(|server| server.member_count), Some(1));
    assert!(server::rules_agree(&w.app.core, w.server).await?);

    // Kicked is not banned: he comes back as anybody, without what he had.
    join(&w.app, &w.bob, w.server).await?;
    assert_eq!(traces(&w.app, &w.bob).await?, (1, 0, 0, 0));
    assert!(channel::by_ids(&w.app.core, &w.bob, &[w.hidden.id]).await?.is_empty());
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn kicking_is_all_or_nothing(pool: PgPool) -> anyhow::Result<()> {
    let w = world(pool).await?;
    let (cy, eve) = (w.app.account("cy").await?, w.app.account("eve").await?);
    join(&w.app, &cy, w.server).await?;
    w.app.quiet().await?;
    let [ann, bob, cys, eves] = [&w.ann, &w.bob, &cy, &eve].map(|actor| actor.user.accid.clone());
    let nobody = Accid::new("nobody").unwrap();

    assert_eq!(kick(&w, &w.ann, &[bob.clone(), eves.clone()]).await, Code::NOT_FOUND);
    assert_eq!(kick(&w, &w.ann, &[bob.clone(), nobody]).await, Code::NOT_FOUND);
    assert_eq!(kick(&w, &w.ann, &[bob.clone(), ann.clone()]).await, Code::FORBIDDEN, "oneself");
    assert_eq!(kick(&w, &w.ann, &[]).await, Code::PARAMETER);
    let many: Vec<Accid> = (0..101).map(|n| Accid::new(&format!("a{n}")).unwrap()).collect();
    assert_eq!(kick(&w, &w.ann, &many).await, Code::PARAMETER);
    assert_eq!(kick(&w, &cy, &one(&w.bob)).await, Code::FORBIDDEN, "without the right");
    assert_eq!(kick(&w, &eve, &one(&w.bob)).await, Code::FORBIDDEN, "an outsider");

    let auths = vec![(Right::KICK_SERVER, AuthValue::Allow)];
    let update = RoleUpdate { auths, ..RoleUpdate::default() };
    role::update(&w.app.core, &w.ann, w.server, w.role, update).await?;
    assert_eq!(kick(&w, &w.bob, &[cys.clone(), ann]).await, Code::FORBIDDEN, "the owner");
    assert_eq!(kick(&w, &w.bob, &[cys.clone(), bob]).await, Code::FORBIDDEN, "oneself");
    assert_eq!(traces(&w.app, &w.bob).await?, (1, 1, 1, 1));
    assert_eq!(traces(&w.app, &cy).await?.0, 1);
    assert!(!w.app.told(&w.bob).await?.contains(&12));
    assert_eq!(kick(&w, &w.bob, &[cys]).await, Code::OK);
    Ok(())
}

thread_local! {
    /// Statements that sqlx sent from this thread, which is all of one test.
    static STATEMENTS: Cell<usize> = const { Cell::new(0) };
}

struct Statements;

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            STATEMENTS.set(STATEMENTS.get() + 1);
        }
    }
}

/// For the whole process: a subscriber of one thread misses what another thread was the first to log.
fn count_statements() -> anyhow::Result<()> {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Statements))?;
    tracing::callsite::rebuild_interest_cache();
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn kicking_a_hundred_asks_postgres_about_as_often_as_kicking_one(pool: PgPool) -> anyhow::Result<()> {
    let w = world(pool).await?;
    sqlx::query(
        "INSERT INTO accounts (app, accid, name, token_hash, created, updated)
         SELECT $1, 'm' || n, 'm', decode(repeat('00', 32), 'hex'), 1, 1 FROM generate_series(0, 99) n",
    )
    .bind(w.app.app.id.get())
    .execute(w.app.pool())
    .await?;
    let members: Vec<Accid> = (0..100).map(|n| Accid::new(&format!("m{n}")).unwrap()).collect();
    sqlx::query("UPDATE servers SET invite_mode = 1").execute(w.app.pool()).await?;
    rotunda_core::invite::invite(&w.app.core, &w.ann, w.server, &members, "", None).await?;
    role::add_members(&w.app.core, &w.ann, w.server, w.role, &members).await?;
    w.app.quiet().await?;

    count_statements()?;
    STATEMENTS.set(0);
    assert_eq!(kick(&w, &w.ann, &one(&w.bob)).await, Code::OK);
    let single = STATEMENTS.replace(0);
    assert_eq!(kick(&w, &w.ann, &members).await, Code::OK);
    let hundred = STATEMENTS.replace(0);
    // Other statements of the process (a new connection, the dispatcher) may fall into either count.
    assert!(0 < single && hundred < single + 50, "{single} statements for one, {hundred} for 100");
    let left = server::by_ids(&w.app.core, &w.ann, &[w.server]).await?;
    assert_eq!(left.first().map(|server| server.member_count), Some(1));
    let roles = role::list(&w.app.core, &w.ann, w.server, 0, None).await?;
    assert!(roles.iter().all(|own| own.role.member_count <= 0));
    Ok(())
}

fn named(nick: &str) -> MemberUpdate {
    MemberUpdate { nick: Some(nick.into()), ..MemberUpdate::default() }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_member_says_who_it_is(pool: PgPool) -> anyhow::Result<()> {
    let w = world(pool).await?;
    let (core, bobs) = (&w.app.core, &w.bob.user.accid);
    let update = MemberUpdate { ext: Some("{}".into()), avatar: Some("face".into()), ..named("Bobby") };
    let member = member::update(core, &w.bob, w.server, bobs, update).await?;
    assert_eq!((member.nick.as_str(), member.avatar.as_str(), member.ext.as_str()), ("Bobby", "face", "{}"));
    for actor in [&w.ann, &w.bob] {
        let told = w.app.got(actor).await?;
        assert!(matches!(
            told.iter().map(|n| &n.fact).collect::<Vec<_>>().as_slice(),
            [Fact::MemberUpdate { member: told }] if *told == member
        ));
    }
    // Only what is named changes; an empty nick is the account's name again.
    let member = member::update(core, &w.bob, w.server, bobs, named("")).await?;
    assert_eq!((member.nick.as_str(), member.avatar.as_str()), ("bob", "face"));
    w.app.quiet().await?;
    let same = member::update(core, &w.bob, w.server, bobs, MemberUpdate::default()).await?;
    assert_eq!(same, member);
    assert!(w.app.told(&w.ann).await?.is_empty(), "nothing was named");

    let long = code(member::update(core, &w.bob, w.server, bobs, named(&"n".repeat(65))).await);
    assert_eq!(long, Code::TOO_LONG);
    let deny = [(Right::ACCOUNT_INFO_SELF, AuthValue::Deny)];
    support::set_everyone(&w.app, &w.ann, w.server, &deny).await?;
    let auths = vec![(Right::ACCOUNT_INFO_SELF, AuthValue::Deny)];
    let update = RoleUpdate { auths, ..RoleUpdate::default() };
    role::update(core, &w.ann, w.server, w.role, update).await?;
    let refused = code(member::update(core, &w.bob, w.server, bobs, named("x")).await);
    assert_eq!(refused, Code::FORBIDDEN);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn naming_others_needs_its_own_right(pool: PgPool) -> anyhow::Result<()> {
    let w = world(pool).await?;
    let (core, eve) = (&w.app.core, w.app.account("eve").await?);
    let [ann, bob, eves] = [&w.ann, &w.bob, &eve].map(|actor| actor.user.accid.clone());
    let name =
        async |by: &Actor, whom: &Accid| code(member::update(core, by, w.server, whom, named("n")).await);
    assert_eq!(name(&w.bob, &ann).await, Code::FORBIDDEN);
    assert_eq!(name(&eve, &ann).await, Code::FORBIDDEN);
    assert_eq!(name(&eve, &eves).await, Code::FORBIDDEN, "no member");
    assert_eq!(name(&w.ann, &eves).await, Code::NOT_FOUND);
    assert_eq!(name(&w.ann, &bob).await, Code::OK);
    let auths = vec![(Right::ACCOUNT_INFO_OTHER, AuthValue::Allow)];
    let update = RoleUpdate { auths, ..RoleUpdate::default() };
    role::update(core, &w.ann, w.server, w.role, update).await?;
    assert_eq!(name(&w.bob, &ann).await, Code::OK);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn those_seated_show_the_new_nick(pool: PgPool) -> anyhow::Result<()> {
    let w = world(pool).await?;
    let channel: ChannelId = w.hidden.id;
    w.app.rooms.seat(w.server, channel, &w.bob.user.accid);
    member::update(&w.app.core, &w.bob, w.server, &w.bob.user.accid, named("Bobby")).await?;
    let calls = w.app.rooms.take();
    assert!(
        matches!(
            calls.as_slice(),
            [RoomCall::Rights { channel: at, verdict: Some(verdict), .. }]
                if *at == channel && verdict.display_name == "Bobby"
        ),
        "{calls:?}"
    );
    Ok(())
}
