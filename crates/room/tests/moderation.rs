//! What a moderator's operations leave behind, one story at a time.

use rotunda_model::{Accid, ChannelId, DeviceId, Millis, Right, RightSet};
use rotunda_room::{
    EndReason, Entry, MediaType, MuteAll, Output, ProducerId, Refusal, Room, RtcJoin, Saved, SeatId,
    SocketId, Source, Table, Times,
};

const NOW: Millis = Millis(1_000_000);
const LOCK: &str = "offNotAllowSelfOn_1";

fn accid(name: &str) -> Accid {
    Accid::new(name).unwrap()
}

fn speaker() -> RightSet {
    RightSet::EMPTY
        .with(Right::RTC_CONNECT)
        .with(Right::RTC_OPEN_MICROPHONE)
        .with(Right::RTC_OPEN_CAMERA)
        .with(Right::RTC_SHARE_SCREEN)
}

fn room() -> Room {
    Room::open(ChannelId::new(42).unwrap(), 1001, Saved::default(), Times::default(), NOW)
}

/// Seated, and in RTC.
fn come(room: &mut Room, name: &str, number: u32, rights: RightSet) -> SeatId {
    let entry = Entry {
        seat: SeatId(u64::from(number)),
        accid: accid(name),
        device: DeviceId::new(name).unwrap(),
        link_device: DeviceId::new(name).unwrap(),
        link_up: true,
        push_up: true,
        reseat: false,
        sessions: 0,
        name: String::new(),
        icon: String::new(),
        role: "qchatAudience".into(),
        client_type: "web".into(),
        rtc_uid: i64::from(number),
        rights,
        version: 1,
        is_owner: false,
        limit: 0,
        authorised_until: Millis(i64::MAX),
    };
    let seat = room.enter(NOW, entry).unwrap().seat;
    assert_eq!(room.next_session(seat), Some(1));
    join(room, NOW, seat, u64::from(number));
    seat
}

/// `Join` with the seat's first session token, again and again.
fn join(room: &mut Room, now: Millis, seat: SeatId, socket: u64) {
    let (socket, device) = (SocketId(socket), "socket".to_owned());
    let join = RtcJoin { serial: 1, device, socket, platform_type: 16, custom_data: None };
    room.join_rtc(now, seat, join).unwrap();
}

#[test]
fn a_member_whom_a_holder_opens_under_the_lock_can_publish() {
    for (key, source, media, right, other) in [
        (
            "audioOff",
            Source::Microphone,
            MediaType::Audio,
            Right::RTC_EVERYONE_MICROPHONE,
            Right::RTC_OTHER_MICROPHONE,
        ),
        ("videoOff", Source::Camera, MediaType::Video, Right::RTC_EVERYONE_CAMERA, Right::RTC_OTHER_CAMERA),
    ] {
        let mut room = room();
        let holder = come(&mut room, "holder", 1, speaker().with(right).with(other));
        let mary = come(&mut room, "mary", 2, speaker());
        let may_open = come(&mut room, "opener", 3, speaker().with(other));
        room.set_room_property(NOW, holder, key, LOCK).unwrap();
        let first = ProducerId(10);
        assert_eq!(room.produce(NOW, mary, media, first, false, false), Err(Refusal::Forbidden));
        assert_eq!(room.set_source(NOW, mary, &accid("mary"), source, true), Err(Refusal::Forbidden));
        // Opening another needs both: the right over others, and the exemption from the lock.
        assert_eq!(room.set_source(NOW, may_open, &accid("mary"), source, true), Err(Refusal::Forbidden));

        room.set_source(NOW, holder, &accid("mary"), source, true).unwrap();
        assert!(room.produce(NOW, mary, media, first, false, false).unwrap().forward, "{key}");
        room.set_source(NOW, mary, &accid("mary"), source, true).unwrap();

        room.set_source(NOW, mary, &accid("mary"), source, false).unwrap();
        assert_eq!(room.set_source(NOW, mary, &accid("mary"), source, true), Err(Refusal::Forbidden));
        assert_eq!(room.produce(NOW, mary, media, ProducerId(11), false, false), Err(Refusal::Forbidden));
    }
}

