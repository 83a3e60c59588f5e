//! RTC signalling: channel info, the `protoo` WebSocket, and sinks for what engines report elsewhere.
//!
//! Observed with nertc-web-sdk 4.6.50, 5.4.0 and 5.8.34 (a mediasoup dialect: transports, producers and consumers with
//! ORTC parameters, no SDP on the server).

mod envelope;
mod info;
mod join;
mod methods;
mod session;
mod sink;
pub(crate) mod token;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{any, get, post},
};

use crate::Gateway;

/// Longest channel-info form, bytes; a token is most of it.
const FORM_MAX: usize = 16 * 1024;

/// One signalling message, read as far as it goes without a seat.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_message(text: &str) {
    if let Ok(envelope::Incoming::Request { method, data, .. }) = envelope::Incoming::parse(text) {
        methods::read_any(&method, data);
    }
}

/// Every route of RTC signalling. Full URLs are handed out: `channel_server` names `/rtc/info`, channel info names
/// `/rtc/signal`.
pub fn routes() -> Router<Gateway> {
    Router::new()
        .route("/rtc/info", post(info::info).layer(DefaultBodyLimit::max(FORM_MAX)))
        .route("/rtc/signal", get(session::upgrade))
        // More doors to the same room, see `info::ADDRESSES`.
        .route("/rtc/signal/{door}", get(session::upgrade))
        // nertc-web-sdk 5.4.0 opens these beside the join to see which address answers first.
        .route("/rtc/signal/nertc/private/ping", get(sink::probe))
        .route("/rtc/signal/{door}/nertc/private/ping", get(sink::probe))
        .route("/rtc/stat", any(sink::stat))
        .route("/rtc/stat/{*rest}", any(sink::stat))
        .route("/rtc/statws", any(sink::socket))
        .route("/rtc/statws/{*rest}", any(sink::socket))
}
