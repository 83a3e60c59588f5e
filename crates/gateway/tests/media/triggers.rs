//! Every way to lose a right reaches those seated, at once and with the reason the semantics name.

use rotunda_core::{
    Actor, Core, PageRequest, Rooms, account, ban, category, category::CategoryUpdate, category::NewCategory,
    channel, channel::CategoryInfo, channel::ChannelUpdate, channel::NewChannel, invite, layer_role, list,
    list::List, member, member_role, role, role::NewRole, role::RoleUpdate, server, server::NewServer,
};
use rotunda_model::{
    Accid, CategoryId, ChannelId, Place, Right, RoleId, ServerId,
    auths::AuthValue,
    channel::{ChannelKind, SyncMode, ViewMode},
    place::ListKind,
    server::InviteMode,
};
use rotunda_sfu::Command;
use serde_json::Value;
use sqlx::PgPool;

use super::support::{APP_KEY, Client, Community, OWNER, Server, actor, produce_audio};

/// What changes while ann is in a call and speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trigger {
    EveryoneLosesConnect,
    EveryoneLosesMicrophone,
    LosesItsRole,
    RoleIsDeleted,
    ChannelRoleDeniesConnect,
    ChannelRoleDeniesMicrophone,
    OverrideDeniesConnect,
    OverrideDeniesMicrophone,
    OverrideThatAllowedIsRemoved,
    OnTheBlackList,
    RoleOnTheBlackList,
    OffTheWhiteList,
    ChannelTurnsPrivate,
    CategoryTurnsPrivate,
    CategoryRoleDeniesConnect,
    CategoryOverrideDeniesMicrophone,
    CategoryListHides,
    SyncBegins,
    KickedFromTheServer,
    Banned,
    LeavesTheServer,
    AccountBlocked,
    ChannelDeleted,
    ServerDeleted,
}

use Trigger::*;

/// What ann and the media worker see of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Push 33 ADMIN_KICK, `OnKickOff` 2, the transport closed.
    Evicted,
    /// Push 41 of its own, the producer silenced; the seat stays.
    Cut,
    /// Push 51 CLOSE_BY_BACKEND, `OnKickOff` 1, the transport closed.
    Closed,
}

const TABLE: [(Trigger, Effect); 24] = [
    (EveryoneLosesConnect, Effect::Evicted),
    (EveryoneLosesMicrophone, Effect::Cut),
    (LosesItsRole, Effect::Evicted),
    (RoleIsDeleted, Effect::Evicted),
    (ChannelRoleDeniesConnect, Effect::Evicted),
    (ChannelRoleDeniesMicrophone, Effect::Cut),
    (OverrideDeniesConnect, Effect::Evicted),
    (OverrideDeniesMicrophone, Effect::Cut),
    (OverrideThatAllowedIsRemoved, Effect::Evicted),
    (OnTheBlackList, Effect::Evicted),
    (RoleOnTheBlackList, Effect::Evicted),
    (OffTheWhiteList, Effect::Evicted),
    (ChannelTurnsPrivate, Effect::Evicted),
    (CategoryTurnsPrivate, Effect::Evicted),
    (CategoryRoleDeniesConnect, Effect::Evicted),
    (CategoryOverrideDeniesMicrophone, Effect::Cut),
    (CategoryListHides, Effect::Evicted),
    (SyncBegins, Effect::Evicted),
    (KickedFromTheServer, Effect::Evicted),
    (Banned, Effect::Evicted),
    (LeavesTheServer, Effect::Evicted),
    (AccountBlocked, Effect::Evicted),
    (ChannelDeleted, Effect::Closed),
    (ServerDeleted, Effect::Closed),
];

/// A server of its own for each trigger, so that none finds what another left.
struct World<'a> {
    core: &'a Core,
    owner: Actor,
    ann: Actor,
    server: ServerId,
    category: CategoryId,
    channel: ChannelId,
    /// A role, ann's where that is what she loses.
    role: RoleId,
}

