//! Roles and overrides: 24_61, 24_63, 24_64, 24_69 to 24_71, 24_73, 24_82.

use super::{Call, Reply, not_built};

pub async fn handle(call: Call<'_>) -> Reply {
    Err(not_built(call.request.command))
}
