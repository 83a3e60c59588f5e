//! What all routes share: one trace span per request, and panics that end only one. No CORS: browsers have no business
//! here.

use std::any::Any;

use axum::{
    Router,
    body::Body,
    extract::MatchedPath,
    http::{Request, Response, StatusCode},
    response::IntoResponse,
};
use tower_http::{catch_panic::CatchPanicLayer, trace::TraceLayer};
use tracing::{Span, field};

pub(crate) fn finish(routes: Router) -> Router {
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(|response: &Response<Body>, latency: std::time::Duration, span: &Span| {
            span.record("status", i64::from(response.status().as_u16()));
            tracing::debug!(status = response.status().as_u16(), ms = latency.as_millis(), "answered");
        })
        .on_failure(());
    routes.layer(CatchPanicLayer::custom(panicked)).layer(trace)
}

/// The route, never the path: paths and queries hold ids.
fn span(request: &Request<Body>) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    tracing::debug_span!("http", method = %request.method(), route, status = field::Empty)
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> axum::response::Response {
    metrics::counter!("rotunda_panics_total", "at" => "rest").increment(1);
    tracing::error!("a REST handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
