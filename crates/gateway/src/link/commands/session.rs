//! What a client does for its session: 1_2, 6_26, 6_27, 24_4, 24_9, 24_19.

use rotunda_core::notify;
use rotunda_model::Code;
use rotunda_wire::{
    Tags,
    command::session::{KickOthers, Sync},
};
use serde_json::{Value, json};

use super::{Call, Refusal, Reply, not_built};
use crate::link::{render, session::Outbound};

/// Stored notifications in one push. More makes a packet larger than needed, fewer makes more of them.
const MISSED_PER_PUSH: usize = 100;

/// Seconds the SDK keeps the upload configuration in its own storage.
const UPLOAD_CONFIG_LIFETIME_S: &str = "3600";

pub async fn handle(call: Call<'_>) -> Reply {
    match (call.request.command.sid, call.request.command.cid) {
        (1, 2) | (24, 4) => Ok(Vec::new()),
        (2, 3) | (24, 2) => Err(Refusal::Code(Code::REPEATED)),
        (6, 26) => Ok(upload_policy()),
        (6, 27) => Ok(upload_config()),
        (24, 9) => kick_others(call),
        (24, 19) => sync(call).await,
        _ => Err(not_built(call.request.command)),
    }
}

/// No policy. Never a CDN domain: nim-web-sdk-ng 10.8.1 would rewrite the URL of every file message with it.
fn upload_policy() -> Vec<Value> {
    vec![Tags::new().with(3, &0_i64).into_value()]
}

fn upload_config() -> Vec<Value> {
    let mut tags = Tags::new();
    tags.set_raw(0, json!({ "mixStoreEnable": false }).to_string().into());
    tags.set_raw(1, UPLOAD_CONFIG_LIFETIME_S.into());
    vec![tags.into_value()]
}

fn kick_others(call: Call<'_>) -> Reply {
    let KickOthers { device_ids } = call.read()?;
    Ok(vec![json!(call.hub.kick_devices(call.session, &device_ids))])
}

/// The answer is the server's time, for the client's next sync; stored notifications follow as 24_24.
async fn sync(call: Call<'_>) -> Reply {
    call.read::<Sync>()?;
    let now = call.core.env().now();
    let mut stored = notify::stored(call.core, &call.actor.user).await?;
    stored.retain(|notification| call.session.is_new(notification.stored_id));
    for some in stored.chunks(MISSED_PER_PUSH) {
        let frame = render::missed(some.iter().map(AsRef::as_ref)).into();
        let up_to = some.iter().map(|notification| notification.stored_id).max().unwrap_or(0);
        call.session.push(Outbound::Stored { frame, up_to });
    }
    Ok(vec![json!(now.get())])
}
