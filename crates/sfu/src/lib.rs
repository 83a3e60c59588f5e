//! The forwarding core: ICE-lite, DTLS, SRTP, RTP and RTCP as input → output with explicit time.
//!
//! No sockets, no ambient clock. The `media-io` crate feeds it and sends what it writes.

#![forbid(unsafe_code)]

mod batch;
mod command;
mod consumer;
mod counters;
mod dtls;
mod ids;
mod keyframe;
pub mod ortc;
#[cfg(test)]
mod peer;
mod producer;
mod reception;
mod rewrite;
mod rtcp;
mod rtp;
mod srtp;
mod stun;
mod transport;
mod worker;

pub use batch::{BATCH, Egress, Inbox, Outbox, SLOT};
pub use command::{
    Command, ConsumerSpec, Event, FailReason, LostReason, ProducerSpec, SrtpOffer, SrtpProfile, TransportSpec,
};
pub use consumer::Quality;
pub use counters::Counters;
pub use dtls::{Identity, IdentityError};
pub use ids::{ConsumerId, ProducerId, TransportId};
pub use worker::Worker;
