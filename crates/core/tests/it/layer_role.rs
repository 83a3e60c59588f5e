//! Roles of channels and categories: everything is tried in both.

use rotunda_core::{
    Actor, Error, PageRequest,
    category::{self, NewCategory},
    channel::{self, NewChannel},
    custom_right, layer_role,
    member_role::{self, Key},
    role, server,
};
use rotunda_model::{
    AuthValue::{self, Allow, Deny, Ignore},
    ChannelId, Code, Place, Right, RoleId, ServerId, SyncMode, ViewMode,
    notification::Fact,
    role::{LayerRole, RoleKind},
};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::support::{self, code, custom_role, join, one};

/// A place, and a channel where its layer is in force: the channel itself, or one in sync with the category.
#[derive(Debug, Clone, Copy)]
pub struct Spot {
    pub place: Place,
    pub channel: ChannelId,
}

/// A channel, and a category with a channel in sync.
pub async fn spots(
    app: &TestApp,
    owner: &Actor,
    server: ServerId,
    mode: ViewMode,
) -> anyhow::Result<[Spot; 2]> {
    let channel = support::channel(app, owner, server, mode).await?;
    let new = NewCategory { name: "wing".into(), view_mode: mode, ..NewCategory::default() };
    let category = category::create(&app.core, owner, server, new).await?;
    let new = NewChannel {
        category: Some(category.id),
        sync_mode: SyncMode::WithCategory,
        ..support::media(ViewMode::Public)
    };
    let synced = channel::create(&app.core, owner, server, new).await?;
    Ok([
        Spot { place: Place::Channel(channel.id), channel: channel.id },
        Spot { place: Place::Category(category.id), channel: synced.id },
    ])
}

/// Gives a new role with these rights, and no others, to the account.
pub async fn promote(
    app: &TestApp,
    owner: &Actor,
    server: ServerId,
    who: &Actor,
    rights: &[Right],
) -> anyhow::Result<RoleId> {
    let id = custom_role(app, owner, server, 5).await?;
    let mut auths: Vec<_> = Right::BUILT_IN.into_iter().map(|right| (right, Deny)).collect();
    auths.extend(rights.iter().map(|right| (*right, Allow)));
    let (denied, allowed) = auths.split_at(27);
    for auths in [denied, allowed] {
        let update = role::RoleUpdate { auths: auths.to_vec(), ..role::RoleUpdate::default() };
        role::update(&app.core, owner, server, id, update).await?;
    }
    role::add_members(&app.core, owner, server, id, &one(who)).await?;
    Ok(id)
}

async fn all(app: &TestApp, actor: &Actor, server: ServerId, place: Place) -> anyhow::Result<Vec<LayerRole>> {
    Ok(layer_role::page(&app.core, actor, server, place, PageRequest::default()).await?)
}

