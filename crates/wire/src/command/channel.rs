//! Channels.

use crate::{
    command::{PlacePage, command, server::ServerPage},
    entity::{ChannelEdit, ChannelInput, ChannelPlacement},
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
    /// 24_50 changes a channel.
    UpdateChannel (24, 50) {
        0 channel: property(ChannelEdit),
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

command! {
    /// 24_53 pages through the members who see a channel.
    GetChannelMembersPage (24, 53) {
        0 page: property(PlacePage),
    }
}

command! {
    /// 24_60 moves a channel into or out of a category, or in or out of sync with it.
    UpdateChannelPlacement (24, 60) {
        0 placement: property(ChannelPlacement),
    }
}
