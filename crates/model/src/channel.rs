//! Channels.

use serde::{Deserialize, Serialize};

use crate::{Accid, CategoryId, ChannelId, Millis, ServerId, server::wire_number};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    pub id: ChannelId,
    pub server: ServerId,
    pub category: Option<CategoryId>,
    pub kind: ChannelKind,
    pub name: String,
    pub topic: String,
    pub ext: String,
    /// Who created it.
    pub owner: Accid,
    pub view_mode: ViewMode,
    pub visitor_mode: VisitorMode,
    pub sync_mode: SyncMode,
    pub reorder_weight: i64,
    pub created: Millis,
    pub updated: Millis,
}

/// Immutable after creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ChannelKind {
    #[default]
    Message,
    /// 实时互动频道
    Media,
    Custom,
}

/// Public: the black list hides. Private: the white list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ViewMode {
    #[default]
    Public,
    Private,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum VisitorMode {
    Visible,
    Hidden,
    /// Visible exactly when the channel is public.
    #[default]
    Follow,
}

/// Whether the category's layer replaces the channel's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SyncMode {
    #[default]
    Own,
    WithCategory,
}

wire_number!(ChannelKind { Message = 0, Media = 1, Custom = 100 });
wire_number!(ViewMode { Public = 0, Private = 1 });
wire_number!(VisitorMode { Visible = 0, Hidden = 1, Follow = 2 });
wire_number!(SyncMode { Own = 0, WithCategory = 1 });
