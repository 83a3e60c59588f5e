//! Members and the ways in: 24_36, 24_37, 24_39, 24_40, 24_43, 24_46, 24_47.

use super::{Call, Reply, not_built};

pub async fn handle(call: Call<'_>) -> Reply {
    Err(not_built(call.request.command))
}
