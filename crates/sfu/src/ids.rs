//! Numbers the control plane gives to rooms, transports, producers and consumers.
//!
//! The control plane chooses them, so that a command never needs an answer before the next one.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// One channel. Of its microphones the loudest are forwarded.
    RoomId,
    "r"
);
id!(
    /// One ICE + DTLS + SRTP association with one browser, sending or receiving.
    TransportId,
    "t"
);
id!(
    /// One source of media: a microphone, a camera, a shared screen.
    ProducerId,
    "p"
);
id!(
    /// One producer as one transport receives it.
    ConsumerId,
    "c"
);
