//! What the workers of one process give each other, when a room is larger than one of them.
//!
//! The worker of the publisher opens a packet once and hands it on, plain; each other worker seals it for the
//! subscribers it has. The rings have one writer and one reader each: nobody waits and nobody locks.

use std::fmt;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::{ProducerId, reception::SenderClock, rtp::Header};

/// Packets on the way to one worker: 40 ms at 12,000 packets/s. What finds no room is lost there; more costs 1.6 kB
/// each.
const PACKETS: usize = 512;
/// Questions on the way back. One that finds no room is asked again with the next packet.
const ASKS: usize = 256;
/// Longest plain packet that is handed on. A browser's are below 1,300 bytes.
pub(crate) const LONGEST: usize = 1_500;

/// A packet as its publisher's worker opened it.
pub(crate) struct Packet {
    pub(crate) producer: ProducerId,
    pub(crate) layer: u8,
    pub(crate) header: Header,
    pub(crate) index: u64,
    /// The publisher's clock as last reported for this layer.
    pub(crate) clock: Option<SenderClock>,
    pub(crate) length: usize,
    pub(crate) bytes: [u8; LONGEST],
}

/// A keyframe of this layer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) producer: ProducerId,
    pub(crate) layer: u8,
}

/// One worker's end of the way to another and back.
pub struct Link {
    packets_out: Producer<Packet>,
    packets_in: Consumer<Packet>,
    asks_out: Producer<Ask>,
    asks_in: Consumer<Ask>,
    /// Something was put in since the other was woken last.
    fresh: bool,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("fresh", &self.fresh).finish_non_exhaustive()
    }
}

impl Link {
    fn pair() -> (Self, Self) {
        let ((packets_to_b, packets_at_b), (packets_to_a, packets_at_a)) =
            (RingBuffer::new(PACKETS), RingBuffer::new(PACKETS));
        let ((asks_to_b, asks_at_b), (asks_to_a, asks_at_a)) = (RingBuffer::new(ASKS), RingBuffer::new(ASKS));
        let end = |packets_out, packets_in, asks_out, asks_in| Self {
            packets_out,
            packets_in,
            asks_out,
            asks_in,
            fresh: false,
        };
        (
            end(packets_to_b, packets_at_a, asks_to_b, asks_at_a),
            end(packets_to_a, packets_at_b, asks_to_a, asks_at_b),
        )
    }

    /// False: the ring is full.
    pub(crate) fn hand_on(&mut self, packet: Packet) -> bool {
        let taken = self.packets_out.push(packet).is_ok();
        self.fresh |= taken;
        taken
    }

    pub(crate) fn ask(&mut self, ask: Ask) {
        self.fresh |= self.asks_out.push(ask).is_ok();
    }

    pub(crate) fn packet(&mut self) -> Option<Packet> {
        self.packets_in.pop().ok()
    }

    pub(crate) fn asked(&mut self) -> Option<Ask> {
        self.asks_in.pop().ok()
    }

    /// Whether something of the other waits.
    pub(crate) fn waits(&self) -> bool {
        !self.packets_in.is_empty() || !self.asks_in.is_empty()
    }

    /// Whether the other is to be woken.
    pub(crate) fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }
}

/// The links of so many workers, a list for each: at place n the way to worker n, none to itself.
pub fn links(workers: usize) -> Vec<Vec<Option<Link>>> {
    let mut all: Vec<Vec<Option<Link>>> =
        (0..workers).map(|_| (0..workers).map(|_| None).collect()).collect();
    for a in 0..workers {
        for b in a + 1..workers {
            let (at_a, at_b) = Link::pair();
            if let Some(place) = all.get_mut(a).and_then(|links| links.get_mut(b)) {
                *place = Some(at_a);
            }
            if let Some(place) = all.get_mut(b).and_then(|links| links.get_mut(a)) {
                *place = Some(at_b);
            }
        }
    }
    all
}
