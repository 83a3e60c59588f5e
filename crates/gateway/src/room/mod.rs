//! The media plane's control side: open channels and their owners, room REST, push link.
//!
//! Room REST, push link and RTC signalling (`crate::signal`) are three doors of one room; behind each stands the same
//! owner, reached through the [`Registry`].

mod answer;
mod auth;
mod confirm;
mod desk;
mod layers;
mod moderation;
mod owner;
pub mod push;
mod push_hub;
mod quality;
mod records;
mod registry;
mod rest;

pub use registry::{Census, Registry, RoomHandle, Unavailable};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use rest::read_body;
pub use rest::routes;
pub use rotunda_room::Times;

pub(crate) use confirm::{Entering, confirm};
pub(crate) use desk::{Consume, DeskError, Over, Produce};
pub(crate) use owner::{Owner, SOCKET_QUEUE, SocketHandle, ToSocket};
pub(crate) use push::{PATIENCE_BEATS, RHYTHM};
use push_hub::PushHub;
pub(crate) use quality::listens as listens_to_quality;
