//! A call with ourselves: two transports as browsers have them, and one second of sound from one to the other. The
//! client's side is an independent WebRTC stack (str0m), so a fault of ours does not hide itself.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::Context;
use rotunda_media_io::MediaHandle;
use rotunda_sfu::{
    Command, ConsumerId, ConsumerSpec, ProducerId, ProducerSpec, RoomId, SrtpOffer, TransportId,
    TransportSpec,
    ortc::{
        ConsumerSsrcs, Fingerprint, IceCandidate, MediaKind, RtpParameters, consumer, producer_media,
        router_capabilities,
    },
};
use serde::{Deserialize, Serialize};
use str0m::{
    Candidate, Input, Output, Rtc, RtcConfig,
    ice::IceCreds,
    net::{Protocol, Receive},
    rtp::{Extension, ExtensionValues, RtpWrite, Ssrc},
};

/// Ids with this bit are none of the rooms', which count from the time of their start.
const OWN_IDS: u64 = 1 << 63;

/// Packets of 20 ms: one second.
pub const PACKETS: usize = 50;
const PACKET_EVERY: Duration = Duration::from_millis(20);

/// SSRC as published, and as it reaches the other end.
const PUBLISHED: u32 = 7_001;
const RECEIVED: u32 = 7_002;
const RTX: u32 = 7_003;

/// Payload type and samples of 20 ms of Opus.
const OPUS: u8 = 111;
const SAMPLES: u32 = 960;

/// For ICE and DTLS on a machine that has other things to do.
const CONNECT_WITHIN: Duration = Duration::from_secs(8);
/// For the last packets, after they were sent.
const ARRIVE_WITHIN: Duration = Duration::from_secs(1);

/// From the clients' end of the handshakes to the first sound.
const SETTLE: Duration = Duration::from_millis(200);

/// Pause of the loop that drives both ends.
const TICK: Duration = Duration::from_millis(2);

/// What an end tells the server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Offer {
    pub ufrag: String,
    pub fingerprint: Fingerprint,
}

/// What the server tells an end.
#[derive(Clone, Serialize, Deserialize)]
pub struct End {
    pub ufrag: String,
    pub pwd: String,
}

/// What the server tells all three: publisher, receiver, and the one that only knocks.
#[derive(Clone, Serialize, Deserialize)]
pub struct Answer {
    pub ends: [End; 3],
    pub fingerprint: Fingerprint,
    pub candidates: Vec<IceCandidate>,
}

/// The server's side of the call; it ends when this is dropped.
#[derive(Debug)]
pub struct Open {
    media: MediaHandle,
    transports: [TransportId; 3],
}

impl Drop for Open {
    fn drop(&mut self) {
        for transport in self.transports {
            // A worker that has stopped has closed it.
            let _ = self.media.send(Command::CloseTransport(transport));
        }
    }
}

