//! The forwarding core: ICE-lite, DTLS, SRTP, RTP and RTCP as input → output with explicit time.
//!
//! No sockets, no ambient clock. The `media-io` crate feeds it and sends what it writes.

#![forbid(unsafe_code)]

mod command;
mod counters;
mod dtls;
mod ids;
mod keyframe;
pub mod ortc;
mod rtcp;
mod rtp;
mod srtp;
mod stun;

pub use command::{
    Command, ConsumerSpec, Event, FailReason, LostReason, ProducerSpec, SrtpOffer, SrtpProfile, TransportSpec,
};
pub use counters::Counters;
pub use dtls::{Identity, IdentityError};
pub use ids::{ConsumerId, ProducerId, TransportId};
