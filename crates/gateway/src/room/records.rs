//! The book of who is in a media channel now, and the task that writes it to Postgres.
//!
//! Owners and the media worker's events only change the book, in memory. One task writes what changed, in batches; a
//! slow or absent Postgres delays that task and nobody else.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    future::Future,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rotunda_core::{
    Core, event,
    media::record::{self, Arrival},
    webhook,
};
use rotunda_model::{ChannelId, MediaSession, Millis, SessionEnd, SessionId, Traffic};
use rotunda_room::SeatId;
use rotunda_sfu::{Command, TransportId, Usage, ortc::IceProtocol};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior},
};

use super::Registry;

/// How often what goes on is written. After a crash a record ends at its last beat, so shorter is more exact, and
/// costs one row per seat each time.
const BEAT: Duration = Duration::from_secs(30);

/// How often old records are removed.
const CLEANING: Duration = Duration::from_secs(600);

/// After a failed write, until the next try.
const RETRY: Duration = Duration::from_secs(2);

/// Rows of one statement. More holds a connection longer, fewer costs more round trips.
const BATCH: usize = 500;

/// Ended records that wait for Postgres, about 500 bytes each. Beyond this the oldest are given up and counted.
const WAITING_MAX: usize = 20_000;

/// How long an ended record waits for the last word on its transports, ms. The worker answers within milliseconds;
/// an answer later than this is lost.
const LAST_WORD_MS: i64 = 60_000;

/// What a stopping server gives Postgres to take the last records.
const FAREWELL: Duration = Duration::from_secs(3);

/// One stay.
#[derive(Debug)]
struct Entry {
    session: MediaSession,
    /// Of transports that are closed.
    closed: Traffic,
    open: HashMap<TransportId, Traffic>,
    /// Rises with every change.
    revision: u64,
    /// The one that is in Postgres; 0 none.
    written: u64,
}

impl Entry {
    fn count(&mut self) {
        let mut sum = self.closed;
        self.open.values().for_each(|traffic| sum.add(traffic));
        self.revision += u64::from(self.session.traffic != sum);
        self.session.traffic = sum;
    }

    fn used(&mut self, usage: &Usage) {
        if let Some(profile) = usage.profile {
            let protocol = usage.protocol.map(|protocol| match protocol {
                IceProtocol::Udp => "udp",
                IceProtocol::Tcp => "tcp",
            });
            self.session.protocol = protocol.map(str::to_owned);
            self.session.srtp = Some(profile.name().to_owned());
        }
        self.count();
    }

    fn end(&mut self, now: Millis, reason: &str) {
        self.session.seen = now;
        self.session.end = Some(SessionEnd { at: now, reason: reason.to_owned() });
        self.revision += 1;
    }

    fn changed(&self) -> bool {
        self.revision != self.written
    }
}

#[derive(Debug, Default)]
struct Book {
    entries: BTreeMap<SessionId, Entry>,
    /// Of stays that go on.
    seats: HashMap<SeatId, SessionId>,
    transports: HashMap<TransportId, SessionId>,
    /// Ended ones in order, some of them written and gone already.
    ended: VecDeque<SessionId>,
}

impl Book {
    fn end(&mut self, seat: SeatId, now: Millis, reason: &str) {
        let Some(id) = self.seats.remove(&seat) else { return };
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.end(now, reason);
        self.ended.push_back(id);
        while self.ended.front().is_some_and(|id| !self.entries.contains_key(id)) {
            self.ended.pop_front();
        }
        if self.ended.len() > WAITING_MAX
            && let Some(given_up) = self.ended.pop_front()
        {
            self.remove(given_up);
            lost(1);
        }
    }

    fn remove(&mut self, id: SessionId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        for transport in entry.open.keys() {
            self.transports.remove(transport);
        }
    }

    /// Some of what changed, and the revisions of it.
    fn changed(&self) -> (Vec<MediaSession>, Vec<u64>) {
        let changed = self.entries.values().filter(|entry| entry.changed()).take(BATCH);
        changed.map(|entry| (entry.session.clone(), entry.revision)).unzip()
    }

