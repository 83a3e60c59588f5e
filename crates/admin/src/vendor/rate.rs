//! How often an app may call one action (频控).

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rotunda_model::{AppId, Millis};

/// The vendor's rule, with its numbers as the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls of one action within one second, per app; 0: no limit. More lets one backend take the database from all.
    pub per_second: u32,
    /// How long the action answers 416 once that is passed, in seconds.
    pub blocked_secs: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { per_second: 100, blocked_secs: 10 }
    }
}

/// One entry per app and action that were ever called: both are bounded, strangers get this far only with a signature.
#[derive(Debug)]
pub struct Rates {
    limit: ArcSwap<RateLimit>,
    windows: Mutex<HashMap<(AppId, &'static str), Window>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Window {
    /// The second being counted.
    second: i64,
    calls: u32,
    blocked_until: i64,
}

impl Rates {
    pub fn new(limit: RateLimit) -> Self {
        Self { limit: ArcSwap::from_pointee(limit), windows: Mutex::default() }
    }

    /// From now on another limit; who is blocked stays so.
    pub fn replace(&self, limit: RateLimit) {
        self.limit.store(Arc::new(limit));
    }

    /// Counts a call. False: it is one too many, or the action is still blocked.
    pub fn allow(&self, app: AppId, action: &'static str, now: Millis) -> bool {
        let limit = **self.limit.load();
        if limit.per_second == 0 {
            return true;
        }
        let mut windows = self.windows.lock();
        let window = windows.entry((app, action)).or_default();
        let second = now.get().div_euclid(1_000);
        if now.get() < window.blocked_until {
            return false;
        }
        if window.second != second {
            *window = Window { second, ..Window::default() };
        }
        window.calls = window.calls.saturating_add(1);
        if window.calls <= limit.per_second {
            return true;
        }
        window.blocked_until = now.plus(i64::from(limit.blocked_secs) * 1_000).get();
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_too_many_blocks_that_action_of_that_app_for_a_while() {
        let rates = Rates::new(RateLimit { per_second: 3, blocked_secs: 10 });
        let (one, other) = (AppId::new(1).unwrap(), AppId::new(2).unwrap());
        let at = |ms: i64| Millis(1_000_000 + ms);
        for _ in 0..3 {
            assert!(rates.allow(one, "a", at(900)));
        }
        assert!(rates.allow(one, "a", at(1_000)), "another second");
        for _ in 0..2 {
            assert!(rates.allow(one, "a", at(1_500)));
        }
        assert!(!rates.allow(one, "a", at(1_999)));
        assert!(rates.allow(one, "b", at(1_999)) && rates.allow(other, "a", at(1_999)));
        assert!(!rates.allow(one, "a", at(11_998)));
        assert!(rates.allow(one, "a", at(11_999)));
    }

    #[test]
    fn zero_is_no_limit() {
        let rates = Rates::new(RateLimit { per_second: 0, blocked_secs: 10 });
        assert!((0..1_000).all(|_| rates.allow(AppId::new(1).unwrap(), "a", Millis(0))));
    }
}
