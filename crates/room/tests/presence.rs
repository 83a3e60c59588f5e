//! A seat lasts exactly as long as something of its member was heard within the grace, whatever is noticed late.

use proptest::prelude::*;
use rotunda_model::{Accid, ChannelId, DeviceId, Millis, RightSet};
use rotunda_room::{EndReason, Entry, Output, Room, RtcJoin, Saved, SeatId, SocketId, Times};

const START: i64 = 1_000_000;
const STEP_MS: i64 = 500;
const GRACE_MS: i64 = 15_000;
/// After so much silence the owner is told, with the time of the last sign. It must be shorter than the grace.
const NOTICE_MS: i64 = 9_000;

const SEAT: SeatId = SeatId(7);
const SOCKET: SocketId = SocketId(8);

fn accid() -> Accid {
    Accid::new("ann").unwrap()
}

fn device() -> DeviceId {
    DeviceId::new("device").unwrap()
}

/// One way of being heard, as its session in the gateway or the media thread sees it.
#[derive(Debug, Clone, Copy)]
struct Way {
    last_sign: i64,
    told_silent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Push,
    Signalling,
    Media,
}

const KINDS: [Kind; 3] = [Kind::Push, Kind::Signalling, Kind::Media];

fn seated(rtc: bool, push: bool) -> Room {
    let mut room =
        Room::open(ChannelId::new(42).unwrap(), 1001, Saved::default(), Times::default(), Millis(START));
    let entry = Entry {
        seat: SEAT,
        accid: accid(),
        device: device(),
        link_device: device(),
        link_up: true,
        push_up: push,
        reseat: false,
        sessions: 0,
        name: String::new(),
        icon: String::new(),
        role: "qchatAudience".into(),
        client_type: "web".into(),
        rtc_uid: 100,
        rights: RightSet::ALL,
        version: 1,
        is_owner: false,
        limit: 0,
        authorised_until: Millis(i64::MAX),
    };
    room.enter(Millis(START), entry).unwrap();
    if rtc {
        let serial = room.next_session(SEAT).unwrap();
        let join =
            RtcJoin { serial, device: "socket".into(), socket: SOCKET, platform_type: 16, custom_data: None };
        room.join_rtc(Millis(START), SEAT, join).unwrap();
    }
    room.take_outputs();
    room
}

fn tell(room: &mut Room, kind: Kind, now: i64, silent_since: Option<i64>) {
    let since = silent_since.map(Millis);
    match kind {
        Kind::Push => room.push_link(&accid(), &device(), since),
        Kind::Signalling => room.signalling_link(SEAT, SOCKET, since),
        Kind::Media => {
            room.media_link(Millis(now), SEAT, since.is_none(), silent_since.map_or(0, |since| now - since))
        }
    }
}

/// Whether each way carries a sign in each step. Long runs of the same, or no seat would ever come near its end.
fn signs() -> impl Strategy<Value = Vec<[bool; 3]>> {
    let run = (any::<[bool; 3]>(), 1..45usize).prop_map(|(on, steps)| vec![on; steps]);
    prop::collection::vec(run, 1..8).prop_map(|runs| runs.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_seat_ends_one_grace_after_its_last_sign_and_not_before(signs in signs()) {
        let mut room = seated(true, true);
        let mut ways = [Way { last_sign: START, told_silent: false }; 3];
        // The seat begins without media.
        ways[2].told_silent = true;
        let mut now = START;
        for step in signs {
            now += STEP_MS;
            let last = ways.iter().map(|way| way.last_sign).max().unwrap();
            // What arrives in this step arrives after time was judged.
            room.tick(Millis(now - 1));
            prop_assert!(room.seat_count() == 1, "out {} ms after its last sign", now - 1 - last);
            if now - last >= GRACE_MS {
                let deadline = room.next_deadline();
                prop_assert_eq!(deadline, Some(Millis(last + GRACE_MS)), "the owner wakes in time");
                room.tick(Millis(now));
                prop_assert_eq!(room.seat_count(), 0, "a ghost {} ms after its last sign", now - last);
                let silent = room.take_outputs().iter().any(|output| {
                    matches!(output, Output::Unseated { reason: EndReason::Silent, .. })
                });
                prop_assert!(silent);
                return Ok(());
            }
            for (way, (kind, sign)) in ways.iter_mut().zip(KINDS.into_iter().zip(step)) {
                // The RTC half ends one grace after its own last sign, and its ways with it.
                let open = kind == Kind::Push || room.is_in_rtc(SEAT);
                if sign && open {
                    way.last_sign = now;
                    if std::mem::take(&mut way.told_silent) {
                        tell(&mut room, kind, now, None);
                    }
                } else if open && now - way.last_sign >= NOTICE_MS {
                    way.told_silent = true;
                    tell(&mut room, kind, now, Some(way.last_sign));
                }
            }
            room.tick(Millis(now));
            let ended = room.take_outputs().iter().any(|output| matches!(output, Output::Unseated { .. }));
            prop_assert!(!ended);
        }
    }
}

#[test]
fn one_who_only_listens_to_pushes_stays() {
    let mut room = seated(false, true);
    room.tick(Millis(START + 24 * 3_600_000));
    assert_eq!(room.seat_count(), 1);
}

#[test]
fn one_who_is_heard_again_within_the_grace_keeps_seat_and_rtc_without_an_event() {
    let mut room = seated(true, true);
    for kind in [Kind::Push, Kind::Signalling] {
        tell(&mut room, kind, START + 9_000, Some(START));
    }
    room.tick(Millis(START + GRACE_MS - 1));
    tell(&mut room, Kind::Signalling, START + GRACE_MS - 1, None);
    room.tick(Millis(START + 24 * 3_600_000));
    assert_eq!(room.seat_count(), 1);
    assert!(room.is_in_rtc(SEAT));
    assert_eq!(room.take_outputs(), []);
}

#[test]
fn the_end_of_a_connection_is_its_last_sign() {
    let mut room = seated(true, false);
    tell(&mut room, Kind::Signalling, START + 9_000, Some(START));
    room.socket_closed(SEAT, SOCKET, Millis(START + 10_000));
    assert_eq!(room.next_deadline(), Some(Millis(START + 10_000 + GRACE_MS)));
}

#[test]
fn a_replaced_socket_says_nothing_about_its_seat() {
    let mut room = seated(true, false);
    room.signalling_link(SEAT, SocketId(99), Some(Millis(START)));
    assert_eq!(room.next_deadline(), Some(Millis(i64::MAX)), "only the token's end");
}
