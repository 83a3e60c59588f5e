//! Members over the real wire, on the binary that ships: login, entry, signalling, ICE, DTLS, SRTP. See tests/README.md.

pub mod drain;
mod media;
mod member;
pub mod scenario;
mod seed;
mod server;
mod socket;
