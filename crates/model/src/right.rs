//! The rights (权限, auths) of QChat: ids as in the SDK's enum, scopes as in the typed models of the PC SDK.

use serde::{Deserialize, Serialize};

/// Lowest id of a custom right (自定义权限项), defined by an app through REST.
pub const CUSTOM_RIGHT_MIN: u32 = 10_000;

/// Where a right may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightScope {
    /// Only on server roles.
    Server,
    /// On server roles and in the channel and category layers.
    Channel,
}

/// One of the 27 built-in rights, or a custom one by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub struct Right(u32);

/// A number that names no right: neither 1 to 27 nor 10000 and above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is neither a built-in right (1 to 27) nor a custom one (10000 and above)")]
pub struct UnknownRight(pub u32);

macro_rules! rights {
    ($($konst:ident = $id:literal, $name:literal, $scope:ident;)*) => {
        impl Right {
            $(#[doc = concat!("`", $name, "`")] pub const $konst: Self = Self($id);)*

            /// All built-in rights, by id.
            pub const BUILT_IN: [Self; 27] = [$(Self::$konst),*];

            /// The SDK's name; `None` for a custom right.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $($id => Some($name),)* _ => None }
            }

            /// Custom rights work in every layer, like the channel-scope ones.
            pub const fn scope(self) -> RightScope {
                match self.0 { $($id => RightScope::$scope,)* _ => RightScope::Channel }
            }
        }
    };
}

rights! {
    MANAGE_SERVER = 1, "manageServer", Server;
    MANAGE_CHANNEL = 2, "manageChannel", Channel;
    MANAGE_ROLE = 3, "manageRole", Channel;
    SEND_MSG = 4, "sendMsg", Channel;
    ACCOUNT_INFO_SELF = 5, "accountInfoSelf", Server;
    INVITE_SERVER = 6, "inviteServer", Server;
    KICK_SERVER = 7, "kickServer", Server;
    ACCOUNT_INFO_OTHER = 8, "accountInfoOther", Server;
    RECALL_MSG = 9, "recallMsg", Channel;
    DELETE_MSG = 10, "deleteMsg", Channel;
    REMIND_OTHER = 11, "remindOther", Channel;
    REMIND_EVERYONE = 12, "remindEveryone", Channel;
    MANAGE_BLACK_WHITE_LIST = 13, "manageBlackWhiteList", Channel;
    BAN_SERVER_MEMBER = 14, "banServerMember", Server;
    RTC_CONNECT = 15, "RTCChannelConnect", Channel;
    RTC_DISCONNECT_OTHER = 16, "RTCChannelDisconnectOther", Channel;
    RTC_OPEN_MICROPHONE = 17, "RTCChannelOpenMicrophone", Channel;
    RTC_OPEN_CAMERA = 18, "RTCChannelOpenCamera", Channel;
    RTC_OTHER_MICROPHONE = 19, "RTCChannelOpenCloseOtherMicrophone", Channel;
    RTC_OTHER_CAMERA = 20, "RTCChannelOpenCloseOtherCamera", Channel;
    RTC_EVERYONE_MICROPHONE = 21, "RTCChannelOpenCloseEveryoneMicrophone", Channel;
    RTC_EVERYONE_CAMERA = 22, "RTCChannelOpenCloseEveryoneCamera", Channel;
    RTC_SHARE_SCREEN = 23, "RTCChannelOpenShareScreen", Channel;
    RTC_CLOSE_OTHER_SHARE = 24, "RTCChannelCloseOtherShareScreen", Channel;
    MANAGE_INVITE_APPLY = 25, "manageInviteApply", Server;
    MANAGE_INVITE_APPLY_HISTORY = 26, "manageInviteApplyHistory", Server;
    MENTIONED_ROLE = 27, "mentionedRole", Channel;
}

impl Right {
    pub const fn id(self) -> u32 {
        self.0
    }

    pub const fn is_custom(self) -> bool {
        self.0 >= CUSTOM_RIGHT_MIN
    }

    /// By the SDK's name, as a command line writes it.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|right| right.name() == Some(name))
    }
}

impl TryFrom<u32> for Right {
    type Error = UnknownRight;
    fn try_from(id: u32) -> Result<Self, UnknownRight> {
        if (1..=27).contains(&id) || id >= CUSTOM_RIGHT_MIN { Ok(Self(id)) } else { Err(UnknownRight(id)) }
    }
}

impl From<Right> for u32 {
    fn from(right: Right) -> u32 {
        right.0
    }
}

/// A set of built-in rights as one word: bit `id`. Custom rights are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RightSet(u64);

impl RightSet {
    pub const EMPTY: Self = Self(0);

    /// Every built-in right.
    pub const ALL: Self = Self(((1 << 28) - 1) & !1);

    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::ALL.0)
    }

    pub const fn bits(self) -> u64 {
        self.0
    }

    /// False for custom rights.
    pub const fn has(self, right: Right) -> bool {
        right.0 < 28 && self.0 & (1 << right.0) != 0
    }

    #[must_use]
    pub const fn with(self, right: Right) -> Self {
        if right.0 < 28 { Self(self.0 | 1 << right.0) } else { self }
    }

    #[must_use]
    pub const fn without(self, right: Right) -> Self {
        if right.0 < 28 { Self(self.0 & !(1 << right.0)) } else { self }
    }
}

impl FromIterator<Right> for RightSet {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        rights.into_iter().fold(Self::EMPTY, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_between_the_built_in_and_the_custom_ones_name_nothing() {
        assert_eq!(Right::try_from(0), Err(UnknownRight(0)));
        assert_eq!(Right::try_from(28), Err(UnknownRight(28)));
        assert_eq!(Right::try_from(9_999), Err(UnknownRight(9_999)));
        assert!(Right::try_from(10_000).is_ok_and(Right::is_custom));
    }

    #[test]
    fn the_full_set_has_exactly_the_built_in_rights() {
        assert_eq!(Right::BUILT_IN.into_iter().collect::<RightSet>(), RightSet::ALL);
        assert_eq!(RightSet::ALL.bits().count_ones(), 27);
    }
}
