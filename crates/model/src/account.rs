//! Apps, accounts and the devices they log in with.

use crate::{Accid, AppId, Millis};

/// An app: one app key, one secret, its own accounts and servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    pub id: AppId,
    /// Public, 32 hexadecimal digits when made here.
    pub key: String,
    pub name: String,
    pub created: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub user: UserKey,
    /// Display name of the IM profile; may be empty.
    pub name: String,
    pub icon: String,
    pub disabled: bool,
    pub created: Millis,
}

/// What an account shows of itself (用户名片), as the app's backend wrote it. Only name and icon go to other clients.
#[derive(Clone, PartialEq, Eq)]
pub struct Profile {
    pub accid: Accid,
    pub name: String,
    pub icon: String,
    pub sign: String,
    pub email: String,
    pub birth: String,
    pub mobile: String,
    pub gender: Gender,
    pub ex: String,
}

impl std::fmt::Debug for Profile {
    /// A profile is about a person: nothing of it belongs in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("accid", &self.accid).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gender {
    #[default]
    Unknown,
    Male,
    Female,
}

crate::server::wire_number!(Gender { Unknown = 0, Male = 1, Female = 2 });

/// An account within its app: the key under which sessions and seats are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserKey {
    pub app: AppId,
    pub accid: Accid,
}

/// The wire's client types that log in here. Others keep their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientType(pub u8);

impl ClientType {
    pub const WEB: Self = Self(16);
    pub const SERVER: Self = Self(32);
}
