//! The media thread: wait, read a batch, take commands, one turn of the core, send; nothing else.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read as _, Write as _},
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsFd as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rotunda_sfu::{
    BATCH, Counters, Egress, Event, Identity, IdentityError, Inbox, Link, Outbox, Worker, links,
    ortc::{IceCandidate, IceProtocol},
};
use tokio::sync::mpsc::{Sender, error::TrySendError};

use crate::{
    handle::{MediaHandle, WorkerEnd, WorkerHandle},
    routes::SpreadLimits,
    sys,
    tcp::{Door, MediaEnd, TcpLimits},
};

/// Bytes of socket buffer each way: 40 ms of a worker at 100,000 packets/s. More would only add delay.
const SOCKET_BUFFER: usize = 4 << 20;
/// Batches read before events and counters are looked after.
const BATCHES_PER_WAKE: usize = 16;
/// How old counters may get, and how long an event waits for room in its channel.
const HOUSEKEEPING: Duration = Duration::from_millis(100);
/// How long the worker sleeps when nothing is due. It could be for ever: every input wakes it.
const IDLE: Duration = Duration::from_secs(1);
/// Workers of one process. Each takes a UDP port and 3 MiB of rings for every other; a core forwards 100,000
/// packets/s and more.
pub const MAX_WORKERS: usize = 16;
/// Where a room is handed on to another worker, per mille of its own being busy. Sooner costs opening and handing on
/// what one core would still bear, later leaves no room for those who are there.
const SPREAD_ABOVE: u32 = 600;
/// Events kept while the control plane does not read. Beyond this the oldest are dropped: it is gone.
const MAX_EVENTS: usize = 65_536;

/// Where the workers listen and what they tell clients.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// UDP address of the first worker, the others take the ports after it; port 0 takes free ones.
    pub listen: SocketAddr,
    /// Media threads, 1 to [`MAX_WORKERS`].
    pub workers: usize,
    /// Transports of one room on one worker, before what comes later goes to another.
    pub room_transports: usize,
    /// Addresses clients reach the workers at, the best first. Empty: the address listened on.
    pub advertise: Vec<IpAddr>,
    /// ICE-TCP, taken by [`MediaHandle::serve_tcp`]. None: off.
    pub tcp: Option<TcpConfig>,
    /// Microphones of one room that are forwarded at a time: the loudest; 0: all.
    pub audio_active_max: usize,
}

/// Where clients open ICE-TCP connections, and how many.
#[derive(Debug, Clone)]
pub struct TcpConfig {
    /// TCP port on every advertised address.
    pub port: u16,
    pub limits: TcpLimits,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("UDP {address} cannot be opened: {error}")]
    Socket { address: SocketAddr, error: io::Error },
    #[error("there are not so many UDP ports from {0} on: one for each worker")]
    NoPort(u16),
    #[error("no address to advertise: listening on {0}, which is every address and none")]
    NothingToAdvertise(IpAddr),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the media thread cannot be started: {0}")]
    Thread(io::Error),
}

/// The running workers. Dropped or stopped, they say goodbye to their peers and end.
#[derive(Debug)]
pub struct MediaThreads {
    stop: Arc<AtomicBool>,
    handle: MediaHandle,
    threads: Vec<JoinHandle<()>>,
}

impl MediaThreads {
    /// Ends the workers and waits for them.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.handle.wake();
        for thread in self.threads.drain(..) {
            // The thread catches its own panics.
            let _ = thread.join();
        }
    }
}

impl Drop for MediaThreads {
    fn drop(&mut self) {
        self.end();
    }
}

