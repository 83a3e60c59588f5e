//! Push bodies and their numbering.

use std::{collections::VecDeque, sync::Arc};

use rotunda_model::{Accid, ChannelId, Millis};
use serde_json::{Value, json};

/// Pushes kept for `GET sequence`. More answers longer gaps, fewer cost less memory per room; past the end a kit
/// reads the snapshot, which costs one request.
const HISTORY: usize = 256;

/// A room's numbers open here, so that they never go back over a restart: 2^20 pushes per second of life would be
/// needed to overtake the next opening. Stays below 2^53 until the year 2242.
const SEQUENCE_SHIFT: u32 = 20;

/// Push commands of the room plane (neroom-web-sdk 1.4 to 1.20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cmd {
    RoomProperty = 10,
    RoomPropertyDeleted = 11,
    MemberProperty = 20,
    MemberPropertyDeleted = 21,
    Joined = 30,
    LeftRtc = 31,
    JoinedRtc = 32,
    Left = 33,
    StreamOn = 40,
    StreamOff = 41,
    RoomEnded = 51,
}

#[derive(Debug)]
pub(crate) struct Sequence {
    last: i64,
    history: VecDeque<(i64, Arc<str>)>,
}

impl Sequence {
    pub fn open(now: Millis) -> Self {
        let seconds = now.get().max(0) / 1000;
        Self { last: seconds << SEQUENCE_SHIFT, history: VecDeque::new() }
    }

    pub fn last(&self) -> i64 {
        self.last
    }

    /// Numbers a body and keeps it. `data` gets `roomUuid` and, when there is one, `operatorMember`.
    pub fn body(
        &mut self,
        now: Millis,
        room: ChannelId,
        cmd: Cmd,
        operator: Option<&Accid>,
        data: Value,
    ) -> Arc<str> {
        self.last += 1;
        let text = self.text(now, room, cmd, operator, data);
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((self.last, text.clone()));
        text
    }

    /// The body of the last number with another operator.
    pub fn text(
        &self,
        now: Millis,
        room: ChannelId,
        cmd: Cmd,
        operator: Option<&Accid>,
        mut data: Value,
    ) -> Arc<str> {
        if let Some(data) = data.as_object_mut() {
            data.insert("roomUuid".to_owned(), json!(room));
            if let Some(operator) = operator {
                data.insert("operatorMember".to_owned(), json!({ "userUuid": operator }));
            }
        }
        let body = json!({
            "cmd": cmd as u8,
            "type": "R",
            "sequence": self.last,
            "roomUuid": room,
            "timestamp": now,
            "data": data,
        });
        body.to_string().into()
    }

    /// Bodies from `from` on, oldest first; empty when some of them are no longer kept, and then the caller must
    /// read the snapshot.
    pub fn since(&self, from: i64) -> Vec<Arc<str>> {
        match self.history.front() {
            Some((first, _)) if *first <= from => self
                .history
                .iter()
                .filter(|(number, _)| *number >= from)
                .map(|(_, text)| text.clone())
                .collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> ChannelId {
        ChannelId::new(42).unwrap()
    }

    #[test]
    fn numbers_rise_by_one_and_open_above_every_earlier_opening() {
        let mut first = Sequence::open(Millis(1_700_000_000_000));
        let start = first.last();
        for _ in 0..10 {
            first.body(Millis(0), room(), Cmd::Joined, None, json!({}));
        }
        assert_eq!(first.last(), start + 10);
        assert!(Sequence::open(Millis(1_700_000_001_000)).last() > first.last());
        assert!(Sequence::open(Millis(8_000_000_000_000)).last() < 1 << 53);
    }

    #[test]
    fn a_gap_longer_than_the_history_answers_nothing() {
        let mut sequence = Sequence::open(Millis(0));
        for _ in 0..HISTORY + 5 {
            sequence.body(Millis(0), room(), Cmd::Joined, None, json!({}));
        }
        let last = sequence.last();
        assert_eq!(sequence.since(last).len(), 1);
        assert_eq!(sequence.since(last + 1).len(), 0);
        assert_eq!(sequence.since(last - HISTORY as i64 + 1).len(), HISTORY);
        assert_eq!(sequence.since(last - HISTORY as i64).len(), 0);
    }
}
