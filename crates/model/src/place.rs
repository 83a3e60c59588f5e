//! Channels and categories as places: what layers, overrides and lists hang on.

use serde::{Deserialize, Serialize};

use crate::{CategoryId, ChannelId, server::wire_number};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    Channel(ChannelId),
    Category(CategoryId),
}

/// The two lists of a place (黑白名单): white shows a private one, black hides a public one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ListKind {
    White,
    Black,
}

wire_number!(ListKind { White = 1, Black = 2 });
