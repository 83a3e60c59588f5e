//! The control plane's end of the media plane: commands in, facts out, whatever the number of workers.

use std::{
    fmt,
    fs::File,
    io::{self, Write as _},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, TryIter, sync_channel},
    },
    time::Duration,
};

use rotunda_sfu::{
    Command, Counters, Event, RoomId, TransportId,
    ortc::{Fingerprint, IceCandidate},
};
use tokio::net::TcpStream;

use crate::{
    routes::{Load, Routes, SpreadLimits},
    tcp::{Door, TcpEnd},
    worker::candidates,
};

/// Commands waiting for a worker's next turn. A join is about ten; at this depth the worker is stalled and
/// refusing is better than queueing.
pub const COMMAND_QUEUE: usize = 8192;
/// Room every queue must have for a command to be taken: closing a transport becomes up to two for each of its streams.
const MOST_AT_ONCE: usize = 2048;
/// A worker as busy as this takes no newcomers, per mille: what is left is for the pictures those present turn on.
pub const REFUSE_ABOVE: u32 = 650;
/// It takes them again below this. Nearer to the other it would change with every one who comes.
pub const ADMIT_BELOW: u32 = 550;
/// What one newcomer is taken to cost before it shows, at most, per mille. Where few are present what one of them costs
/// is not known, and much of the time may be spent on something else.
const NEWCOMER_COST: u32 = 5;

/// Between two looks whether a worker has woken.
const WAKE_POLL: Duration = Duration::from_millis(2);

/// A worker's queue is full or the worker is gone: refuse the operation (code 503) and do not tell anybody it
/// happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media worker has {COMMAND_QUEUE} commands waiting or has stopped")]
pub struct Overloaded;

/// Newcomers are refused (code 503) so that those who are seated do not suffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media workers are busy ({} % of their time): newcomers wait", .busy / 10)]
pub struct Busy {
    /// Of the worker that would get the newcomer, per mille.
    pub busy: u32,
}

/// Sends commands to the media workers. Clones share them.
#[derive(Clone)]
pub struct MediaHandle {
    shared: Arc<Shared>,
}

struct Shared {
    workers: Vec<WorkerHandle>,
    /// Commands are sent while it is held, so that each worker gets them in the order they were given.
    routes: Mutex<Routes>,
    /// Where ICE-TCP connections come in; None when it is off.
    door: Option<Door>,
    tcp_port: Option<u16>,
    fingerprint: Fingerprint,
}

/// One worker, as the others see it.
pub(crate) struct WorkerHandle {
    commands: SyncSender<Command>,
    state: Arc<WorkerState>,
    /// Wakes the worker's epoll; None for a handle without a worker.
    wake: Option<File>,
    /// Where its socket is; None for a handle without a worker.
    local: Option<SocketAddr>,
    candidates: RwLock<Vec<IceCandidate>>,
}

/// What a worker and its handle share.
#[derive(Debug, Default)]
pub(crate) struct WorkerState {
    counters: Mutex<Counters>,
    /// Commands in the queue.
    waiting: AtomicUsize,
    /// Thousandths of its time that it does not wait, smoothed.
    busy: AtomicU32,
    /// Newcomers who were admitted and are not part of `busy` yet.
    expected: AtomicU32,
    /// It was too busy for newcomers when it was asked last.
    refuses: AtomicBool,
    /// How often it woke. A thread that is there wakes when it is asked to.
    wakes: AtomicU64,
    /// Microphones of one room that it forwards at a time; 0: all.
    audio_active_max: AtomicUsize,
}

/// The worker's end of a handle.
#[derive(Debug)]
pub(crate) struct WorkerEnd {
    commands: Receiver<Command>,
    state: Arc<WorkerState>,
}

/// A worker's place in tests: takes commands, and is as busy as it is told.
#[derive(Debug)]
pub struct Recording {
    end: WorkerEnd,
}

impl Recording {
    /// The commands since the last call.
    pub fn commands(&self) -> impl Iterator<Item = Command> + '_ {
        self.end.commands()
    }

    /// Per mille.
    pub fn be_busy(&self, busy: u32) {
        self.end.state.busy.store(busy, Ordering::Relaxed);
    }
}

