//! The use cases over a real Postgres, one database per test, by noun.

mod account;
mod ban;
mod category;
mod channel;
mod custom_right;
mod departed;
mod explain;
mod invite;
mod layer_role;
mod list;
mod list_random;
mod matrix;
mod media;
mod member;
mod member_role;
mod notify;
mod races;
mod restart;
mod role;
mod role_member;
mod server;
mod subscription;
mod support;
mod sync;
mod viewers;
mod visitor;
