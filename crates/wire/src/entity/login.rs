//! Sessions.

use crate::tags::property;

property! {
    /// The 24_2 request. Tags 1, 2, 4, 6 to 11, 14, 30 and 36 are always there; the rest only if the app set them.
    Login {
        1 app_key: String,
        2 account: String,
        /// 0 static token, 1 dynamic token, 2 third-party callback.
        3 auth_type: Option<i64>,
        4 token: String,
        5 login_ext: Option<String>,
        /// 16 is Web.
        6 client_type: Option<i64>,
        7 client_session: Option<String>,
        8 device_id: String,
        9 sdk_version: Option<i64>,
        10 sdk_type: Option<i64>,
        11 user_agent: Option<String>,
        12 custom_tag: Option<String>,
        13 custom_client_type: Option<i64>,
        14 sdk_human_version: Option<String>,
        30 os: Option<String>,
        36 browser: Option<String>,
    }
}

property! {
    /// A live session as the 24_2 answer and the 24_8 push show it.
    LoginInfo {
        1 app_key: String,
        2 account: String,
        6 client_type: i64,
        8 device_id: String,
        12 custom_tag: Option<String>,
        13 custom_client_type: Option<i64>,
        30 os: Option<String>,
        102 consid: String,
        103 client_ip: String,
        104 client_port: i64,
        105 login_time: i64,
    }
}

property! {
    /// The 24_5 push. The client closes and does not reconnect.
    Kicked {
        /// Of the one who kicks.
        1 client_type: i64,
        /// 1 same platform, 2 server, 3 another client of the account, 4 silently.
        2 reason: i64,
        3 ext: Option<String>,
        4 custom_client_type: Option<i64>,
    }
}
