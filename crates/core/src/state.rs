//! The core itself: store, surroundings, configuration, ports.

use std::{
    fmt,
    sync::{Arc, OnceLock, Weak},
};

use arc_swap::ArcSwap;
use rotunda_model::RightSet;
use rotunda_store::Store;

use crate::{
    Callbacks, Env, Error, Hub, Keys, Rooms,
    custom_right::CustomRights,
    env::IdGenerator,
    event,
    memberships::{MembershipStats, Memberships},
    rules::RulesCache,
    visitor::Visitors,
};

/// Caps of the vendor's table (semantics 1.10); each is a count.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Servers an account may be in. More costs a longer login and more index entries.
    pub servers_per_account: u32,
    pub channels_per_server: u32,
    /// The vendor names no number; as many as channels, for a category without one serves nobody.
    pub categories_per_server: u32,
    pub members_per_server: u32,
    /// Custom roles. The evaluation folds them all for members who hold them all.
    pub roles_per_server: u32,
    /// Members on a black or white list of a channel or category. All of them are in the server's snapshot.
    pub members_per_list: u32,
    /// Roles on such a list.
    pub roles_per_list: u32,
    /// Members with an override in a channel or category. The vendor names no number; as many as on a list, for all of
    /// them are in the server's snapshot too.
    pub overrides_per_place: u32,
    pub devices_per_account: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            servers_per_account: 100,
            channels_per_server: 100,
            categories_per_server: 100,
            members_per_server: 500_000,
            roles_per_server: 20,
            members_per_list: 1_000,
            roles_per_list: 20,
            overrides_per_place: 1_000,
            devices_per_account: 10,
        }
    }
}

#[derive(Debug)]
pub struct CoreConfig {
    /// What @everyone of a new server allows; see [`CoreConfig::EVERYONE_DEFAULTS`].
    pub everyone_defaults: RightSet,
    /// At the start; see [`Core::set_limits`].
    pub limits: Limits,
    pub keys: Keys,
    /// `compat.open_queries`: queries by id answer also for what the caller cannot see, as the vendor's do.
    pub open_queries: bool,
    /// Lifetime of a 25_1 token, in seconds.
    pub media_token_secs: i64,
}

impl CoreConfig {
    /// Allowed to @everyone unless configured: 4, 5, 6, 11, 15, 17, 18, 23.
    pub const EVERYONE_DEFAULTS: RightSet =
        RightSet::from_bits(1 << 4 | 1 << 5 | 1 << 6 | 1 << 11 | 1 << 15 | 1 << 17 | 1 << 18 | 1 << 23);

    pub fn new(keys: Keys) -> Self {
        Self {
            everyone_defaults: Self::EVERYONE_DEFAULTS,
            limits: Limits::default(),
            keys,
            open_queries: false,
            media_token_secs: crate::media::MEDIA_TOKEN_SECONDS,
        }
    }
}

/// Cheap to clone; every clone is the same core.
#[derive(Clone)]
pub struct Core {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    env: Env,
    config: CoreConfig,
    limits: ArcSwap<Limits>,
    ids: IdGenerator,
    rules: RulesCache,
    memberships: Memberships,
    visitors: Visitors,
    custom_rights: CustomRights,
    // The ports hold this core: weak, so that neither keeps the other for ever.
    hub: OnceLock<Weak<dyn Hub>>,
    rooms: OnceLock<Weak<dyn Rooms>>,
    callbacks: OnceLock<Arc<dyn Callbacks>>,
    outbox: tokio::sync::Notify,
    events: event::Waiting,
    events_written: tokio::sync::Notify,
}

impl Core {
    /// Takes a node number and the highest id from Postgres; migrations must have run ([`Store::migrate`]).
    pub async fn open(store: Store, env: Env, config: CoreConfig) -> Result<Self, Error> {
        let start = store.start().await?;
        let ids = IdGenerator::new(start.node, start.highest_id);
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                env,
                limits: ArcSwap::from_pointee(config.limits),
                config,
                ids,
                rules: RulesCache::default(),
                memberships: Memberships::default(),
                visitors: Visitors::default(),
                custom_rights: CustomRights::default(),
                hub: OnceLock::new(),
                rooms: OnceLock::new(),
                callbacks: OnceLock::new(),
                outbox: tokio::sync::Notify::new(),
                events: event::Waiting::default(),
                events_written: tokio::sync::Notify::new(),
            }),
        })
    }

    /// Once, before the first session. A second call changes nothing. The caller keeps them alive.
    pub fn set_ports(&self, hub: Arc<dyn Hub>, rooms: Arc<dyn Rooms>) {
        let _ = self.inner.hub.set(Arc::downgrade(&hub));
        let _ = self.inner.rooms.set(Arc::downgrade(&rooms));
        self.inner.outbox.notify_one();
    }

    /// Once, before the first session. Without it no app's server answers.
    pub fn set_callbacks(&self, callbacks: Arc<dyn Callbacks>) {
        let _ = self.inner.callbacks.set(callbacks);
    }

    pub fn env(&self) -> &Env {
        &self.inner.env
    }

    pub fn config(&self) -> &CoreConfig {
        &self.inner.config
    }

    pub fn limits(&self) -> Limits {
        **self.inner.limits.load()
    }

    /// From now on. What there is more of already stays.
    pub fn set_limits(&self, limits: Limits) {
        self.inner.limits.store(Arc::new(limits));
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn hub(&self) -> Option<Arc<dyn Hub>> {
        self.inner.hub.get().and_then(Weak::upgrade)
    }

    pub(crate) fn rooms(&self) -> Option<Arc<dyn Rooms>> {
        self.inner.rooms.get().and_then(Weak::upgrade)
    }

    pub(crate) fn callbacks(&self) -> Option<&dyn Callbacks> {
        self.inner.callbacks.get().map(Arc::as_ref)
    }

    pub(crate) fn outbox_signal(&self) -> &tokio::sync::Notify {
        &self.inner.outbox
    }

    pub(crate) fn event_signal(&self) -> &tokio::sync::Notify {
        &self.inner.events_written
    }

    pub(crate) fn waiting_events(&self) -> &event::Waiting {
        &self.inner.events
    }

    pub(crate) fn rules(&self) -> &RulesCache {
        &self.inner.rules
    }

    pub(crate) fn custom_rights(&self) -> &CustomRights {
        &self.inner.custom_rights
    }

    pub(crate) fn memberships(&self) -> &Memberships {
        &self.inner.memberships
    }

    /// How often roles of accounts were in memory, and how many are there.
    pub fn membership_stats(&self) -> MembershipStats {
        self.memberships().stats()
    }

    pub(crate) fn visitors(&self) -> &Visitors {
        &self.inner.visitors
    }

    /// A fresh id of any kind.
    pub(crate) fn next_id<T: TryFrom<i64>>(&self) -> Result<T, Error> {
        T::try_from(self.inner.ids.next(self.env().now()))
            .map_err(|_| Error::Internal("the id generator ran out"))
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").finish_non_exhaustive()
    }
}
