//! Members: into and out of RTC, leave, kick, end of the room.

use std::time::Duration;

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use rotunda_model::{Accid, ChannelId, Code};
use serde_json::Value;
use tokio::time::Instant;

use super::{Body, MemberPath, RoomPath, object, text};
use crate::{
    Gateway,
    room::{
        answer::{self, Failure},
        auth::{channel, member},
    },
};

/// Longest wait for push 33 to be written before a leave is answered. The kit must have read it by then, or it never
/// closes its RTC side (neroom-web-sdk 1.10.0); a dead push link must not hold the answer back.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);

/// Only noted: push 32 is sent when RTC `Join` is accepted, because some kits never call this and others call it early.
pub(super) async fn join_rtc(
    State(gateway): State<Gateway>,
    Path((app_key, room)): RoomPath,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        gateway.with_seat(&caller, channel(&room)?, |_, _| Ok::<_, Failure>(Value::Null)).await
    };
    answer::write(&gateway, "joinRtc", started, result.await)
}

pub(super) async fn leave_rtc(
    State(gateway): State<Gateway>,
    Path((app_key, room)): RoomPath,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        gateway
            .with_seat(&caller, channel(&room)?, |owner, seat| {
                owner.room.leave_rtc(owner.now(), seat).map(|()| Value::Null)
            })
            .await
    };
    answer::write(&gateway, "leaveRtc", started, result.await)
}

/// `{role}` or `{userName}`: roles come from QChat, names from the entry. Refused for everybody.
pub(super) async fn update(
    State(gateway): State<Gateway>,
    Path((app_key, room, user)): MemberPath,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        let body = object(body)?;
        if text(&body, "role")?.is_none() && text(&body, "userName")?.is_none() {
            return Err(Failure::UNUSABLE);
        }
        let target = member(&user)?;
        gateway
            .with_seat(&caller, channel(&room)?, move |owner, _| match owner.room.seat_of(&target) {
                None => Err(Failure(Code(1015))),
                Some(_) => Err::<Value, _>(Failure(Code::FORBIDDEN)),
            })
            .await
    };
    answer::write(&gateway, "member", started, result.await)
}

/// One's own leave, or a kick (right 16). Leaving works with an expired token, and twice.
pub(super) async fn remove(
    State(gateway): State<Gateway>,
    Path((app_key, room, user)): MemberPath,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = async {
        let channel = channel(&room)?;
        let target = member(&user)?;
        let named =
            headers.get("user").and_then(|name| name.to_str().ok()).and_then(|name| Accid::new(name).ok());
        if named.as_ref() == Some(&target) {
            return leave(&gateway, &headers, &app_key, channel).await;
        }
        let caller = gateway.authenticate(&headers, &app_key).await?;
        gateway
            .with_seat(&caller, channel, move |owner, seat| {
                owner.room.kick(owner.now(), seat, &target).map(|()| Value::Null)
            })
            .await
    };
    answer::write(&gateway, "member", started, result.await)
}

async fn leave(
    gateway: &Gateway,
    headers: &HeaderMap,
    app_key: &str,
    channel: ChannelId,
) -> Result<Value, Failure> {
    let (user, device) = gateway.authenticate_leaver(headers, app_key).await?;
    let Some(room) = gateway.rooms.find(user.app, channel) else { return Ok(Value::Null) };
    let (accid, of) = (user.accid.clone(), device.clone());
    room.call(move |owner| match owner.room.seat_on(&accid, &of) {
        Some(seat) => owner.room.leave(owner.now(), seat),
        None => Ok(()),
    })
    .await??;
    let _ = tokio::time::timeout(FLUSH_PATIENCE, gateway.rooms.pushes.flushed(&(user, device))).await;
    Ok(Value::Null)
}

/// Ends the room for everybody, as one may who may delete the channel (right 2).
pub(super) async fn end_room(
    State(gateway): State<Gateway>,
    Path((app_key, room)): RoomPath,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        gateway
            .with_seat(&caller, channel(&room)?, |owner, seat| {
                owner.room.close_by_member(owner.now(), seat).map(|()| Value::Null)
            })
            .await
    };
    answer::write(&gateway, "room", started, result.await)
}
