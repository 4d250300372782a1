//! After the drill: the raw samples that Prometheus kept, which are the truth about its rules.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use gameday_alert::Prometheus;
use gameday_core::{EventKind, Journal, Offset, SourceName};
use tokio::time::timeout;

use super::inputs;
use super::preflight::rules_of;
use crate::plan::{Plan, RuleOf};

/// Prometheus answers within this, or the samples stay unknown and the journal says so.
const PATIENCE: Duration = Duration::from_secs(6);
/// The range begins this much before the drill.
const MARGIN: Duration = Duration::from_secs(30);

/// Records the raw `ALERTS` samples of the expected alerts and the `up` samples of their jobs, from `since` on.
pub(super) async fn raw_samples(
    plan: &Plan,
    journal: &Journal,
    jobs: &BTreeSet<String>,
    since: Offset,
) -> io::Result<()> {
    let Some(prometheus) = plan
        .observe
        .prometheus
        .as_deref()
        .and_then(|url| Prometheus::new(url).ok())
    else {
        return Ok(());
    };
    // Of an earlier trial nothing is active any more when a later one begins, and nothing of it should be taken in.
    let margin = if since == Offset::default() {
        MARGIN
    } else {
        Duration::ZERO
    };
    let range = (journal.clock().offset().since(since) + margin).as_secs().max(1);
    let alerts = rules_of(plan, RuleOf::Prometheus);
    let selectors = alerts
        .iter()
        .map(|alert| format!("ALERTS{{alertname={}}}[{range}s]", quoted(alert)));
    let ups = jobs
        .iter()
        .map(|job| format!("up{{job={}}}[{range}s]", quoted(job)));
    // How long scrapes took: a sample is dated to the start of its scrape, and seen at its end.
    let lengths = jobs
        .iter()
        .map(|job| format!("scrape_duration_seconds{{job={}}}[{range}s]", quoted(job)));
    let source = || SourceName::new("prometheus").expect("a name");
    for selector in selectors.chain(ups) {
        let source = source();
        let kind = match timeout(PATIENCE, prometheus.raw(&selector)).await {
            Ok(Ok(series)) => EventKind::RawSamples {
                source,
                selector,
                series,
            },
            Ok(Err(error)) => EventKind::SourceLost {
                source,
                error: error.to_string(),
            },
            Err(_) => EventKind::SourceLost {
                source,
                error: format!("no answer to {selector}"),
            },
        };
        let lost = matches!(kind, EventKind::SourceLost { .. });
        journal.record(kind)?;
        if lost {
            return Ok(());
        }
    }
    for selector in lengths {
        // They only explain a mark; who does not keep them is not lost.
        if let Ok(Ok(series)) = timeout(PATIENCE, prometheus.raw(&selector)).await {
            journal.record(EventKind::RawSamples {
                source: source(),
                selector,
                series,
            })?;
        }
    }
    let lasted = Duration::from_secs(range);
    inputs::record(&prometheus, journal, &alerts, lasted).await
}

/// A label's value in PromQL's double quotes.
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}
