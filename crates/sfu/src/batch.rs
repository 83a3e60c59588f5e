//! The datagrams of one turn: read into slots, written into an arena.

use std::{fmt, net::SocketAddr};

use crate::Remote;

/// Datagrams read at once, and datagrams sent at once. Larger batches save little over `recvmmsg` of 64 and make
/// the first packet of a turn wait longer.
pub const BATCH: usize = 64;
/// Bytes of a receive slot. Media stays below 1,500; a longer datagram is cut and then fails authentication.
pub const SLOT: usize = 2048;
/// Bytes of a run: what fits behind the headers of one UDP packet over IPv6, with room to spare.
const MAX_RUN: usize = 65_000;
/// Longest datagram written: a received payload under the longest header, sealed.
const MAX_DATAGRAM: usize = SLOT + crate::rtp::MAX_WRITTEN_HEADER + crate::srtp::MAX_OVERHEAD;

/// The datagrams of one turn as they came: a batch of the worker's own, and behind them one of other workers.
pub struct Inbox {
    slots: Vec<[u8; SLOT]>,
    /// Sender and length of the first so many slots.
    received: Vec<(Remote, usize)>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { slots: vec![[0; SLOT]; 2 * BATCH], received: Vec::with_capacity(2 * BATCH) }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("received", &self.received.len()).finish_non_exhaustive()
    }
}

impl Inbox {
    /// The slots of a batch, to be filled from the first on.
    pub fn slots_mut(&mut self) -> &mut [[u8; SLOT]] {
        self.slots.get_mut(..BATCH).unwrap_or_default()
    }

    /// Says what is in the next slot.
    pub fn received(&mut self, from: Remote, length: usize) {
        if !self.is_full() {
            self.received.push((from, length.min(SLOT)));
        }
    }

    /// Copies a datagram into the next slot; false when all are taken.
    pub fn push(&mut self, from: Remote, datagram: &[u8]) -> bool {
        !self.is_full() && self.push_relayed(from, datagram)
    }

    /// As [`Self::push`], also into the slots for what other workers opened.
    pub(crate) fn push_relayed(&mut self, from: Remote, datagram: &[u8]) -> bool {
        let Some(slot) = self.slots.get_mut(self.received.len()) else { return false };
        slot.iter_mut().zip(datagram).for_each(|(to, byte)| *to = *byte);
        self.received.push((from, datagram.len().min(SLOT)));
        true
    }

    pub(crate) fn has_room_for_relayed(&self) -> bool {
        self.received.len() < self.slots.len()
    }

    pub fn clear(&mut self) {
        self.received.clear();
    }

    /// Sender and bytes of each datagram, in order.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = (Remote, &[u8])> {
        let slots = self.received.iter().zip(&self.slots);
        slots.map(|((from, length), slot)| (*from, slot.get(..*length).unwrap_or_default()))
    }

    pub fn len(&self) -> usize {
        self.received.len()
    }

    pub fn is_full(&self) -> bool {
        self.received.len() >= BATCH
    }

    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    pub(crate) fn sender(&self, slot: usize) -> Option<Remote> {
        Some(self.received.get(slot)?.0)
    }

    /// The datagram in a slot, as far as it has been opened.
    pub(crate) fn datagram(&self, slot: usize) -> &[u8] {
        let length = self.received.get(slot).map_or(0, |(_, length)| *length);
        self.slots.get(slot).and_then(|bytes| bytes.get(..length)).unwrap_or_default()
    }

    pub(crate) fn datagram_mut(&mut self, slot: usize) -> &mut [u8] {
        let length = self.received.get(slot).map_or(0, |(_, length)| *length);
        self.slots.get_mut(slot).and_then(|bytes| bytes.get_mut(..length)).unwrap_or_default()
    }
}

/// Datagrams to send. They lie one behind the other in the arena, those of one receiver in a row, so that a run of
/// equal size can leave as one message with segmentation offload.
pub struct Outbox {
    arena: Vec<u8>,
    used: usize,
    datagrams: Vec<Sealed>,
}

/// Datagrams of one receiver, one behind the other: all of `segment` bytes, but for the last, which may be shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    pub to: SocketAddr,
    pub bytes: &'a [u8],
    pub segment: usize,
    pub count: usize,
}

impl<'a> Run<'a> {
    /// Each datagram as a run of its own.
    pub fn singly(self) -> impl Iterator<Item = Run<'a>> {
        let segments = self.bytes.chunks(self.segment.max(1));
        segments.map(move |bytes| Run { to: self.to, bytes, segment: bytes.len(), count: 1 })
    }
}

#[derive(Debug, Clone, Copy)]
struct Sealed {
    to: Remote,
    start: usize,
    end: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { arena: vec![0; BATCH * MAX_DATAGRAM], used: 0, datagrams: Vec::with_capacity(BATCH) }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("datagrams", &self.datagrams.len()).finish_non_exhaustive()
    }
}

impl Outbox {
    /// What goes over the worker's socket, in order, in runs of at most `longest` datagrams (at least one).
    pub fn runs(&self, longest: usize) -> impl Iterator<Item = Run<'_>> {
        let mut rest = self.datagrams.as_slice();
        std::iter::from_fn(move || {
            loop {
                let (first, after) = rest.split_first()?;
                let Remote::Udp(to) = first.to else {
                    rest = after;
                    continue;
                };
                let segment = first.end - first.start;
                let (mut end, mut count) = (first.end, 1);
                for next in after {
                    let length = next.end - next.start;
                    // Only the last may be shorter, and empty ones cannot be told apart at all.
                    let whole = end - first.start == segment * count && length <= segment && length > 0;
                    let fits = count < longest && next.end - first.start <= MAX_RUN;
                    if !whole || !fits || next.to != first.to || next.start != end {
                        break;
                    }
                    (end, count) = (next.end, count + 1);
                }
                rest = rest.get(count..).unwrap_or_default();
                return Some(Run {
                    to,
                    bytes: self.arena.get(first.start..end).unwrap_or_default(),
                    segment,
                    count,
                });
            }
        })
    }

    /// Connection and bytes of each datagram that goes over one, in order.
    pub fn tcp(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.datagrams().filter_map(|(to, bytes)| match to {
            Remote::Udp(_) => None,
            Remote::Tcp { connection, .. } => Some((connection, bytes)),
        })
    }

    /// Receiver and bytes of each datagram, in order.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = (Remote, &[u8])> {
        self.datagrams
            .iter()
            .map(|sealed| (sealed.to, self.arena.get(sealed.start..sealed.end).unwrap_or_default()))
    }
}

