//! The rooms of a worker, each with its open microphones.

use std::collections::HashMap;

use slab::Slab;

use crate::{
    RoomId,
    loudest::{Loudest, Verdict},
};

#[derive(Debug)]
pub(crate) struct Rooms {
    /// Microphones of one room forwarded at a time; 0: all.
    max: usize,
    numbers: HashMap<RoomId, usize>,
    rooms: Slab<Room>,
}

#[derive(Debug)]
struct Room {
    id: RoomId,
    loudest: Loudest,
}

/// Where an open microphone is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Microphone {
    room: usize,
    number: usize,
}

impl Rooms {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, numbers: HashMap::new(), rooms: Slab::new() }
    }

    /// Changes how many are forwarded, in rooms that are there too. Microphones switched on while it was 0 stay outside
    /// of the count until they are switched on again.
    pub(crate) fn set_max(&mut self, now: u64, max: usize) {
        self.max = max;
        let max = if max == 0 { usize::MAX } else { max };
        self.rooms.iter_mut().for_each(|(_, room)| room.loudest.set_max(now, max));
    }

    /// A microphone is switched on. None: all are forwarded anyway. Times are microseconds, as in [`Loudest`].
    pub(crate) fn open(&mut self, now: u64, id: RoomId) -> Option<Microphone> {
        if self.max == 0 {
            return None;
        }
        let fresh = || self.rooms.insert(Room { id, loudest: Loudest::new(self.max) });
        let room = *self.numbers.entry(id).or_insert_with(fresh);
        let number = self.rooms.get_mut(room)?.loudest.open(now);
        Some(Microphone { room, number })
    }

    /// A microphone is switched off. A room without any is forgotten.
    pub(crate) fn close(&mut self, now: u64, microphone: Microphone) {
        let Some(room) = self.rooms.get_mut(microphone.room) else { return };
        room.loudest.close(now, microphone.number);
        if room.loudest.is_empty() {
            self.numbers.remove(&room.id);
            self.rooms.remove(microphone.room);
        }
    }

    /// What becomes of a packet with this level (RFC 6464), or without any.
    pub(crate) fn packet(&mut self, now: u64, microphone: Microphone, level: Option<u8>) -> Verdict {
        match self.rooms.get_mut(microphone.room) {
            Some(room) => room.loudest.packet(now, microphone.number, level),
            None => Verdict::HeldBack,
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.numbers.is_empty()
    }
}