/// Opens the sockets, makes the certificate and starts the threads. Events go to `events`; when that is full they
/// wait in the worker.
///
/// # Errors
/// A port is taken, or there is no address to advertise.
pub fn start(config: &MediaConfig, events: Sender<Event>) -> Result<(MediaHandle, MediaThreads), StartError> {
    let identity = Identity::generate()?;
    let stop = Arc::new(AtomicBool::new(false));
    let workers = config.workers.clamp(1, MAX_WORKERS);
    let wakes = (0..workers).map(|_| sys::eventfd().map(File::from)).collect::<io::Result<Vec<_>>>();
    let wakes = Arc::new(wakes.map_err(StartError::Thread)?);
    let (mut handles, mut ways, mut loops) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (links, wake)) in links(workers).into_iter().zip(&*wakes).enumerate() {
        let (socket, local, candidates) = open(config, number)?;
        let clone = || wake.try_clone().map_err(StartError::Thread);
        let woken = clone()?;
        let poll = sys::Poll::new(&[socket.as_fd(), woken.as_fd()]).map_err(StartError::Thread)?;
        let mut tcp = None;
        if config.tcp.is_some() {
            let (way, end) = MediaEnd::new(clone()?);
            ways.push(way);
            tcp = Some(end);
        }
        let (handle, end) = WorkerHandle::new(Some(clone()?), Some(local), candidates);
        handles.push(handle);
        loops.push(Loop {
            number,
            port: Port { socket, tcp },
            poll,
            woken,
            wakes: Arc::clone(&wakes),
            links,
            end,
            events: events.clone(),
            waiting: VecDeque::new(),
            stop: Arc::clone(&stop),
            identity: identity.clone(),
            before: Counters::default(),
            published: None,
            stale: false,
            waited: Duration::ZERO,
        });
    }
    let door = config.tcp.as_ref().map(|tcp| Door::new(tcp.limits.clone(), ways));
    let limits = SpreadLimits { transports: config.room_transports, busy: SPREAD_ABOVE };
    let door = (door, config.tcp.as_ref().map(|tcp| tcp.port));
    let handle = MediaHandle::new(handles, limits, door, identity.fingerprint().clone());
    handle.set_audio_active_max(config.audio_active_max);
    // Dropped on the way out, it ends those that run already.
    let mut threads = MediaThreads { stop, handle: handle.clone(), threads: Vec::new() };
    for media_loop in loops {
        let thread = std::thread::Builder::new().name(format!("media-{}", media_loop.number));
        let thread = thread.spawn(move || media_loop.supervise()).map_err(StartError::Thread)?;
        threads.threads.push(thread);
    }
    Ok((handle, threads))
}

/// The socket of a worker, and where clients reach it.
fn open(
    config: &MediaConfig,
    number: usize,
) -> Result<(sys::Datagrams, SocketAddr, Vec<IceCandidate>), StartError> {
    let mut address = config.listen;
    if address.port() != 0 {
        let port = u16::try_from(usize::from(address.port()) + number);
        address.set_port(port.map_err(|_| StartError::NoPort(config.listen.port()))?);
    }
    let failed = |error| StartError::Socket { address, error };
    let socket = UdpSocket::bind(address).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    sys::set_buffers(&socket, SOCKET_BUFFER).map_err(failed)?;
    let local = socket.local_addr().map_err(failed)?;
    let tcp_port = config.tcp.as_ref().map(|tcp| tcp.port);
    let candidates = candidates(local, &config.advertise, tcp_port)?;
    let socket = sys::Datagrams::new(socket).map_err(failed)?;
    tracing::debug!(worker = number, segmentation = socket.segments(), "media socket open");
    Ok((socket, local, candidates))
}

