//! How good the lines of a channel's members are, and who is told.
//!
//! Only our own kit listens: engines do not know this notification. The owner asks the media worker while somebody
//! listens; an answer becomes two grades per member, and what changed goes to the listeners.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use rotunda_room::SocketId;
use rotunda_sfu::{Command, Grade, LinkReport, Quality, TransportId};
use serde_json::{Value, json};

use super::{
    Owner, ToSocket,
    desk::{Desk, Direction},
};

/// Between two questions. Shorter shows hiccups as trouble and costs a message to everybody for each; longer shows
/// trouble when it is over.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

/// Silence after which a line is down. Browsers check theirs every 2.5 s, so two checks have failed.
const DOWN_AFTER: Duration = Duration::from_secs(6);

/// `externData.type` of the notification.
const USER_DATA: &str = "NetworkQuality";

/// What `Join` says as `engineVersion` when it is our kit.
const OUR_ENGINE: &str = "rotunda";

/// Whether a client that joins with this `engineVersion` is told.
pub(crate) fn listens(engine_version: &str) -> bool {
    engine_version.starts_with(OUR_ENGINE)
}

/// Grades of one member's two directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub up: Grade,
    pub down: Grade,
}

impl Line {
    /// From the reports of a member's transports. The round trip is measured where the member receives, and counts for
    /// both directions: it has gone through both.
    pub fn of(reports: &[(Direction, LinkReport)]) -> Self {
        let down = worst(reports, Direction::Receive, |report| report.down);
        let up = worst(reports, Direction::Send, |report| report.up).map(|up| {
            let round_trip = down.and_then(|down| down.round_trip);
            Quality { round_trip, ..up }
        });
        Self { up: grade(reports, Direction::Send, up), down: grade(reports, Direction::Receive, down) }
    }
}

fn worst(
    reports: &[(Direction, LinkReport)],
    direction: Direction,
    of: impl Fn(&LinkReport) -> Option<Quality>,
) -> Option<Quality> {
    let known = reports.iter().filter(|(which, _)| *which == direction).filter_map(|(_, report)| of(report));
    known.max_by_key(|quality| (quality.grade(), quality.round_trip))
}

/// Down when all transports of the direction are silent: while one takes the place of another, both are there.
fn grade(reports: &[(Direction, LinkReport)], direction: Direction, quality: Option<Quality>) -> Grade {
    let silence =
        reports.iter().filter(|(which, _)| *which == direction).map(|(_, report)| report.silent).min();
    match silence {
        None => Grade::Unknown,
        Some(silence) if silence >= DOWN_AFTER => Grade::Down,
        Some(_) => quality.map_or(Grade::Unknown, |quality| quality.grade()),
    }
}

/// Who listens, and what they have been told.
#[derive(Debug, Default)]
pub(crate) struct Board {
    listeners: HashSet<SocketId>,
    /// Those who have been told nothing yet.
    fresh: HashSet<SocketId>,
    /// By RTC uid.
    told: BTreeMap<i64, Line>,
}

impl Board {
    pub fn listen(&mut self, socket: SocketId) {
        self.listeners.insert(socket);
        self.fresh.insert(socket);
    }

    /// Whether our own kit is on that socket.
    pub fn has(&self, socket: SocketId) -> bool {
        self.listeners.contains(&socket)
    }

    pub fn retain(&mut self, is_open: impl Fn(&SocketId) -> bool) {
        self.listeners.retain(&is_open);
        self.fresh.retain(is_open);
    }

    pub fn is_heard(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Takes the present state and gives what each listener is to be told: what changed, or all to a new one.
    pub fn update(&mut self, lines: BTreeMap<i64, Line>) -> Vec<(SocketId, Value)> {
        let changed: Vec<(i64, Line)> = lines
            .iter()
            .filter(|(uid, line)| self.told.get(uid).copied().unwrap_or_default() != **line)
            .map(|(uid, line)| (*uid, *line))
            .collect();
        let all: Vec<(i64, Line)> = lines.iter().map(|(uid, line)| (*uid, *line)).collect();
        self.told = lines;
        let mut messages = Vec::new();
        for socket in &self.listeners {
            let told = if self.fresh.remove(socket) { &all } else { &changed };
            if !told.is_empty() {
                messages.push((*socket, message(told)));
            }
        }
        messages
    }
}

fn message(lines: &[(i64, Line)]) -> Value {
    let list: Vec<Value> = lines
        .iter()
        .map(|(uid, line)| json!({ "uid": uid, "up": line.up as u8, "down": line.down as u8 }))
        .collect();
    json!({ "externData": { "type": USER_DATA, "data": { "list": list } } })
}

impl Owner {
    /// Asks the media worker. A worker that takes no command now is asked again next time.
    pub(super) fn ask_for_quality(&mut self) {
        let sockets = &self.sockets;
        self.quality.retain(|socket| sockets.contains_key(socket));
        if self.quality.is_heard() {
            let _ = self.registry.media.send(Command::ReportQuality(self.desk.transports().collect()));
        }
    }

