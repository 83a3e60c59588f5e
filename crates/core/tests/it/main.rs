//! The use cases over a real Postgres, one database per test, by noun.

mod account;
mod channel;
mod invite;
mod list;
mod matrix;
mod media;
mod member_role;
mod notify;
mod races;
mod restart;
mod role;
mod server;
mod subscription;
mod support;
