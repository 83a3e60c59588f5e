//! Permission snapshots: one per server, built from storage, swapped at commit.

use std::{collections::HashMap, fmt, sync::Arc};

use arc_swap::ArcSwap;
use parking_lot::RwLock;
use rotunda_model::{Accid, AppId, Auths, ListKind, Place, ServerId, UserKey, role::RoleKind};
use rotunda_permissions::{CategoryRules, ChannelRules, Layer, Lists, RoleRules, Snapshot};
use rotunda_store::{
    StoreError,
    rules::{Rules, Who},
};

use crate::{
    Core, Error,
    change::Standing,
    memberships::{Marks, Roles},
};

/// How often roles and rules are read again when a commit came between the two. More tries would hold a reader up
/// under a storm of edits; fewer would refuse it.
pub(crate) const STANDING_TRIES: u32 = 16;

/// What is known of one server's rules.
#[derive(Debug, Clone)]
enum Known {
    Unread,
    Live {
        app: AppId,
        snapshot: Arc<Snapshot>,
    },
    /// Deleted. Stays, so that a reader who began earlier cannot bring it back.
    Gone,
}

impl Known {
    fn version(&self) -> i64 {
        match self {
            Self::Unread => 0,
            Self::Live { snapshot, .. } => snapshot.version,
            Self::Gone => i64::MAX,
        }
    }
}

/// One server in memory.
pub(crate) struct Slot {
    known: ArcSwap<Known>,
    pub marks: Marks,
}

/// Snapshots by server. A reader takes no lock that a writer of rules holds: the map's lock guards only its shape.
#[derive(Default)]
pub(crate) struct RulesCache {
    servers: RwLock<HashMap<ServerId, Arc<Slot>>>,
}

impl fmt::Debug for RulesCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulesCache").finish_non_exhaustive()
    }
}

impl RulesCache {
    fn get(&self, server: ServerId) -> Option<Arc<Slot>> {
        self.servers.read().get(&server).cloned()
    }

    /// Of a server that exists: what is made here stays.
    pub(crate) fn slot(&self, server: ServerId) -> Arc<Slot> {
        self.get(server).unwrap_or_else(|| {
            let empty =
                || Arc::new(Slot { known: ArcSwap::from_pointee(Known::Unread), marks: Marks::default() });
            Arc::clone(self.servers.write().entry(server).or_insert_with(empty))
        })
    }

    /// The newer of what is there and what comes stays.
    fn put(&self, server: ServerId, known: Known) {
        let known = Arc::new(known);
        let slot = self.slot(server);
        slot.known
            .rcu(|old| if old.version() < known.version() { Arc::clone(&known) } else { Arc::clone(old) });
    }

    /// Rules that a commit of this process made.
    pub(crate) fn put_live(&self, app: AppId, snapshot: Arc<Snapshot>) {
        self.put(snapshot.server, Known::Live { app, snapshot });
    }

    /// Rules that were read from storage: perhaps a commit of another process.
    pub(crate) fn put_read(&self, app: AppId, snapshot: Arc<Snapshot>) {
        self.slot(snapshot.server).marks.observed(snapshot.version);
        self.put_live(app, snapshot);
    }

    pub(crate) fn put_gone(&self, server: ServerId) {
        self.put(server, Known::Gone);
    }

    /// Newest version known; 0 when nothing is.
    pub(crate) fn version(&self, server: ServerId) -> i64 {
        self.get(server).map_or(0, |slot| slot.known.load().version())
    }

    /// What is cached, of whatever app.
    pub(crate) fn cached(&self, server: ServerId) -> Option<Arc<Snapshot>> {
        match self.get(server)?.known.load().as_ref() {
            Known::Live { snapshot, .. } => Some(Arc::clone(snapshot)),
            Known::Unread | Known::Gone => None,
        }
    }
}

impl Core {
    /// The server's rules, from memory or else from storage. `None`: no such server in the app.
    pub(crate) async fn snapshot(
        &self,
        app: AppId,
        server: ServerId,
    ) -> Result<Option<Arc<Snapshot>>, Error> {
        if let Some(slot) = self.rules().get(server) {
            match slot.known.load().as_ref() {
                Known::Live { app: of, snapshot } if *of == app => return Ok(Some(Arc::clone(snapshot))),
                Known::Live { .. } | Known::Gone => return Ok(None),
                Known::Unread => {}
            }
        }
        let of = self.refresh(server).await?;
        Ok(self.rules().cached(server).filter(|_| of == Some(app)))
    }

