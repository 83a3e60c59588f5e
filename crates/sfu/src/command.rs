//! What the control plane tells the forwarding table, and what it hears back.

use std::fmt;

use crate::{
    ConsumerId, LinkReport, ProducerId, RoomId, TransportId, Usage,
    ortc::{ConsumerMapping, Fingerprint, MediaKind, ProducerMedia},
};

/// One change of the forwarding table. Commands take effect in the order they are sent.
///
/// A command that names something unknown is dropped, counted and logged: the table is never half changed.
#[derive(Debug, Clone)]
pub enum Command {
    OpenTransport(TransportSpec),
    /// Also removes the transport's producers (with their consumers) and consumers.
    CloseTransport(TransportId),
    AddProducer(ProducerSpec),
    /// Inactive: packets are opened, dropped and counted, from this turn of the loop on.
    SetProducerActive(ProducerId, bool),
    /// Hands its packets on to that worker, or no longer.
    RelayProducer {
        id: ProducerId,
        to: usize,
        on: bool,
    },
    /// A producer of another worker, which has got, or is about to get, [`Command::RelayProducer`].
    AddRelayedProducer(RelayedProducerSpec),
    /// Also removes its consumers.
    RemoveProducer(ProducerId),
    AddConsumer(ConsumerSpec),
    SetConsumerPaused(ConsumerId, bool),
    /// Index into [`ProducerMedia::streams`], clamped to the highest there is.
    SetConsumerLayer(ConsumerId, u8),
    RemoveConsumer(ConsumerId),
    /// Ask the publisher for a keyframe, at most one per stream per 500 ms.
    RequestKeyframe(ProducerId),
    /// Answered by [`Event::Usage`].
    ReportUsage,
    /// Answered by [`Event::Quality`].
    ReportQuality(Vec<TransportId>),
}

/// A transport to open. The client always checks connectivity; this side answers (ICE-lite) and starts DTLS.
#[derive(Clone)]
pub struct TransportSpec {
    pub id: TransportId,
    /// 4 to 256 characters, unique among the open transports of the worker.
    pub local_ufrag: String,
    /// 22 to 256 characters (RFC 8445 §5.3).
    pub local_pwd: String,
    /// The client's `iceUfrag`: second half of the USERNAME of its checks.
    pub remote_ufrag: String,
    /// The peer's certificate must match one of them; another certificate closes the transport.
    pub remote_fingerprints: Vec<Fingerprint>,
    pub srtp: SrtpOffer,
}

impl fmt::Debug for TransportSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ufrags and the password are credentials.
        f.debug_struct("TransportSpec")
            .field("id", &self.id)
            .field("srtp", &self.srtp)
            .finish_non_exhaustive()
    }
}

/// The SRTP profiles put into the ClientHello.
///
/// The peer is the DTLS server and takes its own favourite of the offer: Chromium 156 takes CM whenever it is
/// offered, at four times the cost of GCM, so the offer itself must be narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SrtpOffer {
    /// AEAD_AES_128_GCM alone, for clients known to have it.
    Gcm128Only,
    /// AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES128_CM_HMAC_SHA1_80.
    All,
    /// AES128_CM_HMAC_SHA1_80 alone, after a transport failed with [`FailReason::NoCommonProfile`].
    CmOnly,
}

/// An SRTP protection profile (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SrtpProfile {
    AeadAes128Gcm,
    AeadAes256Gcm,
    Aes128CmSha1_80,
}

impl SrtpProfile {
    /// The name of RFC 5764 and RFC 7714, also a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Self::Aes128CmSha1_80 => "AES_CM_128_HMAC_SHA1_80",
        }
    }
}

#[derive(Debug, Clone)]
pub struct ProducerSpec {
    pub id: ProducerId,
    /// What sounds in it competes for being heard, see [`AUDIO_ACTIVE_MAX`](crate::AUDIO_ACTIVE_MAX).
    pub room: RoomId,
    pub transport: TransportId,
    pub kind: MediaKind,
    pub media: ProducerMedia,
    pub active: bool,
}

/// As [`ProducerSpec`], of another worker.
#[derive(Debug, Clone)]
pub struct RelayedProducerSpec {
    pub id: ProducerId,
    pub room: RoomId,
    pub from: usize,
    pub kind: MediaKind,
    pub media: ProducerMedia,
    pub active: bool,
}

#[derive(Debug, Clone)]
pub struct ConsumerSpec {
    pub id: ConsumerId,
    pub transport: TransportId,
    pub producer: ProducerId,
    pub mapping: ConsumerMapping,
    pub paused: bool,
}

/// What a worker reports. Events of one transport come in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// ICE and DTLS are done, keys are in place, media flows.
    TransportConnected { id: TransportId, profile: SrtpProfile },
    /// The transport, its producers and its consumers are gone.
    TransportFailed { id: TransportId, reason: FailReason },
    /// Nothing authenticated arrived for 15 s, or the peer closed DTLS. After silence the transport stays
    /// open and may come back; after a close it is gone.
    TransportLost { id: TransportId, reason: LostReason },
    /// An authenticated packet arrived on a lost transport.
    TransportBack { id: TransportId },
    /// The last event of a transport, whatever ended it: what it carried.
    TransportClosed { id: TransportId, usage: Usage },
    /// What every open transport has carried so far.
    Usage(Vec<(TransportId, Usage)>),
    /// How the lines of the transports asked for were since the last question about them.
    Quality(Vec<(TransportId, LinkReport)>),
    /// What is taken of a video of that transport: so many of its layers, from the lowest, should be sent. Comes again
    /// while some are not.
    LayersWanted { id: TransportId, producer: ProducerId, layers: u8 },
    /// A worker failed inside and started again empty: every transport of it is gone.
    WorkerRestarted { worker: usize, panics: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailReason {
    /// No authenticated ICE check, or no finished handshake, within 30 s.
    Timeout,
    /// The peer shares no SRTP profile with the offer: offer [`SrtpOffer::CmOnly`] next.
    NoCommonProfile,
    /// The peer's certificate is not the one that was signalled.
    FingerprintMismatch,
    /// The handshake broke for another cause.
    Dtls,
}

impl FailReason {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::NoCommonProfile => "no_common_profile",
            Self::FingerprintMismatch => "fingerprint_mismatch",
            Self::Dtls => "dtls",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LostReason {
    Silence,
    Closed,
}
