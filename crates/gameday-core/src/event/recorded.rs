//! What an Alertmanager's event recorder wrote down.

use serde::{Deserialize, Serialize};

use crate::{Notification, NotifiedAlert, SourceName, Timestamp};

/// One event of the recorder, as far as it tells of an alert that matters. Times are the source's own, raw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Whose clock took its time.
    pub source: SourceName,
    /// When it was recorded there.
    pub at: Timestamp,
    /// What was done.
    pub deed: RecordedDeed,
    /// The receiver of the group; empty when it is of no group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub receiver: String,
    /// Which of the receiver's integrations was used, e.g. `webhook[0]`; empty when none was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub integration: String,
    /// Alertmanager's key of the group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group_key: String,
    /// The number of the group's flush that told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flush: Option<u64>,
    /// Why it was told, e.g. `first notification`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What mutes it: the silence's id, or the fingerprints of the alerts that inhibit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub muted_by: Vec<String>,
    /// The alerts that it is about.
    pub alerts: Vec<NotifiedAlert>,
}

impl Recorded {
    /// What was delivered, as our own receiver would have been told; none of any other deed.
    #[must_use]
    pub fn notification(&self) -> Option<Notification> {
        let firing = self.alerts.iter().any(|alert| alert.status == "firing");
        (self.deed == RecordedDeed::Notified).then(|| Notification {
            arrived: self.at,
            receiver: self.receiver.clone(),
            status: if firing { "firing" } else { "resolved" }.to_owned(),
            group_key: self.group_key.clone(),
            truncated_alerts: 0,
            alerts: self.alerts.clone(),
        })
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordedDeed {
    /// An alert that Alertmanager did not have was handed to it.
    Created,
    /// An alert entered a group.
    Grouped,
    /// An integration delivered a notification.
    Notified,
    /// An alert that is over left its group.
    Resolved,
    /// A silence kept an alert from being told.
    Silenced,
    /// Another alert did.
    Inhibited,
}