#[test]
fn mute_all_again_silences_whom_the_holder_opened() {
    let mut room = room();
    let all = speaker().with(Right::RTC_EVERYONE_MICROPHONE).with(Right::RTC_OTHER_MICROPHONE);
    let holder = come(&mut room, "holder", 1, all);
    let mary = come(&mut room, "mary", 2, speaker());
    room.set_room_property(NOW, holder, "audioOff", LOCK).unwrap();
    room.set_source(NOW, holder, &accid("mary"), Source::Microphone, true).unwrap();
    room.produce(NOW, mary, MediaType::Audio, ProducerId(10), false, false).unwrap();
    room.take_outputs();
    room.set_room_property(NOW, holder, "audioOff", "offNotAllowSelfOn_2").unwrap();
    assert_eq!(room.is_on(&accid("mary"), Source::Microphone), Some(false));
    let outputs = room.take_outputs();
    assert!(matches!(
        outputs.first(),
        Some(Output::Table(Table::Forward { producer: ProducerId(10), on: false }))
    ));
}

#[test]
fn the_second_sharer_is_refused_through_both_doors_until_the_first_stops() {
    let mut room = room();
    let ann = come(&mut room, "ann", 1, speaker());
    let ben = come(&mut room, "ben", 2, speaker());
    room.produce(NOW, ann, MediaType::ScreenShare, ProducerId(10), false, false).unwrap();
    let second = room.produce(NOW, ben, MediaType::ScreenShare, ProducerId(11), false, false);
    assert_eq!(second, Err(Refusal::SecondSharer));
    assert_eq!(room.set_source(NOW, ben, &accid("ben"), Source::Screen, true), Err(Refusal::SecondSharer));
    assert_eq!(room.is_on(&accid("ben"), Source::Screen), Some(false));
    room.close_producer(NOW, ann, ProducerId(10)).unwrap();
    room.produce(NOW, ben, MediaType::ScreenShare, ProducerId(12), false, false).unwrap();
    assert_eq!(room.is_on(&accid("ben"), Source::Screen), Some(true));
}

#[test]
fn a_mode_that_allows_self_on_mutes_once_and_binds_nobody() {
    let mut room = room();
    let holder = come(&mut room, "holder", 1, speaker().with(Right::RTC_EVERYONE_MICROPHONE));
    let mary = come(&mut room, "mary", 2, speaker());
    for seat in [holder, mary] {
        room.produce(NOW, seat, MediaType::Audio, ProducerId(seat.0), false, false).unwrap();
    }
    room.set_room_property(NOW, holder, "audioOff", "offAllowSelfOn_1").unwrap();
    let on = |room: &Room, name: &str| room.is_on(&accid(name), Source::Microphone);
    assert_eq!((on(&room, "holder"), on(&room, "mary")), (Some(true), Some(false)));
    room.set_source(NOW, mary, &accid("mary"), Source::Microphone, true).unwrap();
    room.set_room_property(NOW, holder, "audioOff", "disable_2").unwrap();
    assert_eq!(on(&room, "mary"), Some(true));
}

#[test]
fn losing_the_exemption_under_the_lock_silences() {
    let mut room = room();
    let all = speaker().with(Right::RTC_EVERYONE_MICROPHONE).with(Right::RTC_OTHER_MICROPHONE);
    let holder = come(&mut room, "holder", 1, all);
    come(&mut room, "mary", 2, speaker());
    room.produce(NOW, holder, MediaType::Audio, ProducerId(10), false, false).unwrap();
    room.produce(NOW, holder, MediaType::Video, ProducerId(11), false, false).unwrap();
    room.set_room_property(NOW, holder, "audioOff", LOCK).unwrap();
    room.set_source(NOW, holder, &accid("mary"), Source::Microphone, true).unwrap();
    room.set_rights(NOW, &accid("holder"), speaker(), 2);
    let on = |room: &Room, name: &str, source| room.is_on(&accid(name), source);
    assert_eq!(on(&room, "holder", Source::Microphone), Some(false));
    assert_eq!(on(&room, "holder", Source::Camera), Some(true), "no lock binds the cameras");
    assert_eq!(on(&room, "mary", Source::Microphone), Some(true), "who was opened stays open");
    // Rights of hers that come and go, none of them the exemption, leave her open too.
    room.set_rights(NOW, &accid("mary"), speaker().with(Right::RTC_DISCONNECT_OTHER), 3);
    assert_eq!(on(&room, "mary", Source::Microphone), Some(true));
    room.set_rights(NOW, &accid("mary"), speaker().without(Right::RTC_OPEN_MICROPHONE), 4);
    assert_eq!(on(&room, "mary", Source::Microphone), Some(false));
}

