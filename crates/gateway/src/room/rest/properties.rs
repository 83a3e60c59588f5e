//! Properties of the room (mute-all) and of members.

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::Value;
use tokio::time::Instant;

use super::{Body, MemberPath, object, text};
use crate::{
    Gateway,
    room::{
        answer::{self, Failure},
        auth::{channel, member},
    },
};

type MemberPropertyPath = Path<(String, String, String, String)>;

fn value(body: Body) -> Result<String, Failure> {
    text(&object(body)?, "value")?.map(str::to_owned).ok_or(Failure::UNUSABLE)
}

pub(super) async fn put_room(
    State(gateway): State<Gateway>,
    Path((app_key, room, key)): MemberPath,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        let value = value(body)?;
        gateway
            .with_seat(&caller, channel(&room)?, move |owner, seat| {
                owner.room.set_room_property(owner.now(), seat, &key, &value).map(|()| Value::Null)
            })
            .await
    };
    answer::write(&gateway, "property", started, result.await)
}

pub(super) async fn delete_room(
    State(gateway): State<Gateway>,
    Path((app_key, room, key)): MemberPath,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        gateway
            .with_seat(&caller, channel(&room)?, move |owner, seat| {
                owner.room.delete_room_property(owner.now(), seat, &key).map(|()| Value::Null)
            })
            .await
    };
    answer::write(&gateway, "property", started, result.await)
}

pub(super) async fn put_member(
    State(gateway): State<Gateway>,
    Path((app_key, room, user, key)): MemberPropertyPath,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        let (value, target) = (value(body)?, member(&user)?);
        gateway
            .with_seat(&caller, channel(&room)?, move |owner, seat| {
                owner.room.set_member_property(owner.now(), seat, &target, &key, &value).map(|()| Value::Null)
            })
            .await
    };
    answer::write(&gateway, "memberProperty", started, result.await)
}

pub(super) async fn delete_member(
    State(gateway): State<Gateway>,
    Path((app_key, room, user, key)): MemberPropertyPath,
    headers: HeaderMap,
) -> Response {
    let started = Instant::now();
    let result = async {
        let caller = gateway.authenticate(&headers, &app_key).await?;
        let target = member(&user)?;
        gateway
            .with_seat(&caller, channel(&room)?, move |owner, seat| {
                owner.room.delete_member_property(owner.now(), seat, &target, &key).map(|()| Value::Null)
            })
            .await
    };
    answer::write(&gateway, "memberProperty", started, result.await)
}
