//! Drills over time: what each said, how its times move, which alerts are proved, and what got worse.
//!
//! ```text
//!   report.json, or a journal ─► PastDrill ─┬─► DrillLine, Trend   (every drill)
//!                                           ├─► AlertHistory       (what coverage says of each alert)
//!   journals of two drills ─► Comparison ───┴─► Change             (the newest of a scenario and the one before)
//! ```
//!
//! A drill is read in one way only, from its `report.json`; where there is none that fits its journal, it is made in
//! memory. Like a report, a history is a pure function of the drills: it reads no clock and no neighbouring folder.

mod alerts;
mod change;
mod past;
mod times;

use std::path::Path;

use serde::Serialize;

use crate::{Moment, Verdict};

pub use alerts::AlertHistory;
pub use change::{Change, Pair, TimeChange, pairs};
pub use past::{Ended, EndedHow, PastDrill, PastError};
pub use times::Times as PastTimes;

/// The version of `index.json`.
const SCHEMA: u32 = 1;

/// Everything that an index says. Serialized, it is `index.json`.
#[derive(Debug, Clone, Serialize)]
pub struct History {
    /// The version of this form.
    pub schema: u32,
    /// The gameday that made it.
    pub version: String,
    /// Each drill, the newest first.
    pub drills: Vec<DrillLine>,
    /// Each scenario's times from drill to drill.
    pub trends: Vec<Trend>,
    /// Each alert that any drill expected.
    pub alerts: Vec<AlertHistory>,
    /// The newest whole drill of each scenario beside the one before.
    pub changes: Vec<Change>,
    /// Folders of which nothing is told, and why.
    pub left_out: Vec<LeftOut>,
}

/// A drill in a line.
#[derive(Debug, Clone, Serialize)]
pub struct DrillLine {
    /// The drill's name.
    pub drill: String,
    /// Its scenario.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// Its folder, from the index.
    pub folder: String,
    /// Its `report.html` as a relative link; null when there is none.
    pub report: Option<String>,
    /// The folder of the sweep that it is a point of.
    pub sweep: Option<String>,
    /// When it began.
    pub started_at: Moment,
    /// When its journal ends.
    pub ended_at: Moment,
    /// The gameday that ran it.
    pub version: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// What `gameday run` exited with.
    pub exit_code: u8,
    /// The verdict in a sentence or two.
    pub summary: String,
    /// What ended it.
    pub ended: Ended,
    /// Fault effective to the first notification.
    pub ttn: PastTimes,
    /// Fault effective to the steady state.
    pub ttr: PastTimes,
}

/// A scenario's times from drill to drill; points of sweeps and drills that touched nothing are left out.
#[derive(Debug, Clone, Serialize)]
pub struct Trend {
    /// The scenario's name.
    pub scenario: String,
    /// The title of its newest drill.
    pub title: String,
    /// The limit of the notification, when its newest drill expected one alert and had one.
    pub ttn_limit_ms: Option<u64>,
    /// Its drills, the oldest first.
    pub points: Vec<TrendPoint>,
}

/// One drill of a trend.
#[derive(Debug, Clone, Serialize)]
pub struct TrendPoint {
    /// The drill's name.
    pub drill: String,
    /// When it began.
    pub at: Moment,
    /// Its verdict.
    pub verdict: Verdict,
    /// Fault effective to the first notification.
    pub ttn: PastTimes,
    /// Fault effective to the steady state.
    pub ttr: PastTimes,
}

/// A folder of which nothing is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The folder, from the index.
    pub folder: String,
    /// Why, as a word.
    pub reason: LeftOutReason,
    /// Why, in a sentence.
    pub why: String,
}

/// Why nothing is told of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// Its drill has not ended yet.
    Running,
    /// Its journal is none that can be read to its end.
    Broken,
    /// The system does not let it be read.
    Unreadable,
    /// There is no drill in it.
    Foreign,
    /// The same drill stands in another folder as well.
    Duplicate,
}

impl LeftOutReason {
    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Broken => "broken",
            Self::Unreadable => "unreadable",
            Self::Foreign => "no drill",
            Self::Duplicate => "duplicate",
        }
    }
}

impl History {
    /// Puts drills together; `changes` are of [`pairs`] of the same drills.
    #[must_use]
    pub fn new(mut drills: Vec<PastDrill>, changes: Vec<Change>, mut left_out: Vec<LeftOut>) -> Self {
        left_out.extend(past::newest_first(&mut drills));
        left_out.sort_by(|a, b| (a.reason, &a.folder).cmp(&(b.reason, &b.folder)));
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            trends: trends(&drills),
            alerts: alerts::read(&drills),
            drills: drills.iter().map(PastDrill::line).collect(),
            changes,
            left_out,
        }
    }

    /// How it stands, in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let worse = self.changes.iter().filter(|change| change.worse).count();
        let proved = self.alerts.iter().filter(|alert| alert.is_proved()).count();
        let count = |number: usize, noun: &str| crate::words::count(number as u64, noun);
        let mut parts = vec![
            format!(
                "{} of {}",
                count(self.drills.len(), "drill"),
                count(self.scenarios(), "scenario")
            ),
            format!("{proved} of {} proved", count(self.alerts.len(), "alert")),
            match worse {
                0 => "nothing got worse".to_owned(),
                some => format!("{} got worse", count(some, "scenario")),
            },
        ];
        if !self.left_out.is_empty() {
            parts.push(format!("{} left out", count(self.left_out.len(), "folder")));
        }
        parts.join("; ")
    }

    /// How many scenarios it knows.
    pub(crate) fn scenarios(&self) -> usize {
        let mut names: Vec<&str> = self.drills.iter().map(|drill| drill.scenario.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }
}

/// Renders `index.json`.
#[must_use]
pub fn render_index_json(history: &History) -> String {
    let mut text =
        serde_json::to_string_pretty(history).expect("its maps have text keys and nothing in it can fail");
    text.push('\n');
    text
}

/// A path below the index as a link: no segment of it is a scheme, and none leads up.
pub(crate) fn relative_link(path: &Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut link = ".".to_owned();
    for segment in path {
        link.push('/');
        for byte in segment.as_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    link.push(char::from(*byte));
                }
                byte => write!(link, "%{byte:02X}").expect("a String takes every write"),
            }
        }
    }
    link
}

/// Each scenario's times, by name.
fn trends(drills: &[PastDrill]) -> Vec<Trend> {
    let mut tested: Vec<&PastDrill> = drills.iter().filter(|drill| drill.counts()).collect();
    tested.sort_by(|a, b| (a.scenario(), a.started_at()).cmp(&(b.scenario(), b.started_at())));
    let trend = |drills: &[&PastDrill]| {
        let newest = drills.last()?;
        Some(Trend {
            scenario: newest.scenario().to_owned(),
            title: newest.title().to_owned(),
            ttn_limit_ms: newest.only_limit(),
            points: drills.iter().map(|drill| drill.point()).collect(),
        })
    };
    tested
        .chunk_by(|a, b| a.scenario() == b.scenario())
        .filter_map(trend)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_relative_and_runs_nothing() {
        for (path, link) in [
            ("db-20261122T1/report.html", "./db-20261122T1/report.html"),
            (
                "javascript:alert(1)/a b\"<é>",
                "./javascript%3Aalert%281%29/a%20b%22%3C%C3%A9%3E",
            ),
        ] {
            assert_eq!(relative_link(Path::new(path)), link);
        }
    }
}
