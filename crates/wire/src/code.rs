//! The codes this crate itself has a use for; what else a server answers is the caller's choice.

/// Done. A push needs it too: without a `code` the client drops it.
pub const OK: u16 = 200;

/// A packet that can be answered (it has a `SER`) but not read.
pub const UNREADABLE: u16 = 998;
