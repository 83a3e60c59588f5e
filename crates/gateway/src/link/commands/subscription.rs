//! Subscriptions: 24_15, 24_27, 25_8.

use super::{Call, Reply, not_built};

pub async fn handle(call: Call<'_>) -> Reply {
    Err(not_built(call.request.command))
}
