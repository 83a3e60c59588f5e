//! Members over the real wire, on the binary that ships: login, entry, signalling, ICE, DTLS, SRTP. See tests/README.md.

/// CPU of the load, percent of its core, above which a run is about the load.
pub const VOID_ABOVE: f64 = 90.0;

pub mod drain;
mod media;
mod member;
pub mod rest;
pub mod scenario;
mod seed;
mod server;
mod socket;
