//! Requests seen within the window of their signature: each may come once.

use std::collections::{BTreeMap, HashSet};

use parking_lot::Mutex;
use rotunda_model::{AppId, Millis};

use super::{
    Refusal,
    sign::{Signed, WINDOW_S},
};

/// Requests kept. Each costs about 60 bytes for up to ten minutes; when there are more within the window they are
/// refused, for a forgotten one could be repeated. Fewer would cap the rate of REST lower than 1,600 per second.
const KEPT_MAX: usize = 1_000_000;

/// By their CurTime, so that whole seconds are forgotten at once.
#[derive(Debug, Default)]
pub struct Replays(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The sum is over nonce and time under the app's secret, so it stands for both.
    seconds: BTreeMap<i64, HashSet<(AppId, [u8; 20])>>,
    count: usize,
}

impl Replays {
    /// Whether a verified request comes for the first time. Errors: 503 when too many are kept.
    pub fn first(&self, app: AppId, signed: &Signed<'_>, now: Millis) -> Result<bool, Refusal> {
        let mut sum = [0; 20];
        hex::decode_to_slice(signed.check_sum, &mut sum).map_err(|_| Refusal::Signature("CheckSum"))?;
        self.note(app, sum, signed.seconds, now.get().div_euclid(1_000), KEPT_MAX)
    }

    fn note(&self, app: AppId, sum: [u8; 20], at: i64, now: i64, max: usize) -> Result<bool, Refusal> {
        let mut state = self.0.lock();
        while let Some(entry) = state.seconds.first_entry().filter(|entry| *entry.key() < now - WINDOW_S) {
            let forgotten = entry.remove().len();
            state.count -= forgotten;
        }
        if state.seconds.get(&at).is_some_and(|seen| seen.contains(&(app, sum))) {
            return Ok(false);
        }
        if state.count >= max {
            return Err(Refusal::Crowded);
        }
        state.count += 1;
        Ok(state.seconds.entry(at).or_default().insert((app, sum)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(id: i64) -> AppId {
        AppId::new(id).unwrap()
    }

    #[test]
    fn a_request_comes_once_while_its_signature_holds() {
        let replays = Replays::default();
        let note = |app, sum: u8, at, now| replays.note(app, [sum; 20], at, now, 10).unwrap();
        assert!(note(app(1), 1, 1_000, 1_000));
        assert!(!note(app(1), 1, 1_000, 1_000 + WINDOW_S));
        assert!(note(app(2), 1, 1_000, 1_000), "of another app");
        assert!(note(app(1), 2, 1_000, 1_000), "of another nonce");
        // One signed ahead of our clock holds longer.
        assert!(note(app(1), 3, 1_000 + WINDOW_S, 1_000));
        assert!(!note(app(1), 3, 1_000 + WINDOW_S, 1_000 + 2 * WINDOW_S));
    }

    #[test]
    fn memory_is_bounded_and_comes_back_with_time() {
        let replays = Replays::default();
        for sum in 0..3 {
            assert!(replays.note(app(1), [sum; 20], 1_000, 1_000, 3).unwrap());
        }
        assert!(replays.note(app(1), [9; 20], 1_000, 1_000, 3).is_err());
        assert!(!replays.note(app(1), [1; 20], 1_000, 1_000, 3).unwrap(), "a replay is still told as one");
        assert!(replays.note(app(1), [9; 20], 1_400, 1_301, 3).unwrap());
        let state = replays.0.lock();
        assert_eq!((state.count, state.seconds.len()), (1, 1));
    }
}
