//! The media thread: wait, read a batch, take commands, one turn of the core, send; nothing else.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Read as _},
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsFd as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rotunda_sfu::{
    BATCH, Counters, Egress, Event, Identity, IdentityError, Inbox, Outbox, Worker,
    ortc::{IceCandidate, IceProtocol},
};
use tokio::sync::mpsc::{Sender, error::TrySendError};

use crate::{
    handle::{MediaHandle, WorkerEnd},
    sys,
    tcp::{MediaEnd, TcpLimits},
};

/// Bytes of socket buffer each way: 40 ms of a worker at 100,000 packets/s. More would only add delay.
const SOCKET_BUFFER: usize = 4 << 20;
/// Batches read before events and counters are looked after.
const BATCHES_PER_WAKE: usize = 16;
/// How old counters may get, and how long an event waits for room in its channel.
const HOUSEKEEPING: Duration = Duration::from_millis(100);
/// How long the worker sleeps when nothing is due. It could be for ever: every input wakes it.
const IDLE: Duration = Duration::from_secs(1);
/// Events kept while the control plane does not read. Beyond this the oldest are dropped: it is gone.
const MAX_EVENTS: usize = 65_536;

/// Where a worker listens and what it tells clients.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// UDP address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Addresses clients reach the worker at, the best first. Empty: the address listened on.
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
    #[error("no address to advertise: listening on {0}, which is every address and none")]
    NothingToAdvertise(IpAddr),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the media thread cannot be started: {0}")]
    Thread(io::Error),
}

/// A running worker. Dropped or stopped, it says goodbye to its peers and ends.
#[derive(Debug)]
pub struct MediaThread {
    stop: Arc<AtomicBool>,
    handle: MediaHandle,
    thread: Option<JoinHandle<()>>,
}

impl MediaThread {
    /// Ends the worker and waits for it.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.handle.wake();
        if let Some(thread) = self.thread.take() {
            // The thread catches its own panics.
            let _ = thread.join();
        }
    }
}

impl Drop for MediaThread {
    fn drop(&mut self) {
        self.end();
    }
}

/// Opens the socket, makes the certificate and starts the thread. Events go to `events`; when that is full they
/// wait in the worker.
///
/// # Errors
/// The port is taken, or there is no address to advertise.
pub fn start(config: &MediaConfig, events: Sender<Event>) -> Result<(MediaHandle, MediaThread), StartError> {
    let failed = |error| StartError::Socket { address: config.listen, error };
    let socket = UdpSocket::bind(config.listen).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    sys::set_buffers(&socket, SOCKET_BUFFER).map_err(failed)?;
    let local = socket.local_addr().map_err(failed)?;
    let tcp_port = config.tcp.as_ref().map(|tcp| tcp.port);
    let candidates = candidates(local, &config.advertise, tcp_port)?;
    let socket = sys::Datagrams::new(socket).map_err(failed)?;
    tracing::debug!(segmentation = socket.segments(), "media socket open");

    let identity = Identity::generate()?;
    let wake = File::from(sys::eventfd().map_err(StartError::Thread)?);
    let woken = wake.try_clone().map_err(StartError::Thread)?;
    let poll = sys::Poll::new(&[socket.as_fd(), woken.as_fd()]).map_err(StartError::Thread)?;
    let (door, tcp) = match &config.tcp {
        Some(tcp) => {
            let wake = wake.try_clone().map_err(StartError::Thread)?;
            let (door, end) = MediaEnd::new(tcp.limits.clone(), wake);
            (Some(door), Some(end))
        }
        None => (None, None),
    };
    let (handle, end) = MediaHandle::new(Some(wake), door, candidates, identity.fingerprint().clone());
    let stop = Arc::new(AtomicBool::new(false));
    let media_loop = Loop {
        port: Port { socket, tcp },
        poll,
        woken,
        end,
        events,
        waiting: VecDeque::new(),
        stop: Arc::clone(&stop),
        identity,
        audio_active_max: config.audio_active_max,
        before: Counters::default(),
        published: None,
        stale: false,
    };
    let thread = std::thread::Builder::new()
        .name("media-0".into())
        .spawn(move || media_loop.supervise())
        .map_err(StartError::Thread)?;
    Ok((handle.clone(), MediaThread { stop, handle, thread: Some(thread) }))
}

/// Host candidates in order of preference (RFC 8445 §5.1.2.1).
fn candidates(
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
    port: Port,
    poll: sys::Poll,
    woken: File,
    end: WorkerEnd,
    events: Sender<Event>,
    /// Events for which the channel had no room.
    waiting: VecDeque<Event>,
    stop: Arc<AtomicBool>,
    identity: Identity,
    audio_active_max: usize,
    /// What workers before the present one counted.
    before: Counters,
    published: Option<Instant>,
    /// The published counters are older than the last turn.
    stale: bool,
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
            let mut worker =
                Worker::new(self.identity.clone(), now()).with_audio_active_max(self.audio_active_max);
            let run = catch_unwind(AssertUnwindSafe(|| self.run(&mut worker)));
            self.before.add(worker.counters());
            match run {
                Ok(Ok(())) => break,
                Ok(Err(error)) => tracing::error!(%error, "the media loop failed and starts again"),
                Err(_) => tracing::error!("the media worker panicked and starts again"),
            }
            self.before.panics += 1;
            self.waiting.push_back(Event::WorkerRestarted { panics: self.before.panics });
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
        while !self.stop.load(Ordering::Acquire) {
            let due = worker.next_wake().map(|at| at.saturating_duration_since(now()));
            let mut patience = due.unwrap_or(IDLE).min(self.housekeeping_due());
            if self.port.tcp.as_ref().is_some_and(|tcp| !tcp.is_idle()) {
                patience = Duration::ZERO;
            }
            self.poll.wait(Some(patience))?;
            #[cfg(test)]
            tests::fail_if_told();
            // Level-triggered: an unread counter would make the next wait return at once, and no more.
            let _ = self.woken.read(&mut [0; 8]);
            for _ in 0..BATCHES_PER_WAKE {
                inbox.clear();
                let count = self.port.socket.receive(&mut inbox)?;
                let now = now();
                // After reading: a command given before a packet arrived takes effect before that packet.
                self.end.commands.try_iter().for_each(|command| worker.apply(now, command));
                worker.turn(now, &mut inbox, &mut outbox, &mut self.port);
                if count < BATCH {
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
            self.end.commands.try_iter().for_each(|command| worker.apply(now, command));
            worker.turn(now, inbox, outbox, &mut self.port);
            closed.into_iter().for_each(|connection| worker.disconnected(now, connection));
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
        self.published = Some(now);
        let mut total = self.before.clone();
        total.add(counters);
        *self.end.counters.lock().unwrap_or_else(PoisonError::into_inner) = total;
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
            assert_eq!(events.blocking_recv(), Some(Event::WorkerRestarted { panics }));
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
        let config = MediaConfig {
            listen: taken.local_addr().unwrap(),
            advertise: vec![],
            tcp: None,
            audio_active_max: 8,
        };
        assert!(matches!(start(&config, sender), Err(StartError::Socket { .. })));
    }
}
