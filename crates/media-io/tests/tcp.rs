//! ICE-TCP over real sockets: a whole WebRTC stack on it, and those who only pretend.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rotunda_media_io::{MediaConfig, MediaHandle, MediaThreads, TcpConfig, TcpEnd, TcpLimits, start};
use rotunda_sfu::{
    Command, ConsumerId, ConsumerSpec, Event, ProducerId, ProducerSpec, RoomId, SrtpOffer, TransportId,
    TransportSpec,
    ortc::{
        ConsumerSsrcs, Fingerprint, IceProtocol, MediaKind, consumer, producer_media, router_capabilities,
    },
};
use str0m::{
    Candidate, Input, Output, Rtc, RtcConfig,
    ice::IceCreds,
    net::{Protocol, Receive, TcpType},
    rtp::{RtpPacket, RtpWrite, Ssrc},
};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    sync::mpsc::{Receiver, UnboundedReceiver, channel, unbounded_channel},
};

/// For any single thing to happen on this machine, however busy.
const PATIENCE: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "real sockets, real time")]
fn now() -> Instant {
    Instant::now()
}

/// A worker and a listener that gives it every connection.
struct Server {
    handle: MediaHandle,
    events: Receiver<Event>,
    ends: UnboundedReceiver<TcpEnd>,
    address: SocketAddr,
    thread: Option<MediaThreads>,
    _runtime: Runtime,
}

fn server(limits: TcpLimits) -> Server {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, events) = channel(64);
    let config = MediaConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        // Members of a room alternate: a connection must find the worker of its transport.
        workers: 2,
        room_transports: 1,
        advertise: vec![],
        tcp: Some(TcpConfig { port: address.port(), limits }),
        audio_active_max: 8,
    };
    let (handle, thread) = start(&config, sender).unwrap();
    let (ended, ends) = unbounded_channel();
    let media = handle.clone();
    runtime.spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let (media, ended) = (media.clone(), ended.clone());
            tokio::spawn(async move {
                // A connection that breaks is one the client closed.
                let _ = ended.send(media.serve_tcp(stream, peer).await.unwrap_or(TcpEnd::Closed));
            });
        }
    });
    Server { handle, events, ends, address, thread: Some(thread), _runtime: runtime }
}

