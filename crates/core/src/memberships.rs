//! Memberships in memory: which custom roles an online account has in a server, or that it is no member of it.
//!
//! Who is not online has no entry here, however large the server.
//!
//! # Why snapshot and entry fit together
//!
//! Roles of members change only in a [`crate::change::Change`], under the server's row lock. Just before its commit makes
//! version `v`, it raises [`Marks::changed`] to `v` and then removes the entries of the accounts it touches. What was read
//! from storage at version `w` becomes an entry only while `w >= changed`, asked under the lock of the account's shard.
//!
//! 1. An entry of version `e` holds at every version from `e` up to the newest one committed: a commit after `e` that
//!    touches the account has either raised `changed` before the entry came, and it was refused, or removes it later, and
//!    in both cases before that commit becomes visible to anybody.
//! 2. A reader takes a snapshot first, of version `s`, and then the entry. If `e <= s`, the roles are those of `s` by 1,
//!    because `s` is committed. If `e > s`, the snapshot is old, and the reader asks storage for both.
//! 3. [`Marks::floor`] voids entries of lower versions wholesale, for what touches accounts nobody listed: a deleted role,
//!    a commit of unknown outcome, another process. It is raised before the snapshot of that version is put, so whoever
//!    holds that snapshot sees it.
//! 4. An entry is kept only while the hub says, under the shard's lock, that the account is online; the hub forgets the
//!    last session before it calls [`Memberships::forget`], which takes that lock: so none outlives the session.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use parking_lot::Mutex;
use rotunda_model::{RoleId, ServerId, UserKey};

use crate::{Hub, change::Standing};

/// Parts with a lock each. More cost a few empty tables, fewer let unrelated accounts wait for each other.
const SHARDS: usize = 64;

/// Entries an account may have for servers that it is *not* in. More save queries of visitors and the curious, fewer
/// bound what one account can fill.
const FOREIGN_MAX: usize = 128;

/// Custom roles of one member.
pub(crate) type Roles = Arc<[RoleId]>;

/// What is known of the versions of one server's memberships.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Highest version that changes any membership, committed or about to be.
    changed: AtomicI64,
    /// Entries of lower versions are void.
    floor: AtomicI64,
    /// Highest version made here, or seen made elsewhere.
    seen: AtomicI64,
}

impl Marks {
    /// Storage was seen at that version, and its snapshot is not put yet. If another process made it, anything may have
    /// changed.
    pub(crate) fn observed(&self, version: i64) {
        if version > self.seen.load(SeqCst) {
            self.doubt(version);
            self.seen.fetch_max(version, SeqCst);
        }
    }

    /// The highest version that may be committed.
    pub(crate) fn seen(&self) -> i64 {
        self.seen.load(SeqCst)
    }

    /// That version may exist, with memberships changed in it that nobody knows.
    pub(crate) fn doubt(&self, version: i64) {
        self.changed.fetch_max(version, SeqCst);
        self.floor.fetch_max(version, SeqCst);
    }

    /// No higher version exists: ends doubts about one that did not come to be. Under the server's row lock.
    pub(crate) fn settled(&self, version: i64) {
        for mark in [&self.changed, &self.floor, &self.seen] {
            mark.fetch_min(version, SeqCst);
        }
    }
}

#[derive(Debug)]
struct Entry {
    server: ServerId,
    version: i64,
    /// `None`: not a member.
    roles: Option<Roles>,
}

/// By server.
#[derive(Debug, Default)]
struct Account(Vec<Entry>);

/// What the cache did since the start of the process, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipStats {
    /// Questions answered from memory.
    pub hits: u64,
    /// Questions that went to storage.
    pub misses: u64,
    /// Entries now: pairs of an online account and a server.
    pub entries: usize,
}

pub(crate) struct Memberships {
    shards: Vec<Mutex<HashMap<UserKey, Account>>>,
    hasher: RandomState,
    hits: AtomicU64,
    misses: AtomicU64,
    entries: AtomicUsize,
    counted: Counted,
}

/// The same numbers for the operator.
struct Counted {
    hits: metrics::Counter,
    misses: metrics::Counter,
    entries: metrics::Gauge,
}

impl Default for Memberships {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            entries: AtomicUsize::new(0),
            counted: Counted {
                hits: metrics::counter!("rotunda_memberships_asked_total", "from" => "memory"),
                misses: metrics::counter!("rotunda_memberships_asked_total", "from" => "storage"),
                entries: metrics::gauge!("rotunda_memberships"),
            },
        }
    }
}

