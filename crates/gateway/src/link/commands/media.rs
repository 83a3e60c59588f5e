//! Media channels: 25_1 to 25_4.

use super::{Call, Reply, not_built};

pub async fn handle(call: Call<'_>) -> Reply {
    Err(not_built(call.request.command))
}
