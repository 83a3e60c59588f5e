//! What a role or override says about rights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::right::{Right, RightSet};

/// The wire's three values: deny −1, ignore (inherit, 继承) 0, allow 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthValue {
    Deny,
    Ignore,
    Allow,
}

impl AuthValue {
    pub const fn number(self) -> i8 {
        match self {
            Self::Deny => -1,
            Self::Ignore => 0,
            Self::Allow => 1,
        }
    }

    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            -1 => Some(Self::Deny),
            0 => Some(Self::Ignore),
            1 => Some(Self::Allow),
            _ => None,
        }
    }
}

/// The answer of one layer for every right: two words for the built-in rights, a small map for custom ones.
///
/// A right in neither set is ignored. A right is never in both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "BTreeMap<u32, i8>", try_from = "BTreeMap<u32, i8>")]
pub struct Auths {
    allow: RightSet,
    deny: RightSet,
    custom: BTreeMap<Right, bool>,
}

/// Stored auths that no release of Rotunda wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("auths hold right {right} with value {value}")]
pub struct InvalidAuths {
    right: u32,
    value: i8,
}

impl Auths {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn get(&self, right: Right) -> AuthValue {
        let flags = if right.is_custom() {
            let value = self.custom.get(&right);
            (value == Some(&true), value == Some(&false))
        } else {
            (self.allow.has(right), self.deny.has(right))
        };
        match flags {
            (true, _) => AuthValue::Allow,
            (_, true) => AuthValue::Deny,
            _ => AuthValue::Ignore,
        }
    }

    pub fn set(&mut self, right: Right, value: AuthValue) {
        if right.is_custom() {
            match value {
                AuthValue::Ignore => self.custom.remove(&right),
                other => self.custom.insert(right, other == AuthValue::Allow),
            };
            return;
        }
        self.allow = self.allow.without(right);
        self.deny = self.deny.without(right);
        match value {
            AuthValue::Allow => self.allow = self.allow.with(right),
            AuthValue::Deny => self.deny = self.deny.with(right),
            AuthValue::Ignore => {}
        }
    }

    /// Built-in rights this layer allows.
    pub const fn allowed(&self) -> RightSet {
        self.allow
    }

    /// Built-in rights this layer denies.
    pub const fn denied(&self) -> RightSet {
        self.deny
    }

    /// Rights with a value other than ignore, by id.
    pub fn iter(&self) -> impl Iterator<Item = (Right, AuthValue)> + '_ {
        let built_in = Right::BUILT_IN.into_iter().map(|right| (right, self.get(right)));
        let custom = self.custom.keys().map(|&right| (right, self.get(right)));
        built_in.chain(custom).filter(|(_, value)| *value != AuthValue::Ignore)
    }
}

impl FromIterator<(Right, AuthValue)> for Auths {
    fn from_iter<I: IntoIterator<Item = (Right, AuthValue)>>(pairs: I) -> Self {
        let mut auths = Self::new();
        for (right, value) in pairs {
            auths.set(right, value);
        }
        auths
    }
}

impl From<Auths> for BTreeMap<u32, i8> {
    fn from(auths: Auths) -> Self {
        auths.iter().map(|(right, value)| (right.id(), value.number())).collect()
    }
}

impl TryFrom<BTreeMap<u32, i8>> for Auths {
    type Error = InvalidAuths;
    fn try_from(map: BTreeMap<u32, i8>) -> Result<Self, InvalidAuths> {
        map.into_iter()
            .map(|(id, number)| {
                let bad = InvalidAuths { right: id, value: number };
                let right = Right::try_from(id).map_err(|_| bad.clone())?;
                Ok((right, AuthValue::from_number(number.into()).ok_or(bad)?))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_never_allowed_and_denied_at_once() {
        let custom = Right::try_from(10_001).unwrap();
        for right in [Right::SEND_MSG, custom] {
            let mut auths = Auths::new();
            for value in [AuthValue::Allow, AuthValue::Deny, AuthValue::Ignore, AuthValue::Allow] {
                auths.set(right, value);
                assert_eq!(auths.get(right), value);
            }
        }
    }

    #[test]
    fn auths_survive_json() {
        let auths: Auths = [(Right::RTC_CONNECT, AuthValue::Allow), (Right::SEND_MSG, AuthValue::Deny)]
            .into_iter()
            .collect();
        let json = serde_json::to_string(&auths).unwrap();
        assert_eq!(json, r#"{"4":-1,"15":1}"#);
        assert_eq!(serde_json::from_str::<Auths>(&json).unwrap(), auths);
        assert!(serde_json::from_str::<Auths>(r#"{"28":1}"#).is_err());
        assert!(serde_json::from_str::<Auths>(r#"{"4":2}"#).is_err());
    }
}
