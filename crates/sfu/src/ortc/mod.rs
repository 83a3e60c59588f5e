//! ORTC: what a client offers to send, what it can receive, and the mapping between the two.

mod browser;
mod consumer;
mod producer;
mod router;
mod types;

pub use browser::srtp_offer;
pub use consumer::{ConsumerExtensions, ConsumerMapping, ConsumerSsrcs, PayloadMap, consumer};
pub use producer::{
    Codec, H264Profile, MediaCodec, ProducerExtensions, ProducerMedia, StreamSpec, producer_media,
};
pub use router::router_capabilities;
pub use types::*;

/// Why parameters cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrtcError {
    #[error("{count} {what} where at most {limit} are read")]
    TooMany { what: &'static str, count: usize, limit: usize },
    #[error("a codec parameter is a list or an object")]
    Nested,
    #[error("none of the {0} codecs offered is opus, VP8, VP9, AV1 or H264 in packetization mode 1")]
    NoCodec(usize),
    #[error("payload type {0} is above 127 or given twice")]
    PayloadType(u8),
    #[error("encoding {0} has no ssrc, and no rid by which packets could tell it")]
    NoSsrc(usize),
    #[error("ssrc {0} is zero or given twice")]
    Ssrc(u32),
    #[error("no encodings")]
    NoEncodings,
    #[error("mid of {0} characters where 1 to 16 are allowed")]
    Mid(usize),
    #[error("the receiver has none of the producer's codecs")]
    CannotReceive,
}
