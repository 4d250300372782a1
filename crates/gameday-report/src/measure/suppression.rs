//! What kept an alert from being told: the silence, the time interval or the alert, as far as it was seen.

use std::collections::BTreeMap;

use gameday_core::{AlertState, EventKind, Suppressor, SuppressorKind};
use serde::Serialize;

use super::alert_verdict::AlertVerdict;
use super::evidence::Evidence;
use super::mark::Moment;
use super::recorder::Entry;
use super::timeline::Timeline;

/// Something that kept an alert quiet.
#[derive(Debug, Clone, Serialize)]
pub struct SuppressedBy {
    /// `silence`, `alert` or `time_interval`.
    pub kind: SuppressorKind,
    /// The silence's id, the alert's fingerprint, the interval's name.
    pub id: String,
    /// The silence's author.
    pub author: Option<String>,
    /// The silence's comment.
    pub comment: Option<String>,
    /// When the silence ends.
    pub until: Option<Moment>,
    /// The name of the alert that inhibits.
    pub alert: Option<String>,
    /// Its labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl SuppressedBy {
    /// What it is, in words.
    fn text(&self) -> String {
        match self.kind {
            SuppressorKind::TimeInterval => format!("the time interval `{}`", self.id),
            SuppressorKind::Alert => match &self.alert {
                Some(name) => format!("the alert `{name}`"),
                None => format!(
                    "an alert (`{}`) that was gone before it could be looked at",
                    self.id
                ),
            },
            SuppressorKind::Silence => {
                let author = self.author.as_ref().map(|author| format!(" of `{author}`"));
                let comment = self.comment.as_ref().map(|comment| format!(": \"{comment}\""));
                let until = self.until.map(|until| format!(", until {}", until.text()));
                format!(
                    "the silence `{}`{}{}{}",
                    self.id,
                    author.unwrap_or_default(),
                    comment.unwrap_or_default(),
                    until.unwrap_or_default()
                )
            }
        }
    }
}

/// Everything that kept an alert quiet while it was listed, each once.
pub(super) fn read(timeline: &Timeline<'_>, evidence: &Evidence<'_>) -> Vec<SuppressedBy> {
    let mut found: Vec<SuppressedBy> = Vec::new();
    let listed = evidence.listed.iter();
    for entry in listed.flat_map(|(_, seen)| &seen.suppressed_by) {
        let Some((kind, id)) = SuppressorKind::split(entry) else {
            continue;
        };
        if !found.iter().any(|one| one.kind == kind && one.id == id) {
            found.push(described(timeline, kind, id));
        }
    }
    for (kind, id) in evidence.recorded.iter().flat_map(Entry::suppressors) {
        if !found.iter().any(|one| one.kind == kind && one.id == id) {
            found.push(described(timeline, kind, id));
        }
    }
    found
}

/// Whether it fired and was kept quiet: the verdict, and by what.
pub(super) fn verdict(evidence: &Evidence<'_>, by: &[SuppressedBy]) -> Option<(AlertVerdict, String)> {
    let suppressed = |state| state == AlertState::Suppressed;
    let listed_so = evidence.listed.iter().any(|(_, seen)| suppressed(seen.state));
    if by.is_empty() {
        let unnamed = "it fired but was suppressed by something that Alertmanager did not name";
        return listed_so.then(|| (AlertVerdict::Muted, unnamed.to_owned()));
    }
    let names: Vec<String> = by.iter().map(SuppressedBy::text).collect();
    let inhibited = by.iter().all(|one| one.kind == SuppressorKind::Alert);
    Some(match inhibited {
        true => (
            AlertVerdict::Inhibited,
            format!("it fired but was inhibited by {}", names.join(" and ")),
        ),
        false => (
            AlertVerdict::Muted,
            format!("it fired but was suppressed by {}", names.join(" and ")),
        ),
    })
}

fn described(timeline: &Timeline<'_>, kind: SuppressorKind, id: &str) -> SuppressedBy {
    let told = timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::SuppressorSeen(told) if told.kind == kind && told.id == id => Some(&**told),
        _ => None,
    });
    let text = |field: fn(&Suppressor) -> &Option<String>| told.and_then(|told| field(told).clone());
    let labels = told.map(|told| told.labels.clone()).unwrap_or_default();
    SuppressedBy {
        kind,
        id: id.to_owned(),
        author: text(|told| &told.author),
        comment: text(|told| &told.comment),
        until: told.and_then(|told| Some(timeline.mark(told.source.as_str(), told.until?).at)),
        alert: labels.get("alertname").cloned(),
        labels,
    }
}