/// Host candidates in order of preference (RFC 8445 §5.1.2.1).
pub(crate) fn candidates(
    local: SocketAddr,
    advertise: &[IpAddr],
    tcp_port: Option<u16>,
) -> Result<Vec<IceCandidate>, StartError> {
    let own = [local.ip()];
    let addresses = if advertise.is_empty() { &own[..] } else { advertise };
    if let Some(nowhere) = addresses.iter().find(|ip| ip.is_unspecified()) {
        return Err(StartError::NothingToAdvertise(*nowhere));
    }
    let candidate = |(index, ip): (usize, &IpAddr)| {
        let preference = u32::from(u16::MAX).saturating_sub(index as u32);
        IceCandidate {
            foundation: format!("udp{index}"),
            ip: *ip,
            port: local.port(),
            priority: 126 << 24 | preference << 8 | 255,
            protocol: IceProtocol::Udp,
            kind: "host".into(),
            tcp_type: None,
        }
    };
    let udp = addresses.iter().enumerate().map(candidate);
    let tcp = addresses.iter().enumerate().filter_map(|at| Some(passive(at, tcp_port?)));
    Ok(udp.chain(tcp).collect())
}

/// A candidate that waits for connections, below every UDP one (RFC 6544 §4.2): TCP delays media where UDP loses some.
fn passive((index, ip): (usize, &IpAddr), port: u16) -> IceCandidate {
    // Direction preference 4 is that of a passive host candidate.
    let preference = 4 << 13 | 8191_u32.saturating_sub(index as u32);
    IceCandidate {
        foundation: format!("tcp{index}"),
        ip: *ip,
        port,
        priority: 90 << 24 | preference << 8 | 255,
        protocol: IceProtocol::Tcp,
        kind: "host".into(),
        tcp_type: Some("passive".into()),
    }
}

/// The socket and the connections, as the core sees them.
#[derive(Debug)]
struct Port {
    socket: sys::Datagrams,
    tcp: Option<MediaEnd>,
}

impl Egress for Port {
    fn send(&mut self, batch: &Outbox) -> usize {
        let dropped = self.socket.send(batch);
        dropped + self.tcp.as_mut().map_or(0, |tcp| tcp.send(batch))
    }
}

struct Loop {
    number: usize,
    port: Port,
    poll: sys::Poll,
    woken: File,
    /// Wake the workers, this one among them.
    wakes: Arc<Vec<File>>,
    /// The ways to the other workers, while no worker has them.
    links: Vec<Option<Link>>,
    end: WorkerEnd,
    events: Sender<Event>,
    /// Events for which the channel had no room.
    waiting: VecDeque<Event>,
    stop: Arc<AtomicBool>,
    identity: Identity,
    /// What workers before the present one counted.
    before: Counters,
    published: Option<Instant>,
    /// The published counters are older than the last turn.
    stale: bool,
    /// Since then.
    waited: Duration,
}

#[expect(clippy::disallowed_methods, reason = "the media thread is where the core's time comes from")]
fn now() -> Instant {
    Instant::now()
}

impl Loop {
    /// Runs workers until told to stop. A panic ends a worker, never the thread: it is counted and reported, and
    /// the next worker starts with an empty table.
    fn supervise(mut self) {
        loop {
            let mut worker = Worker::new(self.identity.clone(), now())
                .with_audio_active_max(self.end.audio_active_max())
                .with_links(std::mem::take(&mut self.links));
            let run = catch_unwind(AssertUnwindSafe(|| self.run(&mut worker)));
            self.before.add(worker.counters());
            self.links = worker.into_links();
            match run {
                Ok(Ok(())) => break,
                Ok(Err(error)) => tracing::error!(%error, "the media loop failed and starts again"),
                Err(_) => tracing::error!("the media worker panicked and starts again"),
            }
            self.before.panics += 1;
            self.waiting
                .push_back(Event::WorkerRestarted { worker: self.number, panics: self.before.panics });
            if self.stop.load(Ordering::Acquire) {
                break;
            }
            if let Some(tcp) = &mut self.port.tcp {
                tcp.hang_up();
            }
            // A fault that returns at once must not take a whole core.
            std::thread::sleep(HOUSEKEEPING);
        }
    }

