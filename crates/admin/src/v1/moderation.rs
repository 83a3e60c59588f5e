//! What an operator does to members of an open media channel. Nobody in it is named as the one who did it.

use rotunda_core::media::operator::{self, Moderation, Sending};
use rotunda_model::Accid;
use serde_json::json;

use super::{
    Body, Bytes, Changing, Deserialize, Failure, HeaderMap, Path, Refused, Response, Scope, State,
    StatusCode, ToSchema, Unchanged, Unread, V1, bytes,
    channels::{Members, channel},
    read,
};

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Audio,
    Video,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// One or both. All of it is done, or nothing.
    #[schema(min_items = 1, max_items = 2)]
    pub sources: Vec<Source>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteAll {
    /// One or both. All of it is done, or nothing.
    #[schema(min_items = 1, max_items = 2)]
    pub sources: Vec<Source>,
    /// Each may switch on again at once. Without it only those may who have the right to mute everybody, until
    /// unmute-all or the end of the call.
    #[serde(default)]
    pub allow_self_on: bool,
}

/// Each once.
fn sending(asked: &[Source]) -> Result<Vec<Sending>, Refused> {
    if !(1..=2).contains(&asked.len()) {
        return Err(Refused::bad("sources names \"audio\", \"video\" or both"));
    }
    let mut sources: Vec<Sending> = asked
        .iter()
        .map(|source| match source {
            Source::Audio => Sending::Audio,
            Source::Video => Sending::Video,
        })
        .collect();
    sources.sort_unstable();
    sources.dedup();
    Ok(sources)
}

impl V1 {
    /// Does what the body means, in this channel.
    async fn act(
        &self,
        action: &'static str,
        id: &str,
        target: &str,
        headers: &HeaderMap,
        body: Body,
        meant: impl FnOnce(&[u8]) -> Result<Moderation, Refused>,
    ) -> Result<Response, Refused> {
        let body: Bytes = bytes(body)?;
        let call = Changing { headers, scope: Scope::Media, action, target, body: &body };
        self.once(call, async || {
            let act = meant(&body)?;
            let accids = operator::moderate(&self.core, channel(id)?, act).await?;
            Ok((StatusCode::OK, json!(Members::new(&accids))))
        })
        .await
    }

    /// The same, to one member.
    async fn act_on_member(
        &self,
        action: &'static str,
        (id, account): &(String, String),
        headers: &HeaderMap,
        body: Body,
        meant: impl FnOnce(Accid, &[u8]) -> Result<Moderation, Refused>,
    ) -> Result<Response, Refused> {
        self.act(action, id, &format!("{id}/{account}"), headers, body, |body| {
            let accid = Accid::new(account);
            let accid = accid.map_err(|_| Refused::new(StatusCode::NOT_FOUND, "no such account"))?;
            meant(accid, body)
        })
        .await
    }

    async fn switch(
        &self,
        action: &'static str,
        seat: &(String, String),
        headers: &HeaderMap,
        body: Body,
        on: bool,
    ) -> Result<Response, Refused> {
        self.act_on_member(action, seat, headers, body, |accid, body| {
            let Sources { sources } = read(headers, body)?;
            Ok(Moderation::Switch { accid, sources: sending(&sources)?, on })
        })
        .await
    }
}

#[utoipa::path(
    post, path = "/v1/channels/{channel}/members/{account}/mute", tag = "media",
    operation_id = "muteMember", security(("token" = ["media"])),
    request_body = Sources,
    params(
        ("channel" = String, Path, description = "Id"),
        ("account" = String, Path, description = "Account id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters"),
    ),
    responses(
        (status = 200, description = "Off; the account, when that changed anything", body = Members),
        (status = 403, description = "Without the scope media", body = Failure),
        (status = 404, description = "No such channel, or the member is not in it", body = Failure),
        (status = 503, description = "The channel has too much to do", body = Failure),
        Unchanged, Unread,
    )
)]
pub async fn mute(
    State(v1): State<V1>,
    Path(seat): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    v1.switch("member.mute", &seat, &headers, body, false).await
}

#[utoipa::path(
    post, path = "/v1/channels/{channel}/members/{account}/unmute", tag = "media",
    operation_id = "unmuteMember", security(("token" = ["media"])),
    request_body = Sources,
    params(
        ("channel" = String, Path, description = "Id"),
        ("account" = String, Path, description = "Account id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters"),
    ),
    responses(
        (status = 200, description = "On; the account, when that changed anything", body = Members),
        (status = 403, description = "Without the scope media, or the member may not send that", body = Failure),
        (status = 404, description = "No such channel, or the member is not in it", body = Failure),
        (status = 503, description = "The channel has too much to do", body = Failure),
        Unchanged, Unread,
    )
)]
pub async fn unmute(
    State(v1): State<V1>,
    Path(seat): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    v1.switch("member.unmute", &seat, &headers, body, true).await
}

#[utoipa::path(
    post, path = "/v1/channels/{channel}/members/{account}/kick", tag = "media",
    operation_id = "kickMember", security(("token" = ["media"])),
    params(
        ("channel" = String, Path, description = "Id"),
        ("account" = String, Path, description = "Account id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters"),
    ),
    responses(
        (status = 200, description = "Out of the channel, not of the server; may come again", body = Members),
        (status = 400, description = "An unfit key", body = Failure),
        (status = 403, description = "Without the scope media", body = Failure),
        (status = 404, description = "No such channel, or the member is not in it", body = Failure),
        (status = 503, description = "The channel has too much to do", body = Failure),
        Unchanged,
    )
)]
pub async fn kick(
    State(v1): State<V1>,
    Path(seat): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    v1.act_on_member("member.kick", &seat, &headers, body, |accid, _| Ok(Moderation::Kick(accid))).await
}

#[utoipa::path(
    post, path = "/v1/channels/{channel}/mute-all", tag = "media",
    operation_id = "muteAll", security(("token" = ["media"])),
    request_body = MuteAll,
    params(
        ("channel" = String, Path, description = "Id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters"),
    ),
    responses(
        (status = 200, description = "Off; the accounts whose source went off", body = Members),
        (status = 403, description = "Without the scope media", body = Failure),
        (status = 404, description = "No such channel, or nobody in it", body = Failure),
        (status = 503, description = "The channel has too much to do", body = Failure),
        Unchanged, Unread,
    )
)]
pub async fn mute_all(
    State(v1): State<V1>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    v1.act("channel.mute_all", &id, &id, &headers, body, |body| {
        let MuteAll { sources, allow_self_on } = read(&headers, body)?;
        Ok(Moderation::MuteAll { sources: sending(&sources)?, lock: !allow_self_on })
    })
    .await
}

#[utoipa::path(
    post, path = "/v1/channels/{channel}/unmute-all", tag = "media",
    operation_id = "unmuteAll", security(("token" = ["media"])),
    request_body = Sources,
    params(
        ("channel" = String, Path, description = "Id"),
        ("Idempotency-Key" = String, Header, description = "1 to 128 printable ASCII characters"),
    ),
    responses(
        (status = 200, description = "Each may switch on again; no account", body = Members),
        (status = 403, description = "Without the scope media", body = Failure),
        (status = 404, description = "No such channel", body = Failure),
        (status = 503, description = "The channel has too much to do", body = Failure),
        Unchanged, Unread,
    )
)]
pub async fn unmute_all(
    State(v1): State<V1>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    v1.act("channel.unmute_all", &id, &id, &headers, body, |body| {
        let Sources { sources } = read(&headers, body)?;
        Ok(Moderation::UnmuteAll { sources: sending(&sources)? })
    })
    .await
}
