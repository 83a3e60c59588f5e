//! The use cases of Rotunda: one flat module per noun, `core::<noun>::<verb>(&Core, &Actor, input)`.
//!
//! A mutating use case takes the row lock of its server, asks `permissions`, writes state, outbox and stored
//! notifications in one transaction, and after the commit swaps the permission snapshot, re-evaluates seated
//! members, and wakes the dispatcher: in that order.

pub mod account;
pub mod actor;
pub mod admin;
pub mod ban;
pub mod category;
mod change;
pub mod channel;
pub mod custom_right;
pub mod env;
pub mod error;
pub mod event;
pub mod explain;
pub mod invite;
pub mod keys;
pub mod layer_role;
pub mod list;
pub mod login;
pub mod media;
pub mod member;
pub mod member_role;
mod memberships;
pub mod notify;
pub mod page;
pub mod ports;
pub mod profile;
pub mod role;
pub mod rules;
mod seats;
pub mod server;
pub mod state;
pub mod subscription;
mod text;
pub mod visitor;
pub mod webhook;

pub use actor::Actor;
pub use env::{Clock, Env};
pub use error::Error;
pub use keys::{Keys, TokenError};
pub use memberships::MembershipStats;
pub use page::{Page, PageRequest};
pub use ports::{Callbacks, Hub, Membership, Rooms};
pub use rotunda_store::Store;
pub use state::{Core, CoreConfig, Limits};