/// Opens the server's side, in a room of its own that no channel can have. `random`: different for each call.
///
/// # Errors
/// The media threads take no commands.
pub fn open(media: &MediaHandle, random: u128, offers: [Offer; 3]) -> anyhow::Result<(Answer, Open)> {
    let first = OWN_IDS | (random as u64 >> 3) << 2;
    let transports = [first, first + 1, first + 2].map(TransportId);
    let room = RoomId(first);
    let mut candidates = Vec::new();
    for transport in transports {
        candidates =
            media.place(room, transport, transports.first().copied().filter(|first| *first != transport));
    }
    let open = Open { media: media.clone(), transports };
    let ends = [0, 1, 2].map(|end| End {
        ufrag: format!("dr{end}{:016x}", random as u64),
        pwd: format!("doctor{end}{random:032x}"),
    });
    for ((id, end), offer) in transports.iter().zip(&ends).zip(offers) {
        media.send(Command::OpenTransport(TransportSpec {
            id: *id,
            local_ufrag: end.ufrag.clone(),
            local_pwd: end.pwd.clone(),
            remote_ufrag: offer.ufrag,
            remote_fingerprints: vec![offer.fingerprint],
            srtp: SrtpOffer::Gcm128Only,
        }))?;
    }
    let [publisher, receiver, _] = transports;
    let parameters: RtpParameters = serde_json::from_value(serde_json::json!({
        "mid": "a",
        "codecs": [{"mimeType": "audio/opus", "payloadType": OPUS, "clockRate": 48_000, "channels": 2}],
        "headerExtensions": [
            {"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4},
            {"uri": "urn:ietf:params:rtp-hdrext:ssrc-audio-level", "id": 1}
        ],
        "encodings": [{"ssrc": PUBLISHED}]
    }))?;
    let published = producer_media(MediaKind::Audio, &parameters)?;
    let ssrcs = ConsumerSsrcs { media: RECEIVED, rtx: RTX };
    let (_, mapping) = consumer(&published, &router_capabilities(), "b", ssrcs, "doctor")?;
    let producer = ProducerId(first);
    let kind = MediaKind::Audio;
    let spec =
        ProducerSpec { id: producer, room, transport: publisher, kind, media: published, active: true };
    media.send(Command::AddProducer(spec))?;
    let consumer =
        ConsumerSpec { id: ConsumerId(first), transport: receiver, producer, mapping, paused: false };
    media.send(Command::AddConsumer(consumer))?;
    let answer = Answer { ends, fingerprint: media.fingerprint(), candidates };
    Ok((answer, open))
}

#[expect(clippy::disallowed_methods, reason = "the edge: a real call takes real time")]
fn now() -> Instant {
    Instant::now()
}

/// One end, as a browser has it: controlling ICE agent, DTLS server.
pub struct Client {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    connected: bool,
    received: usize,
}

impl Client {
    /// `local`: an address of this machine from which the server is reached.
    pub fn new(local: std::net::IpAddr) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((local, 0))?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .clear_extension_map()
            .set_extension(4, Extension::RtpMid)
            .set_extension(1, Extension::AudioLevel)
            .set_extension(2, Extension::AbsoluteSendTime)
            .build(now());
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        Ok(Self { rtc, socket, address, connected: false, received: 0 })
    }

    pub fn offer(&mut self) -> Offer {
        let api = self.rtc.direct_api();
        let own = api.local_dtls_fingerprint();
        let value: Vec<String> = own.bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let fingerprint = Fingerprint { algorithm: own.hash_func.clone(), value: value.join(":") };
        Offer { ufrag: api.local_ice_credentials().ufrag, fingerprint }
    }

    fn take(&mut self, end: &End, fingerprint: &Fingerprint, server: SocketAddr) -> anyhow::Result<()> {
        self.rtc.add_remote_candidate(Candidate::host(server, "udp")?);
        let bytes = fingerprint.value.split(':').map(|hex| u8::from_str_radix(hex, 16));
        let bytes = bytes.collect::<Result<_, _>>().context("a fingerprint that is not in hex")?;
        let mut api = self.rtc.direct_api();
        api.set_ice_controlling(true);
        api.set_remote_ice_credentials(IceCreds { ufrag: end.ufrag.clone(), pass: end.pwd.clone() });
        api.set_remote_fingerprint(str0m::crypto::Fingerprint {
            hash_func: fingerprint.algorithm.clone(),
            bytes,
        });
        api.start_dtls(false)?;
        Ok(())
    }

    /// Everything that can be done without waiting.
    fn drive(&mut self) -> anyhow::Result<()> {
        let mut buffer = [0; 2_000];
        while let Ok((length, source)) = self.socket.recv_from(&mut buffer) {
            let Some(Ok(contents)) = buffer.get(..length).map(TryInto::try_into) else { continue };
            let receive = Receive { proto: Protocol::Udp, source, destination: self.address, contents };
            self.rtc.handle_input(Input::Receive(now(), receive))?;
            self.drain()?;
        }
        self.rtc.handle_input(Input::Timeout(now()))?;
        self.drain()
    }

    fn drain(&mut self) -> anyhow::Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Transmit(out) => {
                    // What the kernel does not take now is sent again by the protocol.
                    let _ = self.socket.send_to(&out.contents, out.destination);
                }
                Output::Event(str0m::Event::Connected) => self.connected = true,
                Output::Event(str0m::Event::RtpPacket(_)) => self.received += 1,
                Output::Event(_) => {}
                Output::Timeout(_) => return Ok(()),
            }
        }
    }

    fn say(&mut self, number: usize) -> anyhow::Result<()> {
        let values =
            ExtensionValues { audio_level: Some(-30), voice_activity: Some(true), ..Default::default() };
        let (sequence, timestamp) = (1_000 + number as u64, SAMPLES * number as u32);
        let write = RtpWrite::new(OPUS.into(), sequence.into(), timestamp, now(), vec![number as u8; 80])
            .ext_vals(values);
        let mut api = self.rtc.direct_api();
        api.stream_tx(&Ssrc::from(PUBLISHED)).context("the stream is gone")?.write_rtp(write);
        self.drive()
    }
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// From the first check to the keys of both ends.
    pub connected_after: Duration,
    /// Of [`PACKETS`].
    pub received: usize,
}

/// Runs the call over one address of the server. Blocks for some seconds.
///
/// # Errors
/// It does not connect, with the step that was reached.
pub fn run(mut ends: [Client; 2], answer: &Answer, server: SocketAddr) -> anyhow::Result<Call> {
    for (client, end) in ends.iter_mut().zip(&answer.ends) {
        client.take(end, &answer.fingerprint, server)?;
    }
    let [publisher, receiver] = &mut ends;
    let mut api = publisher.rtc.direct_api();
    api.declare_media("a".into(), str0m::media::MediaKind::Audio);
    api.declare_stream_tx(PUBLISHED.into(), None, "a".into(), None);
    let mut api = receiver.rtc.direct_api();
    api.declare_media("b".into(), str0m::media::MediaKind::Audio);
    api.expect_stream_rx(RECEIVED.into(), None, "b".into(), None);
    let begun = now();
    while !(publisher.connected && receiver.connected) {
        publisher.drive()?;
        receiver.drive()?;
        anyhow::ensure!(
            now() - begun < CONNECT_WITHIN,
            "ICE and DTLS did not finish within {} s",
            CONNECT_WITHIN.as_secs()
        );
        std::thread::sleep(TICK);
    }
    let connected_after = now() - begun;
    // The server has the last flight of the handshakes still before it; what came with it would be lost.
    while now() - begun < connected_after + SETTLE {
        publisher.drive()?;
        receiver.drive()?;
        std::thread::sleep(TICK);
    }
    let talking = now();
    for number in 0..PACKETS {
        publisher.say(number)?;
        while now() - talking < PACKET_EVERY * number as u32 {
            receiver.drive()?;
            std::thread::sleep(TICK);
        }
    }
    let sent = now();
    while receiver.received < PACKETS && now() - sent < ARRIVE_WITHIN {
        publisher.drive()?;
        receiver.drive()?;
        std::thread::sleep(TICK);
    }
    Ok(Call { connected_after, received: receiver.received })
}
