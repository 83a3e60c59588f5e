//! The push links that are up, by account and room device.

use std::collections::HashMap;

use parking_lot::Mutex;
use rotunda_model::{DeviceId, Millis, UserKey};
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
    devices: Mutex<HashMap<Key, Device>>,
}

#[derive(Debug, Default)]
struct Device {
    /// In order of arrival: the older may be what a dead network left.
    links: Vec<Link>,
    /// Last sign of those that left while others stayed.
    last_sign: Option<Millis>,
}

#[derive(Debug)]
struct Link {
    id: u64,
    queue: mpsc::Sender<ToPush>,
}

impl PushHub {
    /// Registers a link.
    pub(crate) fn arrive(&self, key: Key, id: u64) -> mpsc::Receiver<ToPush> {
        let (queue, receiver) = mpsc::channel(QUEUE);
        self.devices.lock().entry(key).or_default().links.push(Link { id, queue });
        receiver
    }

    /// When the device was last heard, if this link, silent since `last_sign`, is its newest.
    pub(crate) fn silent_since(&self, key: &Key, id: u64, last_sign: Millis) -> Option<Millis> {
        let devices = self.devices.lock();
        let device = devices.get(key)?;
        let newest = device.links.last().is_some_and(|link| link.id == id);
        newest.then(|| device.last_sign.map_or(last_sign, |other| other.max(last_sign)))
    }

    /// A link ended, last heard at `last_sign`. When it was the device's last: when the device was last heard.
    pub(crate) fn leave(&self, key: &Key, id: u64, last_sign: Millis) -> Option<Millis> {
        let mut devices = self.devices.lock();
        let Some(device) = devices.get_mut(key) else { return Some(last_sign) };
        device.links.retain(|link| link.id != id);
        let heard = device.last_sign.map_or(last_sign, |other| other.max(last_sign));
        if device.links.is_empty() {
            devices.remove(key);
            return Some(heard);
        }
        device.last_sign = Some(heard);
        None
    }

    pub(crate) fn is_up(&self, key: &Key) -> bool {
        self.devices.lock().contains_key(key)
    }

    /// To every link of the device. One that does not keep up loses its queue, and with it its link.
    pub(crate) fn send(&self, key: &Key, make: impl Fn() -> ToPush) {
        if let Some(device) = self.devices.lock().get_mut(key) {
            device.links.retain(|link| link.queue.try_send(make()).is_ok());
        }
    }

    /// Waits until what was sent to the device so far has been written, or its links are gone.
    pub(crate) async fn flushed(&self, key: &Key) {
        let waiting: Vec<oneshot::Receiver<()>> = match self.devices.lock().get(key) {
            None => return,
            Some(device) => device
                .links
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
