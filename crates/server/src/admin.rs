//! The private listener: health, metrics, and whatever else is for the operator only. Plain HTTP, on loopback unless
//! told otherwise.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{net::TcpListener, sync::Semaphore};

use crate::{config::Config, doctor::call, private_file, vitals::Vitals};

/// File under `data` that names the private listener of the server that runs, or ran last.
const ADDRESS_FILE: &str = "admin.address";

/// What Prometheus' text format calls itself.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long our side of the doctor's call stays open: more than it takes when all goes wrong.
const CALL_LASTS: Duration = Duration::from_secs(20);

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

/// Writes down where the private listener is: the port may be another than the configuration implies.
pub fn note(config: &Config, address: SocketAddr) -> anyhow::Result<()> {
    private_file::write(&config.data.join(ADDRESS_FILE), address.to_string().as_bytes())
}

/// Where the private listener of a running server may be: as it was noted, and as the configuration says.
pub fn addresses(config: &Config) -> Vec<SocketAddr> {
    let noted = private_file::read(&config.data.join(ADDRESS_FILE)).ok().flatten();
    let noted = noted.and_then(|address| address.trim().parse().ok());
    let implied = Some(config.admin_address(config.server.port)).filter(|address| address.port() != 0);
    noted.into_iter().chain(implied).collect()
}

/// `/livez`, `/readyz` and `/metrics`, beside `more` for the operator.
pub fn router(vitals: Vitals, more: Router) -> Router {
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/doctor/address", get(doctor_address))
        .route("/doctor/call", post(doctor_call))
        .route("/doctor/client/{sid}", get(doctor_client))
        .with_state(vitals)
        .merge(more)
}

async fn ready(State(vitals): State<Vitals>) -> Response {
    let readiness = vitals.readiness().await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}

/// Where media is advertised first: the doctor's call comes from the address that leads there.
async fn doctor_address(State(vitals): State<Vitals>) -> String {
    let advertised = vitals.advertised.load();
    advertised.first().map(ToString::to_string).unwrap_or_default()
}

/// Whose address the one who made that handshake counts under.
async fn doctor_client(State(vitals): State<Vitals>, Path(sid): Path<String>) -> Response {
    match vitals.gateway.doors.counted_as(&sid) {
        Some(ip) => ip.to_string().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Opens our side of the doctor's call, one at a time, and closes it after a while.
async fn doctor_call(State(vitals): State<Vitals>, Json(offers): Json<[call::Offer; 3]>) -> Response {
    static ONE: Semaphore = Semaphore::const_new(1);
    let Ok(permit) = ONE.try_acquire() else { return StatusCode::TOO_MANY_REQUESTS.into_response() };
    let random = u128::from_be_bytes(vitals.core.env().bytes());
    match call::open(&vitals.media, random, offers) {
        Ok((answer, open)) => {
            tokio::spawn(async move {
                tokio::time::sleep(CALL_LASTS).await;
                drop((open, permit));
            });
            Json(answer).into_response()
        }
        Err(error) => {
            tracing::warn!(%error, "the doctor's call was refused");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

async fn metrics(State(vitals): State<Vitals>) -> Response {
    ([(header::CONTENT_TYPE, EXPOSITION)], vitals.scrape().await).into_response()
}
