//! Asks sources again and again whether they are still the ones they were, and Alertmanager what it has sent.
//!
//! A source that does not answer is told by its poller; here it just says nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gameday_alert::{AlertSource, Alertmanager, CountsWatch, Prometheus, VitalsWatch};
use gameday_core::EventKind;
use tokio::time::{MissedTickBehavior, interval};

use super::{Report, Reports};
use crate::engine::Input;

const EVERY: Duration = Duration::from_secs(1);
/// Prometheus' own metrics are long; they are read each so many times.
const METRICS_EVERY: u32 = 3;

/// Watches a Prometheus, and of its groups of rules those that are named, as `file;group`.
pub(super) async fn prometheus(prometheus: Arc<Prometheus>, groups: BTreeSet<String>, reports: Reports) {
    let mut watch = VitalsWatch::default();
    let mut missed = None;
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0_u32.. {
        every.tick().await;
        if round.is_multiple_of(METRICS_EVERY) && !groups.is_empty() {
            missed = prometheus.missed(&groups).await.ok().or(missed);
        }
        let Ok((mut vitals, asked)) = prometheus.vitals().await else {
            continue;
        };
        vitals.missed = missed.clone().unwrap_or_default();
        if let Some(seen) = watch.observe(prometheus.name(), vitals, asked)
            && reports
                .send(Report::Note(EventKind::SourceSeen(Box::new(seen))))
                .await
                .is_err()
        {
            return;
        }
    }
}

/// Watches an Alertmanager and counts what it sends.
pub(super) async fn alertmanager(alertmanager: Arc<Alertmanager>, reports: Reports) {
    let (mut watch, mut counts) = (VitalsWatch::default(), CountsWatch::default());
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let Ok(metrics) = alertmanager.metrics().await else {
            continue;
        };
        let Some(asked) = metrics.read else { continue };
        let name = alertmanager.name();
        let seen = watch.observe(name, metrics.vitals, asked);
        let counted = counts.observe(name, metrics.delivered, metrics.failed_requests, asked);
        let seen = seen.map(|seen| Report::Note(EventKind::SourceSeen(Box::new(seen))));
        let counted = counted.map(|counted| {
            let delivered = !counted.delivered.is_empty();
            let kind = EventKind::NotificationsCounted(counted);
            match delivered {
                true => Report::Both(kind, Input::Delivered),
                false => Report::Note(kind),
            }
        });
        for report in seen.into_iter().chain(counted) {
            if reports.send(report).await.is_err() {
                return;
            }
        }
    }
}
