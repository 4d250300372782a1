//! Whether Alertmanager's counters have told of the last notification that came: then the report can say who sent it.

use std::io;
use std::time::Duration;

use gameday_core::{EventKind, Timestamp};
use tokio::time::timeout;

use super::{Report, Runner};

/// Counters are read each second; whoever has not counted it by now has not sent it.
const COUNTED_WITHIN: Duration = Duration::from_secs(6);

/// What is awaited of the counters.
#[derive(Debug, Default)]
pub(super) struct Uncounted {
    /// Whether somebody counts what it sends by webhook.
    counts: bool,
    /// When the last notification came, until its like was counted.
    arrived: Option<Timestamp>,
}

impl Uncounted {
    pub(super) fn note(&mut self, kind: &EventKind) {
        match kind {
            EventKind::SourceSeen(seen) => self.counts |= seen.vitals.counts_webhooks,
            EventKind::Notified(told) => self.arrived = Some(told.arrived),
            EventKind::NotificationsCounted(counted)
                if self.arrived.is_some_and(|arrived| counted.by >= arrived) =>
            {
                self.arrived = None;
            }
            _ => {}
        }
    }

    fn is_awaited(&self) -> bool {
        self.counts && self.arrived.is_some()
    }
}

impl Runner<'_> {
    /// Waits until the last notification that came was counted, or is not.
    pub(super) async fn hear_counters(&mut self) -> io::Result<()> {
        let heard = async {
            while self.uncounted.is_awaited() {
                let Some(report) = self.inbox.recv().await else {
                    break;
                };
                if let Report::Note(kind) | Report::Both(kind, _) = report {
                    self.uncounted.note(&kind);
                    self.journal.record(kind)?;
                }
            }
            Ok(())
        };
        // One that nobody counts is what the report wants to know of.
        timeout(COUNTED_WITHIN, heard).await.unwrap_or(Ok(()))
    }
}
