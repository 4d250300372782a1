//! The payment service provider: somebody else's service, which takes the money.
//!
//! ```text
//!   POST /v1/charges    201 {"id": "ch_…", "status": "captured"}      GET /healthz
//! ```
//!
//! It is never slow and never fails: what goes wrong with it is done by the fault proxy in front of it.

use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::LabError;

/// Where a charge is made.
pub(crate) const CHARGES: &str = "/v1/charges";

/// The settings of the role `psp`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PspSettings {
    /// The supervisor's process id.
    pub parent: u32,
    /// Where to listen.
    pub listen: SocketAddr,
}

/// What the merchant asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Charge {
    /// Minor units.
    pub amount: u64,
    /// Three capital letters.
    pub currency: String,
    /// The merchant's name for it.
    pub reference: String,
}

/// Serves until the process ends.
pub(crate) async fn run(settings: PspSettings) -> Result<(), LabError> {
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(LabError::io(format!("listen on {}", settings.listen)))?;
    crate::log::info("psp listens", json!({ "address": settings.listen.to_string() }));
    serve(listener)
        .await
        .map_err(LabError::io("serve the payment service provider"))
}

/// Serves from a listener until the process ends.
pub(crate) async fn serve(listener: TcpListener) -> std::io::Result<()> {
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new()
        .route(CHARGES, post(charge))
        .route("/healthz", get(|| async { "ok" }));
    axum::serve(listener, router).await
}

async fn charge(Json(charge): Json<Charge>) -> (StatusCode, Json<Value>) {
    let id = format!("ch_{}", uuid::Uuid::new_v4().simple());
    let body =
        json!({ "id": id, "status": "captured", "amount": charge.amount, "reference": charge.reference });
    (StatusCode::CREATED, Json(body))
}
