//! The payments API: what the lab's users see, and what its alerting measures.
//!
//! ```text
//!   POST /login            no ledger          POST   /payments       three round trips and a charge, settled at the third
//!   GET  /payments/{id}    the cache, or else one round trip     DELETE /payments/{id}  one round trip
//!   GET  /healthz          GET /metrics       neither is measured
//! ```

mod answer;
mod cache;
mod handlers;
mod metrics;
mod pool;
mod psp;
mod tokens;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::LabError;
use cache::Cache;
use metrics::Metrics;
use pool::Pool;
use psp::Psp;
use tokens::Tokens;

pub(crate) use handlers::USER;
pub(crate) use pool::config as ledger_config;

/// The environment variable with the password of the user `canary`.
pub(crate) const PASSWORD: &str = "CHECKOUT_PASSWORD";
/// Connections to the ledger: more than twice rate × delay, or latency would turn into errors.
pub(crate) const POOL_SIZE: usize = 64;

const MAX_BODY_BYTES: usize = 16 << 10;

/// The settings of the role `api`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiSettings {
    /// The supervisor's process id.
    pub parent: u32,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The ledger, as the API reaches it: through the fault proxy.
    pub ledger: SocketAddr,
    /// The cache, likewise.
    pub cache: SocketAddr,
    /// The payment service provider, likewise.
    pub psp: SocketAddr,
}

/// What every handler shares.
struct Shared {
    pool: Arc<Pool>,
    cache: Cache,
    psp: Psp,
    metrics: Metrics,
    tokens: Tokens,
    password: String,
}

/// Serves until the process ends.
pub(crate) async fn run(settings: ApiSettings) -> Result<(), LabError> {
    let password = std::env::var(PASSWORD).map_err(|error| LabError::Io {
        doing: format!("read {PASSWORD} from the environment"),
        source: std::io::Error::other(error),
    })?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(LabError::io(format!("listen on {}", settings.listen)))?;
    crate::log::info(
        "api listens",
        serde_json::json!({ "address": settings.listen.to_string() }),
    );
    let pool = Arc::new(Pool::default());
    let shared = Shared {
        pool: Arc::clone(&pool),
        cache: Cache::at(settings.cache),
        psp: Psp::at(settings.psp)?,
        metrics: Metrics::new(),
        tokens: Tokens::default(),
        password,
    };
    // Small answers must not wait for one another.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::select! {
        served = axum::serve(listener, router(Arc::new(shared))) => {
            served.map_err(LabError::io("serve the payments API"))
        }
        never = pool.keep_open(settings.ledger, POOL_SIZE) => never,
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/login", post(handlers::login))
        .route("/payments", post(handlers::pay))
        .route("/payments/{id}", get(handlers::get).delete(handlers::delete))
        .layer(from_fn_with_state(Arc::clone(&shared), metrics::measure))
        .route("/healthz", get(handlers::health))
        .route("/metrics", get(handlers::metrics))
        .fallback(handlers::not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(shared)
}

#[cfg(test)]
mod tests;
