//! An alert as a source lists it, and the contract of whatever lists alerts.

use futures_util::future::BoxFuture;
use gameday_core::{AlertSeen, AlertState, SourceName, Suppressor};

use crate::SourceError;

/// An alert that a source lists at this moment; its state is never `Gone`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert(AlertSeen);

/// Something that lists alerts and can be asked again and again.
pub trait AlertSource: Send + Sync {
    /// Who it is, in events and errors.
    fn name(&self) -> &SourceName;

    /// What it lists now.
    fn poll(&self) -> BoxFuture<'_, Result<Vec<Alert>, SourceError>>;

    /// Describes what keeps an alert that was just listed from being told, and notes in it what only a look
    /// elsewhere shows. A source that keeps nobody quiet has nothing to say.
    fn explain<'a>(&'a self, seen: &'a mut AlertSeen) -> BoxFuture<'a, Vec<Suppressor>> {
        let _ = seen;
        Box::pin(std::future::ready(Vec::new()))
    }
}

impl Alert {
    /// Takes what a source listed; none for `Gone`, which no source can list.
    #[must_use]
    pub fn new(seen: AlertSeen) -> Option<Self> {
        (seen.state != AlertState::Gone).then_some(Self(seen))
    }

    /// What the source showed.
    #[must_use]
    pub fn seen(&self) -> &AlertSeen {
        &self.0
    }
}

impl From<Alert> for AlertSeen {
    fn from(alert: Alert) -> Self {
        alert.0
    }
}