impl WorkerEnd {
    /// The commands that wait, oldest first.
    pub(crate) fn commands(&self) -> impl Iterator<Item = Command> + '_ {
        let waiting: TryIter<'_, Command> = self.commands.try_iter();
        waiting.inspect(|_| {
            self.state.waiting.fetch_sub(1, Ordering::AcqRel);
        })
    }

    pub(crate) fn publish(&self, counters: Counters) {
        *self.state.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }

    pub(crate) fn woke(&self) {
        self.state.wakes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn audio_active_max(&self) -> usize {
        self.state.audio_active_max.load(Ordering::Relaxed)
    }

    /// `busy`: of the last while, per mille.
    pub(crate) fn was_busy(&self, busy: u32) {
        let before = self.state.busy.load(Ordering::Relaxed);
        self.state.busy.store((3 * before + busy) / 4, Ordering::Relaxed);
        // A newcomer's load shows when its handshakes are over, and then in `busy` by and by.
        let admitted = |expected: u32| Some(expected * 7 / 8);
        let _ = self.state.expected.fetch_update(Ordering::Relaxed, Ordering::Relaxed, admitted);
    }
}

impl WorkerHandle {
    pub(crate) fn new(
        wake: Option<File>,
        local: Option<SocketAddr>,
        candidates: Vec<IceCandidate>,
    ) -> (Self, WorkerEnd) {
        let (sender, commands) = sync_channel(COMMAND_QUEUE);
        let state = Arc::<WorkerState>::default();
        let end = WorkerEnd { commands, state: Arc::clone(&state) };
        (Self { commands: sender, state, wake, local, candidates: RwLock::new(candidates) }, end)
    }

    fn candidates(&self) -> Vec<IceCandidate> {
        self.candidates.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn load(&self) -> Load {
        Load { busy: self.state.busy.load(Ordering::Relaxed) }
    }

    /// Whether so many commands find room. Only the holder of the routes sends, so they still do later.
    fn has_room(&self, commands: usize) -> bool {
        self.state.waiting.load(Ordering::Acquire) + commands <= COMMAND_QUEUE
    }

    fn send(&self, command: Command) -> Result<(), Overloaded> {
        self.state.waiting.fetch_add(1, Ordering::AcqRel);
        self.commands.try_send(command).map_err(|_| {
            self.state.waiting.fetch_sub(1, Ordering::AcqRel);
            Overloaded
        })
    }

    pub(crate) fn wake(&self) {
        if let Some(mut wake) = self.wake.as_ref() {
            // Fails only when the eventfd counter is at its maximum, and then the worker is awake anyway.
            let _ = wake.write(&1_u64.to_ne_bytes());
        }
    }
}

impl MediaHandle {
    pub(crate) fn new(
        workers: Vec<WorkerHandle>,
        limits: SpreadLimits,
        (door, tcp_port): (Option<Door>, Option<u16>),
        fingerprint: Fingerprint,
    ) -> Self {
        let routes = Mutex::new(Routes::new(workers.len(), limits));
        Self { shared: Arc::new(Shared { workers, routes, door, tcp_port, fingerprint }) }
    }

    /// A handle without a worker, whose commands are kept: for tests of the control plane.
    pub fn recording(candidates: Vec<IceCandidate>, fingerprint: Fingerprint) -> (Self, Recording) {
        let (worker, end) = WorkerHandle::new(None, None, candidates);
        let limits = SpreadLimits { transports: usize::MAX, busy: u32::MAX };
        (Self::new(vec![worker], limits, (None, None), fingerprint), Recording { end })
    }

    /// Chooses the worker of a transport about to be opened; the addresses clients reach it at, for `iceCandidates`.
    /// `beside`: another transport of the same member.
    pub fn place(
        &self,
        room: RoomId,
        transport: TransportId,
        beside: Option<TransportId>,
    ) -> Vec<IceCandidate> {
        let worker = self.routes().place(room, transport, beside, &self.loads());
        self.shared.workers.get(worker).map(WorkerHandle::candidates).unwrap_or_default()
    }

