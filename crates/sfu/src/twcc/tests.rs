//! What is written must read as it was by somebody else's reader.

use proptest::prelude::*;
use rtc_rtcp::transport_feedbacks::transport_layer_cc::{PacketStatusChunk, SymbolTypeTcc, TransportLayerCc};
use rtc_shared::marshal::Unmarshal as _;

use super::{Departures, Fate, TICKS_PER_REFERENCE, arrivals::Arrivals, feedback::Body};
use crate::rtcp::Writer;

/// Number and arrival (ticks) of every packet a feedback speaks of, as `rtc-rtcp` reads it.
fn read(body: &Body) -> Vec<(u16, Option<u64>)> {
    let mut out = [0; 1_200];
    let mut writer = Writer::new(&mut out);
    assert!(writer.put_transport_feedback(77, body.bytes()));
    let length = writer.length();
    let feedback = TransportLayerCc::unmarshal(&mut &out[..length]).unwrap();
    assert_eq!(feedback.media_ssrc, 77);
    let mut symbols = vec![];
    for chunk in &feedback.packet_chunks {
        match chunk {
            PacketStatusChunk::RunLengthChunk(run) => {
                symbols.extend((0..run.run_length).map(|_| run.packet_status_symbol));
            }
            PacketStatusChunk::StatusVectorChunk(vector) => symbols.extend(&vector.symbol_list),
        }
    }
    // Only the last vector may say more than there is.
    assert!(symbols.len() < usize::from(feedback.packet_status_count) + 14);
    symbols.truncate(usize::from(feedback.packet_status_count));
    let mut time = u64::from(feedback.reference_time) * TICKS_PER_REFERENCE;
    let mut deltas = feedback.recv_deltas.iter();
    let statuses = symbols.into_iter().enumerate().map(|(offset, symbol)| {
        let number = feedback.base_sequence_number.wrapping_add(offset as u16);
        let came = symbol != SymbolTypeTcc::PacketNotReceived;
        let came = came.then(|| {
            let delta = deltas.next().expect("a difference for every packet that came");
            assert_eq!(delta.type_tcc_packet, symbol);
            time = time.wrapping_add_signed(delta.delta / 250);
            time % (1 << 32)
        });
        (number, came)
    });
    let statuses = statuses.collect();
    assert_eq!(deltas.next(), None);
    statuses
}

fn drain(arrivals: &mut Arrivals) -> Vec<(u16, Option<u64>)> {
    let mut all = vec![];
    while let Some(body) = arrivals.next_feedback() {
        all.extend(read(&body));
    }
    all
}

#[test]
fn what_came_and_what_did_not_is_told_once() {
    let mut arrivals = Arrivals::default();
    for number in [65_534, 65_535, 2, 3] {
        arrivals.packet(number, 1_000 + u64::from(number % 10));
    }
    let expected = [
        (65_534, Some(1_004)),
        (65_535, Some(1_005)),
        (0, None),
        (1, None),
        (2, Some(1_002)),
        (3, Some(1_003)),
    ];
    assert_eq!(drain(&mut arrivals), expected);
    assert_eq!(drain(&mut arrivals), []);
    arrivals.packet(5, 1_010);
    assert_eq!(drain(&mut arrivals), [(4, None), (5, Some(1_010))]);
}

#[test]
fn a_late_packet_is_told_after_all() {
    let mut arrivals = Arrivals::default();
    [10, 11, 13].into_iter().for_each(|number| arrivals.packet(number, 1_000));
    drain(&mut arrivals);
    arrivals.packet(12, 1_300);
    arrivals.packet(12, 9_999);
    assert_eq!(drain(&mut arrivals), [(12, Some(1_300)), (13, Some(1_000))]);
}

#[test]
fn a_pause_of_minutes_takes_two_messages() {
    let mut arrivals = Arrivals::default();
    arrivals.packet(1, 1_000);
    arrivals.packet(2, 1_000_000);
    let first = arrivals.next_feedback().unwrap();
    assert_eq!(read(&first), [(1, Some(1_000))]);
    let second = arrivals.next_feedback().unwrap();
    assert_eq!(read(&second), [(2, Some(1_000_000))]);
    assert_eq!((first.bytes()[7], second.bytes()[7]), (0, 1), "the feedback count");
}

