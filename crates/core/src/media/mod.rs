//! Media channels: tokens, the verdict, counters, what outlives an open channel, records of stays.

mod config;
mod counter;
pub mod operator;
pub mod record;
mod room;
mod token;
mod verdict;

pub use config::{ConfigUpdate, config, online, set_config};
pub use counter::{cid, rtc_uid};
pub use room::{SavedRoom, clear_room, load_room, save_moderator_off, save_property, use_once};
pub use token::{MEDIA_TOKEN_SECONDS, MediaIdentity, MediaToken, issue_token, verify_token};
pub(crate) use verdict::Seat;
pub use verdict::{MediaVerdict, verdict, version};