impl Server {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Why the next connection ends.
    fn end(&mut self) -> TcpEnd {
        let end = now() + PATIENCE;
        loop {
            if let Ok(why) = self.ends.try_recv() {
                return why;
            }
            assert!(now() < end, "no connection ended");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn frame(packet: &[u8]) -> Vec<u8> {
    [&(packet.len() as u16).to_be_bytes()[..], packet].concat()
}

fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let mut packet = vec![0; usize::from(u16::from_be_bytes(head))];
    stream.read_exact(&mut packet).unwrap();
    packet
}

/// One transport as a browser has it behind a firewall: a controlling ICE agent whose only candidate is active TCP.
struct Client {
    id: TransportId,
    rtc: Rtc,
    stream: TcpStream,
    local: SocketAddr,
    remote: SocketAddr,
    read: Vec<u8>,
    rtp: Vec<RtpPacket>,
    /// The last check that was sent.
    check: Vec<u8>,
}

impl Client {
    fn new(server: &Server, number: u64) -> Self {
        let stream = server.connect();
        stream.set_nonblocking(true).unwrap();
        let local = stream.local_addr().unwrap();
        let mut rtc =
            RtcConfig::new().set_rtp_mode(true).clear_codecs().enable_opus(true, false).build(now());
        let active = Candidate::builder().tcp().host(local).tcptype(TcpType::Active).build().unwrap();
        rtc.add_local_candidate(active);
        let candidates = server.handle.place(RoomId(1), TransportId(number), None);
        let passive = candidates.iter().find(|candidate| candidate.protocol == IceProtocol::Tcp).unwrap();
        let remote = SocketAddr::new(passive.ip, passive.port);
        assert_eq!(remote, server.address);
        let passive = Candidate::builder().tcp().host(remote).tcptype(TcpType::Passive).build().unwrap();
        rtc.add_remote_candidate(passive);
        let (local_ufrag, local_pwd) = (format!("ufrag{number}"), format!("password-of-22-chars-{number}"));
        let mut api = rtc.direct_api();
        api.set_ice_controlling(true);
        api.set_remote_ice_credentials(IceCreds { ufrag: local_ufrag.clone(), pass: local_pwd.clone() });
        let expected = server.handle.fingerprint();
        let bytes = expected.value.split(':').map(|hex| u8::from_str_radix(hex, 16).unwrap()).collect();
        api.set_remote_fingerprint(str0m::crypto::Fingerprint { hash_func: expected.algorithm, bytes });
        api.start_dtls(false).unwrap();
        let own = api.local_dtls_fingerprint();
        let value: Vec<String> = own.bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let id = TransportId(number);
        let spec = TransportSpec {
            id,
            local_ufrag,
            local_pwd,
            remote_ufrag: api.local_ice_credentials().ufrag,
            remote_fingerprints: vec![Fingerprint { algorithm: "sha-256".into(), value: value.join(":") }],
            srtp: SrtpOffer::Gcm128Only,
        };
        server.handle.send(Command::OpenTransport(spec)).unwrap();
        Self { id, rtc, stream, local, remote, read: vec![], rtp: vec![], check: vec![] }
    }

    /// Everything that can be done without waiting.
    fn drive(&mut self) {
        let mut buffer = [0; 4_096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The server ended it.
                Err(_) => break,
            }
        }
        while let Some(head) = self.read.first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*head));
            if self.read.len() < 2 + length {
                break;
            }
            let packet: Vec<u8> = self.read.drain(..2 + length).skip(2).collect();
            let contents = packet.as_slice().try_into().expect("a packet str0m knows");
            let (source, destination) = (self.remote, self.local);
            let receive = Receive { proto: Protocol::Tcp, source, destination, contents };
            self.input(Input::Receive(now(), receive));
        }
        self.input(Input::Timeout(now()));
    }

    fn input(&mut self, input: Input<'_>) {
        if self.rtc.handle_input(input).is_err() {
            return;
        }
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Transmit(out)) => {
                    assert_eq!((out.proto, out.destination), (Protocol::Tcp, self.remote));
                    if out.contents.first() == Some(&0) {
                        self.check = out.contents.to_vec();
                    }
                    // Waiting, so that a frame is never left half written.
                    self.stream.set_nonblocking(false).unwrap();
                    let _ = self.stream.write_all(&frame(&out.contents));
                    self.stream.set_nonblocking(true).unwrap();
                }
                Ok(Output::Event(str0m::Event::RtpPacket(packet))) => self.rtp.push(packet),
                Ok(Output::Event(_)) => {}
                Ok(Output::Timeout(_)) | Err(_) => return,
            }
        }
    }

    fn send(&mut self, sequence: u64, payload: &[u8]) {
        let write =
            RtpWrite::new(111.into(), sequence.into(), sequence as u32 * 960, now(), payload.to_vec());
        let mut api = self.rtc.direct_api();
        api.stream_tx(&Ssrc::from(5_000)).unwrap().write_rtp(write);
        self.drive();
    }
}

