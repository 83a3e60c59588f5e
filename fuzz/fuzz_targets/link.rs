#![no_main]

// The list of commands belongs to a test of the wire crate.
#[path = "../../crates/wire/tests/every_command/mod.rs"]
mod every_command;

libfuzzer_sys::fuzz_target!(|data: &[u8]| every_command::read_message(data));
