//! The load of the bench, and what it measures with: publishers and subscribers with real ICE, DTLS and SRTP.

pub mod clock;
pub mod load;
pub mod machine;
pub mod page;
pub mod srtp;
pub mod tap;
pub mod wire;