/// A sender that sent `count` packets, 1 ms apart, of 100 bytes; and the time after the last.
fn departed(count: u64) -> (Departures, u64) {
    let mut departures = Departures::default();
    for number in 0..count {
        assert_eq!(departures.number(), number as u16);
        departures.sent(number * 1_000, 100);
    }
    (departures, count * 1_000)
}

fn fates(departures: &mut Departures, now: u64, body: &[u8]) -> Option<Vec<Fate>> {
    let mut fates = vec![];
    departures.feedback(now, body, |fate| fates.push(fate)).then_some(fates)
}

#[test]
fn feedback_tells_the_sender_each_fate_once() {
    // Over the wrap of the numbers.
    let (mut departures, now) = departed(65_540);
    let mut arrivals = Arrivals::default();
    [65_534, 65_535, 1]
        .into_iter()
        .for_each(|number| arrivals.packet(number, 8_000 + u64::from(number) % 10));
    let body = arrivals.next_feedback().unwrap();
    let arrived = |number: u64, received| Fate::Arrived { sent: number * 1_000, received, bytes: 100 };
    let expected = [
        arrived(65_534, 8_004 * 250),
        arrived(65_535, 8_005 * 250),
        Fate::Missing { sent: 65_536_000 },
        arrived(65_537, 8_001 * 250),
    ];
    assert_eq!(fates(&mut departures, now, body.bytes()).unwrap(), expected);
    assert_eq!(fates(&mut departures, now, body.bytes()).unwrap(), [], "the same again says nothing");
    arrivals.packet(0, 8_100);
    let late = arrivals.next_feedback().unwrap();
    let after_all = Fate::AfterAll { sent: 65_536_000, received: 8_100 * 250, bytes: 100 };
    assert_eq!(fates(&mut departures, now, late.bytes()).unwrap(), [after_all]);
}

#[test]
fn numbers_never_sent_or_long_forgotten_say_nothing() {
    for count in [0, 5, 3_000] {
        let (mut departures, now) = departed(count);
        // The first 300 numbers and the 300 after the last.
        for base in [0_u64, count] {
            let body = Body::write(base as u16, 0, (0..300).map(|_| Some(1_000))).unwrap();
            let known = if base == 0 && count == 5 { 5 } else { 0 };
            assert_eq!(fates(&mut departures, now, body.bytes()).unwrap().len(), known, "{count} {base}");
        }
    }
}

#[test]
fn the_receivers_clock_goes_on_over_the_wrap_of_its_reference_time() {
    let (mut departures, now) = departed(100);
    let mut received = vec![];
    let wrap = 1_u64 << 32;
    for (number, tick) in [(10, wrap - 600), (11, wrap - 3), (12, wrap + 5), (13, wrap - 1), (14, wrap + 900)]
    {
        let body = Body::write(number, 0, [Some(tick)].into_iter()).unwrap();
        for fate in fates(&mut departures, now, body.bytes()).unwrap() {
            let Fate::Arrived { received: at, .. } = fate else { panic!("{fate:?}") };
            received.push(at / 250 - wrap as i64);
        }
    }
    assert_eq!(received, [-600, -3, 5, -1, 900]);
}

