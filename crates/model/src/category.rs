//! Channel categories (频道分组): templates for the channels in sync with them.

use serde::{Deserialize, Serialize};

use crate::{Accid, CategoryId, Millis, ServerId, ViewMode};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    pub id: CategoryId,
    pub server: ServerId,
    pub name: String,
    pub ext: String,
    /// Who created it.
    pub owner: Accid,
    pub view_mode: ViewMode,
    /// Channels in it, whether the reader sees them or not.
    pub channel_count: u32,
    pub reorder_weight: i64,
    pub created: Millis,
    pub updated: Millis,
}
