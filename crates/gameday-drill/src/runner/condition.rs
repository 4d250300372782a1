//! Looks at the condition of an entry of the timeline, once, when it is due.

use std::sync::Arc;
use std::time::Duration;

use gameday_alert::Prometheus;
use gameday_core::FaultName;
use tokio::task::spawn_blocking;

use super::{Report, Reports};
use crate::deed::CommandLine;
use crate::engine::Input;
use crate::plan::OnlyIf;

/// A command that takes longer is killed, and has not said yes.
const LIMIT: Duration = Duration::from_secs(30);

/// Looks, and tells the engine; what cannot be looked at does not hold.
pub(super) async fn look(
    fault: FaultName,
    condition: OnlyIf,
    prometheus: Option<Arc<Prometheus>>,
    reports: Reports,
) {
    let answer = match condition {
        OnlyIf::Promql(query) => asked(&query, prometheus).await,
        OnlyIf::Command(words) => run(words).await,
        // The engine knows what its probes have said.
        OnlyIf::Probe { .. } => Err("a probe is not asked".to_owned()),
    };
    // The runner is gone only when this task is about to be aborted.
    let _ = reports.send(Report::Input(Input::Condition(fault, answer))).await;
}

async fn asked(query: &str, prometheus: Option<Arc<Prometheus>>) -> Result<(bool, String), String> {
    let prometheus = prometheus.ok_or("there is no Prometheus")?;
    let value = prometheus
        .query_value(query)
        .await
        .map_err(|error| error.to_string())?;
    Ok(match value {
        Some(value) => (true, format!("Prometheus finds {value}")),
        None => (false, "Prometheus finds nothing".to_owned()),
    })
}

async fn run(words: Vec<String>) -> Result<(bool, String), String> {
    let folder = std::env::current_dir().map_err(|error| format!("the current folder: {error}"))?;
    let command = CommandLine { words, folder };
    // What cannot be run has not said no; both are told.
    command.program()?;
    let ended = spawn_blocking(move || command.run_bound(LIMIT, &[])).await;
    Ok(match ended.map_err(|error| error.to_string())? {
        Ok(()) => (true, "the command ended well".to_owned()),
        Err(why) => (false, why),
    })
}
