//! Servers (服务器).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rotunda_model::{
    AppId, Auths, Millis, RightSet, RoleId, ServerId,
    notification::{Audience, Fact},
    role::{RoleKind, ServerRole},
    server::{ApplyMode, InviteMode, Member, Server},
};
use rotunda_permissions::{Snapshot, guard};
use rotunda_store::{server as store, server::Locked};

use crate::{
    Actor, Core, Error,
    change::{Change, Standing},
    page::{Page, PageRequest},
    rules, text,
};

/// What 24_31 carries.
#[derive(Debug, Clone, Default)]
pub struct NewServer {
    pub name: String,
    pub icon: String,
    pub ext: String,
    pub invite_mode: InviteMode,
    pub apply_mode: ApplyMode,
    pub search_type: i32,
    /// The SDK sends it always, 1 unless the app said otherwise (nim-web-sdk-ng 0.17.2 and 10.8.1).
    pub search_enabled: bool,
}

/// What the @everyone role is called; clients show their own word for it.
const EVERYONE: &str = "everyone";

/// 24_31. The creator becomes owner and first member; @everyone comes with the server. Notifies 5 and 32.
///
/// Errors: 419 the account is in too many servers; 405, 414 unfit texts.
pub async fn create(core: &Core, actor: &Actor, new: NewServer) -> Result<Server, Error> {
    text::name("server name", &new.name)?;
    text::bytes("icon", &new.icon, text::ICON_MAX)?;
    text::bytes("ext", &new.ext, text::EXT_MAX)?;
    if new.name.is_empty() {
        return Err(Error::Parameter("an empty server name"));
    }
    if new.search_type < 0 {
        return Err(Error::Parameter("searchType"));
    }
    let app = actor.user.app;
    let owner = &actor.user.accid;
    let mut tx = core.store().begin().await?;
    if !rotunda_store::account::lock_app(&mut tx, app).await? {
        return Err(Error::NotFound("app"));
    }
    let newest = store::newest(&mut *tx, app).await?;
    let created = core.env().now().max(newest.map_or(Millis(0), |newest| newest.plus(1)));
    let counts =
        rotunda_store::account::lock_and_count_servers(&mut tx, app, std::slice::from_ref(owner)).await?;
    let (_, count) = counts.first().ok_or(Error::NotFound("account"))?;
    let max = core.limits().servers_per_account;
    if *count >= max {
        return Err(Error::OverLimit { what: "servers of an account", max });
    }
    let server = Server {
        id: core.next_id()?,
        app,
        name: new.name,
        icon: new.icon,
        ext: new.ext,
        owner: owner.clone(),
        invite_mode: new.invite_mode,
        apply_mode: new.apply_mode,
        search_type: new.search_type,
        search_enabled: new.search_enabled,
        reorder_weight: 0,
        member_count: 1,
        channel_count: 0,
        category_count: 0,
        created,
        updated: created,
        version: 1,
    };
    store::insert(&mut *tx, &server).await?;
    let everyone: RoleId = core.next_id()?;
    let auths = rules::everyone_auths(core.config().everyone_defaults);
    let before = Snapshot::new(server.id, 1, owner.clone(), everyone, auths.clone());
    let locked = Locked { server, last_time: created, outbox_seq: 0 };
    let mut change = Change::over(core, actor, tx, locked, Arc::new(before));

    let joined = change.tick();
    let member = first_member(&change, joined);
    rotunda_store::member::insert(&mut *change.tx, app, &member).await?;
    let role = everyone_role(change.server(), everyone, auths, change.tick());
    rotunda_store::role::insert(&mut *change.tx, &role).await?;

    change.joined(owner);
    let server = change.entity();
    let fact = Fact::ServerCreate { server: server.clone() };
    change.notify(Audience::ServerAccounts(vec![owner.clone()]), fact);
    change.notify_entered(owner);
    change.commit().await?;
    Ok(server)
}

fn first_member(change: &Change, joined: Millis) -> Member {
    Member {
        server: change.server(),
        accid: change.actor.user.accid.clone(),
        nick: String::new(),
        avatar: String::new(),
        ext: String::new(),
        is_owner: true,
        inviter: None,
        joined,
        created: joined,
        updated: joined,
    }
}

fn everyone_role(server: ServerId, id: RoleId, auths: Auths, created: Millis) -> ServerRole {
    ServerRole {
        id,
        server,
        name: EVERYONE.to_owned(),
        icon: String::new(),
        ext: String::new(),
        auths,
        kind: RoleKind::Everyone,
        member_count: -1,
        priority: 0,
        created,
        updated: created,
    }
}