async fn of_everyone(
    app: &TestApp,
    owner: &Actor,
    server: ServerId,
    place: Place,
) -> anyhow::Result<LayerRole> {
    let roles = all(app, owner, server, place).await?;
    let found = roles.into_iter().find(|role| role.kind == RoleKind::Everyone);
    found.ok_or_else(|| anyhow::anyhow!("no @everyone in {place:?}"))
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_role_decides_in_its_place_until_it_is_removed(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let crew = custom_role(&app, &ann, made.id, 5).await?;
    role::add_members(&app.core, &ann, made.id, crew, &one(&bob)).await?;
    for Spot { place, channel } in spots(&app, &ann, made.id, ViewMode::Public).await? {
        app.rooms.seat(made.id, channel, &bob.user.accid);
        app.quiet().await?;
        let may = async |right| role::check(&app.core, &bob, made.id, Some(channel), right).await;
        let agree = async || server::rules_agree(&app.core, made.id).await;
        let envelope = match place {
            Place::Channel(id) => Some(id),
            Place::Category(_) => None,
        };

        let added = layer_role::add(&app.core, &ann, made.id, place, crew).await?;
        assert_eq!((added.server_role, added.kind, added.place), (crew, RoleKind::Custom, place));
        assert_eq!((added.name.as_str(), added.auths.iter().count()), ("a role", 0));
        assert!(agree().await? && may(Right::RTC_CONNECT).await?);
        let got = app.got(&bob).await?;
        assert!(
            matches!(got.as_slice(), [n] if n.channel == envelope && matches!(
                &n.fact, Fact::LayerRoleUpdate { role, auths } if auths == "{}" && *role == added
            )),
            "{got:?}"
        );
        assert_eq!(app.told(&ann).await?, [29]);
        let again = layer_role::add(&app.core, &ann, made.id, place, crew).await;
        assert_eq!(code(again), Code::REPEATED);
        assert_eq!(all(&app, &bob, made.id, place).await?.first(), Some(&added));

        app.rooms.take();
        let auths = [(Right::RTC_CONNECT, Deny), (Right::SEND_MSG, Allow), (Right::DELETE_MSG, Ignore)];
        let updated = layer_role::update(&app.core, &ann, made.id, place, added.id, &auths).await?;
        assert_eq!(updated.auths.get(Right::RTC_CONNECT), Deny);
        assert!(agree().await? && !may(Right::RTC_CONNECT).await?);
        assert!(matches!(app.rooms.take().as_slice(), [RoomCall::Rights { verdict: None, .. }]));
        let got = app.got(&bob).await?;
        assert!(
            matches!(got.as_slice(), [n] if matches!(
                &n.fact, Fact::LayerRoleUpdate { role, auths } if auths == r#"{"4":1,"10":0,"15":-1}"# && *role == updated
            )),
            "{got:?}"
        );
        // Partial: what the update does not name stays.
        let partial = [(Right::SEND_MSG, Ignore)];
        let updated = layer_role::update(&app.core, &ann, made.id, place, added.id, &partial).await?;
        assert_eq!(
            (updated.auths.get(Right::RTC_CONNECT), updated.auths.get(Right::SEND_MSG)),
            (Deny, Ignore)
        );
        let existing = layer_role::existing(&app.core, &bob, made.id, place, &[crew, added.id]).await?;
        assert_eq!(existing, std::slice::from_ref(&updated));

        app.quiet().await?;
        let nothing = layer_role::update(&app.core, &ann, made.id, place, added.id, &[]).await?;
        assert_eq!(nothing, updated);
        assert!(app.told(&bob).await?.is_empty());

        layer_role::remove(&app.core, &ann, made.id, place, added.id).await?;
        assert!(agree().await? && may(Right::RTC_CONNECT).await?);
        let got = app.got(&bob).await?;
        assert!(
            matches!(got.as_slice(), [n] if matches!(
                &n.fact,
                Fact::LayerRoleUpdate { role, auths }
                    if auths == r#"{"15":0}"# && role.id == added.id && role.auths.iter().count() == 0
            )),
            "{got:?}"
        );
        let gone = layer_role::remove(&app.core, &ann, made.id, place, added.id).await;
        assert_eq!(code(gone), Code::NOT_FOUND);
        let gone = layer_role::update(&app.core, &ann, made.id, place, added.id, &auths).await;
        assert_eq!(code(gone), Code::NOT_FOUND);
        assert!(layer_role::existing(&app.core, &bob, made.id, place, &[crew]).await?.is_empty());
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn everyone_has_its_role_from_the_start_for_good(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let everyone = support::everyone(&app, &ann, made.id).await?;
    for Spot { place, channel } in spots(&app, &ann, made.id, ViewMode::Public).await? {
        let roles = all(&app, &bob, made.id, place).await?;
        let [own] = roles.as_slice() else { panic!("one role, got {roles:?}") };
        assert_eq!((own.kind, own.server_role, own.auths.iter().count()), (RoleKind::Everyone, everyone, 0));
        let add = layer_role::add(&app.core, &ann, made.id, place, everyone).await;
        assert_eq!(code(add), Code::FORBIDDEN);
        let remove = layer_role::remove(&app.core, &ann, made.id, place, own.id).await;
        assert_eq!(code(remove), Code::FORBIDDEN);
        let deny = [(Right::RTC_CONNECT, Deny)];
        layer_role::update(&app.core, &ann, made.id, place, own.id, &deny).await?;
        assert!(!role::check(&app.core, &bob, made.id, Some(channel), Right::RTC_CONNECT).await?);
        assert!(server::rules_agree(&app.core, made.id).await?);
    }
    Ok(())
}

/// Who tries, by the rights its server role gives.
#[derive(Debug, Clone, Copy)]
enum Who {
    Owner,
    Both,
    Roles,
    Channels,
    Member,
    /// Holds both rights by the role of the place alone.
    Local,
    Outsider,
    /// Of another app.
    Stranger,
}

/// What each gets for: add, update, remove; then what it gets for page and existing.
const TABLE: [(Who, [u16; 3], [u16; 3], u16); 8] = [
    (Who::Owner, [200; 3], [200; 3], 200),
    (Who::Both, [200; 3], [200; 3], 200),
    (Who::Roles, [403; 3], [200; 3], 200),
    (Who::Channels, [403; 3], [403; 3], 200),
    (Who::Member, [403; 3], [403; 3], 200),
    (Who::Local, [200; 3], [200; 3], 200),
    (Who::Outsider, [403; 3], [403; 3], 403),
    (Who::Stranger, [404; 3], [404; 3], 404),
];

#[sqlx::test(migrations = "../../migrations")]
async fn every_command_asks_for_its_rights(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.limits.roles_per_server = 100).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let (roles, channels) = (Right::MANAGE_ROLE, Right::MANAGE_CHANNEL);
    let other = app.other_app().await?;
    for (n, (who, in_channel, in_category, read)) in TABLE.into_iter().enumerate() {
        let actor = match who {
            Who::Owner => ann.clone(),
            Who::Stranger => app.away_in(&other, "zoe").await?,
            _ => app.account(&format!("actor{n}")).await?,
        };
        if !matches!(who, Who::Owner | Who::Stranger | Who::Outsider) {
            join(&app, &actor, made.id).await?;
        }
        match who {
            Who::Both => drop(promote(&app, &ann, made.id, &actor, &[roles, channels]).await?),
            Who::Roles => drop(promote(&app, &ann, made.id, &actor, &[roles]).await?),
            Who::Channels => drop(promote(&app, &ann, made.id, &actor, &[channels]).await?),
            _ => {}
        }
        let mut seen = Vec::new();
        for spot in spots(&app, &ann, made.id, ViewMode::Public).await? {
            let place = spot.place;
            if matches!(who, Who::Local) {
                let local = promote(&app, &ann, made.id, &actor, &[]).await?;
                let local = layer_role::add(&app.core, &ann, made.id, place, local).await?;
                let auths = [(roles, Allow), (channels, Allow)];
                layer_role::update(&app.core, &ann, made.id, place, local.id, &auths).await?;
            }
            let (fresh, other) =
                (custom_role(&app, &ann, made.id, 9).await?, custom_role(&app, &ann, made.id, 9).await?);
            let there = layer_role::add(&app.core, &ann, made.id, place, other).await?;
            let before = all(&app, &ann, made.id, place).await?;
            let edits = [
                code(layer_role::add(&app.core, &actor, made.id, place, fresh).await),
                code(
                    layer_role::update(&app.core, &actor, made.id, place, there.id, &[(roles, Ignore)]).await,
                ),
                code(layer_role::remove(&app.core, &actor, made.id, place, there.id).await),
            ];
            if edits.iter().all(|code| *code != Code::OK) {
                assert_eq!(all(&app, &ann, made.id, place).await?, before, "{who:?}");
            }
            assert!(server::rules_agree(&app.core, made.id).await?);
            let request = PageRequest::default();
            let page = code(layer_role::page(&app.core, &actor, made.id, place, request).await);
            let existing = code(layer_role::existing(&app.core, &actor, made.id, place, &[fresh]).await);
            assert_eq!((page.0, existing.0), (read, read), "{who:?} reading {place:?}");
            seen.push(edits.map(|code| code.0));
        }
        assert_eq!(seen, [in_channel, in_category], "{who:?}");
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_hidden_place_is_closed_to_managers_too(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let crew = promote(&app, &ann, made.id, &bob, &Right::BUILT_IN).await?;
    for Spot { place, .. } in spots(&app, &ann, made.id, ViewMode::Private).await? {
        let everyone = of_everyone(&app, &ann, made.id, place).await?.id;
        let request = PageRequest::default();
        let deny = [(Right::SEND_MSG, Deny)];
        let codes = [
            code(layer_role::add(&app.core, &bob, made.id, place, crew).await),
            code(layer_role::update(&app.core, &bob, made.id, place, everyone, &deny).await),
            code(layer_role::remove(&app.core, &bob, made.id, place, everyone).await),
            code(layer_role::page(&app.core, &bob, made.id, place, request).await),
            code(layer_role::existing(&app.core, &bob, made.id, place, &[crew]).await),
        ];
        assert_eq!(codes, [Code::FORBIDDEN; 5], "{place:?}");
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_grants_more_than_it_has_or_cuts_itself_off(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let own = promote(&app, &ann, made.id, &bob, &[Right::MANAGE_ROLE, Right::MANAGE_CHANNEL]).await?;
    let crew = custom_role(&app, &ann, made.id, 9).await?;
    for Spot { place, channel } in spots(&app, &ann, made.id, ViewMode::Public).await? {
        let crew = layer_role::add(&app.core, &bob, made.id, place, crew).await?.id;
        let own = layer_role::add(&app.core, &bob, made.id, place, own).await?.id;
        let everyone = of_everyone(&app, &ann, made.id, place).await?.id;
        let set = async |actor: &Actor, id, right: Right, value: AuthValue| {
            code(layer_role::update(&app.core, actor, made.id, place, id, &[(right, value)]).await)
        };
        // G1: bob lacks deleteMsg there, in every direction.
        for value in [Allow, Deny, Ignore] {
            assert_eq!(set(&bob, crew, Right::DELETE_MSG, value).await, Code::FORBIDDEN);
        }
        // One right not held refuses the whole call.
        let mixed = [(Right::SEND_MSG, Deny), (Right::DELETE_MSG, Deny)];
        let mixed = layer_role::update(&app.core, &bob, made.id, place, crew, &mixed).await;
        assert_eq!(code(mixed), Code::FORBIDDEN);
        // What the layer gives counts: the scope is the place.
        assert_eq!(set(&ann, own, Right::DELETE_MSG, Allow).await, Code::OK);
        assert_eq!(set(&bob, crew, Right::DELETE_MSG, Allow).await, Code::OK);
        // G2: bob's own role may not lose what bob has by it; @everyone's deny does not reach him while his allows.
        assert_eq!(set(&bob, own, Right::MANAGE_ROLE, Deny).await, Code::FORBIDDEN);
        assert_eq!(set(&bob, own, Right::DELETE_MSG, Ignore).await, Code::FORBIDDEN);
        assert_eq!(set(&bob, everyone, Right::DELETE_MSG, Deny).await, Code::OK);
        assert_eq!(set(&bob, everyone, Right::SEND_MSG, Deny).await, Code::FORBIDDEN);
        assert!(role::check(&app.core, &bob, made.id, Some(channel), Right::DELETE_MSG).await?);
        // G3.
        assert_eq!(set(&ann, everyone, Right::MANAGE_ROLE, Deny).await, Code::OK);
        assert!(server::rules_agree(&app.core, made.id).await?);
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn rights_that_do_not_fit_a_layer_are_refused(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let custom = Right::try_from(10_001)?;
    for Spot { place, channel } in spots(&app, &ann, made.id, ViewMode::Public).await? {
        let everyone = of_everyone(&app, &ann, made.id, place).await?;
        let update = async |auths: &[(Right, AuthValue)]| {
            code(layer_role::update(&app.core, &ann, made.id, place, everyone.id, auths).await)
        };
        assert_eq!(update(&[(Right::SEND_MSG, Deny), (Right::KICK_SERVER, Allow)]).await, Code::PARAMETER);
        assert_eq!(update(&[(custom, Allow)]).await, Code::PARAMETER);
        let many: Vec<_> = (0..51).map(|_| (Right::SEND_MSG, Deny)).collect();
        assert_eq!(update(&many).await, Code::PARAMETER);
        assert_eq!(of_everyone(&app, &ann, made.id, place).await?, everyone);

        custom_right::define(&app.core, app.app.id, 10_001, "paint").await?;
        let check = async || role::check(&app.core, &bob, made.id, Some(channel), custom).await;
        assert!(!check().await?);
        assert_eq!(update(&[(custom, Allow)]).await, Code::OK);
        assert!(check().await? && server::rules_agree(&app.core, made.id).await?);
        custom_right::remove(&app.core, app.app.id, 10_001).await?;
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn ids_of_elsewhere_name_nothing(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let (made, other) = (support::server(&app, &ann).await?, support::server(&app, &ann).await?);
    let (crew, foreign) =
        (custom_role(&app, &ann, made.id, 5).await?, custom_role(&app, &ann, other.id, 5).await?);
    let here = spots(&app, &ann, made.id, ViewMode::Public).await?;
    let there = spots(&app, &ann, other.id, ViewMode::Public).await?;
    for (n, Spot { place, .. }) in here.into_iter().enumerate() {
        let neighbour = of_everyone(&app, &ann, made.id, here[1 - n].place).await?.id;
        let elsewhere = there[n].place;
        let own = of_everyone(&app, &ann, made.id, place).await?.id;
        let unknown = RoleId::new(9).unwrap();
        let deny = [(Right::SEND_MSG, Deny)];
        let request = PageRequest::default();
        let codes = [
            code(layer_role::add(&app.core, &ann, made.id, place, foreign).await),
            code(layer_role::add(&app.core, &ann, made.id, place, unknown).await),
            code(layer_role::add(&app.core, &ann, made.id, elsewhere, crew).await),
            code(layer_role::update(&app.core, &ann, made.id, place, neighbour, &deny).await),
            code(layer_role::update(&app.core, &ann, made.id, place, crew, &deny).await),
            code(layer_role::update(&app.core, &ann, other.id, place, own, &deny).await),
            code(layer_role::remove(&app.core, &ann, made.id, place, neighbour).await),
            code(layer_role::remove(&app.core, &ann, other.id, place, own).await),
            code(layer_role::page(&app.core, &ann, other.id, place, request).await),
            code(layer_role::existing(&app.core, &ann, made.id, elsewhere, &[crew]).await),
        ];
        assert_eq!(codes, [Code::NOT_FOUND; 10], "{place:?}");
        assert!(layer_role::existing(&app.core, &ann, made.id, place, &[foreign]).await?.is_empty());
    }
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn roles_page_by_creation_newest_first(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let mut parents = Vec::new();
    for priority in 1..=4 {
        parents.push(custom_role(&app, &ann, made.id, priority).await?);
    }
    for Spot { place, .. } in spots(&app, &ann, made.id, ViewMode::Public).await? {
        for parent in &parents {
            layer_role::add(&app.core, &ann, made.id, place, *parent).await?;
        }
        let mut seen = Vec::new();
        let mut timetag = 0;
        loop {
            let request = PageRequest { timetag, limit: Some(2) };
            let page = layer_role::page(&app.core, &ann, made.id, place, request).await?;
            assert!(page.len() <= 2 && seen.len() <= 5);
            let Some(last) = page.last() else { break };
            timetag = last.created.get();
            seen.extend(page.iter().map(|role| role.server_role));
        }
        let everyone = support::everyone(&app, &ann, made.id).await?;
        let expected: Vec<_> = parents.iter().rev().copied().chain([everyone]).collect();
        assert_eq!(seen, expected);
        for request in [(0, Some(0)), (0, Some(101)), (-1, None)] {
            let request = PageRequest { timetag: request.0, limit: request.1 };
            let page = layer_role::page(&app.core, &ann, made.id, place, request).await;
            assert_eq!(code(page), Code::PARAMETER);
        }
        let none = layer_role::existing(&app.core, &ann, made.id, place, &[]).await;
        let many = layer_role::existing(&app.core, &ann, made.id, place, &[parents[0]; 101]).await;
        assert_eq!((code(none), code(many)), (Code::PARAMETER, Code::PARAMETER));
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn the_own_roles_of_a_channel_in_sync_are_not_in_force(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let [_, Spot { channel, place: category }] = spots(&app, &ann, made.id, ViewMode::Public).await?;
    let may = async || role::check(&app.core, &bob, made.id, Some(channel), Right::SEND_MSG).await;
    let own = Place::Channel(channel);
    let everyone = of_everyone(&app, &ann, made.id, own).await?.id;
    let deny = [(Right::SEND_MSG, Deny)];
    let stored = layer_role::update(&app.core, &ann, made.id, own, everyone, &deny).await?;
    assert!(may().await?);
    assert_eq!(all(&app, &ann, made.id, own).await?, [stored]);
    let everyone = of_everyone(&app, &ann, made.id, category).await?.id;
    layer_role::update(&app.core, &ann, made.id, category, everyone, &deny).await?;
    assert!(!may().await?);
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_deleted_server_role_takes_its_roles_in_layers_along(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let crew = custom_role(&app, &ann, made.id, 5).await?;
    role::add_members(&app.core, &ann, made.id, crew, &one(&bob)).await?;
    let both = spots(&app, &ann, made.id, ViewMode::Public).await?;
    for Spot { place, .. } in both {
        let there = layer_role::add(&app.core, &ann, made.id, place, crew).await?;
        let deny = [(Right::RTC_CONNECT, Deny)];
        layer_role::update(&app.core, &ann, made.id, place, there.id, &deny).await?;
    }
    let app = app.restart().await?;
    for Spot { channel, .. } in both {
        assert!(!role::check(&app.core, &bob, made.id, Some(channel), Right::RTC_CONNECT).await?);
    }
    role::delete(&app.core, &ann, made.id, crew).await?;
    for Spot { place, channel } in both {
        assert!(role::check(&app.core, &bob, made.id, Some(channel), Right::RTC_CONNECT).await?);
        assert_eq!(all(&app, &ann, made.id, place).await?.len(), 1);
    }
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn concurrent_edits_of_one_layer_leave_memory_and_storage_alike(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.away("ann").await?, app.away("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let crew = custom_role(&app, &ann, made.id, 5).await?;
    let both = spots(&app, &ann, made.id, ViewMode::Public).await?;
    let mut tasks = JoinSet::new();
    for n in 0..80_usize {
        let (core, ann, bob) = (app.core.clone(), ann.clone(), bob.user.accid.clone());
        let place = both[n % 2].place;
        tasks.spawn(async move {
            let key = Key { server: made.id, place, accid: bob };
            let auths = [(Right::SEND_MSG, if n % 3 == 0 { Allow } else { Deny })];
            let code = match n / 2 % 5 {
                0 => code(layer_role::add(&core, &ann, made.id, place, crew).await),
                1 => match layer_role::existing(&core, &ann, made.id, place, &[crew]).await?.first() {
                    Some(role) => {
                        code(layer_role::update(&core, &ann, made.id, place, role.id, &auths).await)
                    }
                    None => Code::NOT_FOUND,
                },
                2 => match layer_role::existing(&core, &ann, made.id, place, &[crew]).await?.first() {
                    Some(role) => code(layer_role::remove(&core, &ann, made.id, place, role.id).await),
                    None => Code::NOT_FOUND,
                },
                3 if n % 4 == 0 => code(member_role::remove(&core, &ann, &key).await),
                3 => code(member_role::add(&core, &ann, &key).await),
                _ => code(member_role::update(&core, &ann, &key, &auths).await),
            };
            Ok::<Code, Error>(code)
        });
    }
    for code in tasks.join_all().await {
        assert!(matches!(code?, Code::OK | Code::REPEATED | Code::NOT_FOUND));
    }
    assert!(server::rules_agree(&app.core, made.id).await?);
    for Spot { place, .. } in both {
        assert!(layer_role::existing(&app.core, &ann, made.id, place, &[crew]).await?.len() <= 1);
    }
    Ok(())
}
