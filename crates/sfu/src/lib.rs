//! The forwarding core: ICE-lite, DTLS, SRTP, RTP and RTCP as input → output with explicit time.
//!
//! No sockets, no ambient clock. The `media-io` crate feeds it and sends what it writes.

#![forbid(unsafe_code)]

mod command;
mod counters;
mod ids;
pub mod ortc;

pub use command::{
    Command, ConsumerSpec, Event, FailReason, LostReason, ProducerSpec, SrtpOffer, SrtpProfile, TransportSpec,
};
pub use counters::Counters;
pub use ids::{ConsumerId, ProducerId, TransportId};
