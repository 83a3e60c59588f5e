//! The QChat link protocol as data: frames, packets, property tags, entities, commands and notifications.
//!
//! Plain types only (`i64`, `String`, …): nothing here knows the domain, a socket or a clock. Every rule was observed
//! with the unmodified `nim-web-sdk-ng` 0.17.2 and 10.8.1; where only one of them behaves so, the item says which.
//! Nothing panics on input: what cannot be read is an error that says what was expected.

pub mod code;
pub mod command;
pub mod entity;
pub mod frame;
pub mod items;
pub mod notification;
pub mod packet;
pub mod tags;
pub mod value;

pub use command::{CommandId, name_of};
pub use frame::Frame;
pub use items::{ItemError, Items};
pub use packet::{Answer, Push, Request};
pub use tags::{TagError, Tags};
pub use value::{AuthMap, FromWire, Id, JsonText, ToWire};
