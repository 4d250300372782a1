//! What disturbed the measurement while the drill ran: sources that were restarted, reloaded, lost or behind.
//!
//! Each is known from what a source said of itself before and after, so it lies between two moments. A mark that
//! it may have touched is void and says so; none is corrected by a guess.

use std::collections::BTreeMap;

use gameday_core::{EventKind, SourceSeen, Timestamp, Vitals};
use serde::Serialize;

use super::mark::Moment;
use super::record::AlertReport;
use super::timeline::Timeline;
use crate::words;

/// Two starts of one process may be told so far apart, by rounding.
const SAME_START_US: i64 = 2_000_000;
/// A source is told lost after three looks that may have waited five seconds each, and the pauses between.
const LOST_WITHIN_US: i64 = 18_000_000;

/// Something that disturbed the measurement.
#[derive(Debug, Clone, Serialize)]
pub struct DisturbanceReport {
    /// Which source, or `local` for our own clock.
    pub source: String,
    /// `restarted`, `configuration_reloaded`, `evaluations_missed`, `lost`, `cluster_changed` or `clock_stepped`.
    pub what: &'static str,
    /// It was after this.
    pub after: Moment,
    /// It was by this.
    pub by: Moment,
    /// What happened, in a line.
    pub text: String,
    /// What it made void, e.g. `PaymentsSlow T2`; nothing when it came at a harmless moment.
    pub voids: Vec<String>,
}

impl DisturbanceReport {
    /// What it did to the measurement, for people.
    pub(crate) fn effect(&self) -> String {
        match (self.voids.as_slice(), self.what) {
            ([], "lost") => "what it would have told meanwhile is not known".to_owned(),
            ([], _) => "no measurement is affected".to_owned(),
            (voids, _) => format!("void: {}", voids.join(", ")),
        }
    }
}

/// As it is used while measuring. Times are ours.
#[derive(Debug, Clone)]
pub(super) struct Disturbance {
    pub source: String,
    pub what: What,
    pub low: Timestamp,
    pub high: Timestamp,
    pub text: String,
}

/// What happened to a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Restarted,
    Reloaded,
    /// Evaluations of this group, as `file;group`.
    Missed(String),
    Lost,
    ClusterChanged,
}

impl What {
    fn word(&self) -> &'static str {
        match self {
            Self::Restarted => "restarted",
            Self::Reloaded => "configuration_reloaded",
            Self::Missed(_) => "evaluations_missed",
            Self::Lost => "lost",
            Self::ClusterChanged => "cluster_changed",
        }
    }
}

impl Disturbance {
    /// Whether it may lie between two moments.
    pub(super) fn touches(&self, from: Moment, to: Moment) -> bool {
        self.low <= to.time() && from.time() <= self.high
    }

    pub(super) fn is_of_alertmanager(&self) -> bool {
        is_alertmanager(&self.source)
    }
}

