//! Servers: 24_31, 24_32, 24_34, 24_35.

use super::{Call, Reply, not_built};

pub async fn handle(call: Call<'_>) -> Reply {
    Err(not_built(call.request.command))
}
