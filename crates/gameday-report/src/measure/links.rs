//! Links of the alerts that arrived: which lead somewhere, and which are dead.

use gameday_core::EventKind;
use serde::Serialize;

use super::timeline::Timeline;

/// A link of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkReport {
    /// The annotation that holds it.
    pub annotation: String,
    /// The link, redacted.
    pub url: String,
    /// Whether it leads somewhere.
    pub alive: bool,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// Why it leads nowhere.
    pub why: Option<String>,
}

/// The links of an alert that were tried, each once.
pub(super) fn of_alert(timeline: &Timeline<'_>, alert: &str) -> Vec<LinkReport> {
    let mut links: Vec<LinkReport> = Vec::new();
    for event in timeline.events {
        let EventKind::LinkChecked(checked) = &event.kind else {
            continue;
        };
        let link = LinkReport {
            annotation: checked.annotation.clone(),
            url: checked.url.clone(),
            alive: checked.dead.is_none(),
            status: checked.status,
            why: checked.dead.clone(),
        };
        if checked.alert == alert && !links.contains(&link) {
            links.push(link);
        }
    }
    links
}
