//! Media channels: 25_1 to 25_4.

use rotunda_core::media::{self, ConfigUpdate};
use rotunda_model::{ChannelId, Code, ServerId};
use rotunda_wire::{
    JsonText,
    command::media::{GetMediaToken, GetOnlineMembers, GetRtcConfig, UpdateRtcConfig},
    entity::{ChannelRef, MediaToken, RtcConfig},
};

use super::{Call, Refusal, Reply, args, not_built};
use crate::link::entity;

pub async fn handle(call: Call<'_>) -> Reply {
    match call.request.command.cid {
        1 => token(call).await,
        2 => set_config(call).await,
        3 => config(call).await,
        4 => online(call).await,
        _ => Err(not_built(call.request.command)),
    }
}

async fn token(call: Call<'_>) -> Reply {
    let GetMediaToken { device } = call.read()?;
    let made = media::issue_token(call.core, call.actor, &device.neroom_device_id).await?;
    Ok(vec![args::item(&MediaToken { token: made.token, expire_s: made.expire_s })])
}

async fn set_config(call: Call<'_>) -> Reply {
    let UpdateRtcConfig { config } = call.read()?;
    let update = ConfigUpdate {
        limit: config.limit,
        audio: config.audio.map(|text| text.0),
        video: config.video.map(|text| text.0),
    };
    let (server, channel) = (args::id(config.server_id)?, args::id(config.channel_id)?);
    media::set_config(call.core, call.actor, server, channel, update).await?;
    Ok(Vec::new())
}

async fn config(call: Call<'_>) -> Reply {
    let GetRtcConfig { channel } = call.read()?;
    let (server, channel) = place(&channel)?;
    let config = media::config(call.core, call.actor, server, channel).await?;
    let written = RtcConfig {
        limit: config.limit.into(),
        audio: JsonText(config.audio),
        video: JsonText(config.video),
    };
    Ok(vec![args::item(&written)])
}

async fn online(call: Call<'_>) -> Reply {
    let GetOnlineMembers { channel } = call.read()?;
    let (server, channel) = place(&channel)?;
    let members = media::online(call.core, call.actor, server, channel).await?;
    Ok(vec![args::list(&members, entity::member)])
}

fn place(of: &ChannelRef) -> Result<(ServerId, ChannelId), Refusal> {
    let channel = args::optional_id(of.channel_id)?.ok_or(Refusal::Code(Code::PARAMETER))?;
    Ok((args::id(of.server_id)?, channel))
}
