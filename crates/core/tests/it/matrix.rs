//! Every acting command against every standing: an account of another app, an outsider, a member with the default
//! rights, and a manager with every right who does not see the private channel.

use rotunda_core::{
    Actor, Core, PageRequest, channel, invite, list, media, member,
    member_role::{self, Key},
    role::{self, NewRole, RoleUpdate},
    server,
};
use rotunda_model::{
    Accid, AuthValue, ChannelId, Code, ListKind, Place, RequestId, Right, RoleId, ServerId, ViewMode,
};
use rotunda_testkit::TestApp;
use sqlx::PgPool;

use crate::support::{self, code, custom_role, join, one};

struct World {
    server: ServerId,
    public: ChannelId,
    private: ChannelId,
    /// A role below the manager's.
    low: RoleId,
    member: Accid,
}

const NAMES: [&str; 27] = [
    "delete server",
    "invite",
    "accept unknown invitation",
    "accept unknown application",
    "page members",
    "create channel",
    "delete private channel",
    "page channels",
    "create role",
    "update role",
    "list roles",
    "add role members",
    "check right",
    "add override",
    "update override",
    "remove override",
    "add override, private",
    "update override, private",
    "set config",
    "set config, private",
    "read config",
    "read config, private",
    "read online, private",
    "verdict",
    "verdict, private",
    "edit list, private",
    "server rights",
];

/// Stranger, outsider, member, manager.
const EXPECTED: [[u16; 4]; 27] = [
    [404, 403, 403, 403],
    [404, 403, 200, 200],
    [404, 404, 404, 404],
    [404, 403, 403, 404],
    [404, 403, 200, 200],
    [404, 403, 403, 200],
    [404, 403, 403, 403],
    [404, 403, 200, 200],
    [404, 403, 403, 200],
    [404, 403, 403, 200],
    [404, 403, 200, 200],
    [404, 403, 403, 200],
    [404, 200, 200, 200],
    [404, 403, 403, 200],
    [404, 403, 403, 200],
    [404, 403, 403, 200],
    [404, 403, 403, 403],
    [404, 403, 403, 403],
    [404, 403, 403, 200],
    [404, 403, 403, 403],
    [404, 403, 200, 200],
    [404, 403, 403, 403],
    [404, 403, 403, 403],
    [404, 403, 200, 200],
    [404, 403, 403, 403],
    [404, 403, 403, 403],
    [404, 200, 200, 200],
];

async fn attempt(core: &Core, actor: &Actor, world: &World, command: usize) -> Code {
    let (server, who) = (world.server, std::slice::from_ref(&world.member));
    let request = RequestId::new(9).unwrap();
    let key =
        |channel| Key { server, place: rotunda_model::Place::Channel(channel), accid: world.member.clone() };
    let deny = [(Right::SEND_MSG, AuthValue::Ignore)];
    let config = media::ConfigUpdate { limit: Some(5), ..media::ConfigUpdate::default() };
    match command {
        0 => code(server::delete(core, actor, server).await),
        1 => code(invite::invite(core, actor, server, &[Accid::new("new").unwrap()], "", None).await),
        2 => code(invite::accept_invite(core, actor, server, &world.member, request).await),
        3 => code(invite::accept_application(core, actor, server, &world.member, request).await),
        4 => code(member::page(core, actor, server, PageRequest::default()).await),
        5 => code(channel::create(core, actor, server, support::media(ViewMode::Public)).await),
        6 => code(channel::delete(core, actor, world.private).await),
        7 => code(channel::page(core, actor, server, PageRequest::default()).await),
        8 => code(role::create(core, actor, server, NewRole::default()).await),
        9 => code(role::update(core, actor, server, world.low, RoleUpdate::default()).await),
        10 => code(role::list(core, actor, server, 0, None).await),
        11 => code(role::add_members(core, actor, server, world.low, who).await),
        12 => code(role::check(core, actor, server, None, Right::SEND_MSG).await),
        13 => code(member_role::add(core, actor, &key(world.public)).await),
        14 => code(member_role::update(core, actor, &key(world.public), &deny).await),
        15 => code(member_role::remove(core, actor, &key(world.public)).await),
        16 => code(member_role::add(core, actor, &key(world.private)).await),
        17 => code(member_role::update(core, actor, &key(world.private), &deny).await),
        18 => code(media::set_config(core, actor, server, world.public, config).await),
        19 => code(media::set_config(core, actor, server, world.private, config).await),
        20 => code(media::config(core, actor, server, world.public).await),
        21 => code(media::config(core, actor, server, world.private).await),
        22 => code(media::online(core, actor, server, world.private).await),
        23 => code(media::verdict(core, &actor.user, world.public).await),
        24 => code(media::verdict(core, &actor.user, world.private).await),
        25 => {
            let place = Place::Channel(world.private);
            code(
                list::add_members(core, actor, list::List { server, place, kind: ListKind::White }, who)
                    .await,
            )
        }
        _ => code(server::rights(core, actor, server).await),
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn every_command_refuses_whom_it_must(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let eve = app.account("eve").await?;
    app.away("new").await?;
    let stranger = app.away_in(&app.other_app().await?, "ann").await?;
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
    let high = custom_role(&app, &ann, made.id, 1).await?;
    let every = Right::BUILT_IN.map(|right| (right, AuthValue::Allow)).to_vec();
    let every = RoleUpdate { auths: every, ..RoleUpdate::default() };
    role::update(&app.core, &ann, made.id, high, every).await?;
    role::add_members(&app.core, &ann, made.id, high, &one(&cy)).await?;
    let world = World {
        server: made.id,
        public: support::channel(&app, &ann, made.id, ViewMode::Public).await?.id,
        private: support::channel(&app, &ann, made.id, ViewMode::Private).await?.id,
        low: custom_role(&app, &ann, made.id, 9).await?,
        member: bob.user.accid.clone(),
    };
    for (column, actor) in [&stranger, &eve, &bob, &cy].into_iter().enumerate() {
        for (command, name) in NAMES.iter().enumerate() {
            let got = attempt(&app.core, actor, &world, command).await;
            assert_eq!(got.0, EXPECTED[command][column], "{name} by column {column}");
        }
    }
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}