    fn run(&mut self, worker: &mut Worker) -> io::Result<()> {
        let (mut inbox, mut outbox) = (Inbox::default(), Outbox::default());
        let mut microphones = self.end.audio_active_max();
        while !self.stop.load(Ordering::Acquire) {
            let due = worker.next_wake().map(|at| at.saturating_duration_since(now()));
            let mut patience = due.unwrap_or(IDLE).min(self.housekeeping_due());
            if self.port.tcp.as_ref().is_some_and(|tcp| !tcp.is_idle()) || worker.has_relayed() {
                patience = Duration::ZERO;
            }
            let begin = now();
            self.poll.wait(Some(patience))?;
            self.waited += now() - begin;
            self.end.woke();
            #[cfg(test)]
            tests::fail_if_told();
            // Level-triggered: an unread counter would make the next wait return at once, and no more.
            let _ = self.woken.read(&mut [0; 8]);
            let wanted = self.end.audio_active_max();
            if std::mem::replace(&mut microphones, wanted) != wanted {
                worker.set_audio_active_max(now(), wanted);
            }
            for _ in 0..BATCHES_PER_WAKE {
                inbox.clear();
                let count = self.port.socket.receive(&mut inbox)?;
                let now = now();
                // After reading: a command given before a packet arrived takes effect before that packet.
                self.end.commands().for_each(|command| worker.apply(now, command));
                worker.turn(now, &mut inbox, &mut outbox, &mut self.port);
                self.wake_others(worker);
                if count < BATCH && !worker.has_relayed() {
                    break;
                }
            }
            self.read_connections(worker, &mut inbox, &mut outbox);
            self.pass_on(worker.take_events());
            self.publish(worker.counters());
        }
        let now = now();
        worker.close_all(now);
        inbox.clear();
        worker.turn(now, &mut inbox, &mut outbox, &mut self.port);
        self.pass_on(worker.take_events());
        Ok(())
    }

    /// Turns with what came over TCP, apart from those of the socket: neither waits for the other.
    fn read_connections(&mut self, worker: &mut Worker, inbox: &mut Inbox, outbox: &mut Outbox) {
        for _ in 0..BATCHES_PER_WAKE {
            inbox.clear();
            let Some(tcp) = self.port.tcp.as_mut() else { return };
            if !tcp.receive(inbox) {
                return;
            }
            let closed = tcp.take_closed();
            let now = now();
            self.end.commands().for_each(|command| worker.apply(now, command));
            worker.turn(now, inbox, outbox, &mut self.port);
            self.wake_others(worker);
            closed.into_iter().for_each(|connection| worker.disconnected(now, connection));
        }
    }

    fn wake_others(&self, worker: &mut Worker) {
        for number in worker.take_wakes() {
            if let Some(mut wake) = self.wakes.get(number) {
                // Fails only when the eventfd counter is at its maximum, and then the worker is awake anyway.
                let _ = wake.write(&1_u64.to_ne_bytes());
            }
        }
    }

    /// How long the next housekeeping may wait.
    fn housekeeping_due(&self) -> Duration {
        if self.waiting.is_empty() && !self.stale {
            return IDLE;
        }
        self.published.map_or(Duration::ZERO, |at| HOUSEKEEPING.saturating_sub(now() - at))
    }

    fn pass_on(&mut self, events: Vec<Event>) {
        self.waiting.extend(events);
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    break;
                }
                Err(TrySendError::Closed(_)) => self.waiting.clear(),
            }
        }
        if self.waiting.len() > MAX_EVENTS {
            tracing::error!(
                waiting = self.waiting.len(),
                "media events are not read; the oldest are dropped"
            );
            self.waiting.drain(..MAX_EVENTS / 2);
        }
    }

    fn publish(&mut self, counters: &Counters) {
        let now = now();
        self.stale = self.published.is_some_and(|at| now - at < HOUSEKEEPING);
        if self.stale {
            return;
        }
        if let Some(passed) = self.published.map(|at| now - at) {
            let worked = passed.saturating_sub(std::mem::take(&mut self.waited));
            self.end.was_busy((worked.as_secs_f64() / passed.as_secs_f64() * 1000.0) as u32);
        }
        self.published = Some(now);
        let mut total = self.before.clone();
        total.add(counters);
        self.end.publish(total);
    }
}

