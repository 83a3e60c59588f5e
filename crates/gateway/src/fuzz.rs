//! What reads requests, for the fuzz targets in `fuzz/` and the replay of their seeds: any bytes are read or refused.

/// A message of an RTC signalling socket: the envelope, then the request as its method reads it.
pub fn signal(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        crate::signal::read_message(text);
    }
}

/// A body of room REST.
pub fn rest(data: &[u8]) {
    crate::room::read_body(data);
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn sweep(target: &str, parse: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
        let seeds: Vec<Vec<u8>> =
            fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        assert!(seeds.len() >= 3, "{target} has {} seeds", seeds.len());
        for seed in seeds {
            for length in 0..=seed.len() {
                parse(&seed[..length]);
                for change in [0x01, 0x10] {
                    let mut changed = seed.clone();
                    if let Some(byte) = changed.get_mut(length) {
                        *byte ^= change;
                        parse(&changed);
                    }
                }
            }
        }
        for length in 0..=300 {
            for filling in ["{", "[", "\"", "9", "{\"a\":"] {
                parse(filling.repeat(length).as_bytes());
            }
        }
    }

    #[test]
    fn signalling_seeds_of_every_length_are_read_or_refused() {
        sweep("signal", signal);
    }

    #[test]
    fn rest_seeds_of_every_length_are_read_or_refused() {
        sweep("rest", rest);
    }
}
