//! Channel info: `POST /rtc/info`, from an rtcToken to the address and token of a signalling session.

use axum::{
    Form, Json,
    extract::{State, rejection::FormRejection},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use rotunda_core::{account, media};
use rotunda_model::{ChannelId, Code};
use rotunda_room::SeatId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::token::{RTC_TOKEN, SESSION_TOKEN, SessionClaims};
use crate::{Gateway, room::Unavailable};

/// How often the one signalling address is named. The engine gives each address about three tries of 2 s when its
/// socket is cut (nertc-web-sdk 4.6.50 to 5.8.34), so this decides how long a cut it survives.
const ADDRESSES: u8 = 4;

/// What of the form is read; engines send about twenty fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    uid: Option<String>,
    appkey: Option<String>,
    channel_name: Option<String>,
    /// In secure mode, the token.
    checksum: Option<String>,
    t1: Option<String>,
}

pub(super) async fn info(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    form: Result<Form<Asked>, FormRejection>,
) -> Response {
    let received = gateway.core.env().now();
    let result = match form {
        Ok(Form(asked)) => answer(&gateway, &headers, &asked).await.map(|data| (data, asked.t1)),
        Err(_) => Err(Code(400)),
    };
    let code = result.as_ref().map_or_else(|code| code.0, |_| 200);
    metrics::counter!("rotunda_channel_info_total", "code" => code.to_string()).increment(1);
    let t1 = |t1: Option<String>| t1.and_then(|text| text.parse::<i64>().ok()).unwrap_or(received.get());
    let body = match result {
        Ok((mut data, asked_at)) => {
            if let Some(data) = data.as_object_mut() {
                let time = json!({ "t1": t1(asked_at), "t2": received, "t3": gateway.core.env().now() });
                data.insert("time".to_owned(), time);
            }
            data
        }
        Err(code) => json!({ "code": code.0, "desc": text(code) }),
    };
    Json(body).into_response()
}

const fn text(code: Code) -> &'static str {
    match code.0 {
        400 => "the request cannot be used",
        403 => "no permission: enter the room first, and use its rtcUid and rtcToken",
        404 => "no such channel",
        414 => "not a media channel",
        503 => "busy",
        _ => "failed",
    }
}

async fn answer(gateway: &Gateway, headers: &HeaderMap, asked: &Asked) -> Result<Value, Code> {
    let token = asked.checksum.as_deref().unwrap_or_default();
    let claims: SessionClaims = gateway.core.verify(token).map_err(|_| Code::FORBIDDEN)?;
    let named: Option<ChannelId> = asked.channel_name.as_deref().and_then(|name| name.parse().ok());
    let own_uid = asked.uid.as_deref().is_none_or(|uid| uid.is_empty() || uid.parse() == Ok(claims.uid));
    if claims.typ != RTC_TOKEN || named != Some(claims.channel) || !own_uid {
        return Err(Code::FORBIDDEN);
    }
    let user = claims.user().ok_or(Code::FORBIDDEN)?;
    let app_key = asked.appkey.as_deref().unwrap_or_default();
    let app = account::app_by_key(&gateway.core, app_key).await.map_err(|error| error.code())?;
    if app.is_none_or(|app| app.id != user.app) {
        return Err(Code::FORBIDDEN);
    }
    media::verdict(&gateway.core, &user, claims.channel).await.map_err(|error| error.code())?;
    let room = gateway.rooms.find(user.app, claims.channel).ok_or(Code::FORBIDDEN)?;
    let (seat, accid) = (SeatId(claims.seat), user.accid.clone());
    let serial = room
        .call(move |owner| {
            owner.room.account_of(seat).filter(|of| **of == accid)?;
            owner.room.next_session(seat)
        })
        .await
        .map_err(unavailable)?
        .ok_or(Code::FORBIDDEN)?;
    let env = gateway.core.env();
    let session = SessionClaims {
        typ: SESSION_TOKEN.into(),
        serial,
        boot: gateway.rooms.boot,
        jti: format!("{:032x}", u128::from_be_bytes(env.bytes())),
        exp: SessionClaims::expiry(env.now()),
        ..claims
    };
    let token = gateway.core.sign(&session).map_err(|error| error.code())?;
    let authority = gateway.config.public_origin.authority(headers);
    // A bare address means wss. nertc-web-sdk 4.6.50 and 5.8.34 take one with or without `wss://`; 5.4.0 puts it before
    // every address it probes, also before one that has it, and then asks name servers for a host `wss`.
    let base = if gateway.config.public_origin.of(headers).starts_with("http:") {
        format!("ws://{authority}/rtc/signal")
    } else {
        format!("{authority}/rtc/signal")
    };
    let addresses: Vec<String> =
        std::iter::once(base.clone()).chain((1..ADDRESSES).map(|door| format!("{base}/{door}"))).collect();
    Ok(json!({
        "code": 200,
        "cid": session.cid.to_string(),
        "token": token,
        "config": { "quality_level_limit": 16 },
        "ips": {
            "uid": session.uid,
            "token": "",
            "webrtcarray": addresses,
            "turnaddrs": [],
            "relayaddrs": null,
            "relaytoken": null,
        },
    }))
}

pub(super) fn unavailable(unavailable: Unavailable) -> Code {
    match unavailable {
        Unavailable::Busy => Code::BUSY,
        Unavailable::Gone => Code::FORBIDDEN,
    }
}
