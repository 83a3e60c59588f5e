//! Roles of a server, and the layers of its channels and categories.

use serde::{Deserialize, Serialize};

use crate::{Accid, Auths, Millis, Place, RoleId, ServerId, server::Member};

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

/// A server role in the layer of a channel (频道身份组) or category: what it says there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRole {
    pub id: RoleId,
    pub server: ServerId,
    pub place: Place,
    /// Its parent, whose members it has and whose kind, name, icon and ext it shows.
    pub server_role: RoleId,
    pub kind: RoleKind,
    pub name: String,
    pub icon: String,
    pub ext: String,
    pub auths: Auths,
    pub created: Millis,
    pub updated: Millis,
}

/// A member's override in one channel or category (定制权限).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRole {
    pub id: RoleId,
    pub server: ServerId,
    pub place: Place,
    pub accid: Accid,
    pub auths: Auths,
    /// The member the override is for, shown beside it.
    pub member: Member,
    pub created: Millis,
    pub updated: Millis,
}

/// A member of a server role other than @everyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleMember {
    pub server: ServerId,
    pub role: RoleId,
    pub member: Member,
    /// When the role was given.
    pub created: Millis,
}

crate::server::wire_number!(RoleKind { Everyone = 1, Custom = 2 });
