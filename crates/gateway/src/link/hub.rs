//! The live sessions: by account, and which of them hear of a server.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use axum::extract::ws::Utf8Bytes;
use parking_lot::Mutex;
use rotunda_core::{Membership, Rooms, ports};
use rotunda_model::{Accid, AppId, DeviceId, ServerId, UserKey, notification::Notification};
use rotunda_wire::{CommandId, Push, ToWire, entity::LoginInfo};

use super::{
    render,
    session::{End, Kick, Outbound, Session},
};

/// Devices of one account online at once (the vendor's limit).
pub const DEVICES_MAX: usize = 10;

/// Another session of the account came or went (24_8).
const MULTI_SPOT: CommandId = CommandId::new(24, 8);

/// First item of 24_8.
#[derive(Clone, Copy)]
enum Spot {
    Came = 1,
    Went = 2,
}

/// All sessions of this process.
pub struct Hub {
    rooms: Arc<dyn Rooms>,
    /// Held while sessions come and go *and* the rooms are told, so that a room hears of it in the order it happened:
    /// a device that is replaced must not count as gone after its successor came.
    arrivals: Mutex<()>,
    state: Mutex<State>,
    /// The last frame written: a notification goes to many sessions one after the other.
    rendered: Mutex<Option<(Arc<Notification>, Utf8Bytes)>>,
}

#[derive(Default)]
struct State {
    accounts: HashMap<UserKey, Account>,
    /// Online members of each server, and whether they receive what is told to all of it.
    servers: HashMap<ServerId, HashMap<UserKey, bool>>,
}

#[derive(Default)]
struct Account {
    /// Oldest first; one per device.
    sessions: Vec<Arc<Session>>,
    servers: HashSet<ServerId>,
    /// Logins under way: while there are any, the account is kept here even without a session.
    expected: usize,
    /// Servers left during those logins; what their queries found there is out of date.
    left: HashSet<ServerId>,
    /// A kick during those logins: they may have been judged before its cause.
    kicked: Option<Kick>,
}

/// An account whose login is under way; dropped without arriving, nothing remains.
#[derive(Debug)]
pub struct Expected<'a> {
    hub: &'a Hub,
    user: UserKey,
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        let mut state = self.hub.state.lock();
        if let Some(account) = state.accounts.get_mut(&self.user) {
            account.expected = account.expected.saturating_sub(1);
            if account.expected == 0 {
                account.left.clear();
                account.kicked = None;
            }
        }
        state.forget_if_gone(&self.user);
    }
}

impl Hub {
    pub fn new(rooms: Arc<dyn Rooms>) -> Self {
        Self { rooms, arrivals: Mutex::default(), state: Mutex::default(), rendered: Mutex::default() }
    }

