//! Entities: the Properties that commands, answers and notifications share, one file per noun.
//!
//! A type named `…Input` is what a client may send, every field optional; the others are what a server sends.

pub mod category;
pub mod channel;
pub mod list;
pub mod login;
pub mod media;
pub mod member;
pub mod page;
pub mod role;
pub mod server;
pub mod subscription;

pub use category::{Category, CategoryInput};
pub use channel::{Channel, ChannelEdit, ChannelInput, ChannelPlacement, ChannelRef, Unread};
pub use list::{ListedMembers, ListedRole};
pub use login::{Kicked, Login, LoginInfo};
pub use media::{MediaToken, RtcConfig};
pub use member::{Ban, Member, MemberEdit, MemberInput, RequestInfo};
pub use page::Page;
pub use role::{
    CategoryMemberRole, CategoryRole, ChannelRole, MemberRole, RoleMember, ServerRole, ServerRoleInput,
};
pub use server::{Server, ServerInput};
pub use subscription::ServerRoles;
