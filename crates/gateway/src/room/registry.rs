//! Which media channels are open, and how to reach their owners.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use parking_lot::Mutex;
use rotunda_core::{
    Core, Error, Rooms,
    media::{MediaVerdict, operator::Moderation},
};
use rotunda_media_io::MediaHandle;
use rotunda_model::{Accid, AppId, ChannelId, DeviceId, Millis, RtcConfig, ServerId, UserKey};
use rotunda_room::{SeatId, Times};
use rotunda_sfu::{Event, TransportId};
use tokio::sync::{mpsc, oneshot};

use super::{
    PushHub, moderation,
    owner::{self, Owner},
    records::Records,
};

/// Requests waiting for one owner. It answers thousands per second; a queue this long means it stands still, and
/// refusing (503) is better than waiting.
const MAILBOX: usize = 1_024;

/// Something for an owner to do; what it gives back runs once all outputs have taken effect.
pub(crate) type Call = Box<dyn FnOnce(&mut Owner) -> Done + Send>;
pub(crate) type Done = Box<dyn FnOnce() + Send>;

/// Why an owner did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    #[error("the channel's owner has {MAILBOX} requests waiting")]
    Busy,
    /// The channel closed meanwhile; ask the registry again.
    #[error("the channel is no longer open")]
    Gone,
}

/// The way to the owner of one open channel.
#[derive(Clone)]
pub struct RoomHandle {
    pub(crate) app: AppId,
    pub(crate) server: ServerId,
    /// Tells this opening of the channel from the next one.
    generation: u64,
    calls: mpsc::Sender<Call>,
    /// What must not be lost: verdicts, links, media. Bounded by what happens to its members, never by what a client
    /// sends, and served before `calls`.
    control: mpsc::UnboundedSender<Call>,
}

impl RoomHandle {
    /// Runs `ask` at the owner. All outputs of it have taken effect when this returns.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Owner) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |owner| {
            let value = ask(owner);
            Box::new(move || {
                let _ = answer.send(value);
            })
        });
        self.calls.try_send(call).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Unavailable::Busy,
            mpsc::error::TrySendError::Closed(_) => Unavailable::Gone,
        })?;
        answered.await.map_err(|_| Unavailable::Gone)
    }

    /// Same, ahead of every client's request and never refused. The owner runs it later.
    pub(crate) fn control(&self, act: impl FnOnce(&mut Owner) + Send + 'static) {
        let _ = self.control.send(Box::new(move |owner| {
            act(owner);
            Box::new(|| ())
        }));
    }
}

impl fmt::Debug for RoomHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoomHandle").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// Bits below the millisecond of the start: a process would have to give a million ids in each to meet a later one's.
const IDS_PER_MS_BITS: u32 = 20;

fn first_id(started: Millis) -> u64 {
    (started.get().unsigned_abs() << IDS_PER_MS_BITS) + 1
}

/// How much goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// Media channels with an owner.
    pub channels: usize,
    pub seats: usize,
    pub transports: usize,
}

/// The open media channels of this process.
pub struct Registry {
    pub(crate) core: Core,
    pub(crate) media: MediaHandle,
    pub(crate) times: Times,
    pub(crate) pushes: PushHub,
    pub(crate) records: Records,
    /// Tells this process from the one that signed an older token.
    pub(crate) boot: u64,
    pub(crate) started: Millis,
    ids: AtomicU64,
    draining: AtomicBool,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    rooms: HashMap<ChannelId, OpenRoom>,
    seats: HashMap<UserKey, HashSet<ChannelId>>,
    /// QChat links that are up.
    links: HashSet<(UserKey, DeviceId)>,
    transports: HashMap<TransportId, Transport>,
}

#[derive(Clone, Copy)]
struct Transport {
    channel: ChannelId,
    seat: SeatId,
    opened: Millis,
}

struct OpenRoom {
    handle: RoomHandle,
    /// Whose seat it is, and on which room device.
    seats: HashMap<Accid, DeviceId>,
}

