//! The push links that are up, by account and room device.

use std::collections::HashMap;

use parking_lot::Mutex;
use rotunda_model::{DeviceId, UserKey};
use tokio::sync::{mpsc, oneshot};

/// Pushes waiting for one link. A busy room sends a few per second; a reader this far behind must read the snapshot
/// again anyway, so it is closed.
const QUEUE: usize = 512;

/// For one push link's session.
#[derive(Debug)]
pub(crate) enum ToPush {
    /// A whole frame.
    Frame(axum::extract::ws::Utf8Bytes),
    /// Answered when everything before it has been written.
    Flush(oneshot::Sender<()>),
    /// A seat of this device ended.
    SeatEnded,
}

type Key = (UserKey, DeviceId);

/// All push links of this process.
#[derive(Debug, Default)]
pub(crate) struct PushHub {
    links: Mutex<HashMap<Key, Vec<Link>>>,
}

#[derive(Debug)]
struct Link {
    id: u64,
    queue: mpsc::Sender<ToPush>,
}

impl PushHub {
    /// Registers a link; true when it is the device's first.
    pub(crate) fn arrive(&self, key: Key, id: u64) -> (mpsc::Receiver<ToPush>, bool) {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let mut links = self.links.lock();
        let of_device = links.entry(key).or_default();
        of_device.push(Link { id, queue });
        (receiver, of_device.len() == 1)
    }

    /// True when it was the device's last.
    pub(crate) fn leave(&self, key: &Key, id: u64) -> bool {
        let mut links = self.links.lock();
        let Some(of_device) = links.get_mut(key) else { return true };
        of_device.retain(|link| link.id != id);
        let last = of_device.is_empty();
        if last {
            links.remove(key);
        }
        last
    }

    pub(crate) fn is_up(&self, key: &Key) -> bool {
        self.links.lock().contains_key(key)
    }

    /// To every link of the device. One that does not keep up loses its queue, and with it its link.
    pub(crate) fn send(&self, key: &Key, make: impl Fn() -> ToPush) {
        if let Some(of_device) = self.links.lock().get_mut(key) {
            of_device.retain(|link| link.queue.try_send(make()).is_ok());
        }
    }

    /// Waits until what was sent to the device so far has been written, or its links are gone.
    pub(crate) async fn flushed(&self, key: &Key) {
        let waiting: Vec<oneshot::Receiver<()>> = match self.links.lock().get(key) {
            None => return,
            Some(of_device) => of_device
                .iter()
                .filter_map(|link| {
                    let (done, written) = oneshot::channel();
                    link.queue.try_send(ToPush::Flush(done)).ok().map(|()| written)
                })
                .collect(),
        };
        for written in waiting {
            let _ = written.await;
        }
    }
}
