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

/// A way to log in, by the wire's authType.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginType {
    /// A token that was issued here.
    Static,
    /// One that the app's backend signed.
    Dynamic,
    /// Whatever the app's server takes.
    Callback,
}

crate::server::wire_number!(LoginType { Static = 0, Dynamic = 1, Callback = 2 });

/// Some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginTypes(i16);

impl LoginTypes {
    pub const NONE: Self = Self(0);

    /// As stored: bit n is authType n. `None` for bits of no type.
    pub const fn from_bits(bits: i16) -> Option<Self> {
        if 0 <= bits && bits <= 7 { Some(Self(bits)) } else { None }
    }

    pub const fn bits(self) -> i16 {
        self.0
    }

    pub const fn has(self, way: LoginType) -> bool {
        self.0 & 1 << way.number() != 0
    }

    pub const fn with(self, way: LoginType) -> Self {
        Self(self.0 | 1 << way.number())
    }
}

/// How the accounts of an app log in.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginSettings {
    pub types: LoginTypes,
    /// The app's server, which is asked at every login, of whatever type; empty: nobody is asked.
    pub callback: String,
    /// What holds when it does not answer.
    pub callback_allows: bool,
}

impl std::fmt::Debug for LoginSettings {
    /// An address may carry a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginSettings").field("types", &self.types).finish_non_exhaustive()
    }
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