impl Registry {
    /// `media` receives every change of the forwarding tables.
    pub fn new(core: Core, media: MediaHandle, times: Times) -> Arc<Self> {
        let boot = u64::from_be_bytes(core.env().bytes());
        let started = core.env().now();
        Arc::new(Self {
            started,
            core,
            media,
            times,
            pushes: PushHub::default(),
            records: Records::default(),
            boot,
            ids: AtomicU64::new(first_id(started)),
            draining: AtomicBool::new(false),
            index: Mutex::default(),
        })
    }

    /// A number that no process of this installation gave out before: a client that outlives a restart still closes
    /// the transports of the process before, and must not hit one of ours.
    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Random, so that a seat can be named in a token that outlives the process.
    pub(crate) fn new_seat(&self) -> SeatId {
        SeatId(u64::from_be_bytes(self.core.env().bytes()))
    }

    /// The open channel, when it belongs to this app.
    pub(crate) fn find(&self, app: AppId, channel: ChannelId) -> Option<RoomHandle> {
        self.index
            .lock()
            .rooms
            .get(&channel)
            .map(|room| room.handle.clone())
            .filter(|handle| handle.app == app)
    }

    /// The channel's owner, started if there is none. The caller has a favourable verdict.
    pub(crate) fn open(self: &Arc<Self>, app: AppId, server: ServerId, channel: ChannelId) -> RoomHandle {
        let mut index = self.index.lock();
        if let Some(room) = index.rooms.get(&channel) {
            return room.handle.clone();
        }
        let (calls, mailbox) = mpsc::channel(MAILBOX);
        let (control, urgent) = mpsc::unbounded_channel();
        let handle = RoomHandle { app, server, generation: self.next_id(), calls, control };
        index.rooms.insert(channel, OpenRoom { handle: handle.clone(), seats: HashMap::new() });
        tokio::spawn(owner::run(Arc::clone(self), channel, handle.clone(), mailbox, urgent));
        handle
    }

    /// The owner has ended; its channel may be opened anew.
    pub(crate) fn closed(&self, channel: ChannelId, handle: &RoomHandle) {
        let mut index = self.index.lock();
        let same = |room: &OpenRoom| room.handle.generation == handle.generation;
        if !index.rooms.get(&channel).is_some_and(same) {
            return;
        }
        let Some(room) = index.rooms.remove(&channel) else { return };
        self.records.channel_closed(channel, self.core.env().now());
        for accid in room.seats.into_keys() {
            index.unseat(&UserKey { app: handle.app, accid }, channel);
        }
        index.transports.retain(|_, transport| transport.channel != channel);
    }

    pub(crate) fn seated_in(&self, channel: ChannelId, user: &UserKey, device: DeviceId) {
        let mut index = self.index.lock();
        if let Some(room) = index.rooms.get_mut(&channel) {
            room.seats.insert(user.accid.clone(), device);
            index.seats.entry(user.clone()).or_default().insert(channel);
        }
    }

    pub(crate) fn unseated_from(&self, channel: ChannelId, user: &UserKey) {
        let mut index = self.index.lock();
        if let Some(room) = index.rooms.get_mut(&channel) {
            room.seats.remove(&user.accid);
        }
        index.unseat(user, channel);
    }

    /// Whether this device of the account sits anywhere.
    pub(crate) fn has_seat(&self, user: &UserKey, device: &DeviceId) -> bool {
        let index = self.index.lock();
        let channels = index.seats.get(user).into_iter().flatten();
        channels
            .filter_map(|channel| index.rooms.get(channel))
            .any(|room| room.seats.get(&user.accid).is_some_and(|held| held == device))
    }

    pub(crate) fn is_link_up(&self, user: &UserKey, link_device: &DeviceId) -> bool {
        self.index.lock().links.contains(&(user.clone(), link_device.clone()))
    }

