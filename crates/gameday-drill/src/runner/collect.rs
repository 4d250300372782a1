//! After the drill: the raw samples that Prometheus kept, which are the truth about its rules.

use std::io;
use std::time::Duration;

use gameday_alert::Prometheus;
use gameday_core::{EventKind, Offset, RawSeries, SourceName};
use tokio::time::timeout;

use super::{Runner, inputs};
use crate::plan::RuleOf;

/// Prometheus answers within this, or the samples stay unknown and the journal says so.
const PATIENCE: Duration = Duration::from_secs(6);
/// The range begins this much before the drill.
const MARGIN: Duration = Duration::from_secs(30);

impl Runner<'_> {
    /// Records the raw `ALERTS` samples of the expected alerts and the `up` samples of their jobs, since the trial began;
    /// then what their rules read, and how near those came that did not fire.
    pub(super) async fn collect(&self) -> io::Result<()> {
        let url = self.plan.observe.prometheus.as_deref();
        let Some(prometheus) = url.and_then(|url| Prometheus::new(url).ok()) else {
            return Ok(());
        };
        let Some(alerts) = self.raw_samples(&prometheus).await? else {
            return Ok(());
        };
        let rules = self.plan.rules_of(RuleOf::Prometheus);
        let lasted = Duration::from_secs(self.range_seconds());
        let recorded = inputs::record(&prometheus, self.journal, &rules, lasted).await?;
        self.tell_approaches(&recorded, &alerts)
    }

    /// How far back raw samples are asked for.
    fn range_seconds(&self) -> u64 {
        // Of an earlier trial nothing is active any more when a later one begins, and nothing of it should be taken in.
        let margin = if self.trial_began == Offset::default() {
            MARGIN
        } else {
            Duration::ZERO
        };
        let lasted = self.journal.clock().offset().since(self.trial_began);
        (lasted + margin).as_secs().max(1)
    }

    /// The series of `ALERTS`; none when Prometheus is lost.
    async fn raw_samples(&self, prometheus: &Prometheus) -> io::Result<Option<Vec<RawSeries>>> {
        let (jobs, range) = (&self.jobs, self.range_seconds());
        let of_alert = |alert: &String| format!("ALERTS{{alertname={}}}[{range}s]", quoted(alert));
        let of_jobs = |metric: &'static str| {
            let selector = move |job: &String| format!("{metric}{{job={}}}[{range}s]", quoted(job));
            jobs.iter().map(selector)
        };
        let mut alerts = Vec::new();
        for selector in self.plan.rules_of(RuleOf::Prometheus).iter().map(of_alert) {
            let Some(series) = self.samples(prometheus, selector).await? else {
                return Ok(None);
            };
            alerts.extend(series);
        }
        for selector in of_jobs("up") {
            if self.samples(prometheus, selector).await?.is_none() {
                return Ok(None);
            }
        }
        // How long scrapes took: a sample is dated to the start of its scrape, and seen at its end. They only explain a
        // mark; who does not keep them is not lost.
        for selector in of_jobs("scrape_duration_seconds") {
            if let Ok(Ok(series)) = timeout(PATIENCE, prometheus.raw(&selector)).await {
                self.journal.record(samples(selector, series))?;
            }
        }
        Ok(Some(alerts))
    }

    /// Records the samples of a selector; none when Prometheus is lost.
    async fn samples(&self, prometheus: &Prometheus, selector: String) -> io::Result<Option<Vec<RawSeries>>> {
        let error = match timeout(PATIENCE, prometheus.raw(&selector)).await {
            Ok(Ok(series)) => {
                self.journal.record(samples(selector, series.clone()))?;
                return Ok(Some(series));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer to {selector}"),
        };
        let source = source();
        self.journal.record(EventKind::SourceLost { source, error })?;
        Ok(None)
    }
}

fn samples(selector: String, series: Vec<RawSeries>) -> EventKind {
    EventKind::RawSamples {
        source: source(),
        selector,
        series,
    }
}

fn source() -> SourceName {
    SourceName::new("prometheus").expect("a name")
}

/// A label's value in PromQL's double quotes.
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}
