//! Over real UDP with a client that shares no code with the server: str0m has its own ICE, DTLS (`dimpl`) and SRTP.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use rotunda_media_io::{MediaConfig, MediaHandle, MediaThreads, start};
use rotunda_sfu::{
    Command, ConsumerId, ConsumerSpec, Event, ProducerId, ProducerSpec, RoomId, SrtpOffer, SrtpProfile,
    TransportId, TransportSpec,
    ortc::{ConsumerSsrcs, Fingerprint, MediaKind, consumer, producer_media, router_capabilities},
};
use str0m::{
    Candidate, Input, Output, Rtc, RtcConfig,
    ice::IceCreds,
    net::{Protocol, Receive},
    rtp::{Extension, ExtensionValues, RtpPacket, RtpWrite, Ssrc},
};
use tokio::sync::mpsc::{Receiver, channel};

/// For any single thing to happen on this machine, however busy.
const PATIENCE: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "real sockets, real time")]
fn now() -> Instant {
    Instant::now()
}

struct Server {
    handle: MediaHandle,
    events: Receiver<Event>,
    _thread: MediaThreads,
}

fn server() -> Server {
    server_of(1, usize::MAX)
}

fn server_of(workers: usize, room_transports: usize) -> Server {
    let (sender, events) = channel(64);
    let config = MediaConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        workers,
        room_transports,
        advertise: vec![],
        tcp: None,
        audio_active_max: 8,
    };
    let (handle, thread) = start(&config, sender).unwrap();
    Server { handle, events, _thread: thread }
}

/// One transport as a browser has it: controlling ICE agent, DTLS server.
struct Client {
    id: TransportId,
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    rtp: Vec<RtpPacket>,
    /// Media that is kept back instead of sent, while there is a list for it.
    hold: Option<Vec<(SocketAddr, Vec<u8>)>>,
    keyframe_requests: usize,
    closed: bool,
}