impl<'a> World<'a> {
    async fn make(core: &'a Core, community: &Community, trigger: Trigger) -> Self {
        let (owner, ann) = (actor(community.app, OWNER), actor(community.app, "ann"));
        let new = NewServer { name: "s".into(), invite_mode: InviteMode::NoConsent, ..Default::default() };
        let server = server::create(core, &owner, new).await.unwrap().id;
        invite::invite(core, &owner, server, &[accid()], "", None).await.unwrap();
        let named = NewCategory { name: "k".into(), ..Default::default() };
        let category = category::create(core, &owner, server, named).await.unwrap().id;
        let synced = matches!(
            trigger,
            CategoryTurnsPrivate
                | CategoryRoleDeniesConnect
                | CategoryOverrideDeniesMicrophone
                | CategoryListHides
        );
        let view_mode = if trigger == OffTheWhiteList { ViewMode::Private } else { ViewMode::Public };
        let new = NewChannel {
            kind: ChannelKind::Media,
            name: "c".into(),
            view_mode,
            category: Some(category),
            sync_mode: if synced { SyncMode::WithCategory } else { SyncMode::Own },
            ..Default::default()
        };
        let channel = channel::create(core, &owner, server, new).await.unwrap().id;
        let new = NewRole { name: "r".into(), ..Default::default() };
        let role = role::create(core, &owner, server, new).await.unwrap().id;
        // It holds every right its maker has, so only those have it who are to lose it.
        if matches!(trigger, LosesItsRole | RoleIsDeleted | RoleOnTheBlackList) {
            role::add_members(core, &owner, server, role, &[accid()]).await.unwrap();
        }
        let world = Self { core, owner, ann, server, category, channel, role };
        world.prepare(trigger).await;
        world
    }

    /// What must hold before, so that the trigger takes something away.
    async fn prepare(&self, trigger: Trigger) {
        match trigger {
            LosesItsRole | RoleIsDeleted => {
                self.everyone(Right::RTC_CONNECT, AuthValue::Deny).await;
                let auths = vec![(Right::RTC_CONNECT, AuthValue::Allow)];
                let update = RoleUpdate { auths, ..Default::default() };
                role::update(self.core, &self.owner, self.server, self.role, update).await.unwrap();
            }
            OverrideThatAllowedIsRemoved => {
                self.everyone(Right::RTC_CONNECT, AuthValue::Deny).await;
                self.override_in(Place::Channel(self.channel), Right::RTC_CONNECT, AuthValue::Allow).await;
            }
            OffTheWhiteList => {
                let white = self.list(Place::Channel(self.channel), ListKind::White);
                list::add_members(self.core, &self.owner, white, &[accid()]).await.unwrap();
            }
            SyncBegins => self.layer_in(Place::Category(self.category), Right::RTC_CONNECT).await,
            _ => {}
        }
    }

