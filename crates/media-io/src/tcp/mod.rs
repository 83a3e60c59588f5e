//! ICE over TCP for networks that block UDP (RFC 6544, passive): connections that clients open, with the frames of
//! RFC 4571.
//!
//! ```text
//!   connection (task) ── frames ──► one bounded queue + wake ──► media thread
//!   connection (task) ◄── bounded queue each, what does not fit is dropped ──┘
//! ```
//!
//! To the core a connection is one more path of a transport. Nothing here knows of rights or passwords: that a
//! connection belongs to somebody shows in the core answering its checks, and one that is not answered is closed.

mod connection;
mod door;
mod framing;
mod media_end;

pub use connection::{TcpEnd, TcpLimits};
pub(crate) use door::Door;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use framing::{HEAD, MAX_PACKET, frame, take};
pub(crate) use media_end::MediaEnd;

use rotunda_sfu::Remote;
use tokio::sync::mpsc::Sender;

/// Frames of all connections that wait for the media thread; 20 ms of 50,000 packets/s, at most 2 MiB. When it is
/// full, connections wait and TCP slows their clients down.
const ARRIVALS: usize = 1024;

/// What connections tell the media thread, for each of them in this order.
#[derive(Debug)]
enum Arrival {
    Opened { connection: u64, outgoing: Sender<Vec<u8>> },
    Frame { from: Remote, bytes: Vec<u8> },
    Closed(Remote),
}