impl Client {
    fn new(server: &Server, number: u64, offer: SrtpOffer) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let mut rtc = RtcConfig::new()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .clear_extension_map()
            .set_extension(4, Extension::RtpMid)
            .set_extension(1, Extension::AudioLevel)
            .set_extension(2, Extension::AbsoluteSendTime)
            .build(now());
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let candidates = server.handle.place(RoomId(1), TransportId(number), None);
        for candidate in &candidates {
            let remote = SocketAddr::new(candidate.ip, candidate.port);
            rtc.add_remote_candidate(Candidate::host(remote, "udp").unwrap());
        }
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
        let spec = TransportSpec {
            id: TransportId(number),
            local_ufrag,
            local_pwd,
            remote_ufrag: api.local_ice_credentials().ufrag,
            remote_fingerprints: vec![Fingerprint { algorithm: "sha-256".into(), value: value.join(":") }],
            srtp: offer,
        };
        server.handle.send(Command::OpenTransport(spec)).unwrap();
        Self {
            id: TransportId(number),
            rtc,
            socket,
            address,
            rtp: vec![],
            hold: None,
            keyframe_requests: 0,
            closed: false,
        }
    }

    /// Everything that can be done without waiting.
    fn drive(&mut self) {
        let mut buffer = [0; 2_000];
        while let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
            let contents = buffer[..length].try_into().expect("a datagram str0m knows");
            let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
            self.input(Input::Receive(now(), receive));
        }
        self.input(Input::Timeout(now()));
    }

    fn input(&mut self, input: Input<'_>) {
        self.closed |= !self.rtc.is_alive();
        if !self.closed {
            // An error is fatal to the association: an alert, for instance.
            self.closed = self.rtc.handle_input(input).is_err();
            self.drain();
        }
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Transmit(out)) => {
                    if let Some(held) = self.hold.as_mut().filter(|_| out.contents[0] == 0x90) {
                        held.push((out.destination, out.contents.to_vec()));
                        continue;
                    }
                    self.socket.send_to(&out.contents, out.destination).unwrap();
                }
                Ok(Output::Event(str0m::Event::RtpPacket(packet))) => self.rtp.push(packet),
                Ok(Output::Event(str0m::Event::KeyframeRequest(_))) => self.keyframe_requests += 1,
                Ok(Output::Event(_)) => {}
                Ok(Output::Timeout(_)) | Err(_) => return,
            }
        }
    }

    fn send(&mut self, ssrc: u32, payload_type: u8, sequence: u64, timestamp: u32, payload: &[u8]) {
        let values = ExtensionValues {
            audio_level: Some(-30),
            voice_activity: Some(true),
            ..ExtensionValues::default()
        };
        let write = RtpWrite::new(payload_type.into(), sequence.into(), timestamp, now(), payload.to_vec())
            .ext_vals(values);
        let mut api = self.rtc.direct_api();
        api.stream_tx(&Ssrc::from(ssrc)).unwrap().write_rtp(write);
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

fn connect(server: &mut Server, clients: &mut [&mut Client]) -> Vec<SrtpProfile> {
    let mut profiles = vec![];
    let expected = clients.len();
    until(clients, "transports connect", |_| {
        while let Ok(event) = server.events.try_recv() {
            let Event::TransportConnected { profile, .. } = event else { panic!("{event:?}") };
            profiles.push(profile);
        }
        profiles.len() == expected
    });
    profiles
}

fn parameters(kind: MediaKind, ssrc: u32) -> rotunda_sfu::ortc::RtpParameters {
    let codecs = match kind {
        MediaKind::Audio => serde_json::json!([
            {"mimeType": "audio/opus", "payloadType": 111, "clockRate": 48000, "channels": 2}]),
        MediaKind::Video => serde_json::json!([
            {"mimeType": "video/VP8", "payloadType": 96, "clockRate": 90000}]),
    };
    serde_json::from_value(serde_json::json!({
        "mid": "a",
        "codecs": codecs,
        "headerExtensions": [
            {"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4},
            {"uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "id": 1}
        ],
        "encodings": [{"ssrc": ssrc}]
    }))
    .unwrap()
}

/// A publishes, B receives.
fn publish(server: &Server, from: &mut Client, to: &mut Client, kind: MediaKind, ssrc: u32) {
    let str0m_kind = match kind {
        MediaKind::Audio => str0m::media::MediaKind::Audio,
        MediaKind::Video => str0m::media::MediaKind::Video,
    };
    let media = producer_media(kind, &parameters(kind, ssrc)).unwrap();
    let ssrcs = ConsumerSsrcs { media: ssrc + 1, rtx: ssrc + 2 };
    let (answer, mapping) = consumer(&media, &router_capabilities(), "b", ssrcs, "name").unwrap();
    let received = answer.encodings[0].ssrc.unwrap();

    let mut api = from.rtc.direct_api();
    api.declare_media("a".into(), str0m_kind);
    api.declare_stream_tx(ssrc.into(), None, "a".into(), None);
    let mut api = to.rtc.direct_api();
    api.declare_media("b".into(), str0m_kind);
    api.expect_stream_rx(received.into(), None, "b".into(), None);

    let producer = ProducerId(u64::from(ssrc));
    let spec = ProducerSpec { id: producer, room: RoomId(1), transport: from.id, kind, media, active: true };
    server.handle.send(Command::AddProducer(spec)).unwrap();
    let id = ConsumerId(u64::from(ssrc));
    let spec = ConsumerSpec { id, transport: to.id, producer, mapping, paused: false };
    server.handle.send(Command::AddConsumer(spec)).unwrap();
}

#[test]
fn audio_reaches_another_client_in_every_profile() {
    for (offer, profile) in [
        (SrtpOffer::Gcm128Only, SrtpProfile::AeadAes128Gcm),
        (SrtpOffer::CmOnly, SrtpProfile::Aes128CmSha1_80),
        // The client is the DTLS server and takes its own favourite.
        (SrtpOffer::All, SrtpProfile::AeadAes256Gcm),
    ] {
        let mut server = server();
        let (mut a, mut b) = (Client::new(&server, 1, offer), Client::new(&server, 2, offer));
        assert_eq!(connect(&mut server, &mut [&mut a, &mut b]), [profile; 2]);
        publish(&server, &mut a, &mut b, MediaKind::Audio, 5_000);
        for number in 0..50_u8 {
            a.send(5_000, 111, 1_000 + u64::from(number), u32::from(number) * 960, &[number; 80]);
            // One at a time: the order on the wire is then the order of sending.
            until(&mut [&mut a, &mut b], "each packet arrives", |clients| {
                clients[1].rtp.len() > usize::from(number)
            });
        }
        for (number, packet) in b.rtp.iter().enumerate() {
            assert_eq!(*packet.payload, [number as u8; 80]);
            assert_eq!((*packet.header.ssrc, *packet.header.payload_type), (5_001, 111));
            assert_eq!(*packet.seq_no, *b.rtp[0].seq_no + number as u64);
            assert_eq!(packet.header.ext_vals.mid.map(|mid| mid.to_string()).as_deref(), Some("b"));
            assert_eq!(packet.header.ext_vals.audio_level, Some(-30));
            assert!(packet.header.ext_vals.abs_send_time.is_some());
        }
        assert!(a.rtp.is_empty());
    }
}

#[test]
fn a_source_that_is_off_is_silent_at_once() {
    let mut server = server();
    let offer = SrtpOffer::Gcm128Only;
    let (mut a, mut b) = (Client::new(&server, 1, offer), Client::new(&server, 2, offer));
    connect(&mut server, &mut [&mut a, &mut b]);
    publish(&server, &mut a, &mut b, MediaKind::Audio, 5_000);
    a.send(5_000, 111, 1, 960, b"on");
    until(&mut [&mut a, &mut b], "it is heard", |clients| clients[1].rtp.len() == 1);
    server.handle.send(Command::SetProducerActive(ProducerId(5_000), false)).unwrap();
    for number in 2..30 {
        a.send(5_000, 111, number, number as u32 * 960, b"off");
    }
    until(&mut [&mut a, &mut b], "all are dropped and counted", |_| {
        server.handle.counters().dropped_inactive == 28
    });
    assert_eq!(b.rtp.len(), 1);
    server.handle.send(Command::SetProducerActive(ProducerId(5_000), true)).unwrap();
    a.send(5_000, 111, 30, 30 * 960, b"on again");
    until(&mut [&mut a, &mut b], "it is heard again", |clients| clients[1].rtp.len() == 2);
    assert_eq!(*b.rtp[1].payload, *b"on again");
}

#[test]
fn a_room_on_two_workers_is_one_room() {
    let mut server = server_of(2, 1);
    let offer = SrtpOffer::Gcm128Only;
    let (mut a, mut b) = (Client::new(&server, 1, offer), Client::new(&server, 2, offer));
    connect(&mut server, &mut [&mut a, &mut b]);
    publish(&server, &mut a, &mut b, MediaKind::Audio, 5_000);
    for number in 0..50_u8 {
        a.send(5_000, 111, 1_000 + u64::from(number), u32::from(number) * 960, &[number; 80]);
        until(&mut [&mut a, &mut b], "each packet arrives", |clients| {
            clients[1].rtp.len() > usize::from(number)
        });
    }
    assert!(b.rtp.iter().enumerate().all(|(number, packet)| *packet.payload == [number as u8; 80]));
    until(&mut [&mut a, &mut b], "both counted", |_| {
        let [home, away] = &server.handle.worker_counters()[..] else { panic!("two workers") };
        (home.rtp_in, home.rtp_out, home.relayed_out, away.relayed_in, away.rtp_out) == (50, 0, 50, 50, 50)
    });
    // Off at both at once, on again, and gone with the publisher.
    let producer = ProducerId(5_000);
    server.handle.send(Command::SetProducerActive(producer, false)).unwrap();
    a.send(5_000, 111, 1_050, 50 * 960, b"off");
    until(&mut [&mut a, &mut b], "it is dropped", |_| server.handle.counters().dropped_inactive == 1);
    server.handle.send(Command::SetProducerActive(producer, true)).unwrap();
    a.send(5_000, 111, 1_051, 51 * 960, b"on");
    until(&mut [&mut a, &mut b], "it is heard again", |clients| clients[1].rtp.len() == 51);
    assert_eq!(*b.rtp[50].payload, *b"on");
    // What the receiver's worker asks for reaches the publisher.
    publish(&server, &mut a, &mut b, MediaKind::Video, 6_000);
    until(&mut [&mut a, &mut b], "the publisher is asked", |clients| clients[0].keyframe_requests == 1);
    server.handle.send(Command::CloseTransport(TransportId(1))).unwrap();
    until(&mut [&mut b], "the end is counted nowhere as refused", |_| {
        let closed = server.events.try_recv();
        matches!(closed, Ok(Event::TransportClosed { id: TransportId(1), .. }))
    });
    assert_eq!(server.handle.counters().commands_refused, 0);
}

#[test]
fn a_member_put_out_that_keeps_sending_is_dropped_and_counted() {
    let mut server = server();
    let offer = SrtpOffer::Gcm128Only;
    let (mut a, mut b) = (Client::new(&server, 1, offer), Client::new(&server, 2, offer));
    connect(&mut server, &mut [&mut a, &mut b]);
    publish(&server, &mut a, &mut b, MediaKind::Audio, 5_000);
    a.send(5_000, 111, 1, 960, b"seated");
    until(&mut [&mut a, &mut b], "it is heard", |clients| clients[1].rtp.len() == 1);
    // Sealed packets of its own, kept from the wire until the seat is gone: it ignores the goodbye.
    a.hold = Some(vec![]);
    for number in 2..30 {
        a.send(5_000, 111, number, number as u32 * 960, b"still here");
    }
    let kept = a.hold.take().unwrap();
    assert_eq!(kept.len(), 28);
    server.handle.send(Command::CloseTransport(TransportId(1))).unwrap();
    // What came in the same turn as the command may still pass.
    until(&mut [&mut a], "it is told", |clients| !clients[0].rtc.is_alive());
    for (to, packet) in &kept {
        a.socket.send_to(packet, to).unwrap();
    }
    until(&mut [&mut b], "all are dropped and counted", |_| {
        server.handle.counters().dropped_unknown_address >= 28
    });
    assert_eq!(b.rtp.len(), 1);
}

#[test]
fn a_receiver_of_video_gets_the_keyframe_that_was_asked_for() {
    let mut server = server();
    let offer = SrtpOffer::Gcm128Only;
    let (mut a, mut b) = (Client::new(&server, 1, offer), Client::new(&server, 2, offer));
    connect(&mut server, &mut [&mut a, &mut b]);
    publish(&server, &mut a, &mut b, MediaKind::Video, 6_000);
    until(&mut [&mut a, &mut b], "the publisher is asked", |clients| clients[0].keyframe_requests == 1);
    a.send(6_000, 96, 1, 0, &[0x10, 1, 0, 0]);
    a.send(6_000, 96, 2, 3_000, &[0x10, 0, 0, 0]);
    a.send(6_000, 96, 3, 6_000, &[0x10, 1, 0, 0]);
    until(&mut [&mut a, &mut b], "video arrives", |clients| clients[1].rtp.len() == 2);
    assert_eq!(*b.rtp[0].payload, [0x10, 0, 0, 0], "from the keyframe on");
}

#[test]
fn another_certificate_than_the_signalled_one_is_refused() {
    let mut server = server();
    let mut a = Client::new(&server, 1, SrtpOffer::All);
    let mut right = server.handle.fingerprint();
    right.value = right.value.replace('A', "B");
    // The same client again, announced with a wrong certificate.
    server.handle.send(Command::CloseTransport(TransportId(1))).unwrap();
    let spec = TransportSpec {
        id: TransportId(2),
        local_ufrag: "ufrag1".into(),
        local_pwd: "password-of-22-chars-1".into(),
        remote_ufrag: a.rtc.direct_api().local_ice_credentials().ufrag,
        remote_fingerprints: vec![right],
        srtp: SrtpOffer::All,
    };
    server.handle.send(Command::OpenTransport(spec)).unwrap();
    let mut failed = None;
    until(&mut [&mut a], "it is refused", |_| {
        // Before it comes the end of the transport closed above.
        let closed = |event: &Event| matches!(event, Event::TransportClosed { id: TransportId(1), .. });
        failed = server.events.try_recv().ok().filter(|event| !closed(event));
        failed.is_some()
    });
    let expected =
        Event::TransportFailed { id: TransportId(2), reason: rotunda_sfu::FailReason::FingerprintMismatch };
    assert_eq!(failed, Some(expected));
}

#[test]
fn garbage_of_every_length_is_not_answered_and_the_call_goes_on() {
    let mut server = server();
    let offer = SrtpOffer::Gcm128Only;
    let (mut a, mut b) = (Client::new(&server, 1, offer), Client::new(&server, 2, offer));
    connect(&mut server, &mut [&mut a, &mut b]);
    publish(&server, &mut a, &mut b, MediaKind::Audio, 5_000);
    let noise = UdpSocket::bind("127.0.0.1:0").unwrap();
    noise.set_nonblocking(true).unwrap();
    let candidate = &server.handle.candidates()[0];
    let target = SocketAddr::new(candidate.ip, candidate.port);
    let before = server.handle.counters().datagrams_in;
    for length in 0..=2_000_usize {
        for first in [0, 22, 0x80, 0xff] {
            let mut datagram = vec![length as u8; length];
            if let Some(byte) = datagram.first_mut() {
                *byte = first;
            }
            noise.send_to(&datagram, target).unwrap();
        }
    }
    a.send(5_000, 111, 1, 960, b"still here");
    until(&mut [&mut a, &mut b], "media goes on", |clients| clients[1].rtp.len() == 1);
    until(&mut [&mut a, &mut b], "the noise was read", |_| {
        server.handle.counters().datagrams_in >= before + 2_001
    });
    assert!(noise.recv_from(&mut [0; 2_000]).is_err(), "no answer");
    assert_eq!(server.handle.counters().panics, 0);
    assert!(server.events.try_recv().is_err());
}

#[test]
fn a_worker_that_ends_says_goodbye() {
    let mut server = server();
    let mut a = Client::new(&server, 1, SrtpOffer::Gcm128Only);
    connect(&mut server, &mut [&mut a]);
    let Server { _thread: thread, .. } = server;
    thread.stop();
    until(&mut [&mut a], "the client learns of it", |clients| clients[0].closed);
}
