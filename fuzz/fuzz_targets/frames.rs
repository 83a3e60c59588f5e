#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rotunda_media_io::fuzz::frames(data));
