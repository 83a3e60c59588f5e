//! How often things may be asked for: one enum of what is limited, and a bucket for each who asks.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use governor::{
    Quota, RateLimiter, clock, middleware::NoOpMiddleware, nanos::Nanos, state::keyed::DashMapStateStore,
};
use parking_lot::Mutex;
use rotunda_core::Clock;
use rotunda_model::{Millis, UserKey};

/// What is limited, and by what it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limited {
    /// Logins (24_2) of one address, of whatever account.
    LoginOfAddress,
    /// Logins of one account from one address: from another one it may still come in, whoever tries here.
    LoginOfAccount,
    /// Requests of room REST with a token, of one address: each is a question to the database.
    TokenCheck,
    /// Entries into media channels, of one account.
    Join,
    /// Calls of 24_36, of one account; each may name 100.
    Invite,
    /// Commands of one link session.
    Command,
    /// Requests to the vendor's REST with a wrong signature, of one address. One too many, and for a while none of that
    /// address is looked at.
    FailedSignature,
}

impl Limited {
    pub const ALL: [Self; 7] = [
        Self::LoginOfAddress,
        Self::LoginOfAccount,
        Self::TokenCheck,
        Self::Join,
        Self::Invite,
        Self::Command,
        Self::FailedSignature,
    ];

    /// For metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoginOfAddress => "login of an address",
            Self::LoginOfAccount => "login of an account",
            Self::TokenCheck => "token check",
            Self::Join => "join",
            Self::Invite => "invite",
            Self::Command => "command",
            Self::FailedSignature => "failed signature",
        }
    }
}

/// How often each may happen; 0: as often as one likes.
///
/// A bucket holds as many as one period gives, so that many may come at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// An office of 500 that comes back after a restart still fits.
    pub logins_per_address_minute: u32,
    /// A client that lost its network tries every few seconds.
    pub logins_per_account_minute: u32,
    pub token_checks_per_address_minute: u32,
    pub joins_per_minute: u32,
    pub invites_per_minute: u32,
    /// Per second; a burst may be five times as long. A page that opens asks some 50 things at once.
    pub commands_per_second: u32,
    /// A backend with a wrong secret still learns so from its first answers.
    pub failed_signatures_per_address_minute: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            logins_per_address_minute: 600,
            logins_per_account_minute: 60,
            token_checks_per_address_minute: 6_000,
            joins_per_minute: 600,
            invites_per_minute: 120,
            commands_per_second: 100,
            failed_signatures_per_address_minute: 60,
        }
    }
}

impl RateLimits {
    /// Nothing is limited.
    pub const OFF: Self = Self {
        logins_per_address_minute: 0,
        logins_per_account_minute: 0,
        token_checks_per_address_minute: 0,
        joins_per_minute: 0,
        invites_per_minute: 0,
        commands_per_second: 0,
        failed_signatures_per_address_minute: 0,
    };
}

/// The injected clock, as the buckets read it.
#[derive(Clone)]
struct Watch(Arc<dyn Clock>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl clock::Clock for Watch {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Duration::from_millis(u64::try_from(self.0.now().get()).unwrap_or(0)).into()
    }
}

type Buckets<K> = RateLimiter<K, DashMapStateStore<K>, Watch, NoOpMiddleware<Nanos>>;

/// How many checks pass between two cleanings of full buckets, which then are as if they had never been. More keeps
/// forgotten addresses longer, fewer walks over all of them more often.
const CLEAN_EVERY: u32 = 4_096;

/// How long an address with too many wrong signatures is not listened to, ms. Longer slows who guesses further, and keeps
/// out longer whoever shares the address.
const UNHEARD_MS: i64 = 10_000;

/// One kind of bucket per key; `None`: not limited.
struct Keyed<K: Hash + Eq + Clone> {
    what: Limited,
    buckets: ArcSwapOption<Buckets<K>>,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    fn new(what: Limited, per_minute: u32, clock: &Arc<dyn Clock>) -> Self {
        let keyed = Self { what, buckets: ArcSwapOption::empty(), checks: AtomicU32::new(0) };
        keyed.refill(per_minute, clock);
        keyed
    }

