//! Visitors (游客): accounts that look at a server without being members, for as long as they are online.
//!
//! Kept in memory only: it ends with the account's last link, so nothing of it can outlive a process.

use std::collections::{BTreeSet, HashMap};

use parking_lot::Mutex;
use rotunda_model::{ServerId, UserKey};

use crate::{Actor, Core, Error, server::view};

/// Servers one account may look at at once. More costs memory that strangers decide about, fewer annoys the curious.
const SERVERS_MAX: usize = 100;

/// How often an entry is judged again when somebody's visit ended in between.
const TRIES: u32 = 16;

/// Who looks at what.
#[derive(Debug, Default)]
pub(crate) struct Visitors(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    visits: HashMap<UserKey, BTreeSet<ServerId>>,
    /// Rises with every end of a visit, whether or not there was one: what was judged before may be wrong after.
    ends: u64,
}

/// What became of an entry that had been judged.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Done,
    TooMany,
    /// Visits ended since it was judged.
    Overtaken,
}

impl Visitors {
    pub(crate) fn has(&self, user: &UserKey, server: ServerId) -> bool {
        self.0.lock().visits.get(user).is_some_and(|servers| servers.contains(&server))
    }

    fn ends(&self) -> u64 {
        self.0.lock().ends
    }

    fn enter(&self, user: &UserKey, server: ServerId, judged_at: u64) -> Entry {
        let mut state = self.0.lock();
        if state.ends != judged_at {
            return Entry::Overtaken;
        }
        let servers = state.visits.entry(user.clone()).or_default();
        if servers.len() >= SERVERS_MAX && !servers.contains(&server) {
            return Entry::TooMany;
        }
        servers.insert(server);
        Entry::Done
    }

    /// False: it was no visitor there.
    fn leave(&self, user: &UserKey, server: ServerId) -> bool {
        let mut state = self.0.lock();
        state.ends += 1;
        state.leave(user, server)
    }

    /// After a commit: who joined or left a server is no visitor of it, and nobody visits one that is gone.
    pub(crate) fn settle(&self, server: ServerId, crossed: &[UserKey], gone: bool) {
        if crossed.is_empty() && !gone {
            return;
        }
        let mut state = self.0.lock();
        state.ends += 1;
        for user in crossed {
            state.leave(user, server);
        }
        if gone {
            state.visits.retain(|_, servers| {
                servers.remove(&server);
                !servers.is_empty()
            });
        }
    }

    fn forget(&self, user: &UserKey) {
        let mut state = self.0.lock();
        state.ends += 1;
        state.visits.remove(user);
    }
}

impl State {
    fn leave(&mut self, user: &UserKey, server: ServerId) -> bool {
        let Some(servers) = self.visits.get_mut(user) else { return false };
        let was = servers.remove(&server);
        if servers.is_empty() {
            self.visits.remove(user);
        }
        was
    }
}

/// The account may read what is open to visitors, until it leaves, joins, or its last link ends. Nobody is told.
/// Entering twice is entering once.
///
/// Errors: 404; 403 banned, or not online; 417 a member; 419 a visitor of too many servers.
pub async fn enter(core: &Core, actor: &Actor, server: ServerId) -> Result<(), Error> {
    for _ in 0..TRIES {
        let judged_at = core.visitors().ends();
        let (_, standing) = view(core, actor.user.app, server, actor).await?;
        if standing.is_member() {
            return Err(Error::Repeated("a member of the server"));
        }
        let accid = std::slice::from_ref(&actor.user.accid);
        if !rotunda_store::ban::among(core.store().pool(), server, accid).await?.is_empty() {
            return Err(Error::Forbidden("banned from the server"));
        }
        if !core.hub().is_some_and(|hub| hub.is_online(&actor.user)) {
            return Err(Error::Forbidden("visitors are online"));
        }
        match core.visitors().enter(&actor.user, server, judged_at) {
            Entry::Done => return Ok(()),
            Entry::TooMany => {
                let max = u32::try_from(SERVERS_MAX).unwrap_or(u32::MAX);
                return Err(Error::OverLimit { what: "servers visited by an account", max });
            }
            Entry::Overtaken => {}
        }
    }
    Err(Error::Busy("visits end too fast"))
}

/// Errors: 404 not a visitor there.
pub fn leave(core: &Core, actor: &Actor, server: ServerId) -> Result<(), Error> {
    if core.visitors().leave(&actor.user, server) { Ok(()) } else { Err(Error::NotFound("visit")) }
}

/// The account's last link ended, and with it every visit.
pub fn offline(core: &Core, user: &UserKey) {
    core.visitors().forget(user);
}

#[cfg(test)]
mod tests {
    use rotunda_model::{Accid, AppId};

    use super::*;

    fn user(accid: &str) -> UserKey {
        UserKey { app: AppId::new(1).unwrap(), accid: Accid::new(accid).unwrap() }
    }

    fn server(id: i64) -> ServerId {
        ServerId::new(id).unwrap()
    }

    /// Joining, a last link's end and a deleted server may all come between judgement and entry.
    #[test]
    fn an_entry_judged_before_an_end_is_judged_again() {
        let (vic, visitors) = (user("vic"), Visitors::default());
        let ends: [&dyn Fn(); 4] = [
            &|| visitors.settle(server(1), std::slice::from_ref(&vic), false),
            &|| visitors.settle(server(1), &[], true),
            &|| visitors.forget(&vic),
            &|| assert!(!visitors.leave(&vic, server(1)), "it was not there"),
        ];
        for end in ends {
            let judged_at = visitors.ends();
            end();
            assert_eq!(visitors.enter(&vic, server(1), judged_at), Entry::Overtaken);
            assert!(!visitors.has(&vic, server(1)));
        }
        visitors.settle(server(1), &[], false);
        assert_eq!(visitors.enter(&vic, server(1), visitors.ends()), Entry::Done);
        assert!(visitors.has(&vic, server(1)) && !visitors.has(&user("eve"), server(1)));
    }

    #[test]
    fn visits_are_bounded_and_leave_nothing_behind() {
        let (vic, visitors) = (user("vic"), Visitors::default());
        let max = i64::try_from(SERVERS_MAX).unwrap();
        for id in 1..=max {
            assert_eq!(visitors.enter(&vic, server(id), 0), Entry::Done);
        }
        assert_eq!(visitors.enter(&vic, server(max + 1), 0), Entry::TooMany);
        assert_eq!(visitors.enter(&vic, server(max), 0), Entry::Done, "there already");
        assert_eq!(visitors.enter(&user("eve"), server(1), 0), Entry::Done);
        visitors.settle(server(1), &[], true);
        for id in 2..=max {
            assert!(visitors.leave(&vic, server(id)));
        }
        assert!(visitors.0.lock().visits.is_empty());
    }
}
