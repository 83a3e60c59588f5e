//! The load: publishers and subscribers with real ICE, DTLS and SRTP, on one thread.

pub mod handshake;
pub mod light;
pub mod media;
mod rtcp;
mod streams;

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{ErrorKind, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;
use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
    socket::{MsgFlags, MultiHeaders, recvmmsg, setsockopt, sockopt},
};
use rotunda_sfu::ortc::Fingerprint;

use crate::{clock::Clock, wire::Open};
use handshake::{Certificate, End, Handshake};
use light::Light;
use media::Source;

/// Datagrams read from one socket at once.
const BATCH: usize = 16;
/// Longest datagram there is; a longer one would be cut.
const DATAGRAM: usize = 1_600;
/// Bytes a client's socket may hold: 0.3 s of a whole picture and everybody's audio. A browser's is as large.
const CLIENT_BUFFER: usize = 1 << 20;
/// Bytes the socket of a client that does not read may hold.
const DEAF_BUFFER: usize = 1 << 13;
/// Sockets looked at in one turn.
const EVENTS: usize = 512;
/// Of so many packets of a client one is opened and its way timed; each costs the load 0.3 us.
pub const SAMPLED: u64 = 8;
/// What a browser does: reports of reception each second, feedback on every packet each 100 ms, a check of the
/// path each 2.5 s.
const REPORT: Duration = Duration::from_secs(1);
const FEEDBACK: Duration = Duration::from_millis(100);
const CHECK: Duration = Duration::from_millis(2_500);

/// One transport of a client.
struct Peer {
    socket: UdpSocket,
    state: State,
}

enum State {
    Connecting(Box<Handshake>),
    Light(Box<Light>),
    Dead(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A handshake's own timer.
    Handshake,
    Media(usize),
    Report,
    Feedback,
    Check,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Load")
    }
}

/// Everything the load does and has counted.
pub struct Load {
    clock: Clock,
    epoll: Epoll,
    peers: Vec<Peer>,
    /// What is due when, by nanoseconds of the clock, and for which peer.
    due: BinaryHeap<Reverse<(u64, usize, Due)>>,
    sources: Vec<(usize, Source)>,
    certificate: Certificate,
    buffers: Vec<[u8; DATAGRAM]>,
    headers: MultiHeaders<()>,
    events: Vec<EpollEvent>,
    scratch: Vec<u8>,
    pub latency: Histogram<u64>,
    /// Packets the kernel did not take from a publisher.
    pub unsent: u64,
}

/// Microseconds that the latency histogram holds at most; what is slower counts as this.
const SLOWEST: u64 = 10_000_000;