    /// Whether somebody new may come to that room.
    ///
    /// # Errors
    /// [`Busy`]: the worker that would serve them, the least busy for a new room, has no time to spare.
    pub fn admit(&self, room: RoomId) -> Result<(), Busy> {
        let (worker, present) = {
            let routes = self.routes();
            let worker = routes.choose(room, &self.loads());
            (worker, routes.transports_on(worker))
        };
        let Some(worker) = self.shared.workers.get(worker) else { return Ok(()) };
        let (measured, expected) = (worker.load().busy, worker.state.expected.load(Ordering::Relaxed));
        let as_the_present = u64::from(measured) * u64::from(expected) / (present as u64).max(1);
        let more = as_the_present.min(u64::from(expected) * u64::from(NEWCOMER_COST));
        let busy = measured.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        let limit = if worker.state.refuses.load(Ordering::Relaxed) { ADMIT_BELOW } else { REFUSE_ABOVE };
        let refuses = busy >= limit;
        worker.state.refuses.store(refuses, Ordering::Relaxed);
        if refuses {
            return Err(Busy { busy });
        }
        worker.state.expected.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Puts a command at the end of the queue of the workers it concerns. It takes effect before they read any packet
    /// that arrives after this call.
    ///
    /// # Errors
    /// [`Overloaded`]: the command was not queued anywhere.
    pub fn send(&self, command: Command) -> Result<(), Overloaded> {
        let mut routes = self.routes();
        if !self.shared.workers.iter().all(|worker| worker.has_room(MOST_AT_ONCE)) {
            return Err(Overloaded);
        }
        let commands = routes.route(command);
        self.hand_over(commands)
    }

    /// Takes note of what a worker reported, before anybody acts on it.
    pub fn observe(&self, event: &Event) {
        let mut routes = self.routes();
        let commands = match event {
            Event::TransportClosed { id, .. } => routes.transport_gone(*id),
            Event::WorkerRestarted { worker, .. } => routes.worker_lost(*worker),
            _ => return,
        };
        // What has stopped needs no telling.
        let _ = self.hand_over(commands);
    }

    /// To be called with the routes held.
    fn hand_over(&self, commands: Vec<(usize, Command)>) -> Result<(), Overloaded> {
        let mut result = Ok(());
        for (number, command) in commands {
            let Some(worker) = self.shared.workers.get(number) else { continue };
            result = result.and(worker.send(command));
            worker.wake();
        }
        result
    }

    /// Serves an ICE-TCP connection until it ends, at the latest when its worker does; why it did.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn serve_tcp(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<TcpEnd> {
        let worker_of = |ufrag: &str| self.routes().worker_of_ufrag(ufrag);
        match &self.shared.door {
            Some(door) => door.serve(stream, peer, worker_of).await,
            None => Ok(TcpEnd::Stopped),
        }
    }

    /// Tells other addresses to whoever opens a transport from now on, the best first. Open transports stay as they are.
    pub fn advertise(&self, addresses: &[IpAddr]) {
        for worker in &self.shared.workers {
            let Some(local) = worker.local else { continue };
            // An address that is none is not told: the ones from before stay.
            if let Ok(candidates) = candidates(local, addresses, self.shared.tcp_port) {
                *worker.candidates.write().unwrap_or_else(PoisonError::into_inner) = candidates;
            }
        }
    }

    /// Changes how many microphones of one room are forwarded at a time, at once; 0: all.
    pub fn set_audio_active_max(&self, max: usize) {
        for worker in &self.shared.workers {
            worker.state.audio_active_max.store(max, Ordering::Relaxed);
            worker.wake();
        }
    }

    /// Changes how many transports of one room are on one worker before what comes later goes to another.
    pub fn set_room_transports(&self, transports: usize) {
        self.routes().set_room_transports(transports);
    }

    /// The addresses of the first worker.
    pub fn candidates(&self) -> Vec<IceCandidate> {
        self.shared.workers.first().map(WorkerHandle::candidates).unwrap_or_default()
    }

    /// The digest of the process's DTLS certificate, for `dtlsParameters`.
    pub fn fingerprint(&self) -> Fingerprint {
        self.shared.fingerprint.clone()
    }

    /// What the workers have counted together, at most 100 ms old while they work.
    pub fn counters(&self) -> Counters {
        let mut total = Counters::default();
        self.worker_counters().iter().for_each(|counters| total.add(counters));
        total
    }

