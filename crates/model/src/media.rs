//! The configuration of a media channel, and the record of a stay in it.

use crate::{ChannelId, DeviceId, Millis, ServerId, SessionId, UserKey};

/// What 25_2 writes and 25_3 reads. Audio and video travel as JSON text and are stored as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtcConfig {
    /// Most members in the channel at once; 0 means no limit of its own.
    pub limit: u32,
    /// JSON text: `{"profile":string,"scenario":string}`.
    pub audio: String,
    /// JSON text: `{"width":px,"height":px,"fps":frames per second}`.
    pub video: String,
}

impl Default for RtcConfig {
    fn default() -> Self {
        Self {
            limit: 100,
            audio: r#"{"profile":"speech_standard","scenario":"default"}"#.into(),
            video: r#"{"width":640,"height":480,"fps":15}"#.into(),
        }
    }
}

/// One stay of one device in a media channel, from entry to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaSession {
    /// Rises with the time of entry.
    pub id: SessionId,
    pub user: UserKey,
    pub server: ServerId,
    pub channel: ChannelId,
    /// The room kit's.
    pub device: DeviceId,
    /// The QChat link's.
    pub link_device: DeviceId,
    /// As the room kit calls itself, e.g. `web`.
    pub client: String,
    pub entered: Millis,
    /// When the server last knew it to go on.
    pub seen: Millis,
    pub end: Option<SessionEnd>,
    /// `udp` or `tcp`, of the transport that connected last.
    pub protocol: Option<String>,
    /// Name of its SRTP profile (RFC 5764, RFC 7714).
    pub srtp: Option<String>,
    pub traffic: Traffic,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    pub at: Millis,
    /// Why, as one word.
    pub reason: String,
}

/// RTP packets and their bytes, without UDP and IP; "up" is from the client. Loss up is what the server missed, loss
/// down what the client said it missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    pub packets_up: u64,
    pub bytes_up: u64,
    pub lost_up: u64,
    pub packets_down: u64,
    pub bytes_down: u64,
    pub lost_down: u64,
}

impl Traffic {
    pub fn add(&mut self, other: &Self) {
        self.packets_up += other.packets_up;
        self.bytes_up += other.bytes_up;
        self.lost_up += other.lost_up;
        self.packets_down += other.packets_down;
        self.bytes_down += other.bytes_down;
        self.lost_down += other.lost_down;
    }
}