    pub(crate) fn add_transport(&self, transport: TransportId, channel: ChannelId, seat: SeatId) {
        self.records.transport_opened(seat, transport);
        let opened = self.core.env().now();
        self.index.lock().transports.insert(transport, Transport { channel, seat, opened });
    }

    pub(crate) fn remove_transport(&self, transport: TransportId) {
        self.index.lock().transports.remove(&transport);
    }

    fn rooms_of(&self, user: &UserKey) -> Vec<RoomHandle> {
        let index = self.index.lock();
        let channels = index.seats.get(user).into_iter().flatten();
        channels.filter_map(|channel| index.rooms.get(channel)).map(|room| room.handle.clone()).collect()
    }

    /// The push link of this device is heard, or it was last heard at `silent_since`.
    pub(crate) fn push_link(&self, user: &UserKey, device: &DeviceId, silent_since: Option<Millis>) {
        for room in self.rooms_of(user) {
            let (accid, device) = (user.accid.clone(), device.clone());
            room.control(move |owner| owner.room.push_link(&accid, &device, silent_since));
        }
    }

    /// The device showed a newer token: its seats live on.
    pub(crate) fn renewed(&self, user: &UserKey, device: &DeviceId, expires: Millis) {
        let until = super::confirm::authorised_until(expires);
        for room in self.rooms_of(user) {
            let (accid, device) = (user.accid.clone(), device.clone());
            room.control(move |owner| {
                if let Some(seat) = owner.room.seat_on(&accid, &device) {
                    owner.room.authorise(seat, until);
                }
            });
        }
    }

    fn link(&self, user: &UserKey, link_device: &DeviceId, up: bool) {
        let key = (user.clone(), link_device.clone());
        {
            let mut index = self.index.lock();
            if up {
                index.links.insert(key)
            } else {
                index.links.remove(&key)
            };
        }
        let now = self.core.env().now();
        for room in self.rooms_of(user) {
            let (accid, device) = (user.accid.clone(), link_device.clone());
            room.control(move |owner| owner.room.qchat_link(now, &accid, &device, up));
        }
    }

    /// Hands what the media worker reports to the owners, until the worker is gone.
    pub async fn run_media_events(self: Arc<Self>, mut events: mpsc::Receiver<Event>) {
        while let Some(event) = events.recv().await {
            self.media.observe(&event);
            let transport = match &event {
                Event::TransportConnected { id, .. }
                | Event::TransportFailed { id, .. }
                | Event::TransportLost { id, .. }
                | Event::TransportBack { id }
                | Event::LayersWanted { id, .. } => *id,
                Event::TransportClosed { id, usage } => {
                    self.records.transport_closed(*id, usage);
                    continue;
                }
                Event::Usage(all) => {
                    self.records.used(all);
                    continue;
                }
                Event::Quality(reports) => {
                    let room = {
                        let index = self.index.lock();
                        // One question is about one channel.
                        let channel = reports.iter().find_map(|(id, _)| index.transports.get(id));
                        channel
                            .and_then(|transport| index.rooms.get(&transport.channel))
                            .map(|room| room.handle.clone())
                    };
                    if let (Some(room), Event::Quality(reports)) = (room, event) {
                        room.control(move |owner| owner.quality_reported(&reports));
                    }
                    continue;
                }
                Event::WorkerRestarted { worker, panics } => {
                    tracing::error!(
                        worker,
                        panics,
                        "a media worker failed and started again; all transports are gone"
                    );
                    self.records.worker_restarted();
                    self.worker_restarted();
                    continue;
                }
            };
            let found = {
                let index = self.index.lock();
                index.transports.get(&transport).copied().and_then(|found| {
                    index.rooms.get(&found.channel).map(|room| (room.handle.clone(), found))
                })
            };
            if let Some((room, Transport { seat, opened, .. })) = found {
                if let Event::TransportConnected { .. } = event {
                    self.took_to_connect(opened);
                }
                room.control(move |owner| owner.media_event(seat, transport, &event));
            }
        }
    }