    /// New buckets, all of them full.
    fn refill(&self, per_minute: u32, clock: &Arc<dyn Clock>) {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        let buckets = quota
            .map(|quota| RateLimiter::new(quota, DashMapStateStore::default(), Watch(Arc::clone(clock))));
        self.buckets.store(buckets.map(Arc::new));
    }

    fn allow(&self, key: &K) -> bool {
        let buckets = self.buckets.load();
        let Some(buckets) = buckets.as_deref() else { return true };
        if self.checks.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
        counted(self.what, buckets.check_key(key).is_ok())
    }
}

/// All buckets but those of sessions, which hold their own.
pub struct Limits {
    rates: ArcSwap<RateLimits>,
    clock: Arc<dyn Clock>,
    address_logins: Keyed<IpAddr>,
    account_logins: Keyed<(UserKey, IpAddr)>,
    token_checks: Keyed<IpAddr>,
    joins: Keyed<UserKey>,
    invites: Keyed<UserKey>,
    failed_signatures: Keyed<IpAddr>,
    /// Addresses whose signatures are not looked at, and until when.
    unheard: Mutex<HashMap<IpAddr, Millis>>,
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("rates", &self.rates).finish_non_exhaustive()
    }
}

impl Limits {
    pub fn new(rates: RateLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            address_logins: Keyed::new(Limited::LoginOfAddress, rates.logins_per_address_minute, &clock),
            account_logins: Keyed::new(Limited::LoginOfAccount, rates.logins_per_account_minute, &clock),
            token_checks: Keyed::new(Limited::TokenCheck, rates.token_checks_per_address_minute, &clock),
            joins: Keyed::new(Limited::Join, rates.joins_per_minute, &clock),
            invites: Keyed::new(Limited::Invite, rates.invites_per_minute, &clock),
            failed_signatures: Keyed::new(
                Limited::FailedSignature,
                rates.failed_signatures_per_address_minute,
                &clock,
            ),
            unheard: Mutex::default(),
            rates: ArcSwap::from_pointee(rates),
            clock,
        }
    }

    /// From now on counts by other rates. Who has used up what a changed one allows begins anew; sessions keep the rate
    /// of commands that they began with.
    pub fn replace(&self, rates: RateLimits) {
        let old = self.rates.swap(Arc::new(rates));
        if old.logins_per_address_minute != rates.logins_per_address_minute {
            self.address_logins.refill(rates.logins_per_address_minute, &self.clock);
        }
        if old.logins_per_account_minute != rates.logins_per_account_minute {
            self.account_logins.refill(rates.logins_per_account_minute, &self.clock);
        }
        if old.token_checks_per_address_minute != rates.token_checks_per_address_minute {
            self.token_checks.refill(rates.token_checks_per_address_minute, &self.clock);
        }
        if old.joins_per_minute != rates.joins_per_minute {
            self.joins.refill(rates.joins_per_minute, &self.clock);
        }
        if old.invites_per_minute != rates.invites_per_minute {
            self.invites.refill(rates.invites_per_minute, &self.clock);
        }
        if old.failed_signatures_per_address_minute != rates.failed_signatures_per_address_minute {
            self.failed_signatures.refill(rates.failed_signatures_per_address_minute, &self.clock);
        }
    }

    /// Before the account is looked up.
    pub fn may_log_in(&self, peer: SocketAddr, user: &UserKey) -> bool {
        let Some(address) = limited(peer) else { return true };
        self.address_logins.allow(&address) && self.account_logins.allow(&(user.clone(), address))
    }

    pub fn may_check_token(&self, peer: SocketAddr) -> bool {
        limited(peer).is_none_or(|address| self.token_checks.allow(&address))
    }

    pub fn may_join(&self, user: &UserKey) -> bool {
        self.joins.allow(user)
    }

    pub fn may_invite(&self, user: &UserKey) -> bool {
        self.invites.allow(user)
    }

    /// Before a signature is looked at, good or not: who guesses must not learn that this one was right.
    pub fn may_sign(&self, peer: SocketAddr) -> bool {
        let Some(address) = limited(peer) else { return true };
        let now = self.clock.now();
        let unheard = self.unheard.lock().get(&address).is_some_and(|until| now < *until);
        counted(Limited::FailedSignature, !unheard)
    }

    /// One that was looked at was wrong.
    pub fn signature_failed(&self, peer: SocketAddr) {
        let Some(address) = limited(peer).filter(|address| !self.failed_signatures.allow(address)) else {
            return;
        };
        let now = self.clock.now();
        let mut unheard = self.unheard.lock();
        if unheard.len() >= CLEAN_EVERY as usize {
            unheard.retain(|_, until| now < *until);
        }
        unheard.insert(address, now.plus(UNHEARD_MS));
    }

    /// The bucket of one session.
    pub fn commands(&self) -> Commands {
        let quota = NonZeroU32::new(self.rates.load().commands_per_second).map(|per_second| {
            let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(4));
            Quota::per_second(per_second).allow_burst(burst)
        });
        Commands(quota.map(|quota| RateLimiter::direct_with_clock(quota, Watch(Arc::clone(&self.clock)))))
    }
}

