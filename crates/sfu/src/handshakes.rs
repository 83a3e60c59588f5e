//! What DTLS has to do and does not do at once: hellos to begin, datagrams that came, flights to repeat.
//!
//! A key exchange takes as long as hundreds of packets of media, and five hundred members may come at one time. So a
//! turn does a few pieces and leaves the rest here. Each transport has a line of its own, and the lines take turns:
//! whoever sends much waits behind itself only.

use std::collections::{HashMap, VecDeque};

/// Pieces done in one turn, after its media. Of the four or five of a handshake one is a key exchange of 0.2 ms, the
/// others take 0.01 ms: media that comes meanwhile waits for 0.4 ms at most. More would delay it further; fewer would
/// finish fewer handshakes in a second, because each turn asks the system for what came.
pub(crate) const PIECES_PER_TURN: usize = 2;
/// Datagrams of one transport that wait. A flight of a browser is one to four; when more come the oldest goes, for
/// DTLS repeats it. More would keep what is out of date.
const PER_TRANSPORT: usize = 8;
/// Datagrams that wait in all: some 4 MB at their usual size, and all flights of a thousand handshakes. More would be
/// older than the peers' patience when their turn comes.
const IN_ALL: usize = 4096;

/// One piece of work, small enough to be done in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Send the first hello.
    Start,
    /// Take what the peer sent.
    Datagram(Vec<u8>),
    /// Repeat what was not answered.
    Advance,
}

/// What waits for one transport.
#[derive(Debug, Default)]
struct Line {
    start: bool,
    datagrams: VecDeque<Vec<u8>>,
    advance: bool,
}

impl Line {
    fn next(&mut self) -> Option<Piece> {
        if std::mem::take(&mut self.start) {
            return Some(Piece::Start);
        }
        // What came may be the answer for want of which something would be repeated.
        if let Some(datagram) = self.datagrams.pop_front() {
            return Some(Piece::Datagram(datagram));
        }
        std::mem::take(&mut self.advance).then_some(Piece::Advance)
    }

    fn is_empty(&self) -> bool {
        !self.start && !self.advance && self.datagrams.is_empty()
    }
}

/// All lines of a worker, by the transports' numbers.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    lines: HashMap<usize, Line>,
    /// Every transport with a line, once, in the order of their turns.
    order: VecDeque<usize>,
    datagrams: usize,
}

impl Handshakes {
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Puts a piece at the end of its transport's line; a start or a repetition that waits already is the same one.
    /// False: a datagram was dropped for it, or it was itself.
    pub(crate) fn push(&mut self, transport: usize, piece: Piece) -> bool {
        let full = self.datagrams >= IN_ALL;
        let line = self.lines.entry(transport).or_default();
        let waits = !line.is_empty();
        let mut kept = true;
        match piece {
            Piece::Start => line.start = true,
            Piece::Advance => line.advance = true,
            Piece::Datagram(datagram) => {
                let oldest = if full || line.datagrams.len() >= PER_TRANSPORT {
                    kept = false;
                    line.datagrams.pop_front()
                } else {
                    None
                };
                if kept || oldest.is_some() {
                    line.datagrams.push_back(datagram);
                }
                self.datagrams += usize::from(kept);
            }
        }
        if line.is_empty() {
            self.lines.remove(&transport);
        } else if !waits {
            self.order.push_back(transport);
        }
        kept
    }

    /// The next piece, and whose it is.
    pub(crate) fn pop(&mut self) -> Option<(usize, Piece)> {
        let transport = self.order.pop_front()?;
        let line = self.lines.get_mut(&transport)?;
        let piece = line.next()?;
        self.datagrams -= usize::from(matches!(piece, Piece::Datagram(_)));
        if line.is_empty() {
            self.lines.remove(&transport);
        } else {
            self.order.push_back(transport);
        }
        Some((transport, piece))
    }

