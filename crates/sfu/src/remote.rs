//! Where a datagram came from, and where one goes.

use std::net::SocketAddr;

use crate::ortc::IceProtocol;

/// One way to a peer. Two are the same only when answers to both would take the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remote {
    /// Datagrams of the worker's socket.
    Udp(SocketAddr),
    /// Frames (RFC 4571) of a connection the peer opened.
    Tcp {
        /// Given by whoever accepted it and never given again: an address may connect twice.
        connection: u64,
        address: SocketAddr,
    },
}

impl Remote {
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Udp(address) | Self::Tcp { address, .. } => *address,
        }
    }

    pub fn protocol(&self) -> IceProtocol {
        match self {
            Self::Udp(_) => IceProtocol::Udp,
            Self::Tcp { .. } => IceProtocol::Tcp,
        }
    }
}
