//! What one transport carried.

use crate::{SrtpProfile, ortc::IceProtocol};

/// Totals of one transport since it was opened; "up" is from the client. Bytes are those of the protected RTP
/// packets, retransmissions and padding included, UDP and IP not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// None before the first authenticated check.
    pub protocol: Option<IceProtocol>,
    /// None before the handshake is done.
    pub profile: Option<SrtpProfile>,
    pub packets_up: u64,
    pub bytes_up: u64,
    /// Numbers that never arrived (RFC 3550 §6.4.1).
    pub lost_up: u64,
    pub packets_down: u64,
    pub bytes_down: u64,
    /// As the client last reported, per stream.
    pub lost_down: u64,
}
