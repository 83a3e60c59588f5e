//! Roles of a server and the overrides of its channels.

use serde::{Deserialize, Serialize};

use crate::{Accid, Auths, ChannelId, Millis, RoleId, ServerId, server::Member};

/// A server role. Smaller `priority` ranks higher; @everyone carries 0 yet ranks lowest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRole {
    pub id: RoleId,
    pub server: ServerId,
    pub name: String,
    pub icon: String,
    pub ext: String,
    pub auths: Auths,
    pub kind: RoleKind,
    /// −1 for @everyone, whose membership is implicit.
    pub member_count: i64,
    pub priority: i64,
    pub created: Millis,
    pub updated: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleKind {
    Everyone,
    Custom,
}

/// A member's override in one channel (定制权限).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRole {
    pub id: RoleId,
    pub server: ServerId,
    pub channel: ChannelId,
    pub accid: Accid,
    pub auths: Auths,
    /// The member the override is for, shown beside it.
    pub member: Member,
    pub created: Millis,
    pub updated: Millis,
}

crate::server::wire_number!(RoleKind { Everyone = 1, Custom = 2 });
