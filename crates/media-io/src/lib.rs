//! Media worker threads: sockets, batching and clocks around the forwarding core of `rotunda-sfu`.

#![deny(unsafe_code)]

mod handle;
mod sys;
mod tcp;
mod worker;

pub use handle::{COMMAND_QUEUE, MediaHandle, Overloaded};
pub use tcp::{TcpEnd, TcpLimits};
pub use worker::{MediaConfig, MediaThread, StartError, TcpConfig, start};
