//! Identifiers.
//!
//! Numeric ids are 64-bit, positive and time-ordered; on every wire they travel as decimal strings, because the
//! SDK compares ids as strings (nim-web-sdk-ng 0.17.2 and 10.8.1) and JavaScript numbers end at 2^53.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that should have been an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal id between 1 and 2^63-1")]
pub struct InvalidId;

macro_rules! numeric_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i64);

        impl $name {
            /// From a number kept in Postgres or made by the id generator; below 1 is not an id.
            pub const fn new(raw: i64) -> Option<Self> {
                if raw > 0 { Some(Self(raw)) } else { None }
            }

            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // A sign is valid for `i64::from_str` but never for an id.
                if !text.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(InvalidId);
                }
                text.parse().ok().and_then(Self::new).ok_or(InvalidId)
            }
        }

        impl TryFrom<i64> for $name {
            type Error = InvalidId;
            fn try_from(raw: i64) -> Result<Self, InvalidId> {
                Self::new(raw).ok_or(InvalidId)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

numeric_id! {
    /// One app key's world: accounts, servers and everything below them.
    AppId
    /// A community (服务器).
    ServerId
    /// A channel (频道).
    ChannelId
    /// A channel category (频道分组).
    CategoryId
    /// A role (身份组), whichever layer it belongs to.
    RoleId
    /// An invitation or application.
    RequestId
    /// One stay in a media channel.
    SessionId
}

/// Longest account id, in bytes (the vendor's REST limit for `accid`).
pub const ACCID_MAX: usize = 32;

/// An account id: up to 32 bytes of `[a-z0-9_@.-]`, lower case.
///
/// The text lies in the value itself, with zeros after it: permission tables are searched by account, and a search
/// should not follow a pointer at every step. Zero sorts before every byte of a text, so ids sort as their texts do.
///
/// `Debug` shows three bytes, so that logs tell accounts apart without naming them.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Accid([u8; ACCID_MAX]);

/// A text that cannot be an account id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an accid has 1 to 32 characters of a-z 0-9 _ @ . -")]
pub struct InvalidAccid;

impl Accid {
    /// Lower-cases and checks.
    pub fn new(text: &str) -> Result<Self, InvalidAccid> {
        let fits = !text.is_empty()
            && text.len() <= ACCID_MAX
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@' | b'.' | b'-'));
        if !fits {
            return Err(InvalidAccid);
        }
        let mut bytes = [0; ACCID_MAX];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        Ok(Self(bytes))
    }

    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(ACCID_MAX);
        // Checked to be ASCII when it was made.
        self.0.get(..end).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl fmt::Debug for Accid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.as_str().chars().take(3).collect();
        write!(f, "Accid({shown}…)")
    }
}

impl Serialize for Accid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Accid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Longest device id kept, in bytes. Clients send UUID-shaped texts of 32 to 36.
pub const DEVICE_ID_MAX: usize = 128;

/// What a client says its device is: random per SDK instance unless the app fixes it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct DeviceId(Arc<str>);

impl DeviceId {
    /// `None` when empty, longer than [`DEVICE_ID_MAX`], or with a control character (Postgres keeps no NUL).
    pub fn new(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= DEVICE_ID_MAX && !text.chars().any(char::is_control);
        fits.then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.0.chars().take(4).collect();
        write!(f, "DeviceId({shown}…)")
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("a device id has 1 to 128 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_signs_zero_and_overflow() {
        for text in ["", "0", "-1", "+1", " 1", "1.0", "9223372036854775808", "1e3"] {
            assert!(text.parse::<ServerId>().is_err(), "{text:?}");
        }
        assert_eq!("9223372036854775807".parse::<ServerId>().map(ServerId::get), Ok(i64::MAX));
    }

    #[test]
    fn debug_of_an_account_does_not_name_it() {
        let accid = Accid::new("Alice@example").unwrap();
        assert_eq!(accid.as_str(), "alice@example");
        assert_eq!(format!("{accid:?}"), "Accid(ali…)");
    }

    #[test]
    fn accounts_sort_as_their_texts() {
        let longest = "z".repeat(ACCID_MAX);
        let mut texts = ["b", "a", "ab", "a-", "a.b", "a1", "a_", "@", &longest, &longest[1..]];
        let mut accids = texts.map(|text| Accid::new(text).unwrap());
        texts.sort_unstable();
        accids.sort_unstable();
        assert_eq!(accids.each_ref().map(Accid::as_str), texts);
        assert!(Accid::new(&"z".repeat(ACCID_MAX + 1)).is_err());
        assert!(Accid::new("a\0").is_err());
        assert_eq!(serde_json::to_string(&accids.first()).unwrap(), r#""@""#);
    }
}
