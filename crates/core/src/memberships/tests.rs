//! The argument of the module, tried with real threads over a storage that is a vector.

use std::{
    sync::atomic::{AtomicBool, AtomicI64},
    thread,
};

use rotunda_model::{Accid, AppId, notification::Notification};

use super::*;
use crate::Membership;

const ACCOUNTS: usize = 4;
const ROUNDS: usize = 20_000;

#[derive(Default)]
struct Sessions([AtomicBool; ACCOUNTS]);

impl Hub for Sessions {
    fn subscribers(&self, _: AppId, _: ServerId) -> Vec<Accid> {
        Vec::new()
    }

    fn online_members(&self, _: AppId, _: ServerId) -> Vec<Accid> {
        Vec::new()
    }

    fn is_online(&self, user: &UserKey) -> bool {
        (0..ACCOUNTS).any(|n| self::user(n) == *user && self.0[n].load(SeqCst))
    }

    fn deliver(&self, _: &UserKey, _: &Arc<Notification>) -> usize {
        0
    }

    fn joined(&self, _: &UserKey, _: Membership) {}

    fn subscribed(&self, _: &UserKey, _: Membership) {}

    fn left(&self, _: &UserKey, _: ServerId) {}

    fn kick(&self, _: &UserKey, _: u8, _: &str) {}
}

fn user(n: usize) -> UserKey {
    UserKey { app: AppId::new(1).unwrap(), accid: Accid::new(&format!("user{n}")).unwrap() }
}

fn server() -> ServerId {
    ServerId::new(1).unwrap()
}

/// Any number but 0: one role of that id. 0: not a member.
fn roles(n: i64) -> Option<Roles> {
    RoleId::new(n).map(|role| Roles::from([role]))
}

/// Committed states by version.
type Storage = Mutex<Vec<[i64; ACCOUNTS]>>;

struct World {
    cache: Memberships,
    marks: Marks,
    sessions: Sessions,
    storage: Storage,
    row: Mutex<()>,
    snapshot: AtomicI64,
}

/// A small generator: each thread has its own, seeded by its number.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

impl World {
    fn new() -> Self {
        Self {
            cache: Memberships::default(),
            marks: Marks::default(),
            sessions: Sessions::default(),
            storage: Mutex::new(vec![[0; ACCOUNTS]]),
            row: Mutex::default(),
            snapshot: AtomicI64::new(0),
        }
    }

    fn read(&self) -> (i64, [i64; ACCOUNTS]) {
        let storage = self.storage.lock();
        (i64::try_from(storage.len()).unwrap() - 1, *storage.last().unwrap())
    }

    fn ask(&self, n: usize) {
        let at = self.snapshot.load(SeqCst);
        if let Some(standing) = self.cache.get(&self.marks, server(), at, &user(n)) {
            let stored = self.storage.lock()[usize::try_from(at).unwrap()][n];
            assert_eq!(standing.roles, roles(stored), "version {at}");
            return;
        }
        let (version, stored) = self.read();
        thread::yield_now();
        self.cache.keep(&self.sessions, &self.marks, server(), version, &user(n), roles(stored[n]));
    }

    fn change(&self, dice: &mut Dice) {
        let row = self.row.lock();
        let (version, mut state) = self.read();
        let version = version + 1;
        let n = dice.roll(ACCOUNTS);
        state[n] = i64::try_from(dice.roll(5)).unwrap();
        let listed = dice.roll(8) > 0;
        let touched = [user(n)];
        let touched = touched.iter().filter(|_| listed);
        match dice.roll(16) {
            // Another process.
            0 => {
                self.storage.lock().push(state);
                self.marks.observed(version);
            }
            // A connection lost before the commit.
            1 => {
                self.cache.changing(&self.marks, server(), version, touched, !listed);
                self.marks.doubt(version);
                drop(row);
                thread::yield_now();
                let _row = self.row.lock();
                self.marks.settled(self.read().0);
                return;
            }
            _ => {
                self.cache.changing(&self.marks, server(), version, touched, !listed);
                thread::yield_now();
                self.storage.lock().push(state);
                drop(row);
            }
        }
        thread::yield_now();
        self.snapshot.fetch_max(version, SeqCst);
    }

    fn come_and_go(&self, n: usize) {
        let online = &self.sessions.0[n];
        if online.fetch_xor(true, SeqCst) {
            self.cache.forget(&user(n));
        }
    }
}

#[test]
fn what_memory_says_was_committed_with_the_snapshot() {
    let world = World::new();
    for online in &world.sessions.0 {
        online.store(true, SeqCst);
    }
    thread::scope(|scope| {
        for seed in 1..=6 {
            let world = &world;
            scope.spawn(move || {
                let mut dice = Dice(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
                for _ in 0..ROUNDS {
                    match (seed, dice.roll(50)) {
                        (1 | 2, 0..10) => world.change(&mut dice),
                        (3, 0) => world.come_and_go(dice.roll(ACCOUNTS)),
                        _ => world.ask(dice.roll(ACCOUNTS)),
                    }
                }
            });
        }
    });
    let stats = world.cache.stats();
    assert!(stats.hits > 1_000 && stats.misses > 1_000, "{stats:?}");
    for (n, online) in world.sessions.0.iter().enumerate() {
        if online.load(SeqCst) {
            world.ask(n);
            world.ask(n);
            world.come_and_go(n);
        }
    }
    assert_eq!(world.cache.stats().entries, 0, "of who is away nothing is held");
}

#[test]
fn one_account_does_not_fill_the_memory() {
    let world = World::new();
    world.sessions.0[0].store(true, SeqCst);
    let foreign = i64::try_from(FOREIGN_MAX).unwrap();
    let keep = |id, of| {
        let marks = Marks::default();
        let server = ServerId::new(id).unwrap();
        world.cache.keep(&world.sessions, &marks, server, 1, &user(0), roles(of));
    };
    (1..=foreign * 2).for_each(|id| keep(id, 0));
    assert_eq!(world.cache.stats().entries, FOREIGN_MAX);
    keep(foreign * 2 + 1, 1);
    assert_eq!(world.cache.stats().entries, FOREIGN_MAX + 1, "its own servers always");
}
