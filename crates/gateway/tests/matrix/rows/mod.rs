//! The rows, by family of commands.

pub mod channel;
pub mod layer;
pub mod list;
pub mod role;
pub mod server;
pub mod session;

use crate::table::Row;

pub const ALL: &[&[Row]] = &[session::ROWS, server::ROWS, channel::ROWS, list::ROWS, role::ROWS, layer::ROWS];
