//! Into the room and what is in it: config, entry, snapshot, sequence.

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::Response,
};
use rotunda_core::media::{self, MediaVerdict};
use rotunda_model::{Code, RtcConfig};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Body, RoomPath, object, text};
use crate::{
    Gateway,
    room::{
        Entering,
        answer::{self, Failure},
        auth::{Caller, channel},
        confirm::ROLE,
    },
    signal::token::{RTC_TOKEN, SessionClaims},
};

/// Longest `userName`, in characters (the vendor's limit for names).
const NAME_MAX: usize = 64;

/// Longest `userIcon`, bytes.
const ICON_MAX: usize = 1024;

/// A role limit that stands for none: the kit reads 0 as no seat at all.
const NO_LIMIT: u32 = 100_000;

/// `roleConfigs` and `permissions`: the role `qchatAudience` and the channel's own RTC configuration.
fn room_config(config: &RtcConfig) -> Value {
    let parsed = |text: &str, default: &str| -> Value {
        serde_json::from_str(text).or_else(|_| serde_json::from_str(default)).unwrap_or_default()
    };
    let default = RtcConfig::default();
    let limit = if config.limit == 0 { NO_LIMIT } else { config.limit };
    json!({
        "sceneType": "QCHAT",
        "permissions": { "room": {}, "member": { "streams": { "audio": {}, "video": {}, "subVideo": {} } } },
        "roleConfigs": { ROLE: {
            "limit": limit,
            "superRole": false,
            "params": {
                "audio": parsed(&config.audio, &default.audio),
                "video": parsed(&config.video, &default.video),
                "screen": { "videoProfile": "HD1080P", "fps": 5 },
            },
        } },
    })
}

pub(super) async fn config(
    State(gateway): State<Gateway>,
    Path((app_key, room)): RoomPath,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        let verdict = media::verdict(&gateway.core, &caller.user, channel(&room)?).await?;
        Ok(room_config(&verdict.config))
    };
    answer::write(&gateway, "config", started, result.await)
}

/// Kits up to 1.17: the member and the room; config, snapshot and sequence are asked apart.
pub(super) async fn entry_v1(
    State(gateway): State<Gateway>,
    Path((app_key, room)): RoomPath,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let started = Instant::now();
    let result = enter(&gateway, &app_key, &room, &headers, body).await.map(|(mut data, _)| {
        if let Some(data) = data.as_object_mut() {
            data.remove("members");
            data.remove("sequence");
        }
        data
    });
    answer::write(&gateway, "entry", started, result)
}

/// Kits from 1.19 on: everything in one answer.
pub(super) async fn entry_v2(
    State(gateway): State<Gateway>,
    Path((app_key, room)): RoomPath,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let started = Instant::now();
    let result = enter(&gateway, &app_key, &room, &headers, body).await.map(|(mut data, verdict)| {
        if let Some(room) = data.get_mut("room").and_then(Value::as_object_mut) {
            room.insert("config".to_owned(), room_config(&verdict.config));
            room.insert("roomArchiveId".to_owned(), json!(room_archive(&verdict)));
        }
        data
    });
    answer::write(&gateway, "entry", started, result)
}

fn room_archive(verdict: &MediaVerdict) -> String {
    verdict.channel.to_string()
}

