//! The forwarding core: ICE-lite, DTLS, SRTP, RTP and RTCP as input → output with explicit time.
//!
//! No sockets, no ambient clock. The `media-io` crate feeds it and sends what it writes.
//!
//! # The way of one packet
//!
//! `media-io` reads up to [`BATCH`] datagrams into the [`Inbox`], applies the commands that wait, and calls
//! [`Worker::turn`]. The turn is `worker/mod.rs`, top to bottom:
//!
//! 1. `worker/inbound.rs` tells STUN, DTLS, RTP and RTCP apart by the first byte (RFC 7983) and finds the transport
//!    by the sender's address. An address is known once a check with the right password came from it (`stun.rs`,
//!    `transport.rs`); DTLS (`dtls.rs`) and media from any other are counted and dropped.
//! 2. The stream of an RTP packet is found by its SSRC (`streams.rs`). The packet is opened where it lies (`srtp/`),
//!    counted for the next report (`reception.rs`) and put on the list of its producer (`producer.rs`), unless the
//!    producer is off. A simulcast stream, whose SSRC no offer lists, is told by the mid and stream id in its first
//!    packets (`worker/learn.rs`). Of more microphones than are of use, those that are not among the loudest end here
//!    (`loudest.rs`).
//! 3. `worker/forward.rs` goes through the subscribers, each with all its packets of the turn in a row: a new header
//!    with the receiver's SSRC, payload type, extensions and unbroken numbering (`consumer.rs`, `rewrite.rs`,
//!    `head.rs`), of the layer that is wanted and flows (`layers.rs`), the payload behind it with the receiver's own
//!    picture numbers (`vp8.rs`), sealed in the [`Outbox`]'s arena. A full outbox leaves at once (`batch.rs`).
//! 4. `worker/report.rs` does what is due: transports that fell silent, sender and receiver reports, keyframe requests.
//! 5. `worker/handshakes.rs` does a few of the pieces of handshakes that wait (`handshakes.rs`).
//!
//! How much of the wanted video a subscriber gets follows from its feedback: `twcc/` says when which packet came,
//! `estimate.rs` whether that was too much, `allocation.rs` what is given instead (`worker/allocate.rs`).
//!
//! What is forwarded to whom changes otherwise only by [`Command`]s (`worker/control.rs`), and a command given before a packet
//! arrives takes effect before it. [`ortc`] turns what clients announce into what commands carry.

#![forbid(unsafe_code)]

mod allocation;
mod batch;
mod command;
mod consumer;
mod counters;
mod downlink;
mod dtls;
mod estimate;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod handshakes;
mod head;
mod history;
mod ids;
mod keyframe;
mod layers;
mod loudest;
mod map;
mod nack;
pub mod ortc;
#[cfg(test)]
mod peer;
mod probe;
mod producer;
mod quality;
mod rate;
mod reception;
mod record;
mod relay;
mod remote;
mod rewrite;
mod rooms;
mod rtcp;
mod rtp;
mod rtx;
mod srtp;
mod streams;
mod stun;
mod transport;
mod trend;
mod twcc;
mod usage;
mod vp8;
mod wanted;
mod wheel;
mod worker;

pub use batch::{BATCH, Egress, Inbox, Outbox, Run, SLOT};
pub use command::{
    Command, ConsumerSpec, Event, FailReason, LostReason, ProducerSpec, RelayedProducerSpec, SrtpOffer,
    SrtpProfile, TransportSpec,
};
pub use counters::Counters;
pub use dtls::{Identity, IdentityError};
pub use ids::{ConsumerId, ProducerId, RoomId, TransportId};
pub use loudest::AUDIO_ACTIVE_MAX;
pub use quality::{Grade, LinkReport, Quality};
pub use relay::{Link, links};
pub use remote::Remote;
pub use stun::checked_ufrag;
pub use usage::Usage;
pub use worker::Worker;