    fn written(&mut self, sessions: &[MediaSession], revisions: &[u64]) {
        for (session, revision) in sessions.iter().zip(revisions) {
            let Some(entry) = self.entries.get_mut(&session.id) else { continue };
            entry.written = *revision;
            if entry.session.end.is_some() && entry.open.is_empty() && !entry.changed() {
                self.remove(session.id);
            }
        }
    }

    fn waiting(&self) -> usize {
        self.entries.values().filter(|entry| entry.changed()).count()
    }

    /// What goes on is seen now; what ended and never got its last word is let go once it is written.
    fn beat(&mut self, now: Millis) {
        let mut late = Vec::new();
        for (id, entry) in &mut self.entries {
            match &entry.session.end {
                None => {
                    entry.session.seen = now;
                    entry.revision += 1;
                }
                Some(end) if end.at.plus(LAST_WORD_MS) <= now && !entry.changed() => late.push(*id),
                Some(_) => {}
            }
        }
        late.into_iter().for_each(|id| self.remove(id));
    }
}

fn lost(count: usize) {
    metrics::counter!("rotunda_media_records_lost_total").increment(count as u64);
    tracing::error!(count, waiting_max = WAITING_MAX, "media session records were given up unwritten");
}

/// The records of this process.
#[derive(Debug, Default)]
pub(crate) struct Records {
    book: Mutex<Book>,
    changed: Notify,
}

impl Records {
    pub fn seated(&self, core: &Core, seat: SeatId, arrival: Arrival) {
        let session = match record::begin(core, arrival) {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(code = %error.code(), "a media session gets no record");
                return;
            }
        };
        let mut book = self.book.lock();
        book.seats.insert(seat, session.id);
        let entry =
            Entry { session, closed: Traffic::default(), open: HashMap::new(), revision: 1, written: 0 };
        book.entries.insert(entry.session.id, entry);
        drop(book);
        self.changed.notify_one();
    }

    pub fn unseated(&self, seat: SeatId, now: Millis, reason: &str) {
        self.book.lock().end(seat, now, reason);
        self.changed.notify_one();
    }

    /// The owner is gone; a seat that it did not end went with it.
    pub fn channel_closed(&self, channel: ChannelId, now: Millis) {
        let mut book = self.book.lock();
        let of_channel = |id: &SessionId| book.entries.get(id).is_some_and(|e| e.session.channel == channel);
        let left: Vec<SeatId> =
            book.seats.iter().filter(|(_, id)| of_channel(id)).map(|(seat, _)| *seat).collect();
        for seat in &left {
            book.end(*seat, now, record::FAILED);
        }
        drop(book);
        if !left.is_empty() {
            self.changed.notify_one();
        }
    }

    pub fn transport_opened(&self, seat: SeatId, transport: TransportId) {
        let mut book = self.book.lock();
        let Some(&id) = book.seats.get(&seat) else { return };
        book.transports.insert(transport, id);
        if let Some(entry) = book.entries.get_mut(&id) {
            entry.open.insert(transport, Traffic::default());
        }
    }

    /// Its last counters.
    pub fn transport_closed(&self, transport: TransportId, usage: &Usage) {
        let mut book = self.book.lock();
        let Some(id) = book.transports.remove(&transport) else { return };
        let Some(entry) = book.entries.get_mut(&id) else { return };
        entry.open.remove(&transport);
        entry.closed.add(&traffic(usage));
        entry.used(usage);
        // Also without a change: an ended record leaves the book with its last transport.
        entry.revision += 1;
        drop(book);
        self.changed.notify_one();
    }

    /// Counters in between; written with the next beat.
    pub fn used(&self, all: &[(TransportId, Usage)]) {
        let mut book = self.book.lock();
        for (transport, usage) in all {
            let Some(id) = book.transports.get(transport).copied() else { continue };
            let Some(entry) = book.entries.get_mut(&id) else { continue };
            entry.open.insert(*transport, traffic(usage));
            entry.used(usage);
        }
    }

    /// The media worker lost all its transports: what they last said stands.
    pub fn worker_restarted(&self) {
        let mut book = self.book.lock();
        book.transports.clear();
        for entry in book.entries.values_mut() {
            for (_, last) in entry.open.drain() {
                entry.closed.add(&last);
            }
            entry.revision += 1;
        }
        drop(book);
        self.changed.notify_one();
    }

    fn end_all(&self, now: Millis) {
        let mut book = self.book.lock();
        let seats: Vec<SeatId> = book.seats.keys().copied().collect();
        for seat in seats {
            book.end(seat, now, record::SERVER_STOPPED);
        }
    }

    /// Writes all that changed; false when Postgres did not take it, and then it stays in the book.
    async fn write(&self, core: &Core) -> bool {
        loop {
            let (sessions, revisions) = self.book.lock().changed();
            if sessions.is_empty() {
                return true;
            }
            match record::save(core, &sessions).await {
                Ok(()) => self.book.lock().written(&sessions, &revisions),
                Err(error) => {
                    let waiting = self.book.lock().waiting();
                    metrics::counter!("rotunda_media_records_delayed_total").increment(1);
                    tracing::warn!(code = %error.code(), waiting, "media session records wait for Postgres");
                    return false;
                }
            }
        }
    }
}

