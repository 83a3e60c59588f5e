//! Room REST, push link and RTC signalling over real sockets and a real Postgres.

mod bad_input;
mod call;
mod entry;
mod foreign;
mod layers;
mod lifetime;
mod operator;
mod quality;
mod records;
mod support;
mod triggers;
