//! Channels: 24_48, 24_49, 24_51, 24_52.

use super::{Call, Reply, not_built};

pub async fn handle(call: Call<'_>) -> Reply {
    Err(not_built(call.request.command))
}