#[test]
fn a_client_that_publishes_again_after_a_cut_does_not_undo_a_moderator() {
    for (source, media, other) in [
        (Source::Microphone, MediaType::Audio, Right::RTC_OTHER_MICROPHONE),
        (Source::Screen, MediaType::ScreenShare, Right::RTC_CLOSE_OTHER_SHARE),
    ] {
        for off_before_rejoin in [true, false] {
            let mut room = room();
            let moderator = come(&mut room, "moderator", 1, speaker().with(other));
            let mary = come(&mut room, "mary", 2, speaker());
            room.produce(NOW, mary, media, ProducerId(10), false, false).unwrap();
            room.socket_closed(mary, SocketId(2), NOW);
            if off_before_rejoin {
                room.set_source(NOW, moderator, &accid("mary"), source, false).unwrap();
            }
            let back = NOW.plus(3_000);
            join(&mut room, back, mary, 3);
            if !off_before_rejoin {
                room.set_source(back, moderator, &accid("mary"), source, false).unwrap();
            }
            let again = room.produce(back.plus(400), mary, media, ProducerId(11), false, false).unwrap();
            assert!(!again.forward, "{source:?}");
            assert_eq!(room.is_on(&accid("mary"), source), Some(false));
            // Whoever asks once more means it.
            assert!(room.produce(back.plus(800), mary, media, ProducerId(12), false, false).unwrap().forward);
        }
    }
}

#[test]
fn a_member_who_reopens_after_a_reconnect_is_heard() {
    let mut room = room();
    let moderator = come(&mut room, "moderator", 1, speaker().with(Right::RTC_OTHER_MICROPHONE));
    let mary = come(&mut room, "mary", 2, speaker());
    room.produce(NOW, mary, MediaType::Audio, ProducerId(10), false, false).unwrap();
    room.set_source(NOW, moderator, &accid("mary"), Source::Microphone, false).unwrap();
    join(&mut room, NOW, mary, 3);
    let later = NOW.plus(60_000);
    assert!(room.produce(later, mary, MediaType::Audio, ProducerId(11), false, false).unwrap().forward);
}

/// Command, member, operator and addressees of a push.
type Told = (u64, Option<String>, Option<String>, Vec<String>);

/// Since the last call.
fn told(room: &mut Room) -> Vec<Told> {
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let pushes = room.take_outputs().into_iter().filter_map(|output| match output {
        Output::Push { to, body } => Some((to, serde_json::from_str::<serde_json::Value>(&body).unwrap())),
        _ => None,
    });
    pushes
        .map(|(to, body)| {
            let to = to.iter().map(|to| to.accid.as_str().to_owned()).collect();
            let data = &body["data"];
            let operator = text(&data["operatorMember"]["userUuid"]);
            (body["cmd"].as_u64().unwrap(), text(&data["member"]["userUuid"]), operator, to)
        })
        .collect()
}

#[test]
fn the_system_silences_and_opens_a_member_in_its_own_name() {
    let mut room = room();
    let mary = come(&mut room, "mary", 1, speaker());
    come(&mut room, "ben", 2, speaker());
    room.produce(NOW, mary, MediaType::Audio, ProducerId(10), false, false).unwrap();
    room.take_outputs();
    let both = [Source::Microphone, Source::Camera];
    assert_eq!(room.switch_by_system(NOW, &accid("mary"), &both, false), Ok(true));
    let everyone = || vec!["mary".to_owned(), "ben".to_owned()];
    let mary_by_mary = |cmd| (cmd, Some("mary".to_owned()), Some("mary".to_owned()), everyone());
    assert_eq!(told(&mut room), [mary_by_mary(41)], "the camera was off");
    assert_eq!(room.switch_by_system(NOW, &accid("mary"), &both, false), Ok(false));
    assert_eq!(told(&mut room), []);
    // As after a moderator's off: a client that comes back does not undo it, a wish does.
    join(&mut room, NOW, mary, 3);
    assert!(!room.produce(NOW, mary, MediaType::Audio, ProducerId(11), false, false).unwrap().forward);
    room.set_source(NOW, mary, &accid("mary"), Source::Microphone, true).unwrap();
    room.set_source(NOW, mary, &accid("mary"), Source::Microphone, false).unwrap();
    room.take_outputs();
    assert_eq!(room.switch_by_system(NOW, &accid("mary"), &both, true), Ok(true));
    assert_eq!(told(&mut room), [mary_by_mary(40), mary_by_mary(40)]);
    assert_eq!(room.switch_by_system(NOW, &accid("eve"), &both, false), Err(Refusal::TargetAbsent));
}