/// Drives the clients until something holds.
fn until(clients: &mut [&mut Client], what: &str, mut holds: impl FnMut(&mut [&mut Client]) -> bool) {
    let end = now() + PATIENCE;
    loop {
        clients.iter_mut().for_each(|client| client.drive());
        if holds(clients) {
            return;
        }
        assert!(now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn connect(server: &mut Server, clients: &mut [&mut Client]) {
    let mut missing = clients.len();
    until(clients, "transports connect", |_| {
        while let Ok(event) = server.events.try_recv() {
            assert!(matches!(event, Event::TransportConnected { .. }), "{event:?}");
            missing -= 1;
        }
        missing == 0
    });
}

/// A publishes sound, B receives it.
fn publish(server: &Server, a: &mut Client, b: &mut Client) {
    let parameters = serde_json::from_value(serde_json::json!({
        "mid": "a",
        "codecs": [{"mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2}],
        "headerExtensions": [],
        "encodings": [{"ssrc": 5000}]
    }))
    .unwrap();
    let media = producer_media(MediaKind::Audio, &parameters).unwrap();
    let ssrcs = ConsumerSsrcs { media: 5_001, rtx: 5_002 };
    let (_, mapping) = consumer(&media, &router_capabilities(), "b", ssrcs, "name").unwrap();
    let mut api = a.rtc.direct_api();
    api.declare_media("a".into(), str0m::media::MediaKind::Audio);
    api.declare_stream_tx(5_000.into(), None, "a".into(), None);
    let mut api = b.rtc.direct_api();
    api.declare_media("b".into(), str0m::media::MediaKind::Audio);
    api.expect_stream_rx(5_001.into(), None, "b".into(), None);
    let (transport, kind) = (a.id, MediaKind::Audio);
    let spec = ProducerSpec { id: ProducerId(1), room: RoomId(1), transport, kind, media, active: true };
    server.handle.send(Command::AddProducer(spec)).unwrap();
    let (id, transport, producer) = (ConsumerId(1), b.id, ProducerId(1));
    let spec = ConsumerSpec { id, transport, producer, mapping, paused: false };
    server.handle.send(Command::AddConsumer(spec)).unwrap();
}

/// A well-formed check of a transport that is open.
fn check(server: &Server, number: u64) -> (Client, Vec<u8>) {
    let mut client = Client::new(server, number);
    until(&mut [&mut client], "a check", |clients| !clients[0].check.is_empty());
    let check = client.check.clone();
    (client, check)
}

fn is_rtp(packet: &[u8]) -> bool {
    matches!(packet, [0x80..=0xbf, second, ..] if !(192..=223).contains(second))
}

#[test]
fn sound_goes_over_tcp_and_on_over_the_next_connection() {
    let mut server = server(TcpLimits::default());
    let (mut a, mut b) = (Client::new(&server, 1), Client::new(&server, 2));
    connect(&mut server, &mut [&mut a, &mut b]);
    publish(&server, &mut a, &mut b);
    for number in 0..50_u8 {
        a.send(u64::from(number) + 1, &[number; 80]);
    }
    until(&mut [&mut a, &mut b], "all of it arrives", |clients| clients[1].rtp.len() == 50);
    for (number, packet) in b.rtp.iter().enumerate() {
        assert_eq!(*packet.payload, [number as u8; 80], "in order");
    }

    let Client { check, stream, .. } = b;
    drop(stream);
    assert_eq!(server.end(), TcpEnd::Closed);
    // While there is no way to B its packets go nowhere.
    a.send(51, b"lost");
    let mut again = server.connect();
    again.write_all(&frame(&check)).unwrap();
    assert_eq!(read_frame(&mut again)[..2], [0x01, 0x01], "the check is answered");
    a.send(52, b"here again");
    while !is_rtp(&read_frame(&mut again)) {}

    server.handle.send(Command::CloseTransport(TransportId(2))).unwrap();
    let usage = loop {
        match server.events.blocking_recv().unwrap() {
            Event::TransportClosed { usage, .. } => break usage,
            event => assert!(!matches!(event, Event::TransportFailed { .. }), "{event:?}"),
        }
    };
    assert_eq!(usage.protocol, Some(IceProtocol::Tcp));
    // The lost one counts if it came in the same turn as the end of the connection.
    assert!((51..=52).contains(&usage.packets_down), "{usage:?}");
}

#[test]
fn a_check_that_comes_in_pieces_is_answered_wherever_it_was_cut() {
    let server = server(TcpLimits::default());
    let (_client, check) = check(&server, 1);
    let stream = frame(&check);
    for at in 1..stream.len() {
        let mut connection = server.connect();
        connection.write_all(&stream[..at]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        connection.write_all(&stream[at..]).unwrap();
        assert_eq!(read_frame(&mut connection)[..2], [0x01, 0x01], "cut at {at}");
    }
}

#[test]
fn what_does_not_begin_with_a_check_is_closed_without_an_answer() {
    let limits = TcpLimits { patience: Duration::from_millis(300), ..TcpLimits::default() };
    let mut server = server(limits);
    let (client, check) = check(&server, 1);
    let mut forged = check.clone();
    *forged.last_mut().unwrap() ^= 1;
    for first in [frame(&[]), frame(&[0; 20]), frame(&[0x80; 100]), frame(&forged), vec![0xff; 2]] {
        let mut connection = server.connect();
        connection.write_all(&first).unwrap();
        assert_eq!(server.end(), TcpEnd::NoCheck);
        assert!(matches!(connection.read(&mut [0; 1]), Ok(0) | Err(_)), "{first:?}");
    }
    // One who says nothing, and one who takes for ever to say it.
    let silent = server.connect();
    assert_eq!(server.end(), TcpEnd::NoCheck);
    drop(silent);
    let mut slow = server.connect();
    let started = now();
    for byte in frame(&check) {
        if slow.write_all(&[byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(started.elapsed() > Duration::from_millis(300));
    assert_eq!(server.end(), TcpEnd::NoCheck);
    drop(client);
}

#[test]
fn checks_for_no_transport_are_not_answered_and_end_the_connection() {
    let limits = TcpLimits { patience: Duration::from_millis(500), ..TcpLimits::default() };
    let mut server = server(limits);
    let (client, check) = check(&server, 1);
    server.handle.send(Command::CloseTransport(TransportId(1))).unwrap();
    drop(client);
    assert_eq!(server.end(), TcpEnd::Closed);
    let mut one = server.connect();
    one.write_all(&frame(&check)).unwrap();
    assert_eq!(server.end(), TcpEnd::Unanswered);
    // Many of them are not waited for.
    let mut many = server.connect();
    let _ = many.write_all(&frame(&check).repeat(1_000));
    assert_eq!(server.end(), TcpEnd::Unanswered);
    assert!(server.handle.counters().stun_refused < 100, "{:?}", server.handle.counters());
}

#[test]
fn a_frame_longer_than_any_packet_ends_the_connection() {
    let mut server = server(TcpLimits::default());
    let (_client, check) = check(&server, 1);
    let mut connection = server.connect();
    connection.write_all(&frame(&check)).unwrap();
    read_frame(&mut connection);
    connection.write_all(&[0x08, 0x01]).unwrap();
    assert_eq!(server.end(), TcpEnd::TooLong);
}

#[test]
fn places_are_bounded_and_come_back() {
    let limits = TcpLimits { connections_per_address: 2, ..TcpLimits::default() };
    let mut server = server(limits);
    let (_client, check) = check(&server, 1);
    let mut second = server.connect();
    second.write_all(&frame(&check)).unwrap();
    read_frame(&mut second);
    let _third = server.connect();
    assert_eq!(server.end(), TcpEnd::Crowded);
    drop(second);
    assert_eq!(server.end(), TcpEnd::Closed);
    let mut fourth = server.connect();
    fourth.write_all(&frame(&check)).unwrap();
    read_frame(&mut fourth);
}

#[test]
fn a_connection_that_is_not_answered_any_more_ends() {
    let limits = TcpLimits { idle: Duration::from_millis(300), ..TcpLimits::default() };
    let mut server = server(limits);
    let (client, check) = check(&server, 1);
    drop(client);
    server.end();
    let mut connection = server.connect();
    connection.write_all(&frame(&check)).unwrap();
    read_frame(&mut connection);
    server.handle.send(Command::CloseTransport(TransportId(1))).unwrap();
    // Whatever it goes on sending.
    let ended = (0..1_000).find_map(|_| {
        let _ = connection.write_all(&frame(&check));
        std::thread::sleep(Duration::from_millis(10));
        server.ends.try_recv().ok()
    });
    assert_eq!(ended, Some(TcpEnd::Idle));
}

#[test]
fn a_reader_that_is_stuck_is_dropped_and_nobody_waits_for_it() {
    // Long enough that a busy machine also fills what waits for the writer.
    let limits = TcpLimits { stuck: Duration::from_secs(2), ..TcpLimits::default() };
    let mut server = server(limits);
    let (mut a, mut b) = (Client::new(&server, 1), Client::new(&server, 2));
    connect(&mut server, &mut [&mut a, &mut b]);
    publish(&server, &mut a, &mut b);
    // B reads nothing any more; A goes on and is answered.
    let started = now();
    let ended = (1..).take_while(|_| started.elapsed() < PATIENCE).find_map(|sequence| {
        a.send(sequence, &[1; 1_000]);
        server.ends.try_recv().ok()
    });
    assert_eq!(ended, Some(TcpEnd::Stuck));
    assert!(started.elapsed() < PATIENCE, "it takes longer than a write may");
    assert!(server.handle.counters().dropped_by_socket > 0, "its media was dropped meanwhile");
    assert!(a.rtc.is_connected());
}

#[test]
fn a_worker_that_ends_says_goodbye_over_tcp() {
    let mut server = server(TcpLimits::default());
    let mut a = Client::new(&server, 1);
    connect(&mut server, &mut [&mut a]);
    server.thread.take().unwrap().stop();
    assert_eq!(server.end(), TcpEnd::Stopped);
    until(&mut [&mut a], "the client learns of it", |clients| !clients[0].rtc.is_alive());
}