    /// Rules, and how each of `accids` stands in the order asked, of one and the same version. Roles of who is online
    /// come from memory.
    ///
    /// Errors: 404 no such server in the app; 503 when every try was overtaken by a commit.
    pub(crate) async fn standings(
        &self,
        app: AppId,
        server: ServerId,
        accids: &[Accid],
    ) -> Result<(Arc<Snapshot>, Vec<Standing>), Error> {
        for _ in 0..STANDING_TRIES {
            let snapshot = self.snapshot(app, server).await?.ok_or(Error::NotFound("server"))?;
            let slot = self.rules().slot(server);
            let user = |accid: &Accid| UserKey { app, accid: accid.clone() };
            let known = |accid| {
                self.memberships().get(&slot.marks, server, snapshot.version, &user(accid)).ok_or(accid)
            };
            let mut standings: Vec<Result<Standing, &Accid>> = accids.iter().map(known).collect();
            let missing: Vec<Accid> =
                standings.iter().filter_map(|found| found.as_ref().err().copied().cloned()).collect();
            if !missing.is_empty() {
                let read = rotunda_store::member::standings_at(self.store().pool(), server, &missing).await?;
                let (version, roles) = read.ok_or(Error::NotFound("server"))?;
                let roles: HashMap<Accid, Roles> =
                    roles.into_iter().map(|(accid, roles)| (accid, Roles::from(roles))).collect();
                if let Some(hub) = self.hub() {
                    for accid in &missing {
                        let roles = roles.get(accid).cloned();
                        self.memberships().keep(
                            hub.as_ref(),
                            &slot.marks,
                            server,
                            version,
                            &user(accid),
                            roles,
                        );
                    }
                }
                if version > snapshot.version {
                    self.refresh(server).await?;
                }
                if version != snapshot.version {
                    continue;
                }
                for found in &mut standings {
                    if let Err(accid) = found {
                        *found = Ok(Standing::new(accid.clone(), roles.get(*accid).cloned()));
                    }
                }
            }
            return Ok((snapshot, standings.into_iter().flatten().collect()));
        }
        Err(Error::Busy("the server's rules change too fast"))
    }

    /// Waits until memory shows every commit of the server that is visible in storage now.
    pub(crate) async fn catch_up(&self, server: ServerId) -> Result<(), Error> {
        let Some(slot) = self.rules().get(server) else { return Ok(()) };
        if slot.known.load().version() < slot.marks.seen() {
            self.refresh(server).await?;
        }
        Ok(())
    }

    /// Reads a server's rules into the cache; the app it belongs to. `None`: no such server.
    pub(crate) async fn refresh(&self, server: ServerId) -> Result<Option<AppId>, Error> {
        let mut tx = self.store().begin_read().await?;
        let loaded = rotunda_store::rules::load(&mut tx, server).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let Some(rules) = loaded else { return Ok(None) };
        let app = rules.app;
        self.rules().put_read(app, Arc::new(build(rules)?));
        Ok(Some(app))
    }
}

/// Rows to snapshot. Errors: rows without @everyone.
pub fn build(rules: Rules) -> Result<Snapshot, StoreError> {
    let everyone = rules.roles.iter().find(|role| role.kind == RoleKind::Everyone);
    let everyone = everyone.ok_or(StoreError::Row { column: "server_roles without @everyone" })?;
    let mut snapshot =
        Snapshot::new(rules.server, rules.version, rules.owner, everyone.id, everyone.auths.clone());
    let everyone = everyone.id;
    for role in rules.roles.iter().filter(|role| role.kind == RoleKind::Custom) {
        let rules = RoleRules { priority: role.priority, auths: role.auths.clone() };
        snapshot.put_role(role.id, rules);
    }
    for category in &rules.categories {
        let lists = Lists { view_mode: category.view_mode, ..Lists::default() };
        snapshot.put_category(category.id, CategoryRules { layer: Layer::default(), lists });
    }
    for channel in &rules.channels {
        let lists = Lists { view_mode: channel.view_mode, ..Lists::default() };
        let rules = ChannelRules {
            layer: Layer::default(),
            lists,
            visitor_mode: channel.visitor_mode,
            category: channel.category,
            sync: channel.sync_mode,
        };
        snapshot.put_channel(channel.id, rules);
    }
    for role in rules.layer_roles {
        let Some((layer, _)) = place_mut(&mut snapshot, role.place) else { continue };
        if role.server_role == everyone {
            layer.everyone = role.auths;
        } else {
            layer.roles.put(role.server_role, role.auths);
        }
    }
    for entry in rules.overrides {
        if let Some((layer, _)) = place_mut(&mut snapshot, entry.place) {
            layer.members.put(entry.accid, entry.auths);
        }
    }
    for listed in rules.listed {
        let Some((_, lists)) = place_mut(&mut snapshot, listed.place) else { continue };
        let list = match listed.kind {
            ListKind::White => &mut lists.white,
            ListKind::Black => &mut lists.black,
        };
        match listed.who {
            Who::Member(accid) => drop(list.members.put(accid, ())),
            Who::Role(role) => drop(list.roles.put(role, ())),
        }
    }
    Ok(snapshot)
}

fn place_mut(snapshot: &mut Snapshot, place: Place) -> Option<(&mut Layer, &mut Lists)> {
    match place {
        Place::Channel(id) => snapshot.channel_mut(id).map(|rules| (&mut rules.layer, &mut rules.lists)),
        Place::Category(id) => snapshot.category_mut(id).map(|rules| (&mut rules.layer, &mut rules.lists)),
    }
}

/// What @everyone of a new server says: every built-in right allowed or denied.
pub(crate) fn everyone_auths(allowed: rotunda_model::RightSet) -> Auths {
    use rotunda_model::{AuthValue, Right};
    let value = |right| if allowed.has(right) { AuthValue::Allow } else { AuthValue::Deny };
    Right::BUILT_IN.into_iter().map(|right| (right, value(right))).collect()
}