impl Outbox {
    /// Sends ready datagrams through a batch, as the worker does; how many were dropped.
    pub fn send_all<'a>(
        &mut self,
        egress: &mut dyn Egress,
        datagrams: impl IntoIterator<Item = (Remote, &'a [u8])>,
    ) -> usize {
        let mut sender = Sender::new(self, egress);
        let lost = datagrams.into_iter().filter(|(to, bytes)| !sender.bytes(*to, bytes)).count();
        sender.flush();
        lost + sender.dropped as usize
    }
}

/// Where full batches go.
pub trait Egress {
    /// Sends every datagram of the batch, or drops it; the number dropped.
    fn send(&mut self, batch: &Outbox) -> usize;
}

/// Writes into the outbox and empties it into the egress when it is full.
pub(crate) struct Sender<'a> {
    outbox: &'a mut Outbox,
    egress: &'a mut dyn Egress,
    pub(crate) sent: u64,
    pub(crate) dropped: u64,
}

impl<'a> Sender<'a> {
    pub(crate) fn new(outbox: &'a mut Outbox, egress: &'a mut dyn Egress) -> Self {
        Self { outbox, egress, sent: 0, dropped: 0 }
    }

    /// Lets `write` fill a datagram of at most `MAX_DATAGRAM` bytes; None from it sends nothing.
    pub(crate) fn datagram(&mut self, to: Remote, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        if self.outbox.datagrams.len() == BATCH {
            self.flush();
        }
        let start = self.outbox.used;
        let Some(room) = self.outbox.arena.get_mut(start..start + MAX_DATAGRAM) else { return false };
        let Some(length) = write(room).filter(|length| *length <= MAX_DATAGRAM) else { return false };
        self.outbox.used += length;
        self.outbox.datagrams.push(Sealed { to, start, end: start + length });
        true
    }

    pub(crate) fn bytes(&mut self, to: Remote, bytes: &[u8]) -> bool {
        self.datagram(to, |room| {
            room.get_mut(..bytes.len())?.copy_from_slice(bytes);
            Some(bytes.len())
        })
    }

    pub(crate) fn flush(&mut self) {
        let count = self.outbox.datagrams.len();
        if count > 0 {
            let dropped = self.egress.send(self.outbox).min(count);
            self.sent += (count - dropped) as u64;
            self.dropped += dropped as u64;
        }
        self.outbox.datagrams.clear();
        self.outbox.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Nowhere;

    impl Egress for Nowhere {
        fn send(&mut self, _: &Outbox) -> usize {
            0
        }
    }

    fn remote(which: u8) -> Remote {
        let address = SocketAddr::from(([127, 0, 0, 1], u16::from(which)));
        if which == 0 { Remote::Tcp { connection: 1, address } } else { Remote::Udp(address) }
    }

    fn filled(datagrams: &[(u8, usize)]) -> Outbox {
        let (mut outbox, mut nowhere) = (Outbox::default(), Nowhere);
        let mut sender = Sender::new(&mut outbox, &mut nowhere);
        for (number, (to, length)) in datagrams.iter().enumerate() {
            assert!(sender.bytes(remote(*to), &vec![number as u8; *length]));
        }
        outbox
    }

    #[test]
    fn equal_datagrams_of_a_receiver_and_one_shorter_behind_them_are_a_run() {
        let outbox = filled(&[(1, 9), (1, 9), (1, 4), (1, 4), (2, 4), (0, 4), (2, 4), (2, 5)]);
        let runs = |longest| outbox.runs(longest).map(|run| (run.count, run.bytes.len())).collect::<Vec<_>>();
        assert_eq!(runs(64), [(3, 22), (1, 4), (1, 4), (1, 4), (1, 5)]);
        assert_eq!(runs(2), [(2, 18), (2, 8), (1, 4), (1, 4), (1, 5)]);
        assert_eq!(runs(1).len(), 7);
    }

    #[test]
    fn a_run_fits_into_one_packet() {
        let outbox = filled(&[(1, 2_000); 64]);
        let counts: Vec<_> = outbox.runs(64).map(|run| run.count).collect();
        assert_eq!(counts, [32, 32]);
    }

    proptest! {
        /// Whatever the runs are, they are the datagrams of the socket, in order.
        #[test]
        fn runs_taken_apart_are_the_datagrams(
            datagrams in prop::collection::vec((0_u8..3, 1_usize..5), 0..=BATCH),
            longest in 1_usize..9,
        ) {
            let outbox = filled(&datagrams);
            let wanted: Vec<_> = outbox.datagrams().filter_map(|(to, bytes)| match to {
                Remote::Udp(to) => Some((to, bytes)),
                Remote::Tcp { .. } => None,
            }).collect();
            prop_assert!(outbox.runs(longest).all(|run| run.count == run.singly().count() && run.count <= longest));
            let found: Vec<_> = outbox.runs(longest).flat_map(Run::singly).map(|run| (run.to, run.bytes)).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