    /// From now on joins and leaves of the account are noted, so that a query of its servers begun after this and the
    /// notes together are never out of date.
    pub fn expect(&self, user: &UserKey) -> Expected<'_> {
        self.state.lock().accounts.entry(user.clone()).or_default().expected += 1;
        Expected { hub: self, user: user.clone() }
    }

    /// Registers a session of an expected account, a member of `servers`, and gives back the account's other sessions.
    /// The device's earlier session ends, and the oldest of an eleventh device.
    pub fn arrive(
        &self,
        session: &Arc<Session>,
        expected: Expected<'_>,
        servers: Vec<Membership>,
    ) -> Vec<LoginInfo> {
        let others = self.register(session, servers);
        drop(expected);
        others.iter().map(|other| other.info().clone()).collect()
    }

    fn register(&self, session: &Arc<Session>, servers: Vec<Membership>) -> Vec<Arc<Session>> {
        let _order = self.arrivals.lock();
        let (others, replaced, crowded_out, kicked) = {
            let mut state = self.state.lock();
            let State { accounts, servers: online } = &mut *state;
            let account = accounts.entry(session.user().clone()).or_default();
            for of in servers.into_iter().filter(|of| !account.left.contains(&of.server)) {
                account.servers.insert(of.server);
                // What the account's other sessions subscribed to stays.
                *online.entry(of.server).or_default().entry(session.user().clone()).or_default() |= of.hears;
            }
            let replaced = account.take(|other| other.device() == session.device());
            let crowded_out =
                if account.sessions.len() >= DEVICES_MAX { account.take(|_| true) } else { None };
            let others = account.sessions.clone();
            account.sessions.push(Arc::clone(session));
            (others, replaced, crowded_out, account.kicked.clone())
        };
        if let Some(kick) = kicked {
            session.end(End::Kicked(kick));
        }
        if let Some(old) = replaced {
            // Two tabs with one fixed device id would replace each other for ever, so a live one is told to stop. One
            // that no longer answers is a lost connection of the client that now comes back.
            old.end(if old.is_alive() { End::Kicked(Kick::silently(session)) } else { End::Replaced });
            tell(&others, Spot::Went, old.info());
        }
        if let Some(old) = crowded_out {
            old.end(End::Kicked(Kick::by_server()));
            tell(&others, Spot::Went, old.info());
            self.rooms.link_down(old.user(), old.device());
        }
        tell(&others, Spot::Came, session.info());
        self.rooms.link_up(session.user(), session.device());
        metrics::gauge!("rotunda_link_sessions").increment(1.0);
        others
    }

    /// A session ended by itself. One that was replaced or crowded out is no longer here, and nothing happens.
    /// True: it was the account's last.
    pub fn leave(&self, session: &Session) -> bool {
        let _order = self.arrivals.lock();
        metrics::gauge!("rotunda_link_sessions").decrement(1.0);
        let others = {
            let mut state = self.state.lock();
            let Some(account) = state.accounts.get_mut(session.user()) else { return false };
            let here = account.take(|other| std::ptr::eq(Arc::as_ptr(other), session)).is_some();
            let others = account.sessions.clone();
            state.forget_if_gone(session.user());
            if !here {
                return false;
            }
            others
        };
        tell(&others, Spot::Went, session.info());
        self.rooms.link_down(session.user(), session.device());
        others.is_empty()
    }

    /// Ends other sessions of the account on the devices named (24_9); the devices really ended.
    pub fn kick_devices(&self, by: &Session, devices: &[String]) -> Vec<String> {
        let others = self.sessions(by.user());
        let meant = others.iter().filter(|other| {
            !std::ptr::eq(Arc::as_ptr(other), by) && devices.iter().any(|d| d == other.device().as_str())
        });
        meant
            .filter(|other| other.end(End::Kicked(Kick::by_other_client(by))))
            .map(|other| other.device().as_str().to_owned())
            .collect()
    }

    /// Ends everything, for a process that stops: clients come back to its successor.
    pub fn end_all(&self) {
        let all: Vec<_> = self.state.lock().accounts.values().flat_map(|a| a.sessions.clone()).collect();
        for session in all {
            session.end(End::Restart);
        }
    }

    /// Devices of the account that are online.
    pub fn devices(&self, user: &UserKey) -> Vec<DeviceId> {
        self.sessions(user).iter().map(|session| session.device().clone()).collect()
    }

    fn sessions(&self, user: &UserKey) -> Vec<Arc<Session>> {
        self.state.lock().accounts.get(user).map(|account| account.sessions.clone()).unwrap_or_default()
    }

    fn render(&self, notification: &Arc<Notification>) -> Utf8Bytes {
        let mut rendered = self.rendered.lock();
        if let Some((last, frame)) = rendered.as_ref()
            && Arc::ptr_eq(last, notification)
        {
            return frame.clone();
        }
        let frame = Utf8Bytes::from(render::live(notification));
        *rendered = Some((Arc::clone(notification), frame.clone()));
        frame
    }
}

impl ports::Hub for Hub {
    fn subscribers(&self, app: AppId, server: ServerId) -> Vec<Accid> {
        let state = self.state.lock();
        let online = state.servers.get(&server).into_iter().flatten();
        let hearing = online.filter(|(user, hears)| user.app == app && **hears);
        hearing.map(|(user, _)| user.accid.clone()).collect()
    }

    fn online_members(&self, app: AppId, server: ServerId) -> Vec<Accid> {
        let state = self.state.lock();
        let online = state.servers.get(&server).into_iter().flat_map(HashMap::keys);
        online.filter(|user| user.app == app).map(|user| user.accid.clone()).collect()
    }

    fn is_online(&self, user: &UserKey) -> bool {
        self.state.lock().accounts.get(user).is_some_and(|account| !account.sessions.is_empty())
    }

    fn deliver(&self, user: &UserKey, notification: &Arc<Notification>) -> usize {
        let sessions = self.sessions(user);
        if sessions.is_empty() {
            return 0;
        }
        let frame = self.render(notification);
        let given = |session: &&Arc<Session>| {
            !session.is_new(notification.stored_id) || session.push(Outbound::Frame(frame.clone()))
        };
        sessions.iter().filter(given).count()
    }

    fn joined(&self, user: &UserKey, of: Membership) {
        let mut state = self.state.lock();
        if let Some(account) = state.accounts.get_mut(user) {
            account.left.remove(&of.server);
            account.servers.insert(of.server);
            state.servers.entry(of.server).or_default().insert(user.clone(), of.hears);
        }
    }

    fn subscribed(&self, user: &UserKey, of: Membership) {
        let mut state = self.state.lock();
        if let Some(hears) = state.servers.get_mut(&of.server).and_then(|online| online.get_mut(user)) {
            *hears = of.hears;
        }
    }

