//! Stopping in three steps: take no newcomers while calls go on, then accept nothing and let work finish, then hard.

use std::{future::Future, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Between two looks whether the last seat is empty. Shorter only costs wake-ups, longer delays the stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Seen by every task that must end. Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    draining: CancellationToken,
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    /// Resolves when no newcomer should be taken any more.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Resolves when no new work should begin.
    pub async fn soft(&self) {
        self.soft.cancelled().await;
    }

    /// Resolves when running work should be dropped.
    pub async fn hard(&self) {
        self.hard.cancelled().await;
    }

    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    pub fn drain(&self) {
        self.draining.cancel();
    }

    pub fn stop_softly(&self) {
        self.draining.cancel();
        self.soft.cancel();
    }

    pub fn stop_hard(&self) {
        self.stop_softly();
        self.hard.cancel();
    }
}

/// SIGTERM and SIGINT.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Turns the first SIGTERM or SIGINT into draining, and the second, or the end of `grace` after the soft stop, into the
/// hard one. Whoever serves ends the draining.
pub fn on_signals(shutdown: Shutdown, grace: Duration) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        shutdown.drain();
        let over = async {
            shutdown.soft().await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            () = signals.next() => tracing::warn!("told twice to stop: at once"),
            () = over => {}
        }
        shutdown.stop_hard();
    });
    Ok(())
}

/// Once draining has begun, waits for the last of `seats` or the end of `patience`, whichever comes first, and stops
/// softly. With nobody seated that is at once.
pub async fn drain(shutdown: Shutdown, patience: impl Fn() -> Duration, seats: impl Fn() -> usize) {
    shutdown.draining().await;
    let patience = patience();
    let open = seats();
    if open > 0 && !patience.is_zero() {
        tracing::info!(
            seats = open,
            patience_secs = patience.as_secs(),
            "draining: no newcomers, calls go on"
        );
        let empty = async {
            while seats() > 0 {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if first_of(&shutdown, tokio::time::timeout(patience, empty))
            .await
            .is_some_and(|ended| ended.is_err())
        {
            tracing::warn!(seats = seats(), "the time to drain is over; those who are left are cut off");
        }
    }
    tracing::info!("stopping: no new connections, open ones may finish");
    shutdown.stop_softly();
}

/// What `work` gives, unless the stop comes first.
async fn first_of<T>(shutdown: &Shutdown, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        () = shutdown.soft() => None,
        done = work => Some(done),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    async fn is_soft(shutdown: &Shutdown, within: Duration) -> bool {
        tokio::time::timeout(within, shutdown.soft()).await.is_ok()
    }

    fn draining(seats: usize, patience: Duration) -> (Shutdown, Arc<AtomicUsize>) {
        let (shutdown, seats) = (Shutdown::default(), Arc::new(AtomicUsize::new(seats)));
        let taken = Arc::clone(&seats);
        tokio::spawn(drain(shutdown.clone(), move || patience, move || taken.load(Ordering::Relaxed)));
        shutdown.drain();
        (shutdown, seats)
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn with_nobody_seated_the_stop_is_at_once() {
        let (shutdown, _) = draining(0, MINUTE);
        assert!(is_soft(&shutdown, Duration::from_millis(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_seat_ends_the_draining() {
        let (shutdown, seats) = draining(1, 10 * MINUTE);
        assert!(!is_soft(&shutdown, MINUTE).await);
        seats.store(0, Ordering::Relaxed);
        assert!(is_soft(&shutdown, 2 * LOOK_EVERY).await);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_the_draining() {
        let (shutdown, _seats) = draining(1, MINUTE);
        assert!(!is_soft(&shutdown, MINUTE - LOOK_EVERY).await);
        assert!(is_soft(&shutdown, 2 * LOOK_EVERY).await);
        let (shutdown, _seats) = draining(1, Duration::ZERO);
        assert!(is_soft(&shutdown, Duration::from_millis(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hard_stop_does_not_wait_for_seats() {
        let (shutdown, _seats) = draining(1, MINUTE);
        shutdown.stop_hard();
        assert!(is_soft(&shutdown, Duration::from_millis(1)).await);
    }
}
