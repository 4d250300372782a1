//! The links of the expected alerts that arrived: tried once, when everything is well again.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use gameday_alert::{Link, try_links};
use gameday_core::{AlertState, EventKind, Journal};
use tokio::time::timeout;

use crate::plan::Plan;

/// All of them together; what is not answered by then stays unknown.
const PATIENCE: Duration = Duration::from_secs(15);

/// The links that were seen so far.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeSet<Link>);

impl Links {
    /// Notes those of an expected alert that fires.
    pub(super) fn note(&mut self, plan: &Plan, kind: &EventKind) {
        match kind {
            EventKind::Notified(told) => {
                for one in told.alerts.iter().filter(|one| one.status == "firing") {
                    self.take(plan, &one.alert, &one.labels, &one.annotations);
                }
            }
            EventKind::AlertSeen(seen) if seen.state == AlertState::Firing => {
                self.take(plan, &seen.alert, &seen.labels, &seen.annotations);
            }
            _ => {}
        }
    }

    fn take(&mut self, plan: &Plan, alert: &str, labels: &Texts, annotations: &Texts) {
        if !plan.expect.iter().any(|expect| expect.is_about(alert, labels)) {
            return;
        }
        for annotation in &plan.observe.links {
            if let Some(url) = annotations.get(annotation).filter(|url| !url.is_empty()) {
                self.0.insert(Link {
                    alert: alert.to_owned(),
                    annotation: annotation.clone(),
                    url: url.clone(),
                });
            }
        }
    }

    /// Tries them and writes down what came of it.
    pub(super) async fn check(&self, journal: &Journal) -> io::Result<()> {
        let links = self.0.iter().cloned().collect();
        for checked in timeout(PATIENCE, try_links(links)).await.unwrap_or_default() {
            journal.record(EventKind::LinkChecked(Box::new(checked)))?;
        }
        Ok(())
    }
}

type Texts = std::collections::BTreeMap<String, String>;
