//! The baseline: a forwarder on str0m 0.25 in RTP mode, written as one would with that library.
//!
//! One thread and one socket. A datagram finds its peer by address, a check of an unknown address by its ufrag. What a
//! turn has read is written to each subscriber in a row, and each is then polled once. Timers are on a heap. NACK, RTX,
//! reports and transport-wide feedback are str0m's own, on as they are by default; keyframe requests are passed on.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
    io::{BufReader, stdin, stdout},
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError, channel},
    },
    time::Instant,
};

use anyhow::Context as _;
use nix::sys::{
    epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
    eventfd::EventFd,
    socket::{setsockopt, sockopt},
};
use rotunda_bench_forward::{
    clock::now,
    load::handshake::{read_fingerprint, write_fingerprint},
    tap,
    wire::{
        self, ABS_SEND_TIME, AUDIO_LEVEL, Ask, MID, Open, Publish, Subscribe, TRANSPORT_CC, Tell,
        publisher_mid, rtx_ssrc,
    },
};
use rotunda_sfu::ortc::MediaKind;
use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    ice::{IceCreds, StunMessage},
    media::{KeyframeRequestKind, Mid},
    net::{Protocol, Receive},
    rtp::{Extension, ExtensionValues, RtpPacket, RtpWrite, Ssrc},
};
use str0m_proto::crypto::dtls::DtlsCert;

/// Datagrams read in one turn, as many as the product reads.
const BATCH: usize = 64;
/// Bytes of the socket's buffers, those of the product.
const SOCKET_BUFFER: usize = 4 << 20;
/// Milliseconds a turn waits when no timer is due.
const IDLE: u64 = 1_000;

struct Peer {
    id: u64,
    rtc: Rtc,
    deadline: Instant,
    /// The earliest entry on the heap.
    armed: Option<Instant>,
    /// Written to in this turn.
    dirty: bool,
}

/// A published stream: whose it is, and the SSRC under which each subscriber gets it.
struct Producer {
    peer: usize,
    ssrc: Ssrc,
    subscribers: Vec<(usize, Ssrc)>,
}

struct Forwarder {
    socket: UdpSocket,
    address: SocketAddr,
    certificate: DtlsCert,
    peers: Vec<Peer>,
    transports: HashMap<u64, usize>,
    by_address: HashMap<SocketAddr, usize>,
    by_ufrag: HashMap<String, usize>,
    producers: Vec<Producer>,
    producer_ids: HashMap<u64, usize>,
    by_ssrc: HashMap<(usize, Ssrc), usize>,
    /// Which producer a subscriber's media section shows.
    by_mid: HashMap<(usize, Mid), usize>,
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Packets of this turn, by producer.
    turn: Vec<(usize, RtpPacket)>,
    dirty: Vec<usize>,
    keyframes: Vec<usize>,
    tells: Vec<Tell>,
    forwarded: u64,
    unsent: u64,
}

/// Serves until the input ends.
///
/// # Errors
/// The socket cannot be opened, or the pipe broke.
pub fn serve() -> anyhow::Result<()> {
    tap::install();
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, sockopt::RcvBuf, &SOCKET_BUFFER)?;
    setsockopt(&socket, sockopt::SndBuf, &SOCKET_BUFFER)?;
    let (address, certificate) = (socket.local_addr()?, tap::certificate().context("a certificate")?);
    let (sender, asks) = channel();
    let wake = Arc::new(EventFd::new()?);
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
    epoll.add(&*wake, EpollEvent::new(EpollFlags::EPOLLIN, 1))?;
    let woken = Arc::clone(&wake);
    std::thread::spawn(move || {
        let mut input = BufReader::new(stdin());
        while let Ok(Some(ask)) = wire::read(&mut input)
            && sender.send(ask).is_ok()
        {
            let _ = wake.write(1);
        }
        drop(sender);
        let _ = wake.write(1);
    });
    let mut forwarder = Forwarder {
        socket,
        address,
        certificate,
        peers: vec![],
        transports: HashMap::new(),
        by_address: HashMap::new(),
        by_ufrag: HashMap::new(),
        producers: vec![],
        producer_ids: HashMap::new(),
        by_ssrc: HashMap::new(),
        by_mid: HashMap::new(),
        timers: BinaryHeap::new(),
        turn: vec![],
        dirty: vec![],
        keyframes: vec![],
        tells: vec![],
        forwarded: 0,
        unsent: 0,
    };
    forwarder.say_ready()?;
    let mut events = [EpollEvent::empty(); 2];
    loop {
        let count = match epoll.wait(&mut events, forwarder.patience()?) {
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        if events.iter().take(count).any(|event| event.data() == 1) {
            woken.read()?;
            if !forwarder.obey_all(&asks)? {
                return Ok(());
            }
        }
        forwarder.run()?;
        for tell in forwarder.tells.drain(..) {
            wire::write(&mut stdout(), &tell)?;
        }
    }
}

