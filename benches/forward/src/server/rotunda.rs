//! The product's media worker, told what to do over the pipe instead of by the control plane.

use std::{
    io::{BufReader, stdin, stdout},
    net::SocketAddr,
    time::Duration,
};

use anyhow::Context as _;
use rotunda_media_io::{MediaConfig, MediaHandle, start};
use rotunda_sfu::{
    AUDIO_ACTIVE_MAX, Command, ConsumerId, ConsumerSpec, Event, ProducerId, ProducerSpec, RoomId, SrtpOffer,
    TransportId, TransportSpec,
    ortc::{
        ConsumerMapping, ConsumerSsrcs, MediaKind, ProducerMedia, RtpParameters, consumer, producer_media,
        router_capabilities,
    },
};
use tokio::sync::mpsc::{Receiver, channel};

use rotunda_bench_forward::wire::{self, Ask, Publish, Subscribe, Tell, rtx_ssrc};

/// Events the worker may be ahead of the pipe.
const EVENTS: usize = 1_024;
/// Before a command that found the queue full is tried again.
const RETRY: Duration = Duration::from_millis(2);

/// What a publisher of the load announces.
///
/// # Errors
/// The worker cannot forward it.
pub fn published(kind: MediaKind, ssrc: u32) -> anyhow::Result<ProducerMedia> {
    let parameters: RtpParameters = serde_json::from_value(wire::parameters(kind, ssrc))?;
    Ok(producer_media(kind, &parameters)?)
}

/// How a subscriber of the load receives it: as a browser that can all the router can.
///
/// # Errors
/// As [`consumer`].
pub fn received(media: &ProducerMedia, ssrc: u32, mid: &str) -> anyhow::Result<ConsumerMapping> {
    let ssrcs = ConsumerSsrcs { media: ssrc, rtx: rtx_ssrc(ssrc) };
    Ok(consumer(media, &router_capabilities(), mid, ssrcs, "bench")?.1)
}

/// The transport the worker has to open, with AES-128-GCM alone.
pub fn transport(open: wire::Open) -> TransportSpec {
    TransportSpec {
        id: TransportId(open.id),
        local_ufrag: open.local_ufrag,
        local_pwd: open.local_pwd,
        remote_ufrag: open.remote_ufrag,
        remote_fingerprints: vec![open.remote_fingerprint],
        srtp: SrtpOffer::Gcm128Only,
    }
}

/// Serves until the input ends.
///
/// # Errors
/// The worker cannot be started, or the pipe broke.
pub fn serve() -> anyhow::Result<()> {
    let (sender, events) = channel(EVENTS);
    let config = MediaConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        workers: 1,
        room_transports: 256,
        advertise: vec![],
        tcp: None,
        audio_active_max: AUDIO_ACTIVE_MAX,
    };
    let (handle, thread) = start(&config, sender)?;
    let candidate = handle.candidates().into_iter().next().context("the worker has no candidate")?;
    let address = SocketAddr::new(candidate.ip, candidate.port);
    wire::write(&mut stdout(), &Tell::Ready { address, fingerprint: handle.fingerprint() })?;
    let telling = std::thread::spawn(move || tell(events));
    let mut input = BufReader::new(stdin());
    while let Some(ask) = wire::read(&mut input)? {
        obey(&handle, ask)?;
    }
    thread.stop();
    drop(handle);
    // A pipe that the bench has closed is no failure.
    let _ = telling.join();
    Ok(())
}

fn obey(handle: &MediaHandle, ask: Ask) -> anyhow::Result<()> {
    let opens = match &ask {
        Ask::Open(open) => Some(open.id),
        _ => None,
    };
    let command = match ask {
        Ask::Open(open) => Command::OpenTransport(transport(open)),
        Ask::Publish(Publish { id, room, transport, kind, ssrc }) => {
            let (id, transport) = (ProducerId(id), TransportId(transport));
            Command::AddProducer(ProducerSpec {
                id,
                room: RoomId(room),
                transport,
                kind,
                media: published(kind, ssrc)?,
                active: true,
            })
        }
        Ask::Subscribe(Subscribe { id, transport, producer, kind, ssrc, mid }) => {
            let mapping = received(&published(kind, ssrc)?, ssrc, &mid)?;
            let (id, transport, producer) = (ConsumerId(id), TransportId(transport), ProducerId(producer));
            Command::AddConsumer(ConsumerSpec { id, transport, producer, mapping, paused: false })
        }
        Ask::Admit { room } => {
            let admitted = handle.admit(RoomId(room)).is_ok();
            let busy = handle.busy().into_iter().max().unwrap_or(0);
            return wire::write(&mut stdout(), &Tell::Admission { admitted, busy });
        }
        Ask::Sync => Command::ReportUsage,
        Ask::Counters => {
            let counters = handle.counters();
            let counters = counters.iter().map(|(name, value)| (String::from(name), value)).collect();
            return wire::write(&mut stdout(), &Tell::Counters(counters));
        }
    };
    while handle.send(command.clone()).is_err() {
        std::thread::sleep(RETRY);
    }
    // What is queued takes effect before any packet that arrives now.
    opens.map_or(Ok(()), |id| wire::write(&mut stdout(), &Tell::Opened { id }))
}

/// Passes on what happens.
fn tell(mut events: Receiver<Event>) -> anyhow::Result<()> {
    while let Some(event) = events.blocking_recv() {
        let tell = match event {
            Event::TransportConnected { id, profile } => {
                Tell::Connected { id: id.0, profile: profile.name().into() }
            }
            Event::Usage(_) => Tell::Synced,
            Event::TransportClosed { .. } | Event::Quality(_) => continue,
            other => Tell::Failed { what: format!("{other:?}") },
        };
        wire::write(&mut stdout(), &tell)?;
    }
    Ok(())
}
