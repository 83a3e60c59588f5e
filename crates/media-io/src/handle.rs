//! The control plane's end of a media worker: commands in, facts out.

use std::{
    fmt,
    fs::File,
    io::{self, Write as _},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

use rotunda_sfu::{
    Command, Counters,
    ortc::{Fingerprint, IceCandidate},
};
use tokio::net::TcpStream;

use crate::tcp::{Door, TcpEnd};

/// Commands waiting for the worker's next turn. A join is about ten; at this depth the worker is stalled and
/// refusing is better than queueing.
pub const COMMAND_QUEUE: usize = 8192;

/// The worker's queue is full or the worker is gone: refuse the operation (code 503) and do not tell anybody it
/// happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media worker has {COMMAND_QUEUE} commands waiting or has stopped")]
pub struct Overloaded;

/// Sends commands to one media worker. Clones share it.
#[derive(Clone)]
pub struct MediaHandle {
    shared: Arc<Shared>,
}

struct Shared {
    commands: SyncSender<Command>,
    /// Wakes the worker's epoll; None for a handle without a worker.
    wake: Option<File>,
    /// Where ICE-TCP connections come in; None when it is off.
    door: Option<Door>,
    counters: Arc<Mutex<Counters>>,
    candidates: Vec<IceCandidate>,
    fingerprint: Fingerprint,
}

/// The worker's end of a handle.
pub(crate) struct WorkerEnd {
    pub(crate) commands: Receiver<Command>,
    pub(crate) counters: Arc<Mutex<Counters>>,
}

impl MediaHandle {
    pub(crate) fn new(
        wake: Option<File>,
        door: Option<Door>,
        candidates: Vec<IceCandidate>,
        fingerprint: Fingerprint,
    ) -> (Self, WorkerEnd) {
        let (sender, commands) = sync_channel(COMMAND_QUEUE);
        let counters = Arc::<Mutex<Counters>>::default();
        let end = WorkerEnd { commands, counters: Arc::clone(&counters) };
        let shared = Shared { commands: sender, wake, door, counters, candidates, fingerprint };
        (Self { shared: Arc::new(shared) }, end)
    }

    /// A handle without a worker, whose commands come out of the receiver: for tests of the control plane.
    pub fn recording(candidates: Vec<IceCandidate>, fingerprint: Fingerprint) -> (Self, Receiver<Command>) {
        let (handle, end) = Self::new(None, None, candidates, fingerprint);
        (handle, end.commands)
    }

    /// Puts a command at the end of the worker's queue. It takes effect before the worker reads any packet that
    /// arrives after this call.
    ///
    /// # Errors
    /// [`Overloaded`]: the command was not queued.
    pub fn send(&self, command: Command) -> Result<(), Overloaded> {
        self.shared.commands.try_send(command).map_err(|refused| match refused {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Overloaded,
        })?;
        self.wake();
        Ok(())
    }

    /// Serves an ICE-TCP connection until it ends, at the latest when the worker does; why it did.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn serve_tcp(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<TcpEnd> {
        match &self.shared.door {
            Some(door) => door.serve(stream, peer).await,
            None => Ok(TcpEnd::Stopped),
        }
    }

    /// The addresses of the worker, for `iceCandidates`.
    pub fn candidates(&self) -> Vec<IceCandidate> {
        self.shared.candidates.clone()
    }

    /// The digest of the process's DTLS certificate, for `dtlsParameters`.
    pub fn fingerprint(&self) -> Fingerprint {
        self.shared.fingerprint.clone()
    }

    /// What the worker has counted, at most 100 ms old while it works.
    pub fn counters(&self) -> Counters {
        self.shared.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn wake(&self) {
        if let Some(mut wake) = self.shared.wake.as_ref() {
            // Fails only when the eventfd counter is at its maximum, and then the worker is awake anyway.
            let _ = wake.write(&1_u64.to_ne_bytes());
        }
    }
}

impl fmt::Debug for MediaHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaHandle")
            .field("candidates", &self.shared.candidates.len())
            .finish_non_exhaustive()
    }
}
