//! The media thread's end of all connections. Nothing here waits.

use std::{collections::HashMap, fs::File};

use rotunda_sfu::{BATCH, Inbox, Outbox, Remote};
use tokio::sync::mpsc::{
    Receiver, Sender,
    error::{TryRecvError, TrySendError},
};

use super::{Arrival, door::Way, framing};

#[derive(Debug)]
pub(crate) struct MediaEnd {
    arriving: Receiver<Arrival>,
    connections: HashMap<u64, Sender<Vec<u8>>>,
    /// Closed ones whose last frames are in the inbox.
    closed: Vec<Remote>,
}

impl MediaEnd {
    pub(crate) fn new(wake: File) -> (Way, Self) {
        let (way, arriving) = Way::new(wake);
        (way, Self { arriving, connections: HashMap::new(), closed: Vec::new() })
    }

    /// Whether there is something to read.
    pub(crate) fn is_idle(&self) -> bool {
        self.arriving.is_empty()
    }

    /// Fills the inbox with what has arrived; whether there was anything. After the turn with it, what
    /// [`Self::take_closed`] gives is gone.
    pub(crate) fn receive(&mut self, inbox: &mut Inbox) -> bool {
        for taken in 0..BATCH {
            if inbox.is_full() {
                break;
            }
            match self.arriving.try_recv() {
                Ok(Arrival::Opened { connection, outgoing }) => {
                    self.connections.insert(connection, outgoing);
                }
                Ok(Arrival::Frame { from, bytes }) => {
                    inbox.push(from, &bytes);
                }
                Ok(Arrival::Closed(remote)) => {
                    if let Remote::Tcp { connection, .. } = remote {
                        self.connections.remove(&connection);
                    }
                    self.closed.push(remote);
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return taken > 0,
            }
        }
        true
    }

    pub(crate) fn take_closed(&mut self) -> Vec<Remote> {
        std::mem::take(&mut self.closed)
    }

    /// Queues what the batch holds for connections. What a slow reader's queue has no room for is dropped; how many
    /// were.
    pub(crate) fn send(&mut self, batch: &Outbox) -> usize {
        let mut dropped = 0;
        for (connection, packet) in batch.tcp() {
            let taken = self
                .connections
                .get(&connection)
                .zip(framing::frame(packet))
                .map(|(to, frame)| to.try_send(frame));
            match taken {
                Some(Ok(())) => {}
                Some(Err(TrySendError::Closed(_))) => {
                    self.connections.remove(&connection);
                    dropped += 1;
                }
                Some(Err(TrySendError::Full(_))) | None => dropped += 1,
            }
        }
        dropped
    }

    /// Ends every connection: after a restart the worker knows none of them.
    pub(crate) fn hang_up(&mut self) {
        self.connections.clear();
    }
}