async fn enter(
    gateway: &Gateway,
    app_key: &str,
    room: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Value, MediaVerdict), Failure> {
    let caller = gateway.authenticate(headers, app_key).await?;
    if !gateway.limits.may_join(&caller.user) {
        return Err(Failure(Code::BUSY));
    }
    let channel = channel(room)?;
    let entering = entering(&caller, headers, &object(body)?)?;
    let (user, rtc_key) = (caller.user.clone(), caller.app_key.clone());
    let (device, link_device, expires) = (caller.device, caller.link_device, caller.expires);
    let (boot, name) = (gateway.rooms.boot, entering.name.clone());
    let now = gateway.core.env().now();
    let (found, verdict) = gateway
        .enter(channel, entering, move |owner, seated| {
            let uid = owner.room.uid_of(seated.seat).unwrap_or_default();
            let claims = SessionClaims {
                typ: RTC_TOKEN.into(),
                app: user.app.get(),
                accid: user.accid,
                channel,
                cid: owner.room.cid(),
                uid,
                seat: seated.seat.0,
                boot,
                serial: 0,
                device,
                link_device,
                name,
                token_expires: expires,
                jti: String::new(),
                exp: SessionClaims::expiry(now),
            };
            (
                owner.room.member(seated.seat).unwrap_or_default(),
                owner.room.members(),
                owner.room.room_properties(),
                owner.room.sequence(),
                claims,
            )
        })
        .await?;
    let (mut member, members, properties, sequence, claims) = found;
    if let Some(member) = member.as_object_mut() {
        member.insert("rtcToken".to_owned(), json!(gateway.core.sign(&claims)?));
        member.insert("rtcKey".to_owned(), json!(rtc_key));
        // Kits want the object; there is no white board.
        member.insert("wbAuth".to_owned(), json!({ "checksum": "", "curTime": "", "nonce": "" }));
    }
    let id = channel.to_string();
    let data = json!({
        "member": member,
        "room": { "roomName": id, "roomUuid": id, "rtcCid": claims.cid.to_string(), "properties": properties },
        "members": members,
        "sequence": sequence,
    });
    Ok((data, verdict))
}

fn entering(caller: &Caller, headers: &HeaderMap, body: &Map<String, Value>) -> Result<Entering, Failure> {
    match text(body, "role")? {
        Some(ROLE) => {}
        Some(_) => return Err(Failure::ROLE_UNDEFINED),
        None => return Err(Failure::UNUSABLE),
    }
    let name = text(body, "userName")?.unwrap_or_else(|| caller.user.accid.as_str());
    let icon = text(body, "userIcon")?.unwrap_or_default();
    if name.chars().count() > NAME_MAX || icon.len() > ICON_MAX {
        return Err(Failure::UNUSABLE);
    }
    let client_type = headers.get("clienttype").and_then(|value| value.to_str().ok()).unwrap_or("web");
    Ok(Entering {
        user: caller.user.clone(),
        device: caller.device.clone(),
        link_device: caller.link_device.clone(),
        expires: caller.expires,
        name: name.to_owned(),
        icon: icon.to_owned(),
        client_type: client_type.chars().take(16).collect(),
        reseat: None,
    })
}

pub(super) async fn snapshot(
    State(gateway): State<Gateway>,
    Path((app_key, room)): RoomPath,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        let channel = channel(&room)?;
        gateway
            .with_seat(&caller, channel, move |owner, _| {
                let id = channel.to_string();
                let room =
                    json!({ "roomUuid": id, "roomName": id, "properties": owner.room.room_properties() });
                let snapshot = json!({ "room": room, "members": owner.room.members() });
                Ok::<_, Failure>(json!({ "sequence": owner.room.sequence(), "snapshot": snapshot }))
            })
            .await
    };
    answer::write(&gateway, "snapshot", started, result.await)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct From {
    next_id: Option<i64>,
}

/// The pushes from `nextId` on. An empty list says that they are no longer kept: read the snapshot.
pub(super) async fn sequence(
    State(gateway): State<Gateway>,
    Path((app_key, room)): RoomPath,
    query: Result<Query<From>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        let from = query.map_err(|_| Failure::UNUSABLE)?.0.next_id.ok_or(Failure::UNUSABLE)?;
        let pushes = gateway
            .with_seat(&caller, channel(&room)?, move |owner, _| {
                Ok::<_, Failure>(owner.room.pushes_since(from))
            })
            .await?;
        let list: Vec<Value> = pushes.iter().filter_map(|body| serde_json::from_str(body).ok()).collect();
        Ok(json!({ "list": list }))
    };
    answer::write(&gateway, "sequence", started, result.await)
}
