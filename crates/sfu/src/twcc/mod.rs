//! Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): a number on every packet of
//! a transport, and the receiver's word on when each of them came.

mod arrivals;
mod departures;
mod feedback;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use arrivals::Arrivals;
pub(crate) use arrivals::Uplink;
pub(crate) use departures::{Departures, Fate};

/// Arrival times are counted in this many per second: 250 µs each, as the feedback carries them.
const TICKS_PER_SECOND: u64 = 4_000;
/// A feedback's reference time is counted in 64 ms.
const TICKS_PER_REFERENCE: u64 = 256;
/// Bits of the reference time on the wire.
const REFERENCE_BITS: u32 = 24;

/// What a feedback says of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Missing = 0,
    /// With the time since the packet before in one byte.
    Small = 1,
    /// In two bytes, signed.
    Large = 2,
}
