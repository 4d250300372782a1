//! What Alertmanager's event recorder says of one alert: when it was handed over, told, and kept quiet.

use gameday_core::{EventKind, NotifiedAlert, Recorded, RecordedDeed, SuppressorKind};

use super::evidence::Evidence;
use super::mark::{Known, Mark, Moment};
use super::origin::Origin;
use super::timeline::Timeline;

/// An alert in one of the recorder's events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub event: &'a Recorded,
    pub alert: &'a NotifiedAlert,
}

/// What is left of a recorder's clock beyond what was measured of it.
const SLACK_MS: i64 = 50;

impl Entry<'_> {
    /// When it was, on our clock.
    pub(super) fn mark(&self, timeline: &Timeline<'_>) -> Mark {
        timeline
            .mark(self.event.source.as_str(), self.event.at)
            .by(Origin::Recorder)
    }

    /// What it says keeps the alert quiet.
    pub(super) fn suppressors(&self) -> impl Iterator<Item = (SuppressorKind, &str)> {
        let kind = match self.event.deed {
            RecordedDeed::Inhibited => SuppressorKind::Alert,
            _ => SuppressorKind::Silence,
        };
        self.event.muted_by.iter().map(move |id| (kind, id.as_str()))
    }
}

/// All that was recorded of alerts of this name.
pub(super) fn of<'a>(timeline: &Timeline<'a>, name: &'a str) -> impl Iterator<Item = Entry<'a>> {
    timeline.events.iter().flat_map(move |event| {
        let recorded = match &event.kind {
            EventKind::Recorded(recorded) => Some(&**recorded),
            _ => None,
        };
        let alerts = recorded
            .into_iter()
            .flat_map(move |event| event.alerts.iter().map(move |alert| Entry { event, alert }));
        alerts.filter(move |entry| entry.alert.alert == name)
    })
}

/// T4: the first time that an Alertmanager was handed the alert; of one that it still had it records nothing.
pub(super) fn handed_over(
    timeline: &Timeline<'_>,
    evidence: &Evidence<'_>,
    t3: &Known<Mark>,
) -> Option<Mark> {
    let fired = t3.as_ref().ok()?.at;
    let created = evidence
        .recorded
        .iter()
        .filter(|entry| entry.event.deed == RecordedDeed::Created)
        .map(|entry| entry.mark(timeline));
    created
        .filter(|mark| mark.at.ms_since(fired) >= -SLACK_MS)
        .min_by_key(|mark| mark.at)
}

/// When the alert was first kept quiet, and by what.
pub(super) fn muted(timeline: &Timeline<'_>, evidence: &Evidence<'_>) -> Option<(Moment, String)> {
    let muted = evidence
        .recorded
        .iter()
        .filter(|entry| matches!(entry.event.deed, RecordedDeed::Silenced | RecordedDeed::Inhibited));
    let first = muted.min_by_key(|entry| entry.event.at)?;
    let by = first
        .suppressors()
        .map(|(kind, id)| format!("{} {id}", kind.word()));
    Some((first.mark(timeline).at, by.collect::<Vec<_>>().join(", ")))
}
