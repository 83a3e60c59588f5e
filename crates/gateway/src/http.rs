//! What all HTTP paths share: CORS, panics, body limit, one trace span per request.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::MatchedPath,
    http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header},
    response::IntoResponse,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
    limit::RequestBodyLimitLayer,
    trace::TraceLayer,
};
use tracing::Span;

/// Longest body, bytes. Room REST and channel info send a few KiB; more only helps to fill memory.
pub const BODY_MAX: usize = 256 * 1024;

/// How long a browser may keep a preflight's answer. Chromium takes no more than two hours.
const PREFLIGHT_LIFETIME: Duration = Duration::from_secs(7_200);

/// Request headers of the room kits and engines (neroom-web-sdk 1.4 to 1.20, nertc-web-sdk 4.6 to 5.8).
const REQUEST_HEADERS: [HeaderName; 10] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("user"),
    HeaderName::from_static("token"),
    HeaderName::from_static("appkey"),
    HeaderName::from_static("deviceid"),
    HeaderName::from_static("clienttype"),
    HeaderName::from_static("versioncode"),
    header::ACCEPT_LANGUAGE,
    HeaderName::from_static("authtype"),
    HeaderName::from_static("session-id"),
];

/// Wraps the routes. `origins` empty: any. No credentials either way: nothing here is decided by a cookie.
pub fn finish(routes: Router, origins: &[HeaderValue]) -> Router {
    let origin =
        if origins.is_empty() { AllowOrigin::any() } else { AllowOrigin::list(origins.iter().cloned()) };
    let cors = CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(REQUEST_HEADERS)
        .max_age(PREFLIGHT_LIFETIME);
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(|response: &Response<Body>, latency: Duration, _: &Span| {
            tracing::debug!(status = response.status().as_u16(), ms = latency.as_millis(), "answered");
        })
        .on_failure(());
    routes
        .layer(RequestBodyLimitLayer::new(BODY_MAX))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors)
        .layer(trace)
}

/// The route, never the path: paths hold app keys and session ids, queries hold tokens.
fn span(request: &Request<Body>) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    tracing::debug_span!("http", method = %request.method(), route)
}

/// A panic is our bug; it costs one request, and is counted, so that a test can demand none.
fn panicked(_: Box<dyn Any + Send + 'static>) -> axum::response::Response {
    metrics::counter!("rotunda_panics_total", "at" => "http").increment(1);
    tracing::error!("a request handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
