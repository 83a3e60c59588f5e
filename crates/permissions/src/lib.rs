//! Who may do what, where, and who sees what: the only place that decides it.
//!
//! Everything is a pure function of a [`Snapshot`] (one server's roles, layers and lists, without its members) and
//! a [`Subject`] (an account's standing there and its roles). There is no I/O, no clock, and no allocation on the
//! way to a verdict.
//!
//! - [`Snapshot::allows`] and [`Snapshot::rights`] answer one right, and all 27 at once; both are the same fold.
//! - [`Snapshot::sight`] says whether a channel or category is visible, and why.
//! - [`Snapshot::explain`] lists the rules that fold consulted and the one that decided.
//! - [`guard`] holds the conditions of every operation that changes something, with a typed [`Refusal`].
//!
//! The rules are those of the SDK's typings (nim-web-sdk-ng 0.17.2 and 10.8.1) and of the vendor's guides; where
//! those are silent the function says what was decided.

mod evaluate;
mod explain;
mod flips;
pub mod guard;
mod rank;
mod refusal;
mod snapshot;
mod subject;
mod sync;
mod table;
mod viewers;
mod visibility;

pub use explain::{Explanation, Names, Rule, Step};
pub use flips::{Concerned, SightChanges, flipped, sight_changes};
pub use rank::{PRIORITY_MAX, PRIORITY_MIN, Rank};
pub use refusal::Refusal;
pub use snapshot::{CategoryRules, ChannelRules, Layer, Lists, Named, RoleRules, Scope, Snapshot};
pub use subject::Subject;
pub use table::{Set, Table};
pub use viewers::Viewers;
pub use visibility::Sight;
