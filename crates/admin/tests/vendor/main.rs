//! The vendor's REST actions over a real Postgres.

mod actions;
mod callback;
mod effects;
mod link;
mod names;
mod requests;
mod support;
mod webhook;
