//! The media worker and the events it reports.

use std::net::{IpAddr, SocketAddr};

use rotunda_media_io::MediaHandle;
use rotunda_sfu::Event;
use tokio::sync::mpsc;

/// Events waiting for the rooms. The worker drops none but waits, so more only hides a stall.
const EVENT_QUEUE: usize = 1024;

pub struct Media {
    pub handle: MediaHandle,
    pub events: mpsc::Receiver<Event>,
}

pub fn start(listen: SocketAddr, advertised: &[IpAddr]) -> anyhow::Result<Media> {
    let _ = (listen, advertised);
    let (sender, events) = mpsc::channel(EVENT_QUEUE);
    let fingerprint = rotunda_sfu::ortc::Fingerprint { algorithm: "sha-256".into(), value: "00".into() };
    let (handle, commands) = MediaHandle::recording(Vec::new(), fingerprint);
    std::thread::spawn(move || {
        for command in commands {
            tracing::debug!(?command, "no media worker yet");
        }
        drop(sender);
    });
    Ok(Media { handle, events })
}
