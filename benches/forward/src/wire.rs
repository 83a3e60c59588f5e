//! What the bench tells a server under test, and what it hears: a line of JSON each, over the child's pipes.

use std::{
    collections::BTreeMap,
    io::{BufRead, Write},
    net::SocketAddr,
};

use anyhow::Context as _;
use rotunda_sfu::ortc::{Fingerprint, MediaKind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Payload types and header extension ids of both directions, those of Chromium.
pub const OPUS: u8 = 111;
pub const VP8: u8 = 96;
pub const VP8_RTX: u8 = 97;
pub const AUDIO_LEVEL: u8 = 1;
pub const ABS_SEND_TIME: u8 = 2;
pub const TRANSPORT_CC: u8 = 3;
pub const MID: u8 = 4;

/// The media section in which a publisher sends each kind.
pub fn publisher_mid(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "a",
        MediaKind::Video => "v",
    }
}

/// The SSRC of the retransmissions of a stream, for both directions.
pub fn rtx_ssrc(ssrc: u32) -> u32 {
    ssrc + 1
}

/// What a publisher of the load says it sends: `rtpParameters`.
pub fn parameters(kind: MediaKind, ssrc: u32) -> Value {
    let extension = |uri: &str, id: u8| json!({ "uri": uri, "id": id });
    let mid = extension("urn:ietf:params:rtp-hdrext:sdes:mid", MID);
    let transport_cc =
        extension("http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", TRANSPORT_CC);
    match kind {
        MediaKind::Audio => json!({
            "mid": publisher_mid(kind),
            "codecs": [{"mimeType": "audio/opus", "payloadType": OPUS, "clockRate": 48_000, "channels": 2,
                        "rtcpFeedback": [{"type": "transport-cc"}, {"type": "nack"}]}],
            "headerExtensions": [mid, transport_cc,
                                 extension("urn:ietf:params:rtp-hdrext:ssrc-audio-level", AUDIO_LEVEL)],
            "encodings": [{"ssrc": ssrc}],
        }),
        MediaKind::Video => json!({
            "mid": publisher_mid(kind),
            "codecs": [
                {"mimeType": "video/VP8", "payloadType": VP8, "clockRate": 90_000,
                 "rtcpFeedback": [{"type": "transport-cc"}, {"type": "nack"},
                                  {"type": "nack", "parameter": "pli"}]},
                {"mimeType": "video/rtx", "payloadType": VP8_RTX, "clockRate": 90_000,
                 "parameters": {"apt": VP8}}
            ],
            "headerExtensions": [mid, transport_cc],
            "encodings": [{"ssrc": ssrc, "rtx": {"ssrc": rtx_ssrc(ssrc)}}],
        }),
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    Open(Open),
    Publish(Publish),
    Subscribe(Subscribe),
    /// Somebody new asks to come to a room.
    Admit {
        room: u64,
    },
    /// Answered when everything before it is done.
    Sync,
    Counters,
}

/// A transport on which the client checks connectivity and is the DTLS server.
#[derive(Debug, Serialize, Deserialize)]
pub struct Open {
    pub id: u64,
    pub local_ufrag: String,
    pub local_pwd: String,
    pub remote_ufrag: String,
    pub remote_pwd: String,
    pub remote_fingerprint: Fingerprint,
}

/// A stream that comes in over a transport.
#[derive(Debug, Serialize, Deserialize)]
pub struct Publish {
    pub id: u64,
    /// Microphones of one room compete for being heard.
    pub room: u64,
    pub transport: u64,
    pub kind: MediaKind,
    pub ssrc: u32,
}

/// A published stream that goes out over a transport.
#[derive(Debug, Serialize, Deserialize)]
pub struct Subscribe {
    pub id: u64,
    pub transport: u64,
    pub producer: u64,
    pub kind: MediaKind,
    pub ssrc: u32,
    pub mid: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tell {
    Ready {
        address: SocketAddr,
        fingerprint: Fingerprint,
    },
    /// A transport waits for the client's first check.
    Opened {
        id: u64,
    },
    /// ICE and DTLS of a transport are done; the SRTP profile.
    Connected {
        id: u64,
        profile: String,
    },
    /// Something ended that should not have.
    Failed {
        what: String,
    },
    /// Whether somebody new may come; how busy the server is, per mille.
    Admission {
        admitted: bool,
        busy: u32,
    },
    Synced,
    Counters(BTreeMap<String, u64>),
}

/// Writes a line and flushes it.
///
/// # Errors
/// The other end is gone.
pub fn write(to: &mut impl Write, line: &impl Serialize) -> anyhow::Result<()> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    to.write_all(&bytes)?;
    Ok(to.flush()?)
}

/// The next line; None at the end.
///
/// # Errors
/// It is no line of ours.
pub fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> anyhow::Result<Option<T>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line).with_context(|| format!("not understood: {line}"))?))
}