    async fn fire(&self, trigger: Trigger) {
        let (core, owner, server) = (self.core, &self.owner, self.server);
        let (here, above) = (Place::Channel(self.channel), Place::Category(self.category));
        match trigger {
            EveryoneLosesConnect => self.everyone(Right::RTC_CONNECT, AuthValue::Deny).await,
            EveryoneLosesMicrophone => self.everyone(Right::RTC_OPEN_MICROPHONE, AuthValue::Deny).await,
            LosesItsRole => {
                role::remove_members(core, owner, server, self.role, &[accid()]).await.unwrap();
            }
            RoleIsDeleted => role::delete(core, owner, server, self.role).await.unwrap(),
            ChannelRoleDeniesConnect => self.layer_in(here, Right::RTC_CONNECT).await,
            ChannelRoleDeniesMicrophone => self.layer_in(here, Right::RTC_OPEN_MICROPHONE).await,
            OverrideDeniesConnect => self.override_in(here, Right::RTC_CONNECT, AuthValue::Deny).await,
            OverrideDeniesMicrophone => {
                self.override_in(here, Right::RTC_OPEN_MICROPHONE, AuthValue::Deny).await;
            }
            OverrideThatAllowedIsRemoved => {
                let key = member_role::Key { server, place: here, accid: accid() };
                member_role::remove(core, owner, &key).await.unwrap();
            }
            OnTheBlackList => {
                let black = self.list(here, ListKind::Black);
                list::add_members(core, owner, black, &[accid()]).await.unwrap();
            }
            RoleOnTheBlackList => {
                list::add_role(core, owner, self.list(here, ListKind::Black), self.role).await.unwrap();
            }
            OffTheWhiteList => {
                let white = self.list(here, ListKind::White);
                list::remove_members(core, owner, white, &[accid()]).await.unwrap();
            }
            ChannelTurnsPrivate => {
                let update = ChannelUpdate { view_mode: Some(ViewMode::Private), ..Default::default() };
                channel::update(core, owner, self.channel, update).await.unwrap();
            }
            CategoryTurnsPrivate => {
                let update = CategoryUpdate { view_mode: Some(ViewMode::Private), ..Default::default() };
                category::update(core, owner, self.category, update).await.unwrap();
            }
            CategoryRoleDeniesConnect => self.layer_in(above, Right::RTC_CONNECT).await,
            CategoryOverrideDeniesMicrophone => {
                self.override_in(above, Right::RTC_OPEN_MICROPHONE, AuthValue::Deny).await;
            }
            CategoryListHides => {
                let black = self.list(above, ListKind::Black);
                list::add_members(core, owner, black, &[accid()]).await.unwrap();
            }
            SyncBegins => {
                let info = CategoryInfo { sync_mode: Some(SyncMode::WithCategory), ..Default::default() };
                channel::set_category(core, owner, self.channel, info).await.unwrap();
            }
            KickedFromTheServer => member::kick(core, owner, server, &[accid()]).await.unwrap(),
            Banned => ban::add(core, owner, server, &accid(), String::new()).await.unwrap(),
            LeavesTheServer => member::leave(core, &self.ann, server).await.unwrap(),
            AccountBlocked => account::set_disabled(core, APP_KEY, "ann", true).await.unwrap(),
            ChannelDeleted => channel::delete(core, owner, self.channel).await.unwrap(),
            ServerDeleted => server::delete(core, owner, server).await.unwrap(),
        }
    }

    async fn everyone(&self, right: Right, value: AuthValue) {
        let roles = role::list(self.core, &self.owner, self.server, 0, Some(1)).await.unwrap();
        let update = RoleUpdate { auths: vec![(right, value)], ..Default::default() };
        role::update(self.core, &self.owner, self.server, roles[0].role.id, update).await.unwrap();
    }

    /// Denies the right to @everyone in a place.
    async fn layer_in(&self, place: Place, right: Right) {
        let (core, owner, server) = (self.core, &self.owner, self.server);
        let roles = layer_role::page(core, owner, server, place, PageRequest::default()).await.unwrap();
        let auths = [(right, AuthValue::Deny)];
        layer_role::update(core, owner, server, place, roles[0].id, &auths).await.unwrap();
    }

    async fn override_in(&self, place: Place, right: Right, value: AuthValue) {
        let key = member_role::Key { server: self.server, place, accid: accid() };
        member_role::add(self.core, &self.owner, &key).await.unwrap();
        member_role::update(self.core, &self.owner, &key, &[(right, value)]).await.unwrap();
    }

    fn list(&self, place: Place, kind: ListKind) -> List {
        List { server: self.server, place, kind }
    }
}

fn accid() -> Accid {
    Accid::new("ann").unwrap()
}