    /// A transport is gone, and its number may be another one's.
    pub(crate) fn forget(&mut self, transport: usize) {
        if let Some(line) = self.lines.remove(&transport) {
            self.datagrams -= line.datagrams.len();
            self.order.retain(|other| *other != transport);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn datagram(number: usize) -> Piece {
        Piece::Datagram(number.to_be_bytes().to_vec())
    }

    #[test]
    fn lines_take_turns_whoever_has_the_longest() {
        let mut waiting = Handshakes::default();
        (0..5).for_each(|number| assert!(waiting.push(1, datagram(number))));
        assert!(
            waiting.push(2, Piece::Start) && waiting.push(3, datagram(9)) && waiting.push(2, Piece::Start)
        );
        let order: Vec<_> = std::iter::from_fn(|| waiting.pop()).collect();
        let one = |number| (1, datagram(number));
        assert_eq!(order, [one(0), (2, Piece::Start), (3, datagram(9)), one(1), one(2), one(3), one(4)]);
    }

    #[test]
    fn of_too_many_datagrams_the_oldest_go() {
        let mut waiting = Handshakes::default();
        let kept = (0..20).filter(|number| waiting.push(1, datagram(*number))).count();
        assert_eq!(kept, PER_TRANSPORT);
        assert_eq!(waiting.pop(), Some((1, datagram(12))));
    }

    #[test]
    fn an_answer_goes_before_the_repetition() {
        let mut waiting = Handshakes::default();
        waiting.push(1, Piece::Advance);
        waiting.push(1, datagram(1));
        assert_eq!(waiting.pop(), Some((1, datagram(1))));
        assert_eq!(waiting.pop(), Some((1, Piece::Advance)));
    }

    #[test]
    fn when_all_is_full_a_newcomer_can_still_begin() {
        let mut waiting = Handshakes::default();
        (0..IN_ALL).for_each(|number| assert!(waiting.push(number / PER_TRANSPORT, datagram(number))));
        assert!(!waiting.push(9_999, datagram(0)));
        assert!(!waiting.push(0, datagram(1)), "in place of its own oldest");
        assert!(waiting.push(9_999, Piece::Start));
        assert_eq!((waiting.datagrams, waiting.order.len()), (IN_ALL, IN_ALL / PER_TRANSPORT + 1));
    }

    proptest! {
        /// What comes out went in, in the order of its line, within one round of all lines; and nothing is left over.
        #[test]
        fn nobody_waits_longer_than_a_round(steps in prop::collection::vec((0_usize..6, 0_u8..8), 1..300)) {
            let mut waiting = Handshakes::default();
            let (mut number, mut passed_over) = (0, [0; 6]);
            let mut last: [Option<Vec<u8>>; 6] = Default::default();
            for (transport, step) in steps {
                match step {
                    0 => { waiting.push(transport, Piece::Start); }
                    1 => { waiting.push(transport, Piece::Advance); }
                    2 => {
                        waiting.forget(transport);
                        passed_over[transport] = 0;
                    }
                    3..=5 => {
                        number += 1;
                        waiting.push(transport, datagram(number));
                    }
                    _ => if let Some((served, piece)) = waiting.pop() {
                        for other in (0..6).filter(|other| waiting.lines.contains_key(other)) {
                            passed_over[other] += 1;
                            prop_assert!(passed_over[other] <= 6, "{other} waits for more than all others");
                        }
                        passed_over[served] = 0;
                        if let Piece::Datagram(bytes) = piece {
                            prop_assert!(last[served].as_ref() < Some(&bytes));
                            last[served] = Some(bytes);
                        }
                    },
                }
                prop_assert_eq!(waiting.order.len(), waiting.lines.len());
                let held: usize = waiting.lines.values().map(|line| line.datagrams.len()).sum();
                prop_assert_eq!(held, waiting.datagrams);
                prop_assert!(waiting.lines.values().all(|l| !l.is_empty() && l.datagrams.len() <= PER_TRANSPORT));
            }
        }
    }
}
