//! The task of one open channel: its state machine, and what its outputs do to the world.

use std::{
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use futures_util::FutureExt;
use rotunda_core::{
    Core,
    media::{self, record::Arrival},
};
use rotunda_model::{ChannelId, Millis, UserKey};
use rotunda_room::{EndReason, Output, Persist, Room, Saved, SeatId, SocketId, Source, Table};
use rotunda_sfu::Command;
use rotunda_wire::{CommandId, Push};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle, time::MissedTickBehavior};

use super::{
    RoomHandle,
    desk::Desk,
    push_hub::ToPush,
    quality::{self, Board},
    registry::{Call, Registry},
};

/// Notifications waiting for one signalling socket; a client this far behind is closed and joins again.
pub(crate) const SOCKET_QUEUE: usize = 512;

/// How long commands wait for a media worker whose queue is full. Longer hides a stall from the members, shorter ends
/// calls over a hiccup.
const MEDIA_PATIENCE: Duration = Duration::from_secs(2);

/// After a start, how long a channel that opens is taken for the one that was open before, ms. The SDK and engines try
/// again within 20 s; longer lets the mute-all of a call long over bind the next one.
const RETURN_WINDOW_MS: i64 = 60_000;

/// Between two tries to hand over a command.
const MEDIA_RETRY: Duration = Duration::from_millis(1);

/// A push of the room plane (neroom-web-sdk 1.4 to 1.20).
const ROOM_PUSH: CommandId = CommandId { sid: 22, cid: 2 };

/// Who room pushes come from. Kits read only the body.
const PUSH_SENDER: &str = "rotunda";

/// For one signalling session.
#[derive(Debug)]
pub(crate) enum ToSocket {
    Notify {
        method: &'static str,
        data: Value,
    },
    /// After so many milliseconds: `OnKickOff` with the reason, if any, then the end.
    Close {
        kick: Option<u8>,
        after_ms: u32,
    },
}

/// The owner's end of a signalling session.
#[derive(Debug, Clone)]
pub(crate) struct SocketHandle {
    pub id: SocketId,
    pub queue: mpsc::Sender<ToSocket>,
}

/// What the task of a channel owns.
pub(crate) struct Owner {
    pub room: Room,
    pub desk: Desk,
    pub registry: Arc<Registry>,
    pub(super) quality: Board,
    handle: RoomHandle,
    pub(super) sockets: HashMap<SocketId, mpsc::Sender<ToSocket>>,
    persist: mpsc::UnboundedSender<Persist>,
}

/// Runs the channel until it ends. A panic in it closes this channel and no other.
pub(crate) async fn run(
    registry: Arc<Registry>,
    channel: ChannelId,
    handle: RoomHandle,
    mut mailbox: mpsc::Receiver<Call>,
    mut urgent: mpsc::UnboundedReceiver<Call>,
) {
    match Owner::open(&registry, channel, handle.clone()).await {
        Err(error) => tracing::warn!(%channel, code = %error.code(), "a media channel could not be opened"),
        Ok((mut owner, writer)) => {
            let serving = AssertUnwindSafe(owner.serve(&mut mailbox, &mut urgent)).catch_unwind().await;
            if serving.is_err() {
                metrics::counter!("rotunda_room_panics_total").increment(1);
                tracing::error!(%channel, "the owner of a media channel failed; its members are out");
                // The state may be half changed, so closing it may fail as well; the media plane is cleared anyway.
                let closing = AssertUnwindSafe(owner.fail()).catch_unwind().await;
                if closing.is_err() {
                    owner.desk.close_all();
                    owner.send_commands().await;
                }
            }
            drop(owner);
            // Written before the channel can be opened again, or the new owner would load what is about to go.
            let _ = writer.await;
        }
    }
    registry.closed(channel, &handle);
}

