//! The `rotunda` binary: configuration, wiring, lifecycle, command line. No rules of its own.

mod ambient;
mod assets;
mod certificate;
mod config;
mod healthcheck;
mod keys;
mod lifecycle;
mod listener;
mod logging;
mod private_file;
#[cfg(test)]
mod scratch;

fn main() {}
