//! Channels.

use crate::{
    command::{command, server::ServerPage},
    entity::ChannelInput,
    value::Id,
};

command! {
    /// 24_48 creates a channel.
    CreateChannel (24, 48) {
        0 channel: property(ChannelInput),
    }
}

command! {
    /// 24_49 deletes a channel; the server is found by it.
    DeleteChannel (24, 49) {
        0 channel_id: item(Id),
    }
}

command! {
    /// 24_51 reads channels by id.
    GetChannels (24, 51) {
        0 channel_ids: item(Vec<Id>),
    }
}

command! {
    /// 24_52 pages through the channels of a server.
    GetChannelsPage (24, 52) {
        0 page: property(ServerPage),
    }
}