    /// The media worker's answer.
    pub(super) fn quality_reported(&mut self, reports: &[(TransportId, LinkReport)]) {
        let reports: HashMap<TransportId, LinkReport> = reports.iter().copied().collect();
        let lines = self.desk.sessions.iter().filter_map(|(seat, session)| {
            let of_seat: Vec<_> = session
                .transports
                .iter()
                .filter_map(|(id, transport)| Some((transport.direction, *reports.get(id)?)))
                .collect();
            let uid = self.room.uid_of(*seat)?;
            // The workers of a large room answer each for its own members.
            let elsewhere = of_seat.is_empty() && !session.transports.is_empty();
            let told = self.quality.told.get(&uid).filter(|_| elsewhere);
            Some((uid, told.copied().unwrap_or_else(|| Line::of(&of_seat))))
        });
        let lines = lines.collect();
        for (socket, data) in self.quality.update(lines) {
            self.post(socket, ToSocket::Notify { method: "OnUserData", data });
        }
    }
}

impl Desk {
    fn transports(&self) -> impl Iterator<Item = TransportId> + '_ {
        self.sessions.values().flat_map(|session| session.transports.keys().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Quality =
        Quality { round_trip: Some(Duration::from_millis(20)), fraction_lost: 0, jitter: Duration::ZERO };

    fn report(silent: u64, up: Option<Quality>, down: Option<Quality>) -> LinkReport {
        LinkReport { silent: Duration::from_secs(silent), up, down }
    }

    #[test]
    fn each_direction_has_its_own_grade_and_the_round_trip_counts_for_both() {
        let lossy = Quality { round_trip: None, fraction_lost: 60, ..GOOD };
        let far = Quality { round_trip: Some(Duration::from_millis(400)), ..GOOD };
        let near = Quality { round_trip: None, ..GOOD };
        let (send, receive) = (Direction::Send, Direction::Receive);
        let table = [
            (vec![], Grade::Unknown, Grade::Unknown),
            (vec![(send, report(0, None, None))], Grade::Unknown, Grade::Unknown),
            (vec![(send, report(0, Some(near), None))], Grade::Excellent, Grade::Unknown),
            (vec![(receive, report(5, None, Some(GOOD)))], Grade::Unknown, Grade::Excellent),
            (vec![(receive, report(6, None, Some(GOOD)))], Grade::Unknown, Grade::Down),
            (
                vec![(send, report(0, Some(lossy), None)), (receive, report(0, None, Some(GOOD)))],
                Grade::VeryBad,
                Grade::Excellent,
            ),
            (
                vec![(send, report(0, Some(near), None)), (receive, report(0, None, Some(far)))],
                Grade::Poor,
                Grade::Poor,
            ),
            // The old transport of a handover is silent.
            (
                vec![(send, report(9, None, None)), (send, report(0, Some(near), None))],
                Grade::Excellent,
                Grade::Unknown,
            ),
        ];
        for (reports, up, down) in table {
            assert_eq!(Line::of(&reports), Line { up, down }, "{reports:?}");
        }
    }

    #[test]
    fn listeners_are_told_what_changed_and_new_ones_all() {
        let good = Line { up: Grade::Excellent, down: Grade::Excellent };
        let (a, b) = (SocketId(1), SocketId(2));
        let mut board = Board::default();
        assert!(!board.is_heard());
        board.listen(a);
        let list = |messages: &[(SocketId, Value)], of: SocketId| {
            let (_, data) = messages.iter().find(|(socket, _)| *socket == of).unwrap();
            data["externData"]["data"]["list"].clone()
        };
        let told = board.update([(1, good), (2, Line::default())].into());
        let unknown = json!({ "uid": 2, "up": 0, "down": 0 });
        assert_eq!(list(&told, a), json!([{ "uid": 1, "up": 1, "down": 1 }, unknown]));
        assert!(board.update([(1, good), (2, Line::default())].into()).is_empty(), "nothing changed");

        board.listen(b);
        let told = board.update([(1, Line { down: Grade::Down, ..good }), (2, Line::default())].into());
        assert_eq!(list(&told, a), json!([{ "uid": 1, "up": 1, "down": 6 }]));
        assert_eq!(list(&told, b), json!([{ "uid": 1, "up": 1, "down": 6 }, unknown]));

        board.retain(|socket| *socket == b);
        // Gone and back: whoever comes back is told of anew.
        assert!(board.update(BTreeMap::new()).is_empty());
        let told = board.update([(1, good)].into());
        assert_eq!(told.len(), 1);
        assert_eq!(list(&told, b), json!([{ "uid": 1, "up": 1, "down": 1 }]));
    }

    #[test]
    fn only_our_own_kit_listens() {
        for (version, ours) in [("rotunda-0.1.0", true), ("4.6.50", false), ("5.8.34.1", false), ("", false)]
        {
            assert_eq!(listens(version), ours, "{version}");
        }
    }
}