    /// The same for each worker.
    pub fn worker_counters(&self) -> Vec<Counters> {
        let of = |worker: &WorkerHandle| {
            worker.state.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        self.shared.workers.iter().map(of).collect()
    }

    /// How much of its time each worker is busy, per mille.
    pub fn busy(&self) -> Vec<u32> {
        self.loads().into_iter().map(|load| load.busy).collect()
    }

    /// Wakes every worker; which of them wake within `patience`.
    pub async fn answers(&self, patience: Duration) -> Vec<bool> {
        let wakes = |worker: &WorkerHandle| worker.state.wakes.load(Ordering::Relaxed);
        let before: Vec<u64> = self.shared.workers.iter().map(wakes).collect();
        self.wake();
        let answers =
            || self.shared.workers.iter().zip(&before).map(|(worker, before)| wakes(worker) != *before);
        let all = async {
            while !answers().all(|awake| awake) {
                tokio::time::sleep(WAKE_POLL).await;
            }
        };
        // What has not woken by then is told below.
        let _ = tokio::time::timeout(patience, all).await;
        answers().collect()
    }

    pub(crate) fn wake(&self) {
        self.shared.workers.iter().for_each(WorkerHandle::wake);
    }

    fn loads(&self) -> Vec<Load> {
        self.shared.workers.iter().map(WorkerHandle::load).collect()
    }

    fn routes(&self) -> MutexGuard<'_, Routes> {
        self.shared.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MediaHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaHandle").field("workers", &self.shared.workers.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_are_refused_from_one_mark_and_admitted_below_another() {
        let fingerprint = Fingerprint { algorithm: "sha-256".into(), value: "AB".into() };
        let (handle, recording) = MediaHandle::recording(Vec::new(), fingerprint);
        let (most, least) = (REFUSE_ABOVE, ADMIT_BELOW);
        let asked = [
            (0, true),
            (most - 1, true),
            (most, false),
            (most - 1, false),
            (least, false),
            (least - 1, true),
            (most - 1, true),
        ];
        for (busy, admitted) in asked {
            recording.be_busy(busy);
            assert_eq!(handle.admit(RoomId(1)).is_ok(), admitted, "{busy}");
            // Those who were admitted have come, and are measured.
            for _ in 0..40 {
                recording.end.was_busy(busy);
            }
            assert_eq!(recording.end.state.expected.load(Ordering::Relaxed), 0);
        }
    }

    #[test]
    fn newcomers_count_before_their_load_shows() {
        let fingerprint = Fingerprint { algorithm: "sha-256".into(), value: "AB".into() };
        let (handle, recording) = MediaHandle::recording(Vec::new(), fingerprint);
        for transport in 0..1_000 {
            handle.place(RoomId(1), TransportId(transport), None);
        }
        recording.be_busy(REFUSE_ABOVE - 50);
        // Each of the 1,000 costs 0.6.
        let admitted = (0..1_000).take_while(|_| handle.admit(RoomId(1)).is_ok()).count();
        assert!((80..90).contains(&admitted), "{admitted}");
        for _ in 0..40 {
            recording.end.was_busy(REFUSE_ABOVE - 150);
        }
        assert_eq!(handle.admit(RoomId(1)), Ok(()));
    }

    #[test]
    fn a_busy_machine_with_few_members_takes_newcomers() {
        let fingerprint = Fingerprint { algorithm: "sha-256".into(), value: "AB".into() };
        let (handle, recording) = MediaHandle::recording(Vec::new(), fingerprint);
        handle.place(RoomId(1), TransportId(1), None);
        recording.be_busy(ADMIT_BELOW);
        for _ in 0..10 {
            assert_eq!(handle.admit(RoomId(1)), Ok(()));
        }
    }

    #[test]
    fn a_queue_that_is_nearly_full_takes_no_more_until_it_is_read() {
        let fingerprint = Fingerprint { algorithm: "sha-256".into(), value: "AB".into() };
        let (handle, recording) = MediaHandle::recording(Vec::new(), fingerprint);
        let taken = (0..COMMAND_QUEUE).filter(|_| handle.send(Command::ReportUsage).is_ok()).count();
        assert_eq!(taken, COMMAND_QUEUE - MOST_AT_ONCE + 1);
        assert_eq!(recording.commands().count(), taken);
        assert!(handle.send(Command::ReportUsage).is_ok());
    }
}
