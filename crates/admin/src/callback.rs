//! The vendor's third-party callback (第三方回调), as far as logins ask it: the app's own server says who may come in.
//!
//! One attempt within two seconds; without a readable answer what the app chose for that case holds.

use std::time::Duration;

use md5::{Digest, Md5};
use rotunda_core::ports::{Callbacks, LoginQuestion};
use rotunda_outbound::{Outbound, OutboundError, Post};
use serde::Deserialize;
use serde_json::json;

use crate::vendor::sign::check_sum;

/// How long an answer may take (the vendor's). Every login waits for it.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Longest answer, bytes: one number, and what we do not read.
const ANSWER_MAX: usize = 16 * 1024;

/// 圈组登录: the vendor's number of this event.
const LOGIN_EVENT: u8 = 40;

/// Asks apps' servers.
#[derive(Debug, Clone)]
pub struct AppCallbacks {
    outbound: Outbound,
}

impl AppCallbacks {
    pub const fn new(outbound: Outbound) -> Self {
        Self { outbound }
    }
}

/// 0 lets in; any other number does not.
#[derive(Deserialize)]
struct Verdict {
    #[serde(rename = "errCode")]
    code: i64,
}

#[async_trait::async_trait]
impl Callbacks for AppCallbacks {
    async fn ask_login(&self, question: LoginQuestion<'_>) -> Option<bool> {
        let client = question.client;
        let body = json!({
            "eventType": LOGIN_EVENT,
            "authType": question.auth_type,
            "fromAccount": question.accid,
            "token": question.token,
            "fromClientType": client.client_type,
            "fromClientIp": client.ip,
            "fromClientPort": client.port,
            "fromDeviceId": client.device,
            "customTag": client.custom_tag,
            "timestamp": question.now,
        });
        let body = body.to_string().into_bytes();
        let headers = sign(question.app_key, question.secret, &body, question.now.get());
        let post =
            Post { url: question.url, headers: &headers, body, timeout: TIMEOUT, answer_max: ANSWER_MAX };
        match self.outbound.post(post).await {
            Ok(answer) if answer.status == 200 => {
                let verdict = serde_json::from_slice::<Verdict>(&answer.body);
                verdict.ok().map(|verdict| verdict.code == 0)
            }
            Ok(answer) => {
                tracing::warn!(status = answer.status, "a login callback did not answer with 200");
                None
            }
            Err(error) => {
                note(error);
                None
            }
        }
    }
}

fn note(error: OutboundError) {
    tracing::warn!(%error, "a login callback was not answered");
}

/// AppKey, CurTime (ms), MD5 of the body, and CheckSum: the hexadecimal SHA-1 of app secret, MD5 and CurTime.
pub(crate) fn sign(app_key: &str, secret: &str, body: &[u8], now_ms: i64) -> [(&'static str, String); 4] {
    let md5 = hex::encode(Md5::digest(body));
    let time = now_ms.to_string();
    let sum = check_sum(secret, &md5, &time);
    [("AppKey", app_key.to_owned()), ("CurTime", time), ("MD5", md5), ("CheckSum", sum)]
}
