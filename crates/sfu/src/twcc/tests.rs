//! What is written must read as it was by somebody else's reader.

use proptest::prelude::*;
use rtc_rtcp::transport_feedbacks::transport_layer_cc::{PacketStatusChunk, SymbolTypeTcc, TransportLayerCc};
use rtc_shared::marshal::Unmarshal as _;

use super::{TICKS_PER_REFERENCE, arrivals::Arrivals, feedback::Body};
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

proptest! {
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