#[test]
fn the_system_opens_nobody_without_a_right_and_no_screen() {
    let mut room = room();
    come(&mut room, "mary", 1, speaker().without(Right::RTC_OPEN_CAMERA));
    room.take_outputs();
    let switched = room.switch_by_system(NOW, &accid("mary"), &[Source::Microphone, Source::Camera], true);
    assert_eq!(switched, Err(Refusal::Forbidden));
    assert_eq!(room.is_on(&accid("mary"), Source::Microphone), Some(false), "all of it or nothing");
    let screen = room.switch_by_system(NOW, &accid("mary"), &[Source::Screen], true);
    assert_eq!(screen, Err(Refusal::Forbidden));
    assert_eq!(room.take_outputs(), []);
    assert_eq!(room.switch_by_system(NOW, &accid("mary"), &[Source::Microphone], true), Ok(true));
}

#[test]
fn mute_all_by_the_system_is_the_state_that_a_holder_would_set() {
    let mut room = room();
    let nobody = room.mute_all_by_system(NOW, &[Source::Microphone], MuteAll::Locked);
    assert_eq!(nobody, Err(Refusal::TargetAbsent));
    let holder = come(&mut room, "holder", 1, speaker().with(Right::RTC_EVERYONE_MICROPHONE));
    let mary = come(&mut room, "mary", 2, speaker());
    for seat in [holder, mary] {
        room.produce(NOW, seat, MediaType::Audio, ProducerId(seat.0), false, false).unwrap();
        room.produce(NOW, seat, MediaType::Video, ProducerId(10 + seat.0), false, false).unwrap();
    }
    room.take_outputs();
    let both = [Source::Microphone, Source::Camera];
    let muted = room.mute_all_by_system(NOW, &both, MuteAll::Locked).unwrap();
    assert_eq!(muted, [accid("holder"), accid("mary")], "her microphone is exempt, her camera is not");
    let one = |name: &str| Some(name.to_owned());
    let all = || vec!["holder".to_owned(), "mary".to_owned()];
    assert_eq!(
        told(&mut room),
        [
            (10, None, one("holder"), vec!["holder".into()]),
            (10, None, one("mary"), vec!["mary".into()]),
            (41, one("mary"), one("mary"), all()),
            (10, None, one("holder"), vec!["holder".into()]),
            (10, None, one("mary"), vec!["mary".into()]),
            (41, one("holder"), one("holder"), all()),
            (41, one("mary"), one("mary"), all()),
        ]
    );
    let properties = room.room_properties();
    for key in ["audioOff", "videoOff"] {
        assert_eq!(properties[key]["value"], format!("offNotAllowSelfOn_{}", NOW.get()), "{key}");
    }
    let on = |room: &mut Room| room.set_source(NOW, mary, &accid("mary"), Source::Microphone, true);
    assert_eq!(on(&mut room), Err(Refusal::Forbidden));
    // The system opens one under the lock, who stays open.
    assert_eq!(room.switch_by_system(NOW, &accid("mary"), &[Source::Microphone], true), Ok(true));
    assert_eq!(on(&mut room), Ok(()));
    assert_eq!(room.mute_all_by_system(NOW, &both, MuteAll::Lifted), Ok(vec![]));
    assert_eq!(room.room_properties()["audioOff"]["value"], format!("disable_{}", NOW.get()));
    room.take_outputs();
    assert_eq!(room.mute_all_by_system(NOW.plus(1), &both, MuteAll::Lifted), Ok(vec![]));
    assert_eq!(room.take_outputs(), [], "there is nothing to lift");
    assert_eq!(room.mute_all_by_system(NOW, &[Source::Microphone], MuteAll::Once), Ok(vec![accid("mary")]));
    assert_eq!(on(&mut room), Ok(()));
}

#[test]
fn the_system_kicks_the_owner_too() {
    let mut room = room();
    let mary = come(&mut room, "mary", 1, speaker());
    room.take_outputs();
    assert_eq!(room.kick_by_system(NOW, &accid("ben")), Err(Refusal::TargetAbsent));
    assert_eq!(room.kick_by_system(NOW, &accid("mary")), Ok(()));
    let outputs = room.take_outputs();
    assert!(outputs.iter().any(|output| {
        matches!(output, Output::Unseated { seat, reason: EndReason::Kicked, .. } if *seat == mary)
    }));
    let left = outputs.iter().find_map(|output| match output {
        Output::Push { body, .. } => serde_json::from_str::<serde_json::Value>(body).ok(),
        _ => None,
    });
    let data = &left.unwrap()["data"];
    assert_eq!(
        (&data["members"][0]["reason"]["type"], &data["operatorMember"]["userUuid"]),
        (&"ADMIN_KICK".into(), &"mary".into())
    );
}
