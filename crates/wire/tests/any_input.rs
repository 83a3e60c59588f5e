//! Whatever a client sends is read or refused; nothing panics.

mod every_command;

use std::{fs, path::Path};

use proptest::prelude::*;
use rotunda_wire::{Frame, Items, Request};
use serde_json::{Map, Value};

use every_command::{read_as_every_command, read_message};

/// JSON of the kinds and near-kinds the protocol uses, nested a little.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9]{0,25}".prop_map(Value::from),
        "[-+0-9.eE\"\\[\\]{}:,]{0,12}".prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u8..20).prop_map(|tag| tag.to_string()),
        Just("t".to_owned()),
        Just("v".to_owned()),
        Just("SER".to_owned()),
        Just("SID".to_owned()),
        Just("CID".to_owned()),
        Just("Q".to_owned()),
        ".{0,4}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_a_frame_or_is_refused(text in ".{0,64}") {
        let _ = Frame::parse(&text);
    }

    #[test]
    fn any_text_with_the_look_of_a_frame_too(text in "[0-9]?:{0,4}[\\PC]{0,32}") {
        if let Ok(Frame::Packet(json)) = Frame::parse(&text) {
            let _ = Request::parse(json);
        }
    }

    #[test]
    fn any_json_is_a_request_or_is_refused(value in any_json()) {
        if let Ok(request) = Request::parse(&value.to_string()) {
            read_as_every_command(&request.items);
        }
    }

    #[test]
    fn any_items_are_read_or_refused(values in prop::collection::vec(any_json(), 0..5)) {
        read_as_every_command(&Items::new(values));
    }

    #[test]
    fn a_request_with_a_ser_is_always_answerable(ser in any::<i64>(), rest in any_json()) {
        let json = serde_json::json!({"SER": ser, "SID": rest, "CID": rest, "Q": rest}).to_string();
        let answerable = match Request::parse(&json) {
            Ok(request) => request.ser,
            Err(rotunda_wire::packet::PacketError::Unreadable { ser, .. }) => ser,
            Err(other) => panic!("{other}"),
        };
        prop_assert_eq!(answerable, ser);
    }
}

/// The seeds of the fuzz target `link`.
#[test]
fn link_seeds_of_every_length_are_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/link");
    let seeds: Vec<Vec<u8>> =
        fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(seeds.len() >= 5);
    for seed in seeds {
        for length in 0..=seed.len() {
            read_message(&seed[..length]);
            for change in [0x01, 0x10, 0x80] {
                let mut changed = seed.clone();
                if let Some(byte) = changed.get_mut(length) {
                    *byte ^= change;
                    read_message(&changed);
                }
            }
        }
    }
    for length in 0..=300 {
        for filling in ["3", ":", "{", "[", "\"", "9", " "] {
            read_message(filling.repeat(length).as_bytes());
            read_message(format!("3:::{}", filling.repeat(length)).as_bytes());
        }
    }
}
