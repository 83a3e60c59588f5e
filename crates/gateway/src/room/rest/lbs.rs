//! Where the vendor's room kit finds its push link: `/lbs`.

use axum::{
    Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::Gateway;

/// `{common:{link:[host:port], "link.default":[…]}, nosup:[]}`. The kit opens the same port with or without TLS, as its
/// `linkSslWeb` says.
pub(super) async fn lbs(State(gateway): State<Gateway>, headers: HeaderMap) -> Response {
    let secure = !gateway.config.public_origin.of(&headers).starts_with("http:");
    let host = gateway.config.public_origin.authority(&headers);
    // `host:port`, also when the origin leaves the default port out.
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let link = if has_port { host.clone() } else { format!("{host}:{}", if secure { 443 } else { 80 }) };
    Json(json!({ "common": { "link": [link], "link.default": [link] }, "nosup": [], "nos-chunk": "" }))
        .into_response()
}
