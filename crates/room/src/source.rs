//! What a member can switch on: microphone, camera, screen.

use std::fmt;

use rotunda_model::Right;

/// One switch per member. Screen covers the shared picture and its sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    Microphone,
    Camera,
    Screen,
}

impl Source {
    pub const ALL: [Self; 3] = [Self::Microphone, Self::Camera, Self::Screen];

    /// The stream's name in room REST and pushes.
    pub const fn stream(self) -> &'static str {
        match self {
            Self::Microphone => "audio",
            Self::Camera => "video",
            Self::Screen => "subVideo",
        }
    }

    pub fn from_stream(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.stream() == name)
    }

    /// Needed by the member whose source it is.
    pub const fn own_right(self) -> Right {
        match self {
            Self::Microphone => Right::RTC_OPEN_MICROPHONE,
            Self::Camera => Right::RTC_OPEN_CAMERA,
            Self::Screen => Right::RTC_SHARE_SCREEN,
        }
    }

    /// Needed to switch another member's source; a screen can only be switched off.
    pub const fn other_right(self) -> Right {
        match self {
            Self::Microphone => Right::RTC_OTHER_MICROPHONE,
            Self::Camera => Right::RTC_OTHER_CAMERA,
            Self::Screen => Right::RTC_CLOSE_OTHER_SHARE,
        }
    }

    /// Exempts from the lock of mute-all; screens know no lock.
    pub const fn everyone_right(self) -> Option<Right> {
        match self {
            Self::Microphone => Some(Right::RTC_EVERYONE_MICROPHONE),
            Self::Camera => Some(Right::RTC_EVERYONE_CAMERA),
            Self::Screen => None,
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// What a producer carries, as `producerInfo.mediaType` says (nertc-web-sdk 4.6.50 to 5.8.34).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaType {
    Audio,
    Video,
    ScreenShare,
    SubAudio,
}

impl MediaType {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::ScreenShare => "screenShare",
            Self::SubAudio => "subAudio",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Audio, Self::Video, Self::ScreenShare, Self::SubAudio]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    pub const fn source(self) -> Source {
        match self {
            Self::Audio => Source::Microphone,
            Self::Video => Source::Camera,
            Self::ScreenShare | Self::SubAudio => Source::Screen,
        }
    }

    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Audio | Self::SubAudio)
    }
}

/// Number of a producer, unique in the process. On the wire `p<number>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProducerId(pub u64);

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Producer {
    pub id: ProducerId,
    pub media: MediaType,
    pub simulcast: bool,
    /// Only the sound of a screen has a switch of its own, below that of the screen.
    pub muted: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct SourceState {
    pub on: bool,
    /// Switched off by somebody else, or by the system, and not reopened since. It binds nobody; it only keeps a client that
    /// republishes by itself after a cut from undoing the moderator.
    pub moderator_off: bool,
    /// The session was rebuilt and has not produced this since: a `Produce` may be recovery, and no wish.
    pub rebuilt: bool,
    /// At most one per media type.
    pub producers: Vec<Producer>,
}

impl SourceState {
    pub fn forwards(&self, producer: &Producer) -> bool {
        self.on && !producer.muted
    }
}