fn traffic(usage: &Usage) -> Traffic {
    Traffic {
        packets_up: usage.packets_up,
        bytes_up: usage.bytes_up,
        lost_up: usage.lost_up,
        packets_down: usage.packets_down,
        bytes_down: usage.bytes_down,
        lost_down: usage.lost_down,
    }
}

impl Registry {
    /// Writes the records of media sessions until `stop`, then ends those that go on and writes the rest. Stop it
    /// after the media worker, whose last events carry the last counters.
    pub async fn run_records(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut beat = tokio::time::interval_at(Instant::now() + BEAT, BEAT);
        let mut cleaning = tokio::time::interval(CLEANING);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        cleaning.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        let mut taken = true;
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = self.records.changed.notified(), if taken => {}
                () = tokio::time::sleep(RETRY), if !taken => {}
                _ = beat.tick() => self.beat(),
                _ = cleaning.tick() => {
                    if let Err(error) = record::remove_old(&self.core).await {
                        tracing::warn!(code = %error.code(), "old media session records were not removed");
                    }
                    if let Err(error) = event::remove_old(&self.core).await {
                        tracing::warn!(code = %error.code(), "old events were not removed");
                    }
                    if let Err(error) = webhook::remove_old(&self.core).await {
                        tracing::warn!(code = %error.code(), "old deliveries were not forgotten");
                    }
                    continue;
                }
            }
            taken = tokio::select! {
                () = &mut stop => break,
                taken = self.records.write(&self.core) => taken,
            };
        }
        self.records.end_all(self.core.env().now());
        let written = tokio::time::timeout(FAREWELL, self.records.write(&self.core)).await;
        if !written.unwrap_or(false) {
            lost(self.records.book.lock().waiting());
        }
    }

    fn beat(&self) {
        // The answer counts from the next beat on; a worker that takes no command now is asked again then.
        let _ = self.media.send(Command::ReportUsage);
        self.records.book.lock().beat(self.core.env().now());
    }
}

#[cfg(test)]
mod tests {
    use rotunda_model::{Accid, AppId, DeviceId, ServerId, UserKey};

    use super::*;

    const START: Millis = Millis(1_700_000_000_000);

    fn session(id: i64) -> MediaSession {
        let device = DeviceId::new("device").unwrap();
        MediaSession {
            id: SessionId::new(id).unwrap(),
            user: UserKey { app: AppId::new(1).unwrap(), accid: Accid::new("ann").unwrap() },
            server: ServerId::new(1).unwrap(),
            channel: ChannelId::new(1).unwrap(),
            device: device.clone(),
            link_device: device,
            client: String::new(),
            entered: START,
            seen: START,
            end: None,
            protocol: None,
            srtp: None,
            traffic: Traffic::default(),
        }
    }