/// 24_32. Everything below it goes; seated members are put out. Notifies 6 to every subscriber, 32 to every member who
/// is online.
///
/// Errors: 404; 403 not the owner.
pub async fn delete(core: &Core, actor: &Actor, server: ServerId) -> Result<(), Error> {
    let mut change = Change::begin(core, actor, server).await?;
    let standing = change.actor_standing().await?;
    guard::delete_server(&change.before, &standing.subject())?;
    let channels: Vec<_> = change.before.channels().map(|(channel, _)| channel).collect();
    store::delete(&mut *change.tx, server).await?;
    for channel in channels {
        change.closed(channel);
    }
    change.gone();
    change.notify(Audience::Server { also: Vec::new() }, Fact::ServerRemove);
    let left = Fact::ServerEnterLeave { entered: false, server: None };
    let also = core.hub().map_or_else(Vec::new, |hub| hub.online_members(actor.user.app, server));
    change.notify(Audience::Server { also }, left);
    change.commit().await
}

/// 24_34. Missing ones are left out. Those the caller is not in come without ext, unless `open_queries`.
pub async fn by_ids(core: &Core, actor: &Actor, ids: &[ServerId]) -> Result<Vec<Server>, Error> {
    text::batch("more than 100 servers at once", ids)?;
    let db = core.store().pool();
    let mut servers = store::by_ids(db, actor.user.app, ids).await?;
    if !core.config().open_queries {
        let own = rotunda_store::member::among(db, actor.user.app, &actor.user.accid, ids).await?;
        for server in servers.iter_mut().filter(|server| !own.contains(&server.id)) {
            server.ext.clear();
        }
    }
    servers.sort_by_key(|server| ids.iter().position(|id| *id == server.id));
    Ok(servers)
}

/// As an app's backend sees them, which is no member: all of them, with everything.
///
/// Errors: 414 none or more than 100.
pub async fn of_app(core: &Core, app: AppId, ids: &[ServerId]) -> Result<Vec<Server>, Error> {
    text::batch("more than 100 servers at once", ids)?;
    let mut servers = store::by_ids(core.store().pool(), app, ids).await?;
    servers.sort_by_key(|server| ids.iter().position(|id| *id == server.id));
    Ok(servers)
}

/// 24_35: the servers the caller is in, newest first.
pub async fn page(core: &Core, actor: &Actor, request: PageRequest) -> Result<Page<Server>, Error> {
    let limit = request.limit()?;
    let servers = store::page(core.store().pool(), &actor.user, request.before()?, limit + 1).await?;
    request.cut(servers, |server| server.created)
}

/// All rights of the caller in the server, and the rules' version. Errors: 404.
pub async fn rights(core: &Core, actor: &Actor, server: ServerId) -> Result<(RightSet, i64), Error> {
    let (snapshot, standing) = view(core, actor.user.app, server, actor).await?;
    Ok((snapshot.server_rights(&standing.subject()), snapshot.version))
}

/// Whether the rules in memory are those in storage: for tests, and for who suspects they are not. True when nothing
/// is in memory. Errors: 503 when commits keep coming in between.
pub async fn rules_agree(core: &Core, server: ServerId) -> Result<bool, Error> {
    for _ in 0..8 {
        let Some(cached) = core.rules().cached(server) else { return Ok(true) };
        let mut tx = core.store().begin_read().await?;
        let stored = rotunda_store::rules::load(&mut tx, server).await?.map(rules::build).transpose()?;
        match stored {
            Some(stored) if stored.version == cached.version => return Ok(stored == *cached),
            _ => tokio::task::yield_now().await,
        }
    }
    Err(Error::Busy("the server's rules change too fast"))
}

/// The rules and the caller's standing, for reading. Errors: 404 no such server in the app.
pub(crate) async fn view(
    core: &Core,
    app: AppId,
    server: ServerId,
    actor: &Actor,
) -> Result<(Arc<Snapshot>, Standing), Error> {
    let accid = &actor.user.accid;
    let (snapshot, mut found) = core.standings(app, server, std::slice::from_ref(accid)).await?;
    let mut standing = found.pop().unwrap_or_else(|| Standing::new(accid.clone(), None));
    standing.visitor = !standing.is_member() && core.visitors().has(&actor.user, server);
    Ok((snapshot, standing))
}

/// The views of several servers; those that do not exist in the actor's app are left out.
pub(crate) async fn views(
    core: &Core,
    actor: &Actor,
    servers: impl Iterator<Item = ServerId>,
) -> Result<BTreeMap<ServerId, (Arc<Snapshot>, Standing)>, Error> {
    let distinct: BTreeSet<ServerId> = servers.collect();
    let mut views = BTreeMap::new();
    for server in distinct {
        match view(core, actor.user.app, server, actor).await {
            Ok(found) => drop(views.insert(server, found)),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(views)
}