impl Forwarder {
    fn say_ready(&self) -> anyhow::Result<()> {
        // The digest of the certificate, as a session of str0m has it.
        let mut rtc = RtcConfig::new().set_dtls_cert(self.certificate.clone()).build(now());
        let fingerprint = write_fingerprint(rtc.direct_api().local_dtls_fingerprint());
        wire::write(&mut stdout(), &Tell::Ready { address: self.address, fingerprint })
    }

    /// Until the next timer, rounded up.
    fn patience(&self) -> anyhow::Result<EpollTimeout> {
        let wait = self.timers.peek().map_or(IDLE, |Reverse((at, _))| {
            let nanos = at.saturating_duration_since(now()).as_nanos();
            u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(IDLE).min(IDLE)
        });
        Ok(EpollTimeout::try_from(wait)?)
    }

    /// False at the end of the input.
    fn obey_all(&mut self, asks: &Receiver<Ask>) -> anyhow::Result<bool> {
        loop {
            match asks.try_recv() {
                Ok(Ask::Open(open)) => self.open(open)?,
                Ok(Ask::Publish(publish)) => self.publish(publish)?,
                Ok(Ask::Subscribe(subscribe)) => self.subscribe(subscribe)?,
                // It takes whoever comes.
                Ok(Ask::Admit { .. }) => self.tells.push(Tell::Admission { admitted: true, busy: 0 }),
                Ok(Ask::Sync) => self.tells.push(Tell::Synced),
                Ok(Ask::Counters) => self.tells.push(Tell::Counters(BTreeMap::from([
                    ("rtp_out".into(), self.forwarded),
                    ("dropped_by_socket".into(), self.unsent),
                ]))),
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }

    fn open(&mut self, open: Open) -> anyhow::Result<()> {
        let mut rtc = RtcConfig::new()
            .set_rtp_mode(true)
            .set_ice_lite(true)
            .set_dtls_cert(self.certificate.clone())
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .clear_extension_map()
            .set_extension(MID, Extension::RtpMid)
            .set_extension(AUDIO_LEVEL, Extension::AudioLevel)
            .set_extension(ABS_SEND_TIME, Extension::AbsoluteSendTime)
            .set_extension(TRANSPORT_CC, Extension::TransportSequenceNumber)
            .build(now());
        rtc.add_local_candidate(Candidate::host(self.address, "udp")?);
        let mut api = rtc.direct_api();
        api.set_ice_controlling(false);
        api.set_local_ice_credentials(IceCreds { ufrag: open.local_ufrag.clone(), pass: open.local_pwd });
        api.set_remote_ice_credentials(IceCreds { ufrag: open.remote_ufrag, pass: open.remote_pwd });
        api.set_remote_fingerprint(read_fingerprint(&open.remote_fingerprint)?);
        api.start_dtls(true)?;
        // What a negotiation with this extension does.
        api.enable_twcc_feedback();
        let index = self.peers.len();
        self.peers.push(Peer { id: open.id, rtc, deadline: now(), armed: None, dirty: false });
        self.transports.insert(open.id, index);
        self.by_ufrag.insert(open.local_ufrag, index);
        self.poll(index);
        self.tells.push(Tell::Opened { id: open.id });
        Ok(())
    }

    fn peer(&mut self, transport: u64) -> anyhow::Result<(usize, &mut Rtc)> {
        let index = *self.transports.get(&transport).context("an unknown transport")?;
        let peer = self.peers.get_mut(index).context("an unknown peer")?;
        Ok((index, &mut peer.rtc))
    }

    fn publish(&mut self, publish: Publish) -> anyhow::Result<()> {
        let (peer, rtc) = self.peer(publish.transport)?;
        let (mid, ssrc) = (publisher_mid(publish.kind).into(), publish.ssrc.into());
        let mut api = rtc.direct_api();
        api.declare_media(mid, kind(publish.kind));
        api.expect_stream_rx(ssrc, rtx(publish.kind, publish.ssrc), mid, None);
        self.producer_ids.insert(publish.id, self.producers.len());
        self.by_ssrc.insert((peer, ssrc), self.producers.len());
        self.producers.push(Producer { peer, ssrc, subscribers: vec![] });
        Ok(())
    }

    fn subscribe(&mut self, subscribe: Subscribe) -> anyhow::Result<()> {
        let producer = *self.producer_ids.get(&subscribe.producer).context("an unknown producer")?;
        let (peer, rtc) = self.peer(subscribe.transport)?;
        let (mid, ssrc) = (Mid::from(subscribe.mid.as_str()), subscribe.ssrc.into());
        let mut api = rtc.direct_api();
        api.declare_media(mid, kind(subscribe.kind));
        api.declare_stream_tx(ssrc, rtx(subscribe.kind, subscribe.ssrc), mid, None).set_unpaced(true);
        self.by_mid.insert((peer, mid), producer);
        self.producers[producer].subscribers.push((peer, ssrc));
        Ok(())
    }

    /// One turn: what has arrived, what follows of it, and what is due.
    fn run(&mut self) -> anyhow::Result<()> {
        let mut buffer = [0; 2_048];
        for _ in 0..BATCH {
            match self.socket.recv_from(&mut buffer) {
                Ok((length, source)) => self.receive(&buffer[..length], source),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.forward();
        let now = now();
        while let Some(&Reverse((at, index))) = self.timers.peek().filter(|Reverse((at, _))| *at <= now) {
            self.timers.pop();
            let peer = &mut self.peers[index];
            if peer.armed != Some(at) {
                continue;
            }
            peer.armed = None;
            if peer.deadline > now {
                self.arm(index);
            } else {
                self.input(index, Input::Timeout(now));
            }
        }
        for producer in std::mem::take(&mut self.keyframes) {
            let Producer { peer, ssrc, .. } = self.producers[producer];
            if let Some(stream) = self.peers[peer].rtc.direct_api().stream_rx(&ssrc) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
            self.input(peer, Input::Timeout(now));
        }
        Ok(())
    }

    fn receive(&mut self, datagram: &[u8], source: SocketAddr) {
        let known = self.by_address.get(&source).copied();
        let found = known.or_else(|| {
            let check = StunMessage::parse(datagram).ok()?;
            self.by_ufrag.get(check.split_username()?.0).copied()
        });
        let (Some(index), Ok(contents)) = (found, datagram.try_into()) else { return };
        if known.is_none() {
            self.by_address.insert(source, index);
        }
        let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
        self.input(index, Input::Receive(now(), receive));
    }

    fn forward(&mut self) {
        for (producer, packet) in self.turn.drain(..) {
            for (peer, ssrc) in &self.producers[producer].subscribers {
                let subscriber = &mut self.peers[*peer];
                let mut api = subscriber.rtc.direct_api();
                let Some(stream) = api.stream_tx(ssrc) else { continue };
                let header = &packet.header;
                let values = ExtensionValues {
                    audio_level: header.ext_vals.audio_level,
                    voice_activity: header.ext_vals.voice_activity,
                    ..ExtensionValues::default()
                };
                // The payload is shared, not copied.
                let payload = Arc::clone(&packet.payload);
                let write = RtpWrite::new(
                    header.payload_type,
                    packet.seq_no,
                    header.timestamp,
                    packet.timestamp,
                    payload,
                );
                stream.write_rtp(write.marker(header.marker).nackable(true).ext_vals(values));
                self.forwarded += 1;
                if !std::mem::replace(&mut subscriber.dirty, true) {
                    self.dirty.push(*peer);
                }
            }
        }
        let now = now();
        for index in std::mem::take(&mut self.dirty) {
            self.peers[index].dirty = false;
            self.input(index, Input::Timeout(now));
        }
    }

    fn input(&mut self, index: usize, input: Input<'_>) {
        if let Err(error) = self.peers[index].rtc.handle_input(input) {
            self.tells.push(Tell::Failed { what: format!("peer {index}: {error}") });
        }
        self.poll(index);
    }

    /// Takes all that a peer has to give.
    fn poll(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        loop {
            match peer.rtc.poll_output() {
                Ok(Output::Transmit(out)) => {
                    let sent = self.socket.send_to(&out.contents, out.destination);
                    self.unsent += u64::from(sent.is_err());
                }
                Ok(Output::Timeout(at)) => {
                    peer.deadline = at;
                    break;
                }
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    let producer = self.by_ssrc.get(&(index, packet.header.ssrc));
                    self.turn.extend(producer.map(|producer| (*producer, packet)));
                }
                Ok(Output::Event(Event::KeyframeRequest(request))) => {
                    self.keyframes.extend(self.by_mid.get(&(index, request.mid)));
                }
                Ok(Output::Event(Event::Connected)) => {
                    self.tells.push(Tell::Connected { id: peer.id, profile: "AEAD_AES_128_GCM".into() });
                }
                Ok(Output::Event(_)) => {}
                Err(error) => {
                    self.tells.push(Tell::Failed { what: format!("peer {index}: {error}") });
                    break;
                }
            }
        }
        self.arm(index);
    }

    fn arm(&mut self, index: usize) {
        let peer = &mut self.peers[index];
        if peer.armed.is_none_or(|armed| peer.deadline < armed) {
            peer.armed = Some(peer.deadline);
            self.timers.push(Reverse((peer.deadline, index)));
        }
    }
}

fn kind(kind: MediaKind) -> str0m::media::MediaKind {
    match kind {
        MediaKind::Audio => str0m::media::MediaKind::Audio,
        MediaKind::Video => str0m::media::MediaKind::Video,
    }
}

/// Only video is sent again in a stream of its own.
fn rtx(kind: MediaKind, ssrc: u32) -> Option<Ssrc> {
    (kind == MediaKind::Video).then(|| rtx_ssrc(ssrc).into())
}
