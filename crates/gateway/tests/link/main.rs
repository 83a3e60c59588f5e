//! The link over real sockets and a real Postgres.

mod commands;
mod devices;
mod handshake;
mod limits;
mod lists;
mod login;
mod notifications;
mod privacy;
mod rates;
mod support;
mod visitors;
