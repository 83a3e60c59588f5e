//! Media worker threads: sockets, batching and clocks around the forwarding core of `rotunda-sfu`.

#![deny(unsafe_code)]

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod handle;
mod routes;
mod sys;
mod tcp;
mod worker;

pub use handle::{ADMIT_BELOW, Busy, COMMAND_QUEUE, MediaHandle, Overloaded, REFUSE_ABOVE, Recording};
pub use tcp::{TcpEnd, TcpLimits};
pub use worker::{MAX_WORKERS, MediaConfig, MediaThreads, StartError, TcpConfig, start};