    fn left(&self, user: &UserKey, server: ServerId) {
        let mut state = self.state.lock();
        if let Some(account) = state.accounts.get_mut(user) {
            account.servers.remove(&server);
            if account.expected > 0 {
                account.left.insert(server);
            }
        }
        state.unlist(user, server);
    }

    fn kick(&self, user: &UserKey, reason: u8, ext: &str) {
        let kick = Kick { reason, ext: ext.to_owned(), ..Kick::by_server() };
        let sessions = {
            let mut state = self.state.lock();
            let Some(account) = state.accounts.get_mut(user) else { return };
            if account.expected > 0 {
                account.kicked = Some(kick.clone());
            }
            account.sessions.clone()
        };
        for session in sessions {
            session.end(End::Kicked(kick.clone()));
        }
    }
}

impl State {
    fn unlist(&mut self, user: &UserKey, server: ServerId) {
        if let Some(online) = self.servers.get_mut(&server) {
            online.remove(user);
            if online.is_empty() {
                self.servers.remove(&server);
            }
        }
    }

    fn forget_if_gone(&mut self, user: &UserKey) {
        let gone = self
            .accounts
            .get(user)
            .is_some_and(|account| account.sessions.is_empty() && account.expected == 0);
        if !gone {
            return;
        }
        if let Some(account) = self.accounts.remove(user) {
            for server in account.servers {
                self.unlist(user, server);
            }
        }
    }
}

impl Account {
    /// Takes the oldest session that fits.
    fn take(&mut self, fits: impl Fn(&Arc<Session>) -> bool) -> Option<Arc<Session>> {
        let index = self.sessions.iter().position(fits)?;
        Some(self.sessions.remove(index))
    }
}

