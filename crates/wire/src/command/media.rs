//! Media channels.

use crate::{
    command::command,
    entity::ChannelRef,
    tags::property,
    value::{Id, JsonText},
};

property! {
    /// The device id the room kit uses, not that of the link.
    NeroomDevice {
        1 neroom_device_id: String,
    }
}

property! {
    /// Configuration to change. Its tags differ from the 25_3 answer.
    RtcConfigEdit {
        1 server_id: Id,
        2 channel_id: Id,
        3 limit: Option<i64>,
        4 audio: Option<JsonText>,
        5 video: Option<JsonText>,
    }
}

command! {
    /// 25_1 asks for a token of the room service.
    GetMediaToken (25, 1) {
        0 device: property(NeroomDevice),
    }
}

command! {
    /// 25_2 replaces the given parts of the configuration.
    UpdateRtcConfig (25, 2) {
        0 config: property(RtcConfigEdit),
    }
}

command! {
    /// 25_3 reads the configuration.
    GetRtcConfig (25, 3) {
        0 channel: property(ChannelRef),
    }
}

command! {
    /// 25_4 reads who is in the media channel.
    GetOnlineMembers (25, 4) {
        0 channel: property(ChannelRef),
    }
}
