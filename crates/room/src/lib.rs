//! The owner of one open media channel: who sits in it, what each member has switched on, and who is told.
//!
//! Pure: time, rights and identifiers come in, [`Output`]s come out, in the order in which they must take effect.
//! Within one operation every [`Output::Table`] precedes every push and notification, so nobody is told of a state
//! that the media plane does not have yet. Verdicts on membership and rights are taken elsewhere and handed in as
//! a mask; what is decided here is only what needs the state of the room: free seats, locks, one sharer.
//!
//! Room REST, push link and RTC signalling are three doors to the same operations: [`Room::set_source`] is the one
//! way a microphone, camera or screen goes on or off, whichever door asked.

mod moderation;
mod output;
mod property;
mod push;
mod room;
mod rtc;
mod seat;
mod source;
mod stream;

pub use moderation::MuteAll;
pub use output::{EndReason, LeaveType, Output, Persist, Recipient, Refusal, Table};
pub use property::{MAX_PROPERTY_VALUE, unwrap_text};
pub use room::{Entry, Room, Saved, Seated, Times};
pub use rtc::{Joined, RtcJoin};
pub use seat::{SeatId, SocketId};
pub use source::{MediaType, ProducerId, Source};
pub use stream::Produced;
