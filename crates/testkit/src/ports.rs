//! Hub and rooms that remember what they were told.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use parking_lot::Mutex;
use rotunda_core::{
    Error, Hub, Membership, Rooms,
    media::{MediaVerdict, operator::Moderation},
};
use rotunda_model::{
    Accid, AppId, ChannelId, DeviceId, RtcConfig, ServerId, UserKey, notification::Notification,
};

/// Sessions without sockets.
#[derive(Debug, Default)]
pub struct FakeHub {
    state: Mutex<HubState>,
}

#[derive(Debug, Default)]
struct HubState {
    online: BTreeSet<UserKey>,
    /// Online members, and whether they hear of the server.
    index: HashMap<ServerId, BTreeMap<Accid, bool>>,
    delivered: Vec<(UserKey, Arc<Notification>)>,
    kicked: Vec<UserKey>,
}

impl FakeHub {
    pub fn log_in(&self, user: &UserKey, servers: &[Membership]) {
        let mut state = self.state.lock();
        state.online.insert(user.clone());
        for of in servers {
            state.index.entry(of.server).or_default().insert(user.accid.clone(), of.hears);
        }
    }

    pub fn log_out(&self, user: &UserKey) {
        let mut state = self.state.lock();
        state.online.remove(user);
        for accids in state.index.values_mut() {
            accids.remove(&user.accid);
        }
    }

    /// What the account received since the last call, in order.
    pub fn take(&self, user: &UserKey) -> Vec<Arc<Notification>> {
        let mut state = self.state.lock();
        let all = std::mem::take(&mut state.delivered);
        let (own, rest) = all.into_iter().partition(|(to, _)| to == user);
        state.delivered = rest;
        let own: Vec<(UserKey, Arc<Notification>)> = own;
        own.into_iter().map(|(_, notification)| notification).collect()
    }

    /// Forgets everything delivered so far.
    pub fn clear(&self) {
        self.state.lock().delivered.clear();
    }

    pub fn kicked(&self) -> Vec<UserKey> {
        self.state.lock().kicked.clone()
    }
}

impl Hub for FakeHub {
    fn subscribers(&self, _: AppId, server: ServerId) -> Vec<Accid> {
        let state = self.state.lock();
        let members = state.index.get(&server).into_iter().flatten();
        members.filter(|(_, hears)| **hears).map(|(accid, _)| accid.clone()).collect()
    }

    fn online_members(&self, _: AppId, server: ServerId) -> Vec<Accid> {
        self.state.lock().index.get(&server).map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }

    fn is_online(&self, user: &UserKey) -> bool {
        self.state.lock().online.contains(user)
    }

    fn deliver(&self, user: &UserKey, notification: &Arc<Notification>) -> usize {
        let mut state = self.state.lock();
        if !state.online.contains(user) {
            return 0;
        }
        state.delivered.push((user.clone(), Arc::clone(notification)));
        1
    }

    fn joined(&self, user: &UserKey, of: Membership) {
        let mut state = self.state.lock();
        if state.online.contains(user) {
            state.index.entry(of.server).or_default().insert(user.accid.clone(), of.hears);
        }
    }

    fn subscribed(&self, user: &UserKey, of: Membership) {
        let mut state = self.state.lock();
        if let Some(hears) = state.index.get_mut(&of.server).and_then(|all| all.get_mut(&user.accid)) {
            *hears = of.hears;
        }
    }

    fn left(&self, user: &UserKey, server: ServerId) {
        if let Some(accids) = self.state.lock().index.get_mut(&server) {
            accids.remove(&user.accid);
        }
    }

    fn kick(&self, user: &UserKey, _: u8, _: &str) {
        self.state.lock().kicked.push(user.clone());
    }
}

/// Something core told the rooms.
#[derive(Debug, Clone, PartialEq)]
pub enum RoomCall {
    Rights { channel: ChannelId, accid: Accid, verdict: Option<MediaVerdict> },
    Close(ChannelId),
    Config(ChannelId, RtcConfig),
    Moderate(ChannelId, Moderation),
    Expel(Accid),
}

/// Seats without media.
#[derive(Debug, Default)]
pub struct FakeRooms {
    seats: Mutex<Vec<(ServerId, ChannelId, Accid)>>,
    calls: Mutex<Vec<RoomCall>>,
}

impl FakeRooms {
    pub fn seat(&self, server: ServerId, channel: ChannelId, accid: &Accid) {
        self.seats.lock().push((server, channel, accid.clone()));
    }

    /// What core told since the last call, in order.
    pub fn take(&self) -> Vec<RoomCall> {
        std::mem::take(&mut self.calls.lock())
    }
}

#[async_trait]
impl Rooms for FakeRooms {
    fn seated(&self, server: ServerId) -> Vec<(ChannelId, Accid)> {
        let seats = self.seats.lock();
        seats.iter().filter(|(of, ..)| *of == server).map(|(_, c, a)| (*c, a.clone())).collect()
    }

    fn online(&self, channel: ChannelId) -> Vec<Accid> {
        let seats = self.seats.lock();
        seats.iter().filter(|(_, of, _)| *of == channel).map(|(.., accid)| accid.clone()).collect()
    }

    fn rights_changed(
        &self,
        channel: ChannelId,
        user: &UserKey,
        _version: i64,
        verdict: Option<MediaVerdict>,
    ) {
        if verdict.is_none() {
            self.seats.lock().retain(|(_, c, a)| (*c, a) != (channel, &user.accid));
        }
        let accid = user.accid.clone();
        self.calls.lock().push(RoomCall::Rights { channel, accid, verdict });
    }

    fn close(&self, channel: ChannelId) {
        self.seats.lock().retain(|(_, of, _)| *of != channel);
        self.calls.lock().push(RoomCall::Close(channel));
    }

    /// Whoever is seated is changed.
    async fn moderate(&self, channel: ChannelId, act: Moderation) -> Result<Vec<Accid>, Error> {
        let mut concerned = self.online(channel);
        if let Moderation::Switch { accid, .. } | Moderation::Kick(accid) = &act {
            concerned.retain(|seated| seated == accid);
        }
        if concerned.is_empty() {
            return Err(Error::NotFound("seat"));
        }
        if let Moderation::Kick(accid) = &act {
            self.seats.lock().retain(|(_, of, seated)| (*of, seated) != (channel, accid));
        }
        self.calls.lock().push(RoomCall::Moderate(channel, act));
        Ok(concerned)
    }

    fn expel(&self, user: &UserKey) {
        self.seats.lock().retain(|(.., accid)| *accid != user.accid);
        self.calls.lock().push(RoomCall::Expel(user.accid.clone()));
    }

    fn link_up(&self, _: &UserKey, _: &DeviceId) {}

    fn link_down(&self, _: &UserKey, _: &DeviceId) {}

    fn config_changed(&self, channel: ChannelId, config: RtcConfig) {
        self.calls.lock().push(RoomCall::Config(channel, config));
    }
}