/// How many commands a session may send now.
pub struct Commands(
    Option<
        RateLimiter<governor::state::NotKeyed, governor::state::InMemoryState, Watch, NoOpMiddleware<Nanos>>,
    >,
);

impl fmt::Debug for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Commands")
    }
}

impl Commands {
    pub fn allow(&self) -> bool {
        self.0.as_ref().is_none_or(|bucket| counted(Limited::Command, bucket.check().is_ok()))
    }
}

fn counted(what: Limited, allowed: bool) -> bool {
    if !allowed {
        metrics::counter!("rotunda_limited_total", "what" => what.name()).increment(1);
    }
    allowed
}

/// What one host counts as: an IPv4 address, or the /64 of an IPv6 one, the smallest thing it can be sure to have.
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

/// `None` for this very machine: somebody here needs no limit to do harm. Who comes through a proxy on this machine is
/// told from it by the listener, and counts as `0.0.0.0` when nobody can say who it is.
fn limited(peer: SocketAddr) -> Option<IpAddr> {
    let ip = network(peer.ip());
    (!ip.is_loopback()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use rotunda_model::{Accid, AppId, Millis};

    use super::*;

    struct Still(AtomicI64);

    impl Clock for Still {
        fn now(&self) -> Millis {
            Millis(self.0.load(Ordering::Relaxed))
        }
    }

    fn limits(rates: RateLimits) -> (Limits, Arc<Still>) {
        let clock = Arc::new(Still(AtomicI64::new(1_700_000_000_000)));
        (Limits::new(rates, clock.clone()), clock)
    }

    fn user(accid: &str) -> UserKey {
        UserKey { app: AppId::new(1).unwrap(), accid: Accid::new(accid).unwrap() }
    }

    fn peer(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_account_tried_from_one_address_comes_in_from_another() {
        let rates = RateLimits { logins_per_account_minute: 3, ..RateLimits::OFF };
        let (limits, clock) = limits(rates);
        let tries = |from, n| (0..n).filter(|_| limits.may_log_in(peer(from), &user("ann"))).count();
        assert_eq!(tries("192.0.2.1:1", 10), 3);
        assert_eq!(tries("192.0.2.2:1", 1), 1);
        clock.0.fetch_add(20_000, Ordering::Relaxed);
        assert_eq!(tries("192.0.2.1:9", 10), 1, "one in twenty seconds");
    }

    #[test]
    fn an_address_is_one_whatever_it_claims_to_be() {
        let rates = RateLimits { logins_per_address_minute: 4, ..RateLimits::OFF };
        let (limits, _) = limits(rates);
        let tried = ["ann", "bob", "cid", "dan", "eve", "fay"];
        let from =
            |address: &str| tried.iter().filter(|name| limits.may_log_in(peer(address), &user(name))).count();
        assert_eq!(from("192.0.2.1:1"), 4);
        assert_eq!(from("[::ffff:192.0.2.1]:5"), 0);
        assert_eq!(from("[2001:db8::1]:1"), 4);
        assert_eq!(from("[2001:db8::2]:1"), 0, "one /64 is one address");
        assert_eq!(from("127.0.0.1:1"), tried.len(), "this machine is not limited");
        assert_eq!(from("[::1]:1"), tried.len(), "this machine is not limited");
        assert_eq!(from("0.0.0.0:0"), 4, "all of whom nothing is known are one");
    }

    #[test]
    fn every_kind_is_limited_and_zero_is_no_limit() {
        let rates = RateLimits {
            logins_per_address_minute: 2,
            logins_per_account_minute: 2,
            token_checks_per_address_minute: 2,
            joins_per_minute: 2,
            invites_per_minute: 2,
            commands_per_second: 1,
            failed_signatures_per_address_minute: 2,
        };
        for (rates, most) in [(rates, 2), (RateLimits::OFF, 100)] {
            let (limits, _) = limits(rates);
            let count = |allow: &dyn Fn() -> bool| (0..100).filter(|_| allow()).count();
            assert_eq!(count(&|| limits.may_log_in(peer("192.0.2.1:1"), &user("ann"))), most);
            assert_eq!(count(&|| limits.may_check_token(peer("192.0.2.1:1"))), most);
            assert_eq!(count(&|| limits.may_join(&user("ann"))), most);
            assert_eq!(count(&|| limits.may_invite(&user("ann"))), most);
            let wrong = || {
                let looked_at = limits.may_sign(peer("192.0.2.1:1"));
                if looked_at {
                    limits.signature_failed(peer("192.0.2.1:1"));
                }
                looked_at
            };
            // The one that is one too many is still answered.
            assert_eq!(count(&wrong), if most == 2 { 3 } else { most });
            let commands = limits.commands();
            assert_eq!(count(&|| commands.allow()), if most == 2 { 5 } else { most });
        }
    }

    #[test]
    fn an_address_that_guesses_signatures_is_not_listened_to_for_a_while() {
        let rates = RateLimits { failed_signatures_per_address_minute: 6, ..RateLimits::OFF };
        let (limits, clock) = limits(rates);
        let (guesser, other, proxy) = (peer("192.0.2.1:1"), peer("192.0.2.2:1"), peer("127.0.0.1:1"));
        for _ in 0..6 {
            limits.signature_failed(guesser);
            assert!(limits.may_sign(guesser));
        }
        limits.signature_failed(guesser);
        assert!(!limits.may_sign(guesser) && limits.may_sign(other));
        clock.0.fetch_add(UNHEARD_MS - 1, Ordering::Relaxed);
        assert!(!limits.may_sign(guesser), "a good one is not looked at either");
        clock.0.fetch_add(1, Ordering::Relaxed);
        assert!(limits.may_sign(guesser));
        limits.signature_failed(guesser);
        assert!(limits.may_sign(guesser), "one more in ten seconds");
        limits.signature_failed(guesser);
        assert!(!limits.may_sign(guesser));
        for _ in 0..100 {
            limits.signature_failed(proxy);
        }
        assert!(limits.may_sign(proxy), "behind a proxy on this machine are many");
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let (limits, clock) = limits(RateLimits { joins_per_minute: 1, ..RateLimits::OFF });
        for n in 0..CLEAN_EVERY - 1 {
            assert!(limits.may_join(&user(&format!("u{n}"))));
        }
        clock.0.fetch_add(120_000, Ordering::Relaxed);
        assert!(limits.may_join(&user("last")));
        assert_eq!(limits.joins.buckets.load().as_ref().unwrap().len(), 1);
    }

    #[test]
    fn other_rates_count_from_then_on_and_the_same_ones_go_on() {
        let rates = RateLimits { joins_per_minute: 1, invites_per_minute: 1, ..RateLimits::OFF };
        let (limits, _) = limits(rates);
        let count = |allow: &dyn Fn() -> bool| (0..10).filter(|_| allow()).count();
        assert_eq!(count(&|| limits.may_join(&user("ann"))), 1);
        assert_eq!(count(&|| limits.may_invite(&user("ann"))), 1);
        limits.replace(RateLimits { joins_per_minute: 3, commands_per_second: 1, ..rates });
        assert_eq!(count(&|| limits.may_join(&user("ann"))), 3);
        assert_eq!(count(&|| limits.may_invite(&user("ann"))), 0, "not changed");
        let commands = limits.commands();
        assert_eq!(count(&|| commands.allow()), 5);
        limits.replace(RateLimits::OFF);
        assert_eq!(count(&|| limits.may_join(&user("ann"))), 10);
    }
}