fn tell(sessions: &[Arc<Session>], spot: Spot, info: &LoginInfo) {
    if sessions.is_empty() {
        return;
    }
    let items = vec![(spot as u8).into(), info.to_wire().unwrap_or_default()];
    let frame = Utf8Bytes::from(Push { command: MULTI_SPOT, items }.frame());
    for session in sessions {
        session.push(Outbound::Frame(frame.clone()));
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Hub").field("accounts", &state.accounts.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use rotunda_core::{
        Actor, Error, Hub as _,
        media::{MediaVerdict, operator::Moderation},
    };
    use rotunda_model::{
        ChannelId, Millis, RtcConfig,
        notification::{Audience, Fact},
    };
    use tokio::sync::mpsc;

    use super::*;
    use crate::link::socket::Pulse;

    #[derive(Default)]
    struct Links(Mutex<Vec<(&'static str, DeviceId)>>);

    #[async_trait]
    impl Rooms for Links {
        fn seated(&self, _: ServerId) -> Vec<(ChannelId, Accid)> {
            Vec::new()
        }

        fn online(&self, _: ChannelId) -> Vec<Accid> {
            Vec::new()
        }

        fn rights_changed(&self, _: ChannelId, _: &UserKey, _: i64, _: Option<MediaVerdict>) {}

        fn close(&self, _: ChannelId) {}

        async fn moderate(&self, _: ChannelId, _: Moderation) -> Result<Vec<Accid>, Error> {
            Ok(Vec::new())
        }

        fn expel(&self, _: &UserKey) {}

        fn link_up(&self, _: &UserKey, device: &DeviceId) {
            self.0.lock().push(("up", device.clone()));
        }

        fn link_down(&self, _: &UserKey, device: &DeviceId) {
            self.0.lock().push(("down", device.clone()));
        }

        fn config_changed(&self, _: ChannelId, _: RtcConfig) {}
    }

    fn user() -> UserKey {
        UserKey { app: AppId::new(1).unwrap(), accid: Accid::new("ann").unwrap() }
    }

    fn server(id: i64) -> ServerId {
        ServerId::new(id).unwrap()
    }

    fn small(id: i64) -> Membership {
        Membership { server: server(id), hears: true }
    }

    fn session(device: &str) -> (Arc<Session>, mpsc::Receiver<Outbound>) {
        let device = DeviceId::new(device).unwrap();
        let actor = Actor { user: user(), device, client_type: 16, nick: String::new() };
        let (session, waiting) = Session::new(actor, LoginInfo::default(), Pulse::default());
        (Arc::new(session), waiting)
    }

    #[test]
    fn what_happens_during_a_login_is_not_missed() {
        let hub = Hub::new(Arc::new(Links::default()));
        let (session, _waiting) = session("a");
        let expected = hub.expect(&user());
        hub.left(&user(), server(1));
        hub.joined(&user(), small(2));
        hub.left(&user(), server(3));
        hub.joined(&user(), small(3));
        assert!(!hub.is_online(&user()));
        // The query ran before all of that.
        hub.arrive(&session, expected, vec![small(1), small(4)]);
        let heard = |id| !hub.subscribers(user().app, server(id)).is_empty();
        assert_eq!([1, 2, 3, 4].map(heard), [false, true, true, true]);
        assert!(hub.leave(&session), "the last one");
        assert_eq!([1, 2, 3, 4].map(heard), [false; 4]);
        let state = hub.state.lock();
        assert!(state.accounts.is_empty() && state.servers.is_empty());
    }

    #[test]
    fn members_of_a_large_server_are_known_before_they_subscribe() {
        let hub = Hub::new(Arc::new(Links::default()));
        let ((first, _w1), (second, _w2)) = (session("a"), session("b"));
        let large = |hears| Membership { server: server(1), hears };
        let known = || {
            let app = user().app;
            (hub.online_members(app, server(1)).len(), hub.subscribers(app, server(1)).len())
        };
        hub.arrive(&first, hub.expect(&user()), vec![large(false)]);
        assert_eq!(known(), (1, 0));
        hub.subscribed(&user(), large(true));
        assert_eq!(known(), (1, 1));
        hub.arrive(&second, hub.expect(&user()), vec![large(false)]);
        assert_eq!(known(), (1, 1), "another device does not end it");
        hub.subscribed(&user(), large(false));
        assert_eq!(known(), (1, 0));
        hub.left(&user(), server(1));
        hub.subscribed(&user(), large(true));
        assert_eq!(known(), (0, 0), "who left cannot subscribe");
    }

    #[test]
    fn a_kick_during_a_login_ends_the_session() {
        let hub = Hub::new(Arc::new(Links::default()));
        let ((first, _w1), (second, _w2)) = (session("a"), session("b"));
        let expected = hub.expect(&user());
        hub.kick(&user(), 2, "");
        hub.arrive(&first, expected, Vec::new());
        assert!(!first.end(End::Slow), "it is ending");
        let expected = hub.expect(&user());
        hub.arrive(&second, expected, Vec::new());
        assert!(second.end(End::Slow), "a later login is another matter");
    }

    #[test]
    fn a_failed_login_leaves_nothing() {
        let hub = Hub::new(Arc::new(Links::default()));
        let expected = hub.expect(&user());
        hub.joined(&user(), small(1));
        drop(expected);
        let state = hub.state.lock();
        assert!(state.accounts.is_empty() && state.servers.is_empty());
    }

    #[test]
    fn a_replaced_device_does_not_count_as_gone() {
        let links = Arc::new(Links::default());
        let hub = Hub::new(links.clone());
        let ((old, _w1), (new, _w2)) = (session("a"), session("a"));
        for session in [&old, &new] {
            hub.arrive(session, hub.expect(&user()), Vec::new());
        }
        assert!(!old.end(End::Slow), "it was replaced");
        hub.leave(&old);
        assert!(hub.is_online(&user()));
        hub.leave(&new);
        assert!(!hub.is_online(&user()));
        let seen: Vec<_> = links.0.lock().iter().map(|(what, _)| *what).collect();
        assert_eq!(seen, ["up", "up", "down"]);
    }

    #[test]
    fn what_is_stored_comes_once_to_each_device() {
        let hub = Hub::new(Arc::new(Links::default()));
        let ((first, mut w1), (second, mut w2)) = (session("a"), session("b"));
        for session in [&first, &second] {
            hub.arrive(session, hub.expect(&user()), Vec::new());
        }
        while w1.try_recv().is_ok() {}
        let told = |stored_id| {
            Arc::new(Notification {
                app: user().app,
                fact: Fact::ServerRemove,
                server: Some(server(1)),
                channel: None,
                audience: Audience::ServerAccounts(vec![user().accid]),
                from: user().accid,
                from_device: None,
                from_client_type: 0,
                from_nick: String::new(),
                time: Millis(1),
                stored_id,
            })
        };
        assert!(first.is_new(7), "the first device found it among the stored ones");
        assert_eq!(hub.deliver(&user(), &told(7)), 2, "both have it now");
        assert!(w1.try_recv().is_err());
        assert!(w2.try_recv().is_ok());
        assert!(!second.is_new(7));
        assert_eq!((hub.deliver(&user(), &told(0)), hub.deliver(&user(), &told(0))), (2, 2));
        assert_eq!(
            [&mut w1, &mut w2].map(|waiting| std::iter::from_fn(|| waiting.try_recv().ok()).count()),
            [2, 2]
        );
    }

    #[test]
    fn a_full_queue_ends_the_session() {
        let (session, _waiting) = session("a");
        for _ in 0..super::super::session::QUEUE_MAX {
            assert!(session.push(Outbound::Frame(Utf8Bytes::from_static("2::"))));
        }
        assert!(!session.push(Outbound::Frame(Utf8Bytes::from_static("2::"))));
        assert!(!session.end(End::Restart), "it is ending already");
    }
}