#[test]
fn a_feedback_of_more_than_was_sent_lately_is_refused_before_any_work() {
    let (mut departures, now) = departed(2_000);
    // One run of `count` missing packets.
    let run = |count: u16| {
        let [c0, c1] = count.to_be_bytes();
        let [r0, r1] = (count & 0x1fff).to_be_bytes();
        [0, 0, c0, c1, 0, 0, 0, 0, r0, r1]
    };
    assert!(fates(&mut departures, now, &run(1_024)).is_some());
    assert!(fates(&mut departures, now, &run(1_025)).is_none());
    assert!(fates(&mut departures, now, &run(65_535)).is_none());
    // Runs of nothing do not end.
    let mut empty = vec![0; 1_200];
    empty[3] = 1;
    assert!(fates(&mut departures, now, &empty).is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(mut body in prop::collection::vec(any::<u8>(), 0..120), count in 0_u8..200) {
        let (mut departures, now) = departed(300);
        let mut told = 0;
        departures.feedback(now, &body, |_| told += 1);
        if let Some([_, _, high, low]) = body.first_chunk_mut() {
            (*high, *low) = (0, count);
        }
        departures.feedback(now, &body, |_| told += 1);
        prop_assert!(told <= 2 * 300);
    }

    #[test]
    fn both_halves_agree(
        arrived in prop::collection::vec(prop::option::weighted(0.8, 0_u64..300), 1..400),
        first in 0_u64..70_000,
    ) {
        let (mut departures, now) = departed(first + arrived.len() as u64);
        let mut arrivals = Arrivals::default();
        for (number, delay) in (first..).zip(&arrived) {
            if let Some(delay) = delay {
                arrivals.packet(number as u16, number * 4 + delay);
            }
        }
        let mut told = vec![];
        while let Some(body) = arrivals.next_feedback() {
            told.extend(fates(&mut departures, now, body.bytes()).unwrap());
        }
        let expected = (first..).zip(&arrived).map(|(number, delay)| match delay {
            Some(delay) => Fate::Arrived {
                sent: number * 1_000,
                received: ((number * 4 + delay) * 250) as i64,
                bytes: 100,
            },
            None => Fate::Missing { sent: number * 1_000 },
        });
        let seen = |fate: &Fate| matches!(fate, Fate::Arrived { .. });
        let expected: Vec<Fate> = expected.skip_while(|fate| !seen(fate)).collect();
        let last = expected.iter().rposition(seen).map_or(0, |last| last + 1);
        prop_assert_eq!(&told[..], &expected[..last]);
    }

    #[test]
    fn feedback_says_what_arrived_when(
        start: u16,
        clock in 0_u64..1 << 40,
        packets in prop::collection::vec((0_u16..40, 0_u64..20_000, 0_u8..10), 1..600),
    ) {
        let mut arrivals = Arrivals::default();
        let mut told = std::collections::HashMap::new();
        let mut came = std::collections::HashMap::new();
        let (mut number, mut tick) = (start, clock);
        for (skip, pause, action) in packets {
            // Mostly in order and close together; sometimes a gap, a late packet, a long pause.
            let (skip, pause) = match action {
                0 => (skip, pause),
                1 => (skip.wrapping_neg(), pause % 100),
                _ => (1, pause % 100),
            };
            number = number.wrapping_add(skip);
            tick += pause;
            arrivals.packet(number, tick);
            came.entry(number).or_insert(tick % (1 << 32));
            if action == 2 {
                told.extend(drain(&mut arrivals).into_iter().filter_map(|(n, t)| Some((n, t?))));
            }
        }
        told.extend(drain(&mut arrivals).into_iter().filter_map(|(n, t)| Some((n, t?))));
        // Numbers that lie a window apart or more may be left out, but nothing may be told wrong.
        for (number, tick) in &told {
            prop_assert_eq!(came.get(number), Some(tick), "number {}", number);
        }
        let whole = came.keys().all(|number| number.wrapping_sub(start) < 500);
        prop_assert!(!whole || told.len() == came.len());
    }

    #[test]
    fn any_pattern_fits_and_reads_back(
        base: u16,
        times in prop::collection::vec(prop::option::weighted(0.7, 0_u64..2_000), 1..500),
        steady: bool,
    ) {
        let times = times.iter().enumerate().map(|(at, time)| {
            let time = time.map(|time| if steady { at as u64 } else { time } + 70_000);
            (base.wrapping_add(at as u16), time)
        });
        let expected: Vec<_> = times.collect();
        let Some(body) = Body::write(base, 0, expected.iter().map(|(_, time)| *time)) else {
            prop_assert!(expected.iter().take(400).all(|(_, time)| time.is_none()));
            return Ok(());
        };
        prop_assert_eq!(body.statuses(), expected.len().min(400));
        prop_assert_eq!(&read(&body)[..], &expected[..body.statuses()]);
    }
}