/// Writes through, in order, without keeping the owner waiting for Postgres.
async fn write(core: Core, channel: ChannelId, mut writes: mpsc::UnboundedReceiver<Persist>) {
    while let Some(write) = writes.recv().await {
        let result = match &write {
            Persist::Property { key, value } => {
                media::save_property(&core, channel, key, value.as_deref()).await
            }
            Persist::ModeratorOff { accid, source, off } => {
                media::save_moderator_off(&core, channel, accid, source.stream(), *off).await
            }
            Persist::Clear => media::clear_room(&core, channel).await,
        };
        if let Err(error) = result {
            metrics::counter!("rotunda_room_writes_failed_total").increment(1);
            tracing::warn!(%channel, code = %error.code(), "room state was not written through");
        }
    }
}

impl Owner {
    async fn open(
        registry: &Arc<Registry>,
        channel: ChannelId,
        handle: RoomHandle,
    ) -> Result<(Self, JoinHandle<()>), rotunda_core::Error> {
        let core = &registry.core;
        let cid = media::cid(core, channel).await?;
        let now = core.env().now();
        let saved = if now <= registry.started.plus(RETURN_WINDOW_MS) {
            media::load_room(core, channel).await?
        } else {
            // Nobody came back to what an earlier process saved, so that room emptied long ago.
            media::clear_room(core, channel).await?;
            media::SavedRoom::default()
        };
        let saved = Saved {
            properties: saved.properties.into_iter().collect::<BTreeMap<_, _>>(),
            moderator_off: saved
                .muted
                .into_iter()
                .filter_map(|(accid, stream)| Source::from_stream(&stream).map(|source| (accid, source)))
                .collect(),
        };
        let room = Room::open(channel, cid, saved, registry.times, now);
        let (persist, writes) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write(core.clone(), channel, writes));
        let desk = Desk::new(Arc::clone(registry), channel);
        let owner = Self {
            room,
            desk,
            registry: Arc::clone(registry),
            quality: Board::default(),
            handle,
            sockets: HashMap::new(),
            persist,
        };
        Ok((owner, writer))
    }

    pub fn now(&self) -> Millis {
        self.registry.core.env().now()
    }

    /// The account's key in this channel's app.
    pub fn user_of(&self, seat: SeatId) -> Option<UserKey> {
        self.room.account_of(seat).map(|accid| UserKey { app: self.handle.app, accid: accid.clone() })
    }

    async fn serve(
        &mut self,
        mailbox: &mut mpsc::Receiver<Call>,
        urgent: &mut mpsc::UnboundedReceiver<Call>,
    ) {
        let mut beat = tokio::time::interval(quality::INTERVAL);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.room.is_ended() {
            let wait = self.room.next_deadline().map(|deadline| deadline.get() - self.now().get());
            let wait = Duration::from_millis(wait.map_or(60_000, |ms| u64::try_from(ms).unwrap_or(0)));
            tokio::select! {
                biased;
                Some(call) = urgent.recv() => self.perform(call).await,
                Some(call) = mailbox.recv() => {
                    self.expire(urgent).await;
                    // The time of the room was over before this came: its caller opens the next one.
                    if !self.room.is_ended() {
                        self.perform(call).await;
                    }
                }
                _ = beat.tick(), if self.quality.is_heard() => self.ask_for_quality(),
                () = tokio::time::sleep(wait) => {}
            }
            self.expire(urgent).await;
        }
    }

    /// Ends what is overdue, unless something is waiting that happened before its time ran out.
    async fn expire(&mut self, urgent: &mpsc::UnboundedReceiver<Call>) {
        let now = self.now();
        if urgent.is_empty() && self.room.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.room.tick(now);
            self.settle().await;
        }
    }

    async fn perform(&mut self, call: Call) {
        let done = call(self);
        self.settle().await;
        done();
    }

    async fn fail(&mut self) {
        self.room.close(self.now(), "CLOSE_BY_BACKEND", None);
        self.settle().await;
    }

    /// Makes the outputs take effect: the media plane first, then everybody who is told.
    pub async fn settle(&mut self) {
        let outputs = self.room.take_outputs();
        for output in &outputs {
            if let Output::Table(table) = output {
                self.apply(*table);
            }
        }
        self.send_commands().await;
        for output in outputs {
            self.tell(output);
        }
    }

    fn apply(&mut self, table: Table) {
        match table {
            Table::Forward { producer, on } => self.desk.forward(producer, on),
            Table::RemoveProducer(producer) => self.desk.remove_producer(producer),
            Table::CloseSession(seat) => self.desk.close_session(seat),
        }
    }

    async fn send_commands(&mut self) {
        for command in self.desk.take_commands() {
            if !self.hand_over(command).await {
                metrics::counter!("rotunda_media_commands_lost_total").increment(1);
                tracing::error!(channel = %self.room.channel(), "the media worker took no command for 2 s");
            }
        }
    }

    async fn hand_over(&self, command: Command) -> bool {
        let tries = MEDIA_PATIENCE.as_millis() / MEDIA_RETRY.as_millis();
        for _ in 0..tries {
            if self.registry.media.send(command.clone()).is_ok() {
                return true;
            }
            tokio::time::sleep(MEDIA_RETRY).await;
        }
        false
    }

    fn tell(&mut self, output: Output) {
        match output {
            // Applied above, ahead of everything told.
            Output::Table(_) => {}
            Output::Push { to, body } => {
                let time = self.now().get().to_string();
                let items = vec![json!({ "1": PUSH_SENDER, "2": body, "3": time })];
                let frame = Utf8Bytes::from(Push { command: ROOM_PUSH, items }.frame());
                for recipient in to {
                    let user = UserKey { app: self.handle.app, accid: recipient.accid };
                    self.registry.pushes.send(&(user, recipient.device), || ToPush::Frame(frame.clone()));
                }
            }
            Output::Notify { to, method, data } => self.post(to, ToSocket::Notify { method, data }),
            Output::CloseSignalling { socket, kick, after_ms } => {
                self.post(socket, ToSocket::Close { kick, after_ms });
                self.sockets.remove(&socket);
            }
            Output::Persist(write) => {
                let _ = self.persist.send(write);
            }
            Output::Seated { seat, .. } => self.seated(seat),
            Output::Unseated { seat, accid, device, reason } => {
                self.registry.records.unseated(seat, self.now(), reason.name());
                let user = UserKey { app: self.handle.app, accid };
                self.registry.unseated_from(self.room.channel(), &user);
                self.registry.pushes.send(&(user, device), || ToPush::SeatEnded);
                tracing::info!(channel = %self.room.channel(), reason = reason.name(), "a media seat ended");
                Self::count_end(reason);
            }
            Output::Ended => {}
        }
    }

    fn count_end(reason: EndReason) {
        metrics::counter!("rotunda_seats_ended_total", "reason" => reason.name()).increment(1);
    }

    /// Lists the seat, and looks again at links that may have changed before it was listed.
    fn seated(&mut self, seat: SeatId) {
        let Some(user) = self.user_of(seat) else { return };
        let Some((device, link_device)) = self.room.devices_of(seat) else { return };
        let (device, link_device) = (device.clone(), link_device.clone());
        tracing::info!(channel = %self.room.channel(), seats = self.room.seat_count(), "a media seat was taken");
        self.registry.seated_in(self.room.channel(), &user, device.clone());
        let arrival = Arrival {
            user: user.clone(),
            server: self.handle.server,
            channel: self.room.channel(),
            device: device.clone(),
            link_device: link_device.clone(),
            client: self.room.client_of(seat).unwrap_or_default().to_owned(),
        };
        self.registry.records.seated(&self.registry.core, seat, arrival);
        let now = self.now();
        let link_up = self.registry.is_link_up(&user, &link_device);
        self.room.qchat_link(now, &user.accid, &link_device, link_up);
        let push_up = self.registry.pushes.is_up(&(user.clone(), device.clone()));
        self.room.push_link(&user.accid, &device, (!push_up).then_some(now));
    }

    pub(super) fn post(&mut self, socket: SocketId, message: ToSocket) {
        if let Some(queue) = self.sockets.get(&socket)
            && queue.try_send(message).is_err()
        {
            // Its session sees the queue end, and closes.
            self.sockets.remove(&socket);
        }
    }

    /// A signalling session whose `Join` was accepted; whether it is to be told how good the members' lines are.
    pub fn attach(&mut self, socket: SocketHandle, quality: bool) {
        if quality {
            self.quality.listen(socket.id);
        }
        self.sockets.insert(socket.id, socket.queue);
    }

    /// Ends a socket without a word: a newer one of the same session took its place.
    pub fn detach(&mut self, socket: SocketId) {
        self.post(socket, ToSocket::Close { kick: None, after_ms: 0 });
        self.sockets.remove(&socket);
    }

    /// The session on this socket is over.
    pub fn socket_closed(&mut self, seat: SeatId, socket: SocketId, since: Millis) {
        self.sockets.remove(&socket);
        self.room.socket_closed(seat, socket, since);
    }

    /// Sends a notification to one seat's socket.
    pub fn notify(&mut self, seat: SeatId, method: &'static str, data: Value) {
        if let Some(socket) = self.room.socket_of(seat) {
            self.post(socket, ToSocket::Notify { method, data });
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};
    use rotunda_core::{Actor, Clock, CoreConfig, Env, Keys, Rooms, Store, account, channel, server};
    use rotunda_media_io::MediaHandle;
    use rotunda_model::{DeviceId, channel::ChannelKind};
    use rotunda_room::{Entry, Times};
    use rotunda_sfu::ortc::Fingerprint;

    use super::*;
    use crate::room::Unavailable;

    struct Fixed;

    impl Clock for Fixed {
        fn now(&self) -> Millis {
            Millis(1_700_000_000_000)
        }
    }

    fn entry(accid: rotunda_model::Accid) -> Entry {
        let device = DeviceId::new("device").unwrap();
        Entry {
            seat: SeatId(7),
            accid,
            device: device.clone(),
            link_device: device,
            link_up: true,
            push_up: true,
            reseat: false,
            sessions: 0,
            name: String::new(),
            icon: String::new(),
            role: String::new(),
            client_type: String::new(),
            rtc_uid: 1,
            rights: rotunda_model::RightSet::ALL,
            version: 1,
            is_owner: false,
            limit: 0,
            authorised_until: Millis(i64::MAX),
        }
    }

    #[sqlx::test(migrations = "../../migrations")]
    async fn a_panic_closes_its_own_room_which_can_be_opened_again(pool: sqlx::PgPool) {
        let env = Env::new(Arc::new(Fixed), StdRng::seed_from_u64(1));
        let keys = Keys::new(&[1; 32], &[2; 32]).unwrap();
        let core = Core::open(Store::from_pool(pool), env, CoreConfig::new(keys)).await.unwrap();
        let app = account::create_app(&core, "Test", None, None).await.unwrap().app;
        let user = account::create_account(&core, &app.key, "ann", "", None).await.unwrap().0.user;
        let device = DeviceId::new("link").unwrap();
        let actor = Actor { user: user.clone(), device, client_type: 16, nick: String::new() };
        let new = server::NewServer { name: "s".into(), ..Default::default() };
        let server = server::create(&core, &actor, new).await.unwrap().id;
        let new = channel::NewChannel { kind: ChannelKind::Media, name: "c".into(), ..Default::default() };
        let channel = channel::create(&core, &actor, server, new).await.unwrap().id;
        let fingerprint = Fingerprint { algorithm: "sha-256".into(), value: "AB".into() };
        let (media, _commands) = MediaHandle::recording(Vec::new(), fingerprint);
        let registry = Registry::new(core, media, Times::default());
        for _ in 0..2 {
            let room = registry.open(app.id, server, channel);
            let mine = entry(user.accid.clone());
            let entered = room.call(move |owner| owner.room.enter(owner.now(), mine)).await;
            assert!(entered.is_ok_and(|seated| seated.is_ok()));
            assert_eq!(registry.online(channel).as_slice(), std::slice::from_ref(&user.accid));
            let failed = room.call(|_| panic!("on purpose")).await;
            assert_eq!(failed, Err::<(), _>(Unavailable::Gone));
            while registry.find(app.id, channel).is_some() {
                tokio::task::yield_now().await;
            }
            assert!(registry.online(channel).is_empty());
        }
    }
}
