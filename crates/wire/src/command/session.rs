//! Logging in and what follows.

use crate::{command::command, entity::Login, tags::property};

property! {
    /// The time of the previous 24_19 answer of this instance; 0 at first.
    SyncTags {
        1 system_notification: Option<i64>,
        2 push_config: Option<i64>,
    }
}

command! {
    /// 24_2 logs in.
    LogIn (24, 2) {
        0 login: property(Login),
    }
}

command! {
    /// 24_9 ends other sessions of the account.
    KickOthers (24, 9) {
        0 device_ids: item(Vec<String>),
    }
}

command! {
    /// 24_19 asks for what was missed.
    Sync (24, 19) {
        0 timetags: optional_property(SyncTags),
    }
}
