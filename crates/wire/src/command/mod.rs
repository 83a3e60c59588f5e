//! Commands: their numbers, names and typed requests, one file per family.

pub mod category;
pub mod channel;
pub mod layer;
pub mod list;
pub mod media;
pub mod member;
pub mod role;
pub mod server;
pub mod session;
pub mod subscription;
mod table;

use std::fmt;

use crate::{Id, Items, items::ItemError, tags::property};

/// A command or push by its two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId {
    pub sid: u16,
    pub cid: u16,
}

impl CommandId {
    pub const fn new(sid: u16, cid: u16) -> Self {
        Self { sid, cid }
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.sid, self.cid)
    }
}

fn row(command: CommandId) -> Option<&'static (u16, u16, &'static str, bool)> {
    let found = table::TABLE.binary_search_by_key(&(command.sid, command.cid), |row| (row.0, row.1));
    found.ok().and_then(|index| table::TABLE.get(index))
}

/// The SDK's name of a command or push; `None` when it knows no such number.
pub fn name_of(command: CommandId) -> Option<&'static str> {
    row(command).map(|row| row.2)
}

/// Whether only a server sends it.
pub fn is_push(command: CommandId) -> bool {
    row(command).is_some_and(|row| row.3)
}

/// Every command the SDK knows, by number.
pub fn all() -> impl Iterator<Item = CommandId> {
    table::TABLE.iter().map(|row| CommandId::new(row.0, row.1))
}

/// A typed request: reads the items of its command.
pub trait Command: Sized {
    const ID: CommandId;

    fn read(items: &Items) -> Result<Self, ItemError>;
}

/// Declares a command: its numbers, and for each item position the field and how it is read.
macro_rules! command {
    ($(#[$doc:meta])* $name:ident ($sid:literal, $cid:literal) {
        $($item:literal $field:ident: $how:ident($kind:ty),)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(pub $field: $crate::command::field_type!($how, $kind),)*
        }

        impl $crate::command::Command for $name {
            const ID: $crate::CommandId = $crate::CommandId::new($sid, $cid);

            fn read(items: &$crate::Items) -> Result<Self, $crate::ItemError> {
                Ok(Self { $($field: $crate::command::read_field!(items, $item, $how, $kind),)* })
            }
        }
    };
}

macro_rules! field_type {
    (item, $kind:ty) => { $kind };
    (optional, $kind:ty) => { Option<$kind> };
    (property, $kind:ty) => { $kind };
    (optional_property, $kind:ty) => { Option<$kind> };
    (properties, $kind:ty) => { Vec<$kind> };
}

macro_rules! read_field {
    ($items:ident, $item:literal, item, $kind:ty) => {
        $items.required::<$kind>($item)?
    };
    ($items:ident, $item:literal, optional, $kind:ty) => {
        $items.optional::<$kind>($item)?
    };
    ($items:ident, $item:literal, property, $kind:ty) => {
        $items.property::<$kind>($item)?
    };
    ($items:ident, $item:literal, optional_property, $kind:ty) => {
        $items.optional_property::<$kind>($item)?
    };
    ($items:ident, $item:literal, properties, $kind:ty) => {
        $items.properties::<$kind>($item)?
    };
}

pub(crate) use {command, field_type, read_field};

property! {
    /// Something of a channel or category older than a time; 0 or absent is now.
    PlacePage {
        1 server_id: Id,
        /// The channel or the category; the command says which.
        2 place_id: Id,
        3 timetag: Option<i64>,
        4 limit: Option<i64>,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete_and_sorted() {
        assert_eq!(all().count(), 134);
        assert!(table::TABLE.is_sorted_by_key(|row| (row.0, row.1)));
        assert_eq!(name_of(CommandId::new(24, 31)), Some("qchatCreateServer"));
        assert_eq!(name_of(CommandId::new(24, 30)), None);
        assert!(is_push(CommandId::new(24, 14)));
        assert!(!is_push(CommandId::new(24, 13)));
    }
}
