//! The nouns of Rotunda: ids, rights, entities, notifications and the vendor's status codes.
//!
//! Nothing here does I/O, reads a clock or knows a wire tag. Account ids redact themselves in `Debug`, so a
//! structure can be logged without giving a member away.

pub mod account;
pub mod auths;
pub mod category;
pub mod channel;
pub mod code;
pub mod event;
pub mod id;
pub mod media;
pub mod notification;
pub mod place;
pub mod right;
pub mod role;
pub mod server;
pub mod time;
pub mod webhook;

pub use account::{Account, App, ClientType, Gender, LoginSettings, LoginType, LoginTypes, Profile, UserKey};
pub use auths::{AuthValue, Auths};
pub use category::Category;
pub use channel::{Channel, ChannelKind, SyncMode, ViewMode, VisitorMode};
pub use code::Code;
pub use id::{Accid, AppId, CategoryId, ChannelId, DeviceId, RequestId, RoleId, ServerId, SessionId};
pub use media::{MediaSession, RtcConfig, SessionEnd, Traffic};
pub use place::{ListKind, Place};
pub use right::{Right, RightScope, RightSet};
pub use time::Millis;
