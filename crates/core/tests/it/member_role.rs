//! Overrides of members in channels and categories: everything is tried in both.

use rotunda_core::{
    Actor, PageRequest, member,
    member_role::{self, Key},
    role, server,
};
use rotunda_model::{
    AuthValue::{self, Allow, Deny, Ignore},
    ChannelId, Code, Place, Right, ServerId, ViewMode,
    notification::Fact,
    role::MemberRole,
};
use rotunda_testkit::{RoomCall, TestApp};
use sqlx::PgPool;

use crate::{
    layer_role::{Spot, promote, spots},
    support::{self, code, join, one},
};

fn key(server: ServerId, place: Place, who: &Actor) -> Key {
    Key { server, place, accid: who.user.accid.clone() }
}

async fn all(
    app: &TestApp,
    actor: &Actor,
    server: ServerId,
    place: Place,
) -> anyhow::Result<Vec<MemberRole>> {
    Ok(member_role::page(&app.core, actor, server, place, PageRequest::default()).await?)
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_override_decides_for_one_member_in_one_place(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, eve) = (app.account("ann").await?, app.account("bob").await?, app.account("eve").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let deny = [(Right::RTC_CONNECT, Deny)];
    for Spot { place, channel } in spots(&app, &ann, made.id, ViewMode::Public).await? {
        app.rooms.seat(made.id, channel, &bob.user.accid);
        app.quiet().await?;
        let key = key(made.id, place, &bob);
        let envelope = match place {
            Place::Channel(id) => Some(id),
            Place::Category(_) => None,
        };

        assert_eq!(code(member_role::update(&app.core, &ann, &key, &deny).await), Code::NOT_FOUND);
        assert_eq!(code(member_role::remove(&app.core, &ann, &key).await), Code::NOT_FOUND);
        let outsider = Key { accid: eve.user.accid.clone(), ..key.clone() };
        assert_eq!(code(member_role::add(&app.core, &ann, &outsider).await), Code::NOT_FOUND);
        let nowhere = Key { place: Place::Channel(ChannelId::new(9).unwrap()), ..key.clone() };
        assert_eq!(code(member_role::add(&app.core, &ann, &nowhere).await), Code::NOT_FOUND);

        let added = member_role::add(&app.core, &ann, &key).await?;
        assert_eq!((added.member.nick.as_str(), added.auths.iter().count()), ("bob", 0));
        assert_eq!(added.place, place);
        assert_eq!(code(member_role::add(&app.core, &ann, &key).await), Code::REPEATED);
        assert!(app.told(&bob).await?.is_empty());
        app.rooms.take();

        let check = async || role::check(&app.core, &bob, made.id, Some(channel), Right::RTC_CONNECT).await;
        let agree = async || server::rules_agree(&app.core, made.id).await;
        assert!(check().await? && agree().await?);
        let server_only = [(Right::MANAGE_SERVER, Allow)];
        assert_eq!(code(member_role::update(&app.core, &ann, &key, &server_only).await), Code::PARAMETER);
        let undefined = [(Right::try_from(10_001)?, Allow)];
        assert_eq!(code(member_role::update(&app.core, &ann, &key, &undefined).await), Code::PARAMETER);
        assert_eq!(member_role::update(&app.core, &ann, &key, &[]).await?, added);
        assert!(app.told(&bob).await?.is_empty());

        let updated = member_role::update(&app.core, &ann, &key, &deny).await?;
        assert_eq!(updated.auths.get(Right::RTC_CONNECT), Deny);
        assert!(!check().await? && agree().await?);
        assert!(matches!(app.rooms.take().as_slice(), [RoomCall::Rights { verdict: None, .. }]));
        let got = app.got(&bob).await?;
        assert!(
            matches!(got.as_slice(), [n] if n.channel == envelope && matches!(
                &n.fact, Fact::MemberRoleUpdate { auths, role } if auths == r#"{"15":-1}"# && *role == updated
            )),
            "{got:?}"
        );
        assert_eq!(app.told(&ann).await?, [30]);
        assert!(app.told(&eve).await?.is_empty());
        assert_eq!(all(&app, &bob, made.id, place).await?, std::slice::from_ref(&updated));
        let asked = [ann.user.accid.clone(), bob.user.accid.clone(), eve.user.accid.clone()];
        let existing = member_role::existing(&app.core, &bob, made.id, place, &asked).await?;
        assert_eq!(existing, [updated]);

        member_role::remove(&app.core, &ann, &key).await?;
        assert!(check().await? && agree().await?);
        let got = app.got(&bob).await?;
        assert!(
            matches!(got.as_slice(), [n] if matches!(
                &n.fact, Fact::MemberRoleUpdate { auths, .. } if auths == r#"{"15":0}"#
            )),
            "{got:?}"
        );
        assert!(all(&app, &bob, made.id, place).await?.is_empty());
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
    /// Holds both rights by its own override alone.
    Local,
    Outsider,
    /// Of another app.
    Stranger,
}

/// What each gets for: add, update, remove; then what it gets for page and existing.
const TABLE: [(Who, [u16; 3], [u16; 3], u16); 8] = [
    (Who::Owner, [200; 3], [200; 3], 200),
    (Who::Both, [200; 3], [200; 3], 200),
    (Who::Roles, [403, 200, 403], [200; 3], 200),
    (Who::Channels, [403; 3], [403; 3], 200),
    (Who::Member, [403; 3], [403; 3], 200),
    (Who::Local, [200; 3], [200; 3], 200),
    (Who::Outsider, [403; 3], [403; 3], 403),
    (Who::Stranger, [404; 3], [404; 3], 404),
];

#[sqlx::test(migrations = "../../migrations")]
async fn every_command_asks_for_its_rights(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
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
        for Spot { place, .. } in spots(&app, &ann, made.id, ViewMode::Public).await? {
            if matches!(who, Who::Local) {
                let own = key(made.id, place, &actor);
                member_role::add(&app.core, &ann, &own).await?;
                member_role::update(&app.core, &ann, &own, &[(roles, Allow), (channels, Allow)]).await?;
            }
            let (fresh, there) = (key(made.id, place, &bob), key(made.id, place, &cy));
            member_role::add(&app.core, &ann, &there).await?;
            let edits = [
                code(member_role::add(&app.core, &actor, &fresh).await),
                code(member_role::update(&app.core, &actor, &there, &[(roles, Ignore)]).await),
                code(member_role::remove(&app.core, &actor, &there).await),
            ];
            assert!(server::rules_agree(&app.core, made.id).await?);
            let request = PageRequest::default();
            let page = code(member_role::page(&app.core, &actor, made.id, place, request).await);
            let existing = code(member_role::existing(&app.core, &actor, made.id, place, &one(&bob)).await);
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
    promote(&app, &ann, made.id, &bob, &Right::BUILT_IN).await?;
    for Spot { place, .. } in spots(&app, &ann, made.id, ViewMode::Private).await? {
        let (own, anns) = (key(made.id, place, &bob), key(made.id, place, &ann));
        member_role::add(&app.core, &ann, &anns).await?;
        let request = PageRequest::default();
        let codes = [
            code(member_role::add(&app.core, &bob, &own).await),
            code(member_role::update(&app.core, &bob, &anns, &[(Right::SEND_MSG, Deny)]).await),
            code(member_role::remove(&app.core, &bob, &anns).await),
            code(member_role::page(&app.core, &bob, made.id, place, request).await),
            code(member_role::existing(&app.core, &bob, made.id, place, &one(&bob)).await),
        ];
        assert_eq!(codes, [Code::FORBIDDEN; 5], "{place:?}");
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn nobody_grants_more_than_it_has_or_cuts_itself_off(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob, cy) = (app.account("ann").await?, app.account("bob").await?, app.account("cy").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    join(&app, &cy, made.id).await?;
    promote(&app, &ann, made.id, &bob, &[Right::MANAGE_ROLE, Right::MANAGE_CHANNEL]).await?;
    for Spot { place, channel } in spots(&app, &ann, made.id, ViewMode::Public).await? {
        let (bobs, cys) = (key(made.id, place, &bob), key(made.id, place, &cy));
        member_role::add(&app.core, &bob, &bobs).await?;
        member_role::add(&app.core, &bob, &cys).await?;
        let set = async |actor: &Actor, key: &Key, right: Right, value: AuthValue| {
            code(member_role::update(&app.core, actor, key, &[(right, value)]).await)
        };
        for value in [Allow, Deny, Ignore] {
            assert_eq!(set(&bob, &cys, Right::DELETE_MSG, value).await, Code::FORBIDDEN);
        }
        assert_eq!(set(&bob, &bobs, Right::DELETE_MSG, Allow).await, Code::FORBIDDEN);
        assert_eq!(set(&bob, &bobs, Right::MANAGE_ROLE, Deny).await, Code::FORBIDDEN);
        assert_eq!(set(&bob, &cys, Right::MANAGE_ROLE, Allow).await, Code::OK);
        assert!(role::check(&app.core, &cy, made.id, Some(channel), Right::MANAGE_ROLE).await?);
        assert_eq!(set(&bob, &cys, Right::SEND_MSG, Deny).await, Code::OK);
        assert!(!role::check(&app.core, &cy, made.id, Some(channel), Right::SEND_MSG).await?);
        // The owner may do anything to anybody; an override of the owner decides nothing.
        let anns = key(made.id, place, &ann);
        member_role::add(&app.core, &ann, &anns).await?;
        assert_eq!(set(&bob, &anns, Right::MANAGE_ROLE, Deny).await, Code::OK);
        assert!(role::check(&app.core, &ann, made.id, Some(channel), Right::MANAGE_ROLE).await?);
        assert_eq!(set(&ann, &bobs, Right::MANAGE_ROLE, Deny).await, Code::OK);
        // In a category the right of the server still counts, in a channel only the one there.
        let expected = match place {
            Place::Channel(_) => Code::FORBIDDEN,
            Place::Category(_) => Code::OK,
        };
        assert_eq!(set(&bob, &cys, Right::SEND_MSG, Ignore).await, expected);
        assert!(server::rules_agree(&app.core, made.id).await?);
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn overrides_page_by_creation_newest_first(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let ann = app.account("ann").await?;
    let made = support::server(&app, &ann).await?;
    let mut members = Vec::new();
    for n in 0..5 {
        let actor = app.account(&format!("user{n}")).await?;
        join(&app, &actor, made.id).await?;
        members.push(actor);
    }
    for Spot { place, .. } in spots(&app, &ann, made.id, ViewMode::Public).await? {
        for member in &members {
            member_role::add(&app.core, &ann, &key(made.id, place, member)).await?;
        }
        let mut seen = Vec::new();
        let mut timetag = 0;
        loop {
            let request = PageRequest { timetag, limit: Some(2) };
            let page = member_role::page(&app.core, &ann, made.id, place, request).await?;
            assert!(page.len() <= 2 && seen.len() <= 5);
            let Some(last) = page.last() else { break };
            timetag = last.created.get();
            seen.extend(page.iter().map(|role| role.member.accid.clone()));
        }
        let expected: Vec<_> = members.iter().rev().map(|actor| actor.user.accid.clone()).collect();
        assert_eq!(seen, expected);
        for request in [(0, Some(0)), (0, Some(101)), (-1, None)] {
            let request = PageRequest { timetag: request.0, limit: request.1 };
            let page = member_role::page(&app.core, &ann, made.id, place, request).await;
            assert_eq!(code(page), Code::PARAMETER);
        }
        let many = vec![ann.user.accid.clone(); 101];
        let none = member_role::existing(&app.core, &ann, made.id, place, &[]).await;
        let many = member_role::existing(&app.core, &ann, made.id, place, &many).await;
        assert_eq!((code(none), code(many)), (Code::PARAMETER, Code::PARAMETER));
    }
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn an_override_ends_with_the_membership(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::new(pool).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?;
    join(&app, &bob, made.id).await?;
    let both = spots(&app, &ann, made.id, ViewMode::Public).await?;
    for Spot { place, .. } in both {
        let key = key(made.id, place, &bob);
        member_role::add(&app.core, &ann, &key).await?;
        member_role::update(&app.core, &ann, &key, &[(Right::RTC_CONNECT, Deny)]).await?;
    }
    let app = app.restart().await?;
    for Spot { channel, .. } in both {
        assert!(!role::check(&app.core, &bob, made.id, Some(channel), Right::RTC_CONNECT).await?);
    }
    member::leave(&app.core, &bob, made.id).await?;
    join(&app, &bob, made.id).await?;
    for Spot { place, channel } in both {
        assert!(role::check(&app.core, &bob, made.id, Some(channel), Right::RTC_CONNECT).await?);
        assert!(all(&app, &ann, made.id, place).await?.is_empty());
    }
    assert!(server::rules_agree(&app.core, made.id).await?);
    Ok(())
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_place_has_only_so_many_overrides(pool: PgPool) -> anyhow::Result<()> {
    let app = TestApp::with(pool, |config| config.limits.overrides_per_place = 1).await?;
    let (ann, bob) = (app.account("ann").await?, app.account("bob").await?);
    let made = support::server(&app, &ann).await?.id;
    join(&app, &bob, made).await?;
    for Spot { place, .. } in spots(&app, &ann, made, ViewMode::Public).await? {
        let (anns, bobs) = (key(made, place, &ann), key(made, place, &bob));
        member_role::add(&app.core, &ann, &bobs).await?;
        assert_eq!(code(member_role::add(&app.core, &ann, &bobs).await), Code::REPEATED);
        assert_eq!(code(member_role::add(&app.core, &ann, &anns).await), Code::OVER_LIMIT);
        assert_eq!(all(&app, &ann, made, place).await?.len(), 1);
        member_role::remove(&app.core, &ann, &bobs).await?;
        member_role::add(&app.core, &ann, &anns).await?;
    }
    Ok(())
}
