//! The use cases over a real Postgres, one database per test, by noun.

mod account;
mod channel;
mod custom_right;
mod invite;
mod list;
mod matrix;
mod media;
mod member_role;
mod notify;
mod races;
mod restart;
mod role;
mod role_member;
mod server;
mod subscription;
mod support;
