//! A drill that is over, as its `report.json` tells of it.

use std::path::{Path, PathBuf};

use gameday_core::{Event, EventKind, PlanRecord};
use serde::{Deserialize, Serialize};

use super::times::Times;
use super::{DrillLine, LeftOut, LeftOutReason, TrendPoint, relative_link};
use crate::coverage::{Told, Witness};
use crate::measure::{REPORT_SCHEMA, measure_all};
use crate::{Digest, Moment, Proof, TimelineError, TrialMarks, Verdict};

/// A drill that is over.
#[derive(Debug, Clone)]
pub struct PastDrill {
    report: Report,
    /// Its folder, from the index.
    folder: PathBuf,
    /// Whether its `report.html` stands there.
    page: bool,
    /// The folder of the sweep that it is a point of.
    sweep: Option<PathBuf>,
}

/// Why a drill cannot be told of.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// Its journal says nothing.
    #[error(transparent)]
    Journal(#[from] TimelineError),
    /// It is no report of this version.
    #[error("not a report.json of this version: {0}")]
    Report(#[from] serde_json::Error),
}

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// In a word.
    pub how: EndedHow,
    /// Why, unless it was run to its end.
    pub why: Option<String>,
}

/// How a drill ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedHow {
    /// It was run to its end.
    Completed,
    /// A guard, a signal or a person stopped it.
    Aborted,
    /// It was not begun.
    Refused,
    /// Its runner died.
    Died,
}

impl EndedHow {
    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
            Self::Died => "runner died",
        }
    }
}

/// What of `report.json` is needed; the rest of it is passed over.
#[derive(Debug, Clone, Deserialize)]
struct Report {
    schema: u32,
    scenario: String,
    drill: String,
    version: String,
    verdict: Verdict,
    exit_code: u8,
    summary: String,
    rollback: Rollback,
    trials: Vec<Trial>,
    over_trials: Vec<Over>,
    mttd: Digest,
    mttr: Digest,
    plan: PlanRecord,
}

#[derive(Debug, Clone, Deserialize)]
struct Rollback {
    verified: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Trial {
    started_at: Moment,
    ended_at: Moment,
    complete: bool,
    reasons: Vec<String>,
    marks: TrialMarks,
    alerts: Vec<Told>,
    safety: Vec<Deed>,
}

/// Something that was done, or that stopped it.
#[derive(Debug, Clone, Deserialize)]
struct Deed {
    what: String,
    text: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Over {
    label: String,
    verdict: Verdict,
}

impl PastDrill {
    /// Reads `report.json`.
    ///
    /// # Errors
    /// [`PastError::Report`] when it is none of this version.
    pub fn read(folder: &Path, report: &[u8]) -> Result<Self, PastError> {
        let report: Report = serde_json::from_slice(report)?;
        if report.trials.is_empty() {
            return Err(PastError::Report(serde::de::Error::custom("it has no trial")));
        }
        Ok(Self {
            report,
            folder: folder.to_owned(),
            page: false,
            sweep: None,
        })
    }

    /// Reads what `report.json` would say of a journal.
    ///
    /// # Errors
    /// [`PastError`] when it is none that this build can read.
    pub fn measure(folder: &Path, events: &[Event]) -> Result<Self, PastError> {
        let measurement = measure_all(std::iter::once(events))?;
        Self::read(folder, &serde_json::to_vec(&measurement)?)
    }

    /// With a `report.html` in its folder.
    #[must_use]
    pub fn with_page(mut self, page: bool) -> Self {
        self.page = page;
        self
    }

    /// As a point of the sweep in a folder.
    #[must_use]
    pub fn of_sweep(mut self, sweep: Option<&Path>) -> Self {
        self.sweep = sweep.map(Path::to_owned);
        self
    }

    /// Whether it tells of the journal with these first and last events, in the form of this build.
    #[must_use]
    pub fn is_of(&self, first: &Event, last: &Event) -> bool {
        let EventKind::DrillStarted(started) = &first.kind else {
            return false;
        };
        let report = &self.report;
        report.schema == REPORT_SCHEMA
            && (&report.drill, &report.version) == (&started.drill, &started.version)
            && self.ended_at() == Moment::new(last.time)
    }

    /// Its name.
    #[must_use]
    pub fn drill(&self) -> &str {
        &self.report.drill
    }

    /// Its scenario.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.report.scenario
    }

    /// Its folder, from the index.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of its sweep, from the index.
    #[must_use]
    pub fn sweep(&self) -> Option<&Path> {
        self.sweep.as_deref()
    }

    /// When it began.
    #[must_use]
    pub fn started_at(&self) -> Moment {
        self.report
            .trials
            .first()
            .expect("it was read with one")
            .started_at
    }

    /// When its journal ends.
    #[must_use]
    pub fn ended_at(&self) -> Moment {
        self.last_trial().ended_at
    }

    fn last_trial(&self) -> &Trial {
        self.report.trials.last().expect("it was read with one")
    }