impl Memberships {
    pub(crate) fn stats(&self) -> MembershipStats {
        MembershipStats {
            hits: self.hits.load(SeqCst),
            misses: self.misses.load(SeqCst),
            entries: self.entries.load(SeqCst),
        }
    }

    /// The account's standing at version `at` of the server, which must be committed. `None`: ask storage.
    pub(crate) fn get(&self, marks: &Marks, server: ServerId, at: i64, user: &UserKey) -> Option<Standing> {
        let floor = marks.floor.load(SeqCst);
        let roles = self.with(user, |accounts| {
            let entry = accounts.get(user)?.get(server)?;
            (floor..=at).contains(&entry.version).then(|| entry.roles.clone())
        });
        let (count, counted) = match roles {
            Some(_) => (&self.hits, &self.counted.hits),
            None => (&self.misses, &self.counted.misses),
        };
        count.fetch_add(1, SeqCst);
        counted.increment(1);
        roles.map(|roles| Standing::new(user.accid.clone(), roles))
    }

    /// Keeps what storage said at `version`, unless that may be out of date already or the account is not online.
    pub(crate) fn keep(
        &self,
        hub: &dyn Hub,
        marks: &Marks,
        server: ServerId,
        version: i64,
        user: &UserKey,
        roles: Option<Roles>,
    ) {
        let grown = self.with(user, |accounts| {
            if version < marks.changed.load(SeqCst) || !hub.is_online(user) {
                return 0;
            }
            accounts.entry(user.clone()).or_default().put(Entry { server, version, roles })
        });
        self.count(grown, 0);
    }

    /// A commit is about to make `version`, in which the memberships of `touched` change, or (`all`) those of anybody.
    pub(crate) fn changing<'a>(
        &self,
        marks: &Marks,
        server: ServerId,
        version: i64,
        touched: impl Iterator<Item = &'a UserKey>,
        all: bool,
    ) {
        marks.seen.fetch_max(version, SeqCst);
        if all {
            marks.doubt(version);
        }
        for user in touched {
            marks.changed.fetch_max(version, SeqCst);
            let shrunk = self.with(user, |accounts| {
                let Some(account) = accounts.get_mut(user) else { return 0 };
                let removed = account.remove(server);
                if account.0.is_empty() {
                    accounts.remove(user);
                }
                removed
            });
            self.count(0, shrunk);
        }
    }

    /// The account's last session ended.
    pub(crate) fn forget(&self, user: &UserKey) {
        let removed = self.with(user, |accounts| accounts.remove(user));
        self.count(0, removed.map_or(0, |account| account.0.len()));
    }

    fn with<T>(&self, user: &UserKey, act: impl FnOnce(&mut HashMap<UserKey, Account>) -> T) -> T {
        let hash = self.hasher.hash_one(user);
        let at = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        match self.shards.get(at) {
            Some(shard) => act(&mut shard.lock()),
            None => act(&mut HashMap::new()),
        }
    }

    fn count(&self, grown: usize, shrunk: usize) {
        if grown == shrunk {
            return;
        }
        self.entries.fetch_add(grown, SeqCst);
        self.entries.fetch_sub(shrunk, SeqCst);
        self.counted.entries.set(self.entries.load(SeqCst) as f64);
    }
}

impl Account {
    fn get(&self, server: ServerId) -> Option<&Entry> {
        let at = self.0.binary_search_by_key(&server, |entry| entry.server).ok()?;
        self.0.get(at)
    }

    /// The newer of two stays. Returns how many entries were added.
    fn put(&mut self, new: Entry) -> usize {
        match self.0.binary_search_by_key(&new.server, |entry| entry.server) {
            Ok(at) => {
                if let Some(old) = self.0.get_mut(at).filter(|old| old.version < new.version) {
                    *old = new;
                }
                0
            }
            Err(_) if new.roles.is_none() && self.foreign() >= FOREIGN_MAX => 0,
            Err(at) => {
                self.0.insert(at, new);
                1
            }
        }
    }

    fn foreign(&self) -> usize {
        self.0.iter().filter(|entry| entry.roles.is_none()).count()
    }

    /// Returns how many entries were removed.
    fn remove(&mut self, server: ServerId) -> usize {
        let Ok(at) = self.0.binary_search_by_key(&server, |entry| entry.server) else { return 0 };
        self.0.remove(at);
        1
    }
}

#[cfg(test)]
mod tests;
