//! What all HTTP paths share: CORS, panics, body limit, one trace span per request.

use std::{any::Any, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use axum::{
    Router,
    body::Body,
    extract::MatchedPath,
    http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header},
    middleware::map_response,
    response::IntoResponse,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
    limit::RequestBodyLimitLayer,
    trace::TraceLayer,
};
use tracing::{Span, field};

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

/// Origins that browsers may call from; empty means any. Exchangeable while serving; clones share it.
#[derive(Debug, Clone, Default)]
pub struct CorsOrigins {
    allowed: Arc<ArcSwap<Vec<HeaderValue>>>,
}

impl CorsOrigins {
    pub fn new(allowed: Vec<HeaderValue>) -> Self {
        Self { allowed: Arc::new(ArcSwap::from_pointee(allowed)) }
    }

    pub fn replace(&self, allowed: Vec<HeaderValue>) {
        self.allowed.store(Arc::new(allowed));
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let allowed = self.allowed.load();
        allowed.is_empty() || allowed.contains(origin)
    }

    /// Where any origin may call, the answer says so instead of naming the one that did.
    fn generalise(&self, mut response: Response<Body>) -> Response<Body> {
        if let Some(named) = response.headers_mut().get_mut(header::ACCESS_CONTROL_ALLOW_ORIGIN)
            && self.allowed.load().is_empty()
        {
            *named = HeaderValue::from_static("*");
        }
        response
    }
}

/// Wraps the routes. No credentials whatever the origins: nothing here is decided by a cookie.
pub fn finish(routes: Router, origins: CorsOrigins) -> Router {
    let asked = origins.clone();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| asked.allows(origin)))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(REQUEST_HEADERS)
        .max_age(PREFLIGHT_LIFETIME);
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(|response: &Response<Body>, latency: Duration, span: &Span| {
            span.record("status", i64::from(response.status().as_u16()));
            tracing::debug!(status = response.status().as_u16(), ms = latency.as_millis(), "answered");
        })
        .on_failure(());
    routes
        .layer(RequestBodyLimitLayer::new(BODY_MAX))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors)
        .layer(map_response(move |response| {
            let response = origins.generalise(response);
            async move { response }
        }))
        .layer(trace)
}

/// The route, never the path: paths hold app keys and session ids, queries hold tokens.
fn span(request: &Request<Body>) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    tracing::debug_span!("http", method = %request.method(), route, status = field::Empty)
}

/// A panic is our bug; it costs one request, and is counted, so that a test can demand none.
fn panicked(_: Box<dyn Any + Send + 'static>) -> axum::response::Response {
    metrics::counter!("rotunda_panics_total", "at" => "http").increment(1);
    tracing::error!("a request handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