impl Load {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            clock: Clock::start(),
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            peers: vec![],
            due: BinaryHeap::new(),
            sources: vec![],
            certificate: Certificate::new()?,
            buffers: vec![[0; DATAGRAM]; BATCH],
            headers: MultiHeaders::preallocate(BATCH, None),
            events: vec![EpollEvent::empty(); EVENTS],
            scratch: Vec::with_capacity(DATAGRAM),
            latency: Histogram::new_with_bounds(1, SLOWEST, 3)?,
            unsent: 0,
        })
    }

    /// A transport to the server; what the server must be told before it may [`Self::begin`].
    ///
    /// # Errors
    /// No more sockets.
    pub fn join(&mut self, server: SocketAddr, fingerprint: &Fingerprint) -> anyhow::Result<Open> {
        let (number, local) = self.socket()?;
        let (handshake, open) =
            Handshake::new(self.clock.now(), number as u64, local, server, fingerprint, &self.certificate)?;
        self.peers[number].socket.connect(server)?;
        self.peers[number].state = State::Connecting(Box::new(handshake));
        Ok(open)
    }

    /// A transport to a server not known yet: its number, and what the server must be told.
    ///
    /// # Errors
    /// No more sockets.
    pub fn offer(&mut self) -> anyhow::Result<(u64, End)> {
        let (number, local) = self.socket()?;
        let (handshake, end) = Handshake::offer(self.clock.now(), local, &self.certificate)?;
        self.peers[number].state = State::Connecting(Box::new(handshake));
        Ok((number as u64, end))
    }

    /// Lets a client that made an offer begin to connect.
    ///
    /// # Errors
    /// The server's end cannot be used.
    pub fn answer(&mut self, peer: u64, server: SocketAddr, theirs: &End) -> anyhow::Result<()> {
        let client = self.peers.get_mut(peer as usize).with_context(|| format!("no client {peer}"))?;
        let State::Connecting(handshake) = &mut client.state else {
            bail!("client {peer} is not connecting")
        };
        client.socket.connect(server)?;
        handshake.answer(server, theirs)?;
        self.begin(peer);
        Ok(())
    }

    /// A client without anything but a socket: its number and address.
    fn socket(&mut self) -> anyhow::Result<(usize, SocketAddr)> {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).context("a socket for a client")?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::RcvBuf, &CLIENT_BUFFER)?;
        let number = self.peers.len();
        self.epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, number as u64))?;
        let local = socket.local_addr()?;
        self.peers.push(Peer { socket, state: State::Dead("it was not begun".into()) });
        Ok((number, local))
    }

    /// Lets a client begin to connect: the server knows of it.
    pub fn begin(&mut self, peer: u64) {
        self.due.push(Reverse((self.clock.nanos(), peer as usize, Due::Handshake)));
    }

    /// The client's end of the handshake is done.
    pub fn is_connected(&self, peer: u64) -> bool {
        match self.peers.get(peer as usize).map(|peer| &peer.state) {
            Some(State::Connecting(handshake)) => handshake.is_connected(),
            Some(State::Light(_)) => true,
            _ => false,
        }
    }

    /// Leaves str0m, once both ends are connected.
    ///
    /// # Errors
    /// The handshake exported no keys.
    pub fn lighten(&mut self, peer: u64) -> anyhow::Result<()> {
        let number = peer as usize;
        let Some(peer) = self.peers.get_mut(number) else { bail!("no client {peer}") };
        let state = std::mem::replace(&mut peer.state, State::Dead("no keys".into()));
        let State::Connecting(handshake) = state else { bail!("client {number} is not connecting") };
        peer.state = State::Light(Box::new(handshake.finish()?));
        let now = self.clock.nanos();
        // Clients do not answer in step: spread over the interval by their number.
        let phase = |every: Duration| now + (number as u64 * 7_919_317) % every.as_nanos() as u64;
        self.due.push(Reverse((phase(REPORT), number, Due::Report)));
        self.due.push(Reverse((phase(FEEDBACK), number, Due::Feedback)));
        self.due.push(Reverse((phase(CHECK), number, Due::Check)));
        Ok(())
    }

    /// Nothing that comes for a connected client is read any more. It costs the load nothing, and the server as much
    /// as anybody.
    ///
    /// # Errors
    /// There is no such client.
    pub fn deafen(&mut self, peer: u64) -> anyhow::Result<()> {
        let Some(peer) = self.peers.get(peer as usize) else { bail!("no client {peer}") };
        setsockopt(&peer.socket, sockopt::RcvBuf, &DEAF_BUFFER)?;
        Ok(self.epoll.delete(&peer.socket)?)
    }

    /// What a connected client knows of its streams.
    pub fn light(&mut self, peer: u64) -> anyhow::Result<&mut Light> {
        match self.peers.get_mut(peer as usize).map(|peer| &mut peer.state) {
            Some(State::Light(light)) => Ok(light),
            _ => bail!("client {peer} is not connected"),
        }
    }

    pub fn lights(&mut self) -> impl Iterator<Item = &mut Light> {
        self.peers.iter_mut().filter_map(|peer| match &mut peer.state {
            State::Light(light) => Some(&mut **light),
            _ => None,
        })
    }

    /// Why clients died.
    pub fn deaths(&self) -> Vec<&str> {
        let dead = self.peers.iter().filter_map(|peer| match &peer.state {
            State::Dead(why) => Some(why.as_str()),
            _ => None,
        });
        dead.collect()
    }

    /// A source that a connected client will send.
    pub fn add_source(&mut self, peer: u64, source: Source) {
        self.sources.push((peer as usize, source));
    }

    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().map(|(_, source)| source)
    }

    /// Everybody who does not send yet begins to, each at another moment of its interval.
    pub fn begin_media(&mut self) {
        let now = self.clock.nanos();
        for (number, (peer, source)) in self.sources.iter_mut().enumerate() {
            if std::mem::replace(&mut source.on, true) {
                continue;
            }
            let phase = (number as u64 * 7_919_317) % source.interval();
            self.due.push(Reverse((now + phase, *peer, Due::Media(number))));
        }
    }

    pub fn end_media(&mut self) {
        self.sources.iter_mut().for_each(|(_, source)| source.on = false);
    }

    /// A client sends no media any more.
    pub fn end_media_of(&mut self, peer: u64) {
        let own = self.sources.iter_mut().filter(|(of, _)| *of == peer as usize);
        own.for_each(|(_, source)| source.on = false);
    }

    /// Begins a new window of what is counted per window.
    pub fn begin_window(&mut self) {
        self.latency.reset();
        self.lights().for_each(Light::begin_window);
    }

    /// Goes on until the time is over.
    pub fn run_for(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = self.clock.now() + time;
        loop {
            let left = end.saturating_duration_since(self.clock.now());
            if left.is_zero() {
                return Ok(());
            }
            self.turn(left)?;
        }
    }

    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// The same in nanoseconds of the load's clock.
    pub fn nanos(&self) -> u64 {
        self.clock.nanos()
    }

    /// The time at so many nanoseconds of the load's clock.
    pub fn time(&self, nanos: u64) -> Instant {
        self.clock.time(nanos)
    }

    /// Does what is due, waits for datagrams at most that long, and takes them.
    pub fn turn(&mut self, patience: Duration) -> anyhow::Result<()> {
        self.do_due();
        let next = self.due.peek().map_or(u64::MAX, |Reverse((at, ..))| *at);
        let wait = next.saturating_sub(self.clock.nanos()).min(patience.as_nanos() as u64);
        // Rounded up: to wake early would be to spin.
        let wait = EpollTimeout::try_from(wait.div_ceil(1_000_000)).unwrap_or(EpollTimeout::MAX);
        let count = match self.epoll.wait(&mut self.events, wait) {
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in 0..count {
            let peer = self.events[event].data() as usize;
            self.read(peer);
        }
        Ok(())
    }

    fn do_due(&mut self) {
        let now = self.clock.nanos();
        while let Some(&Reverse((_, number, due))) = self.due.peek().filter(|Reverse((at, ..))| *at <= now) {
            self.due.pop();
            let Some(peer) = self.peers.get_mut(number) else { continue };
            let again = match (&mut peer.state, due) {
                (State::Connecting(handshake), Due::Handshake) => {
                    let socket = &peer.socket;
                    handshake.timeout(self.clock.now(), &mut |datagram| send(socket, datagram));
                    self.clock.at(handshake.deadline())
                }
                (State::Light(light), Due::Media(source)) => {
                    let Some((_, source)) = self.sources.get_mut(source).filter(|(_, source)| source.on)
                    else {
                        continue;
                    };
                    let socket = &peer.socket;
                    for packet in 0..source.packets_at_once() {
                        light.write(source, packet, self.clock.nanos(), &mut self.scratch);
                        match socket.send(&self.scratch) {
                            Ok(_) => source.sent += 1,
                            Err(_) => self.unsent += 1,
                        }
                    }
                    source.next(now)
                }
                (State::Light(light), due) => {
                    let socket = &peer.socket;
                    let send = &mut |datagram: &[u8]| send(socket, datagram);
                    let every = match due {
                        Due::Report => {
                            light.report(now, &mut self.scratch, send);
                            REPORT
                        }
                        Due::Feedback => {
                            light.feedback(&mut self.scratch, send);
                            FEEDBACK
                        }
                        Due::Check => {
                            send(light.check());
                            CHECK
                        }
                        Due::Handshake | Due::Media(_) => continue,
                    };
                    now + every.as_nanos() as u64
                }
                _ => continue,
            };
            self.due.push(Reverse((again.max(now + 1), number, due)));
        }
    }

    /// Takes up to a batch of datagrams of one client.
    fn read(&mut self, number: usize) {
        let Some(peer) = self.peers.get_mut(number) else { return };
        let mut lengths = [0; BATCH];
        let mut count = 0;
        {
            let mut slices: Vec<[IoSliceMut<'_>; 1]> =
                self.buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
            let fd = peer.socket.as_raw_fd();
            let read = recvmmsg(fd, &mut self.headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None);
            // An error of an earlier datagram, or nothing there after all.
            let Ok(read) = read else { return };
            for (length, message) in lengths.iter_mut().zip(read) {
                *length = message.bytes;
                count += 1;
            }
        }
        let nanos = self.clock.nanos();
        for (buffer, length) in self.buffers.iter_mut().zip(lengths).take(count) {
            let Some(datagram) = buffer.get_mut(..length) else { continue };
            match &mut peer.state {
                State::Light(light) => {
                    if let Some(stamp) = light.receive(datagram, nanos) {
                        let micros = nanos.saturating_sub(stamp) / 1_000;
                        self.latency.saturating_record(micros.clamp(1, SLOWEST));
                    }
                }
                State::Connecting(handshake) => {
                    let socket = &peer.socket;
                    handshake.receive(self.clock.now(), datagram, &mut |datagram| send(socket, datagram));
                    if let Some(why) = handshake.death() {
                        peer.state = State::Dead(why);
                    } else {
                        let at = self.clock.at(handshake.deadline());
                        self.due.push(Reverse((at, number, Due::Handshake)));
                    }
                }
                State::Dead(_) => {}
            }
        }
    }
}

/// A datagram the kernel does not take is lost, as on any network.
fn send(socket: &UdpSocket, datagram: &[u8]) {
    if let Err(error) = socket.send(datagram)
        && !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused)
    {
        eprintln!("a client cannot send: {error}");
    }
}
