//! The private listener: health, metrics, and whatever else is for the operator only. Plain HTTP, on loopback unless
//! told otherwise.

use std::net::SocketAddr;

use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

use crate::{config::Config, vitals::Vitals};

/// What Prometheus' text format calls itself.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Opens `admin.listen`. When that is not set and the port it implies is taken, any free one does: a second server on
/// one machine must not fail for a port that nobody asked for.
pub async fn bind(config: &Config, public: SocketAddr) -> anyhow::Result<TcpListener> {
    let wanted = config.admin_address(public.port());
    match TcpListener::bind(wanted).await {
        Ok(listener) => Ok(listener),
        Err(error) if config.admin.listen.is_empty() => {
            let listener = TcpListener::bind((wanted.ip(), 0)).await?;
            let address = listener.local_addr()?;
            tracing::warn!(%wanted, %error, %address, "admin.listen: the implied port is taken, another one is used");
            Ok(listener)
        }
        Err(error) => Err(error).with_context(|| format!("admin.listen: cannot listen on {wanted}")),
    }
}

/// `/livez`, `/readyz` and `/metrics`, beside `more` for the operator.
pub fn router(vitals: Vitals, more: Router) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(vitals)
        .merge(more)
}

async fn ready(State(vitals): State<Vitals>) -> Response {
    let readiness = vitals.readiness().await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}

async fn metrics(State(vitals): State<Vitals>) -> Response {
    ([(header::CONTENT_TYPE, EXPOSITION)], vitals.scrape().await).into_response()
}