    impl Records {
        fn open(&self, id: i64) -> SeatId {
            let session = session(id);
            let mut book = self.book.lock();
            book.seats.insert(SeatId(id as u64), session.id);
            let entry =
                Entry { session, closed: Traffic::default(), open: HashMap::new(), revision: 1, written: 0 };
            book.entries.insert(entry.session.id, entry);
            SeatId(id as u64)
        }

        fn write_all(&self) -> Vec<MediaSession> {
            let mut book = self.book.lock();
            let (sessions, revisions) = book.changed();
            book.written(&sessions, &revisions);
            sessions
        }
    }

    fn usage(bytes_up: u64) -> Usage {
        Usage { bytes_up, ..Usage::default() }
    }

    #[test]
    fn a_record_leaves_the_book_with_the_last_word_on_its_last_transport() {
        let records = Records::default();
        let seat = records.open(1);
        let (first, second) = (TransportId(1), TransportId(2));
        records.transport_opened(seat, first);
        records.transport_opened(seat, second);
        records.used(&[(first, usage(10)), (second, usage(1))]);
        records.used(&[(first, usage(20))]);
        assert_eq!(records.write_all()[0].traffic.bytes_up, 21);
        assert!(records.write_all().is_empty(), "nothing changed");
        records.transport_closed(first, &usage(30));
        records.unseated(seat, START.plus(5), "left");
        assert_eq!(records.write_all()[0].traffic.bytes_up, 31);
        records.transport_closed(second, &usage(3));
        assert_eq!(records.write_all()[0].traffic.bytes_up, 33);
        let book = records.book.lock();
        assert!(book.entries.is_empty() && book.seats.is_empty() && book.transports.is_empty());
    }

    #[test]
    fn a_change_during_a_write_is_written_again() {
        let records = Records::default();
        let seat = records.open(1);
        let (sessions, revisions) = records.book.lock().changed();
        records.unseated(seat, START, "left");
        records.book.lock().written(&sessions, &revisions);
        assert!(records.write_all()[0].end.is_some());
        assert!(records.book.lock().entries.is_empty());
    }

    #[test]
    fn an_outage_gives_up_the_oldest_of_what_ended_and_never_what_goes_on() {
        let records = Records::default();
        records.open(1);
        for id in 2..=WAITING_MAX as i64 + 101 {
            let seat = records.open(id);
            records.transport_opened(seat, TransportId(id as u64));
            records.unseated(seat, START, "left");
        }
        let mut book = records.book.lock();
        let ids: Vec<i64> = book.entries.keys().map(|id| id.get()).take(2).collect();
        assert_eq!((book.entries.len(), ids), (WAITING_MAX + 1, vec![1, 102]));
        assert_eq!(book.transports.len(), WAITING_MAX);
        drop(book);
        while !records.write_all().is_empty() {}
        // Their transports never said a last word.
        records.book.lock().beat(START.plus(LAST_WORD_MS));
        book = records.book.lock();
        assert_eq!((book.entries.len(), book.transports.len()), (1, 0));
    }

    #[test]
    fn what_a_lost_media_worker_last_said_stands() {
        let records = Records::default();
        let seat = records.open(1);
        records.transport_opened(seat, TransportId(1));
        records.used(&[(TransportId(1), usage(10))]);
        records.worker_restarted();
        records.transport_opened(seat, TransportId(2));
        records.transport_closed(TransportId(2), &usage(5));
        assert_eq!(records.write_all()[0].traffic.bytes_up, 15);
    }

    #[test]
    fn a_seat_that_its_owner_did_not_end_ends_with_the_channel() {
        let records = Records::default();
        records.open(1);
        records.channel_closed(ChannelId::new(2).unwrap(), START);
        assert_eq!(records.write_all()[0].end, None);
        records.channel_closed(ChannelId::new(1).unwrap(), START);
        assert_eq!(records.write_all()[0].end.as_ref().unwrap().reason, record::FAILED);
    }
}
