//! The embedded lab's alerting: one small process in the place of Prometheus and Alertmanager.
//!
//! ```text
//!   /metrics ──scrape 1 s──► history ──evaluate 1 s──► rule states ──► groups ──► webhook
//!                               │  /api/v1/… (Prometheus' port)          │  /api/v2/… (Alertmanager's port)
//! ```
//!
//! Times are those the real pair was seen to use: an alert is active from the first tick at which
//! its condition held, fires at the first tick at least `for` later, starts when it fires and ends
//! at the first tick at which the condition did not hold.

mod alertmanager;
mod conditions;
mod deliver;
mod dispatcher;
mod evaluate;
mod exposition;
mod history;
mod payload;
mod prometheus;
mod query;
mod refusal;
mod rule_state;
mod scrape;
mod ticks;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::LabError;
use deliver::Deliveries;
use dispatcher::Dispatcher;
use evaluate::Evaluation;

/// The settings of the role `alerting`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertingSettings {
    /// The supervisor's process id.
    pub parent: u32,
    /// What is scraped.
    pub api: SocketAddr,
    /// Where to listen as Prometheus does.
    pub prometheus: SocketAddr,
    /// Where to listen as Alertmanager does.
    pub alertmanager: SocketAddr,
    /// Where notifications go.
    pub webhook: String,
}

/// What the parts of the pipeline share.
struct Pipeline {
    settings: AlertingSettings,
    started: Timestamp,
    evaluation: Mutex<Evaluation>,
    dispatcher: Mutex<Dispatcher>,
    deliveries: Deliveries,
    /// Told when the dispatcher has received an alert.
    received: Notify,
}

impl Pipeline {
    fn new(settings: AlertingSettings) -> Self {
        Pipeline {
            started: Timestamp::now(),
            evaluation: Mutex::new(Evaluation::new(&settings)),
            dispatcher: Mutex::default(),
            deliveries: Deliveries::default(),
            received: Notify::new(),
            settings,
        }
    }

    fn evaluation(&self) -> MutexGuard<'_, Evaluation> {
        self.evaluation
            .lock()
            .expect("no holder of the evaluation panics")
    }

    fn dispatcher(&self) -> MutexGuard<'_, Dispatcher> {
        self.dispatcher
            .lock()
            .expect("no holder of the dispatcher panics")
    }
}

/// Runs the pipeline until the process ends.
pub(crate) async fn run(settings: AlertingSettings) -> Result<(), LabError> {
    let prometheus = listen(settings.prometheus).await?;
    let alertmanager = listen(settings.alertmanager).await?;
    let pipeline = Arc::new(Pipeline::new(settings));
    let http = crate::http::client(crate::rules::INTERVAL)?;
    let serve = async |listener, router| {
        axum::serve(listener, router)
            .await
            .map_err(LabError::io("serve the alerting's API"))
    };
    tokio::select! {
        served = serve(prometheus, prometheus::router(Arc::clone(&pipeline))) => served,
        served = serve(alertmanager, alertmanager::router(Arc::clone(&pipeline))) => served,
        never = scrape::scrape_for_ever(&pipeline, &http) => match never {},
        never = evaluate::evaluate_for_ever(&pipeline) => match never {},
        never = deliver::deliver_for_ever(&pipeline) => match never {},
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, LabError> {
    TcpListener::bind(address)
        .await
        .map_err(LabError::io(format!("listen on {address}")))
}

#[cfg(test)]
mod tests;