#[cfg(test)]
mod tests {
    use rotunda_sfu::{Command, ConsumerId};
    use tokio::sync::mpsc::channel;

    use super::*;

    static FAULT: AtomicBool = AtomicBool::new(false);

    pub(super) fn fail_if_told() {
        assert!(!FAULT.swap(false, Ordering::AcqRel), "a fault made by a test");
    }

    fn config(advertise: &[&str]) -> MediaConfig {
        MediaConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            workers: 1,
            room_transports: 256,
            advertise: advertise.iter().map(|ip| ip.parse().unwrap()).collect(),
            tcp: None,
            audio_active_max: 8,
        }
    }

    /// The one test of this module that starts a worker, because the fault is the whole module's.
    #[test]
    fn a_panic_is_counted_and_reported_and_the_worker_starts_again() {
        let (sender, mut events) = channel(4);
        let (handle, thread) = start(&config(&[]), sender).unwrap();
        for panics in 1..=2 {
            FAULT.store(true, Ordering::Release);
            // Any command wakes the worker.
            handle.send(Command::RemoveConsumer(ConsumerId(1))).unwrap();
            assert_eq!(events.blocking_recv(), Some(Event::WorkerRestarted { worker: 0, panics }));
        }
        handle.send(Command::RemoveConsumer(ConsumerId(1))).unwrap();
        let counted = || {
            let counters = handle.counters();
            (counters.panics, counters.commands_refused > 0)
        };
        while counted() != (2, true) {
            std::thread::sleep(Duration::from_millis(5));
        }
        thread.stop();
        // The queue goes with the worker.
        assert!(handle.send(Command::RemoveConsumer(ConsumerId(1))).is_err());
    }

    #[test]
    fn each_advertised_address_is_a_candidate_with_the_real_port() {
        let local = "0.0.0.0:7000".parse().unwrap();
        let config = config(&["192.0.2.1", "2001:db8::1"]);
        let candidates = candidates(local, &config.advertise, None).unwrap();
        let facts: Vec<_> = candidates.iter().map(|c| (c.ip.to_string(), c.port, c.priority)).collect();
        assert_eq!(
            facts,
            [("192.0.2.1".into(), 7000, 2_130_706_431), ("2001:db8::1".into(), 7000, 2_130_706_175)]
        );
        assert_ne!(candidates[0].foundation, candidates[1].foundation);
    }

    #[test]
    fn every_way_over_udp_is_preferred_to_every_way_over_tcp() {
        let advertise = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        let candidates = candidates("0.0.0.0:7000".parse().unwrap(), &advertise, Some(443)).unwrap();
        let ways: Vec<_> = candidates.iter().map(|c| (c.protocol, c.port, c.tcp_type.as_deref())).collect();
        let (udp, tcp) = ((IceProtocol::Udp, 7000, None), (IceProtocol::Tcp, 443, Some("passive")));
        assert_eq!(ways, [udp, udp, tcp, tcp]);
        assert!(candidates.is_sorted_by(|better, worse| better.priority > worse.priority));
        assert_ne!(candidates[2].foundation, candidates[3].foundation);
    }

    #[test]
    fn every_address_is_no_address_to_advertise() {
        let refused = candidates("0.0.0.0:7000".parse().unwrap(), &[], None);
        assert!(matches!(refused, Err(StartError::NothingToAdvertise(_))));
        let refused = candidates("127.0.0.1:1".parse().unwrap(), &["::".parse().unwrap()], None);
        assert!(matches!(refused, Err(StartError::NothingToAdvertise(_))));
    }

    #[test]
    fn a_taken_port_is_an_error() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (sender, _events) = channel(1);
        let config = MediaConfig { listen: taken.local_addr().unwrap(), ..config(&[]) };
        assert!(matches!(start(&config, sender), Err(StartError::Socket { .. })));
    }
}
