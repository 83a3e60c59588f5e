//! The link over real sockets and a real Postgres.

mod commands;
mod devices;
mod handshake;
mod limits;
mod login;
mod notifications;
mod privacy;
mod support;
