//! System notifications (系统通知) as facts, before any wire tag.

use serde::{Deserialize, Serialize};

use crate::{
    Accid, AppId, Category, CategoryId, ChannelId, DeviceId, ListKind, Millis, RequestId, RoleId, ServerId,
    channel::Channel,
    role::{LayerRole, MemberRole, ServerRole},
    server::{Member, Server},
};

/// One notification, ready to be delivered.
/// Entities are held whole, as they were when it happened: a notification is delivered later than it is decided,
/// and must not show a newer state than the one it tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    pub app: AppId,
    pub fact: Fact,
    pub server: Option<ServerId>,
    pub channel: Option<ChannelId>,
    pub audience: Audience,
    pub from: Accid,
    pub from_device: Option<DeviceId>,
    pub from_client_type: u8,
    pub from_nick: String,
    pub time: Millis,
    /// Non-zero only when stored for delivery at the next login.
    pub stored_id: i64,
}

/// Who receives it, and with which `toType`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Audience {
    /// Every subscriber of the server (`toType` 1), and those named: members who have only just joined, or who
    /// are no longer there.
    Server { also: Vec<Accid> },
    /// Subscribers who see the channel (`toType` 2).
    Channel,
    /// Subscribers who see the category (`toType` 1: the wire knows no audience of a category).
    Category(CategoryId),
    /// Accounts of the server (`toType` 3).
    ServerAccounts(Vec<Accid>),
    /// Accounts of the channel (`toType` 4).
    ChannelAccounts(Vec<Accid>),
}

/// What happened, with what the client is told beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// 1
    MemberInvite { server: Server, request: RequestId },
    /// 3
    MemberApply { server: Server, request: RequestId },
    /// 5
    ServerCreate { server: Server },
    /// 6
    ServerRemove,
    /// 8
    MemberInviteDone { server: Server, invited: Vec<Accid>, request: RequestId },
    /// 9
    MemberInviteAccept { server: Server, inviter: Accid, request: RequestId },
    /// 10
    MemberApplyDone { server: Server, request: RequestId },
    /// 11
    MemberApplyAccept { server: Server, applicant: Accid, request: RequestId },
    /// 12, of a ban too
    MemberKick { server: Server, kicked: Vec<Accid> },
    /// 13
    MemberLeave { server: Server },
    /// 14
    MemberUpdate { member: Member },
    /// 15
    ChannelCreate { channel: Channel },
    /// 16
    ChannelRemove,
    /// 17
    ChannelUpdate { channel: Channel },
    /// 18, of the notification's channel
    ChannelListRole { list: ListKind, add: bool, role: RoleId },
    /// 19, of the notification's channel
    ChannelListMembers { list: ListKind, add: bool, accids: Vec<Accid> },
    /// 21
    CategoryCreate { category: Category },
    /// 22
    CategoryRemove { category: CategoryId },
    /// 23
    CategoryUpdate { category: Category },
    /// 24
    CategoryListRole { category: CategoryId, list: ListKind, add: bool, role: RoleId },
    /// 25
    CategoryListMembers { category: CategoryId, list: ListKind, add: bool, accids: Vec<Accid> },
    /// 26
    ServerRoleMembersAdd { role: ServerRole, added: Vec<Accid> },
    /// 27
    ServerRoleMembersRemove { role: ServerRole, removed: Vec<Accid> },
    /// 28
    ServerRoleUpdate { role: ServerRole, auths: String },
    /// 29, of a channel's or category's role
    LayerRoleUpdate { role: LayerRole, auths: String },
    /// 30, of an override in a channel or category
    MemberRoleUpdate { role: MemberRole, auths: String },
    /// 31
    ChannelVisibility { visible: bool },
    /// 32
    ServerEnterLeave { entered: bool, server: Option<Server> },
}

impl Fact {
    /// The wire's notification type.
    pub const fn number(&self) -> u16 {
        match self {
            Self::MemberInvite { .. } => 1,
            Self::MemberApply { .. } => 3,
            Self::ServerCreate { .. } => 5,
            Self::ServerRemove => 6,
            Self::MemberInviteDone { .. } => 8,
            Self::MemberInviteAccept { .. } => 9,
            Self::MemberApplyDone { .. } => 10,
            Self::MemberApplyAccept { .. } => 11,
            Self::MemberKick { .. } => 12,
            Self::MemberLeave { .. } => 13,
            Self::MemberUpdate { .. } => 14,
            Self::ChannelCreate { .. } => 15,
            Self::ChannelRemove => 16,
            Self::ChannelUpdate { .. } => 17,
            Self::ChannelListRole { .. } => 18,
            Self::ChannelListMembers { .. } => 19,
            Self::CategoryCreate { .. } => 21,
            Self::CategoryRemove { .. } => 22,
            Self::CategoryUpdate { .. } => 23,
            Self::CategoryListRole { .. } => 24,
            Self::CategoryListMembers { .. } => 25,
            Self::ServerRoleMembersAdd { .. } => 26,
            Self::ServerRoleMembersRemove { .. } => 27,
            Self::ServerRoleUpdate { .. } => 28,
            Self::LayerRoleUpdate { .. } => 29,
            Self::MemberRoleUpdate { .. } => 30,
            Self::ChannelVisibility { .. } => 31,
            Self::ServerEnterLeave { .. } => 32,
        }
    }

    /// Persisted until the receiver has seen it: the membership-handling ones addressed to an account.
    pub const fn is_stored(&self) -> bool {
        matches!(self, Self::MemberInvite { .. } | Self::MemberApply { .. })
    }
}