#[sqlx::test(migrations = "../../migrations")]
async fn every_trigger_reaches_the_seated_with_its_reason(pool: PgPool) {
    let server = Server::start(&pool, 1).await;
    let community = Community::make(&server, &["ann"]).await;
    let mut ann = Client::new(&server, &community, "ann").await;
    for (trigger, effect) in TABLE {
        let world = World::make(&server.core, &community, trigger).await;
        ann.channel = world.channel;
        let mut push = ann.push_link().await;
        let entry = ann.enter(&server).await;
        let info = ann.info(&server, &entry).await;
        let (mut rtc, joined) = ann.try_join(&info, "engine").await;
        assert_eq!(joined["code"], 200, "{trigger:?}: {joined}");
        push.push_of(32).await;
        let produced = rtc.request("Produce", produce_audio(1_111, None)).await;
        assert_eq!(produced["code"], 200, "{trigger:?}: {produced}");
        push.push_of(40).await;
        server.table();

        world.fire(trigger).await;
        let (cmd, kick) = match effect {
            Effect::Evicted => (33, Some(2)),
            Effect::Cut => (41, None),
            Effect::Closed => (51, Some(1)),
        };
        let told = push.push().await;
        assert_eq!(told["cmd"], cmd, "{trigger:?}: {told}");
        let table = server.table();
        match effect {
            Effect::Evicted => {
                assert_eq!(told["data"]["members"][0]["reason"]["type"], "ADMIN_KICK", "{trigger:?}");
                assert!(matches!(table.as_slice(), [Command::CloseTransport(_)]), "{trigger:?}: {table:?}");
            }
            Effect::Cut => {
                assert_eq!(told["data"]["operatorMember"]["userUuid"], "ann", "{trigger:?}: no operator");
                let [Command::SetProducerActive(_, false)] = table.as_slice() else {
                    panic!("{trigger:?}: {table:?}")
                };
            }
            Effect::Closed => {
                assert_eq!(told["data"]["reason"], "CLOSE_BY_BACKEND", "{trigger:?}");
                assert!(matches!(table.as_slice(), [Command::CloseTransport(_)]), "{trigger:?}: {table:?}");
            }
        }
        match kick {
            Some(reason) => {
                let told = rtc.notification("OnKickOff").await;
                assert_eq!(told["externData"]["reason"], reason, "{trigger:?}");
                // Of a channel that is gone, the channel is what is missing.
                let void = if effect == Effect::Closed { 404 } else { 403 };
                assert_eq!(ann.try_join(&info, "engine").await.1["code"], void, "{trigger:?}: its token");
            }
            None => {
                let again =
                    rtc.request("Produce", produce_audio(1_111, Some(&produced["transportId"]))).await;
                assert_eq!(again["code"], 403, "{trigger:?}: {again}");
                assert_eq!(ann.code(&server, "DELETE", &ann.room("/members/ann"), &Value::Null).await, 0);
                push.push_of(33).await;
            }
        }
        if trigger == AccountBlocked {
            assert_eq!(ann.try_enter(&server).await["code"], 1027, "its token is of nobody now");
            account::set_disabled(&server.core, APP_KEY, "ann", false).await.unwrap();
        }
        server.table();
    }
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_blocked_account_is_not_seated_again_by_a_token_from_before_a_restart(pool: PgPool) {
    let first = Server::start(&pool, 1).await;
    let community = Community::make(&first, &["ann"]).await;
    let ann = Client::new(&first, &community, "ann").await;
    let entry = ann.enter(&first).await;
    let mut info = ann.info(&first, &entry).await;
    let (_socket, answer) = ann.try_join(&info, "engine").await;
    assert_eq!(answer["code"], 200);

    let second = Server::start(&pool, 2).await;
    info["ips"]["webrtcarray"] = serde_json::json!([format!("ws://{}/rtc/signal", second.address)]);
    account::set_disabled(&second.core, APP_KEY, "ann", true).await.unwrap();
    assert_eq!(ann.try_join(&info, "engine").await.1["code"], 403);
    assert!(second.gateway.rooms.online(community.channel).is_empty());
    // The refusal used nothing up.
    account::set_disabled(&second.core, APP_KEY, "ann", false).await.unwrap();
    assert_eq!(ann.try_join(&info, "engine").await.1["code"], 200);
}