    fn worker_restarted(&self) {
        let rooms: Vec<RoomHandle> =
            self.index.lock().rooms.values().map(|room| room.handle.clone()).collect();
        for room in rooms {
            room.control(Owner::media_restarted);
        }
    }

    /// From now on nobody new gets a seat; who has one keeps it, and comes back to it after a cut.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From the answer that named a transport to its keys: ICE, DTLS and what the client does between.
    fn took_to_connect(&self, opened: Millis) {
        let took = self.core.env().now().get().saturating_sub(opened.get()).max(0);
        metrics::histogram!("rotunda_transport_connect_seconds").record(took as f64 / 1000.0);
    }

    pub fn census(&self) -> Census {
        let index = self.index.lock();
        Census {
            channels: index.rooms.len(),
            seats: index.rooms.values().map(|room| room.seats.len()).sum(),
            transports: index.transports.len(),
        }
    }
}

impl Index {
    fn unseat(&mut self, user: &UserKey, channel: ChannelId) {
        if let Some(channels) = self.seats.get_mut(user) {
            channels.remove(&channel);
            if channels.is_empty() {
                self.seats.remove(user);
            }
        }
    }
}

#[async_trait]
impl Rooms for Registry {
    fn seated(&self, server: ServerId) -> Vec<(ChannelId, Accid)> {
        let index = self.index.lock();
        let of_server = index.rooms.iter().filter(|(_, room)| room.handle.server == server);
        of_server
            .flat_map(|(channel, room)| room.seats.keys().map(|accid| (*channel, accid.clone())))
            .collect()
    }

    fn online(&self, channel: ChannelId) -> Vec<Accid> {
        self.index
            .lock()
            .rooms
            .get(&channel)
            .map(|room| room.seats.keys().cloned().collect())
            .unwrap_or_default()
    }

    fn rights_changed(
        &self,
        channel: ChannelId,
        user: &UserKey,
        version: i64,
        verdict: Option<MediaVerdict>,
    ) {
        let Some(room) = self.find(user.app, channel) else { return };
        let accid = user.accid.clone();
        room.control(move |owner| {
            let now = owner.now();
            match verdict {
                Some(verdict) => owner.room.set_rights(now, &accid, verdict.rights, version),
                None => owner.room.evict(now, &accid, version),
            }
        });
    }

    fn close(&self, channel: ChannelId) {
        let room = self.index.lock().rooms.get(&channel).map(|room| room.handle.clone());
        if let Some(room) = room {
            room.control(|owner| owner.room.close(owner.now(), "CLOSE_BY_BACKEND", None));
        }
    }

    async fn moderate(&self, channel: ChannelId, act: Moderation) -> Result<Vec<Accid>, Error> {
        let room = self.index.lock().rooms.get(&channel).map(|room| room.handle.clone());
        let without = moderation::without(&act);
        let Some(room) = room else { return without };
        match room.call(move |owner| moderation::perform(owner, act)).await {
            Ok(done) => done,
            Err(Unavailable::Gone) => without,
            Err(Unavailable::Busy) => Err(Error::Busy("the channel has too much to do")),
        }
    }

    fn expel(&self, user: &UserKey) {
        let channels: Vec<ChannelId> =
            self.index.lock().seats.get(user).into_iter().flatten().copied().collect();
        for channel in channels {
            self.rights_changed(channel, user, i64::MAX, None);
        }
    }

    fn link_up(&self, user: &UserKey, link_device: &DeviceId) {
        self.link(user, link_device, true);
    }

    fn link_down(&self, user: &UserKey, link_device: &DeviceId) {
        self.link(user, link_device, false);
    }

    /// Nothing to tell: the limit is read with the verdict of each entry, and those seated keep what they entered with.
    fn config_changed(&self, _channel: ChannelId, _config: RtcConfig) {}
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_process_before_a_restart_are_not_given_again() {
        let start = Millis(1_790_000_000_000);
        let given_before = first_id(start) + 1_000_000;
        assert!(first_id(start.plus(2)) > given_before);
    }
}
