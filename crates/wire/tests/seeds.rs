//! The seeds of the fuzz target `link`, of every length.

mod every_command;

use std::{fs, path::Path};

use every_command::read_message;

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