/// Whether a source is an Alertmanager: the peers of the first are `alertmanager.2` and so on.
pub(super) fn is_alertmanager(source: &str) -> bool {
    source
        .strip_prefix("alertmanager")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Everything that disturbed sources, in the order of the journal.
pub(super) fn read(timeline: &Timeline<'_>) -> Vec<Disturbance> {
    let mut last: BTreeMap<&str, &Vitals> = BTreeMap::new();
    let mut found = Vec::new();
    for (index, event) in timeline.events.iter().enumerate() {
        match &event.kind {
            EventKind::SourceSeen(seen) => {
                if let Some(before) = last.insert(seen.source.as_str(), &seen.vitals) {
                    compare(timeline, before, seen, &mut found);
                }
            }
            EventKind::SourceLost { source, error } => {
                let back = timeline.events[index..].iter().find(|later| {
                    matches!(&later.kind, EventKind::SourceBack { source: theirs } if theirs == source)
                });
                found.push(Disturbance {
                    source: source.to_string(),
                    what: What::Lost,
                    low: event.time.plus_micros(-LOST_WITHIN_US),
                    high: back.unwrap_or(timeline.last()).time,
                    text: format!(
                        "{source} was lost at {}: {error}",
                        Moment::new(event.time).clock()
                    ),
                });
            }
            _ => {}
        }
    }
    found
}

/// What of a source is not as it was.
fn compare(timeline: &Timeline<'_>, before: &Vitals, seen: &SourceSeen, found: &mut Vec<Disturbance>) {
    let (low, high) = (seen.after.unwrap_or(seen.by), seen.by);
    let between = format!(
        "between {} and {}",
        Moment::new(low).clock(),
        Moment::new(high).clock()
    );
    let mut push = |what: What, text: String| {
        found.push(Disturbance {
            source: seen.source.to_string(),
            what,
            low,
            high,
            text,
        });
    };
    let (source, now) = (&seen.source, &seen.vitals);
    if let (Some(then), Some(started)) = (before.started_at, now.started_at)
        && then.micros_since(started).abs() >= SAME_START_US
    {
        let at = timeline.mark(source.as_str(), started).at.clock();
        push(
            What::Restarted,
            format!("{source} was restarted {between}: its process started at {at}"),
        );
        // Its counters and its configuration began anew with it.
        return;
    }
    if before.config_loaded_at != now.config_loaded_at || before.config_hash != now.config_hash {
        let same = before.config_hash.is_some() && before.config_hash == now.config_hash;
        let how = if same { ", with nothing changed in it" } else { "" };
        push(
            What::Reloaded,
            format!("{source} reloaded its configuration {between}{how}"),
        );
    }
    for (group, count) in &now.missed {
        let more = count.saturating_sub(before.missed.get(group).copied().unwrap_or(0));
        if more > 0 {
            let name = group.rsplit_once(';').map_or(group.as_str(), |(_, name)| name);
            let missed = words::count(more, "evaluation");
            push(
                What::Missed(group.clone()),
                format!("{source} missed {missed} of the rules `{name}` {between}"),
            );
        }
    }
    if before.place != now.place {
        let place = |place: Option<(u64, u64)>| {
            place.map_or("alone".to_owned(), |(place, peers)| {
                format!("peer {} of {peers}", place + 1)
            })
        };
        push(
            What::ClusterChanged,
            format!(
                "{source} was {} of its cluster and is {} {between}",
                place(before.place),
                place(now.place)
            ),
        );
    }
}

/// For the report: each with what it made void, steps of clocks as well.
pub(super) fn report(timeline: &Timeline<'_>, alerts: &[AlertReport]) -> Vec<DisturbanceReport> {
    let voids = |text: &str, spans_too: bool| {
        let of = |alert: &AlertReport| {
            let is_mark = |key: &str| alert.marks.named().iter().any(|(mark, _)| *mark == key);
            let why = alert.why.iter();
            let keys = why.filter(|(key, why)| why.starts_with(text) && (spans_too || is_mark(key)));
            let keys = keys.map(|(key, _)| format!("{} {key}", alert.title()));
            let group = alert.unclean.iter().filter(|why| why.starts_with(text));
            let group = group.map(|_| format!("{} group stage", alert.title()));
            keys.chain(group).collect::<Vec<_>>()
        };
        alerts.iter().flat_map(of).collect::<Vec<String>>()
    };
    let sources = timeline.disturbances.iter().map(|one| DisturbanceReport {
        source: one.source.clone(),
        what: one.what.word(),
        after: Moment::new(one.low),
        by: Moment::new(one.high),
        text: one.text.clone(),
        voids: voids(&one.text, false),
    });
    let clocks = timeline.jumps.iter().map(|jump| DisturbanceReport {
        source: jump.source.clone(),
        what: "clock_stepped",
        after: Moment::new(jump.low),
        by: Moment::new(jump.high),
        text: jump.why.clone(),
        // A step leaves marks as they were read; what lies between two of them is void.
        voids: voids(&jump.why, true),
    });
    sources.chain(clocks).collect()
}
