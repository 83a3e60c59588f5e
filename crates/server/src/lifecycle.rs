//! Stopping in two steps: softly (accept nothing, let work finish), then hard.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Seen by every task that must end. Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    /// Resolves when no new work should begin.
    pub async fn soft(&self) {
        self.soft.cancelled().await;
    }

    /// Resolves when running work should be dropped.
    pub async fn hard(&self) {
        self.hard.cancelled().await;
    }

    pub fn stop_softly(&self) {
        self.soft.cancel();
    }

    pub fn stop_hard(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }
}

/// Turns the first SIGTERM or SIGINT into the soft stop, the second or the end of `grace` into the hard one.
pub fn on_signals(shutdown: Shutdown, grace: Duration) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(grace_secs = grace.as_secs(), "stopping: no new connections, open ones may finish");
        shutdown.stop_softly();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = tokio::time::sleep(grace) => {}
        }
        shutdown.stop_hard();
    });
    Ok(())
}
