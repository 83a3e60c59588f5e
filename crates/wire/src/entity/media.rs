//! Media channels.

use crate::{tags::property, value::JsonText};

property! {
    /// The 25_3 answer. Text that is not JSON makes the call fail in the client.
    RtcConfig {
        1 limit: i64,
        2 audio: JsonText,
        3 video: JsonText,
    }
}

property! {
    /// The 25_1 answer. `expire_s` must be well above 240: at 200 the client asked 700 times a second.
    MediaToken {
        1 token: String,
        2 expire_s: i64,
    }
}