    /// Its verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.report.verdict
    }

    /// Whether everything was put back.
    #[must_use]
    pub fn rollback_verified(&self) -> bool {
        self.report.rollback.verified
    }

    /// Whether it injected anything.
    #[must_use]
    pub fn tested(&self) -> bool {
        self.report.trials.iter().any(|trial| trial.marks.t0.is_some())
    }

    /// Whether its times stand beside those of the other drills of its scenario.
    pub(super) fn counts(&self) -> bool {
        self.sweep.is_none() && self.tested()
    }

    /// Whether it was run to its end: one that was ended early says nothing of what a whole one takes.
    pub(super) fn is_whole(&self) -> bool {
        self.counts() && self.report.exit_code <= Verdict::Failed.exit_code()
    }

    pub(super) fn title(&self) -> &str {
        &self.report.plan.title
    }

    pub(super) fn plan(&self) -> &PlanRecord {
        &self.report.plan
    }

    /// What it says of each alert that it expected to come.
    #[must_use]
    pub fn proofs(&self) -> Vec<Proof> {
        let witness = Witness {
            drill: self.drill(),
            scenario: self.scenario(),
            at: self.started_at(),
        };
        let wanted = self.report.plan.expect.iter().filter(|expect| !expect.never);
        let proof = wanted.filter_map(|expect| {
            let alerts = self.report.trials.iter().flat_map(|trial| &trial.alerts);
            let told: Vec<Told> = alerts
                .filter(|alert| alert.label == expect.label)
                .cloned()
                .collect();
            let mut over = self.report.over_trials.iter();
            let enough = over.any(|over| over.label == expect.label && over.verdict == Verdict::Passed);
            Proof::of(witness, expect, &told, enough)
        });
        proof.collect()
    }

    pub(super) fn ttn(&self) -> Times {
        Times::of(&self.report.mttd)
    }

    pub(super) fn ttr(&self) -> Times {
        Times::of(&self.report.mttr)
    }

    /// The limit of its notification, when it expects one alert.
    pub(super) fn only_limit(&self) -> Option<u64> {
        match self.report.plan.expect.as_slice() {
            [only] => only.notified_ms,
            _ => None,
        }
    }

    pub(super) fn line(&self) -> DrillLine {
        let report = &self.report;
        DrillLine {
            drill: report.drill.clone(),
            scenario: report.scenario.clone(),
            title: report.plan.title.clone(),
            folder: shown(&self.folder),
            report: self.page.then(|| relative_link(&self.folder.join("report.html"))),
            sweep: self.sweep.as_deref().map(shown),
            started_at: self.started_at(),
            ended_at: self.ended_at(),
            version: report.version.clone(),
            verdict: report.verdict,
            exit_code: report.exit_code,
            summary: report.summary.clone(),
            ended: self.ended(),
            ttn: self.ttn(),
            ttr: self.ttr(),
        }
    }

    pub(super) fn point(&self) -> TrendPoint {
        TrendPoint {
            drill: self.report.drill.clone(),
            at: self.started_at(),
            verdict: self.report.verdict,
            ttn: self.ttn(),
            ttr: self.ttr(),
        }
    }

    fn ended(&self) -> Ended {
        let last = self.last_trial();
        // Where the rollback is not verified the reasons are about that; what stopped it stands among the deeds.
        let mut deeds = last.safety.iter();
        let stopped = deeds.find(|deed| deed.what == "guard" || deed.what == "stopped");
        let how = match self.report.verdict {
            Verdict::Refused => EndedHow::Refused,
            _ if !last.complete => EndedHow::Died,
            Verdict::Aborted => EndedHow::Aborted,
            _ if stopped.is_some() => EndedHow::Aborted,
            _ => EndedHow::Completed,
        };
        let why = match (how, stopped) {
            (EndedHow::Completed, _) => None,
            (EndedHow::Aborted, Some(deed)) => Some(deed.text.clone()),
            _ => last.reasons.first().cloned(),
        };
        Ended { how, why }
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Sorts drills; a drill that is there twice is taken out but for the first folder of its name.
pub(super) fn newest_first(drills: &mut Vec<PastDrill>) -> Vec<LeftOut> {
    drills.sort_by(|a, b| {
        let newer = b.started_at().cmp(&a.started_at());
        newer
            .then_with(|| a.drill().cmp(b.drill()))
            .then_with(|| a.folder.cmp(&b.folder))
    });
    let mut twice = Vec::new();
    drills.dedup_by(|later, kept| {
        let same = later.drill() == kept.drill() && later.started_at() == kept.started_at();
        if same {
            twice.push(LeftOut {
                folder: shown(&later.folder),
                reason: LeftOutReason::Duplicate,
                why: format!(
                    "the drill {} stands in {} as well",
                    kept.drill(),
                    shown(&kept.folder)
                ),
            });
        }
        same
    });
    twice
}
