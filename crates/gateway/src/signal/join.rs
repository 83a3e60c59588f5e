//! `Join`: from a session token to a member on a socket.

use rotunda_core::{account, media};
use rotunda_model::{Code, Millis};
use rotunda_room::{Joined as How, RtcJoin, SeatId};
use rotunda_sfu::{SrtpOffer, ortc};
use serde_json::{Map, Value, json};

use super::{
    envelope::{integer, text as text_of},
    info::unavailable,
    session::Address,
    token::{SESSION_TOKEN, SessionClaims},
};
use crate::{
    Gateway,
    room::{Entering, Owner, RoomHandle, SocketHandle, confirm, listens_to_quality},
};

/// The client asked for a media encryption there is not (nertc-web-sdk 4.6.50 to 5.8.34).
const ENCRYPTION_MISMATCH: Code = Code(4009);

/// Longest `deviceid` of an address and longest custom data, bytes.
const DEVICE_MAX: usize = 128;
const CUSTOM_MAX: usize = 1024;

/// An accepted `Join`.
pub(super) struct Joined {
    pub room: RoomHandle,
    pub seat: SeatId,
    pub answer: Value,
}

pub(super) const fn text(code: Code) -> &'static str {
    match code.0 {
        400 => "the request cannot be used",
        403 => "no permission, or the seat is gone",
        404 => "no such channel",
        414 => "not a media channel",
        503 => "busy",
        1002 => "the room is full",
        4009 => "media encryption is not supported",
        _ => "failed",
    }
}

/// What of `externData` is read.
struct Asked {
    claims: SessionClaims,
    platform_type: i64,
    custom_data: Option<Value>,
    srtp: SrtpOffer,
    /// Whether it understands our own notification about the members' lines.
    quality: bool,
}

fn read(gateway: &Gateway, address: &Address, data: &Map<String, Value>) -> Result<Asked, Code> {
    let extern_data = data.get("externData").and_then(Value::as_object).ok_or(Code(400))?;
    let encrypted = |key: &str| match extern_data.get(key) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    if encrypted("gmEnable") || encrypted("customEncryption") {
        return Err(ENCRYPTION_MISMATCH);
    }
    let token = extern_data.get("token").and_then(Value::as_str).unwrap_or_default();
    let claims: SessionClaims = gateway.core.verify(token).map_err(|_| Code::FORBIDDEN)?;
    let own = |text: &str, number: i64| text.parse() == Ok(number);
    let named = text_of(extern_data.get("cname")).is_none_or(|name| name == claims.channel.to_string());
    let own_address = own(&address.cid, claims.cid) && own(&address.uid, claims.uid);
    if claims.typ != SESSION_TOKEN || !own_address || !named || address.deviceid.len() > DEVICE_MAX {
        return Err(Code::FORBIDDEN);
    }
    let custom_data = extern_data.get("customData").filter(|custom| !custom.is_null()).cloned();
    if custom_data.as_ref().is_some_and(|custom| custom.to_string().len() > CUSTOM_MAX) {
        return Err(Code(400));
    }
    let browser = extern_data.get("browser");
    let of = |key: &str| browser.and_then(|browser| text_of(browser.get(key))).unwrap_or_default();
    Ok(Asked {
        claims,
        platform_type: integer(extern_data.get("platformType")).unwrap_or(16),
        custom_data,
        srtp: ortc::srtp_offer(&of("name"), &of("version")),
        quality: listens_to_quality(&text_of(extern_data.get("engineVersion")).unwrap_or_default()),
    })
}

/// Codes: 400, 403 (token, seat or right), 404, 414, 503, 1002, 4009.
pub(super) async fn join(
    gateway: &Gateway,
    address: &Address,
    socket: SocketHandle,
    data: &Map<String, Value>,
) -> Result<Joined, Code> {
    let asked = read(gateway, address, data)?;
    let user = asked.claims.user().ok_or(Code::FORBIDDEN)?;
    let channel = asked.claims.channel;
    let verdict = media::verdict(&gateway.core, &user, channel).await.map_err(|error| error.code())?;
    let seat = SeatId(asked.claims.seat);
    if !has_seat(gateway, &asked.claims, seat).await? {
        reseat(gateway, &asked.claims, seat).await?;
    }
    let room = gateway.rooms.find(user.app, channel).ok_or(Code::FORBIDDEN)?;
    let (rights, version, accid) = (verdict.rights, verdict.version, user.accid.clone());
    let join = RtcJoin {
        serial: asked.claims.serial,
        device: address.deviceid.clone(),
        socket: socket.id,
        platform_type: asked.platform_type,
        custom_data: asked.custom_data,
    };
    let (srtp, quality) = (asked.srtp, asked.quality);
    let answer = room
        .call(move |owner| {
            let now = owner.now();
            owner.room.set_rights(now, &accid, rights, version);
            attach(owner, now, seat, join, socket, srtp, quality)
        })
        .await
        .map_err(unavailable)??;
    confirm(gateway, &room, &user, &verdict).await?;
    Ok(Joined { room, seat, answer })
}

fn attach(
    owner: &mut Owner,
    now: Millis,
    seat: SeatId,
    join: RtcJoin,
    socket: SocketHandle,
    srtp: SrtpOffer,
    quality: bool,
) -> Result<Value, Code> {
    let how = owner.room.join_rtc(now, seat, join).map_err(|refusal| refusal.code())?;
    match how {
        How::Again { replaced: Some(old) } => owner.detach(old),
        // What the older session has at the media worker goes with it, before this one builds its own.
        How::Instead => owner.desk.close_session(seat),
        How::New | How::Again { replaced: None } => {}
    }
    owner.desk.open_session(seat, srtp);
    owner.attach(socket, quality);
    Ok(json!({
        "code": 200,
        "edgeRtpCapabilities": ortc::router_capabilities(),
        "preferRemb": false,
        "supportWebAsl": false,
        "aslActiveNum": 0,
        "externData": {
            "userList": owner.room.peers_of(seat),
            // 256: the codecs of video; 0 H264, 2 VP8.
            "roomCapability": { "mediaCapabilitySet": r#"{"256":[0,2]}"# },
            "audioRight": 0,
            "videoRight": 0,
        },
    }))
}

async fn has_seat(gateway: &Gateway, claims: &SessionClaims, seat: SeatId) -> Result<bool, Code> {
    let Some(user) = claims.user() else { return Err(Code::FORBIDDEN) };
    let Some(room) = gateway.rooms.find(user.app, claims.channel) else { return Ok(false) };
    let held = room.call(move |owner| owner.room.account_of(seat).cloned()).await.map_err(unavailable)?;
    match held {
        Some(accid) if accid == user.accid => Ok(true),
        Some(_) => Err(Code::FORBIDDEN),
        None => Ok(false),
    }
}

/// A seat that this process never gave: its token re-seats its owner once, through the full verdict.
async fn reseat(gateway: &Gateway, claims: &SessionClaims, seat: SeatId) -> Result<(), Code> {
    if claims.boot == gateway.rooms.boot {
        return Err(Code::FORBIDDEN);
    }
    let user = claims.user().ok_or(Code::FORBIDDEN)?;
    // A seat of this process went when its account was blocked; one of an earlier process is asked about here.
    let account = account::find(&gateway.core, &user).await.map_err(|error| error.code())?;
    if account.is_none_or(|account| account.disabled) {
        return Err(Code::FORBIDDEN);
    }
    let expires = Millis(claims.exp.saturating_mul(1000));
    let fresh = media::use_once(&gateway.core, &claims.jti, expires).await.map_err(|error| error.code())?;
    if !fresh {
        return Err(Code::FORBIDDEN);
    }
    let entering = Entering {
        user,
        device: claims.device.clone(),
        link_device: claims.link_device.clone(),
        expires: claims.token_expires,
        name: claims.name.clone(),
        icon: String::new(),
        client_type: "web".to_owned(),
        reseat: Some((seat, claims.serial)),
    };
    let (taken, _) = gateway.enter(claims.channel, entering, |_, seated| seated.seat).await?;
    // The same device has entered anew meanwhile: its newer tokens count.
    if taken == seat { Ok(()) } else { Err(Code::FORBIDDEN) }
}
