//! From the events of a drill to everything that a report says of it.
//!
//! ```text
//!   events ─► Timeline ─┬─► faults ─► alerts (evidence ─► marks ─► stages ─► verdict) ─┐
//!                       ├─► recovery, steady, probes                                   ├─► Trial
//!                       └─► clocks, safety, notices                                    ┘
//! ```

mod advice;
mod alert;
mod alert_verdict;
mod approach;
mod before;
mod clock;
mod counted;
mod course;
mod difference;
mod disturbance;
mod doubt;
mod episode;
mod evidence;
mod expectation;
mod fault;
mod finding;
mod forbid;
mod forged;
mod happened;
mod impact;
mod keeping;
mod links;
mod listing;
mod look;
mod mark;
mod marks;
mod means;
mod never;
mod noise;
mod origin;
mod others;
mod over_trials;
mod people;
mod picture;
mod predicted;
mod probe;
mod record;
mod recorder;
mod recovery;
mod sampled;
mod sight;
mod split;
mod stages;
mod steady;
mod story;
mod suppression;
mod timeline;
mod trial;
mod verdict;
mod void;

pub(crate) use marks::NOT_OBSERVED;

pub use advice::Advice;
pub use approach::{ApproachReport, NearestReport};
pub use counted::{Between, Intervals};
pub use course::{Course, NearMiss};
pub use difference::{Difference, DifferenceRow};
pub use disturbance::DisturbanceReport;
pub use finding::{Finding, Weight};
pub use forbid::{ForbidReport, ForbiddenAlert};
pub use happened::LogLine;
pub use impact::{BudgetReport, ImpactLine, ImpactReport};
pub use keeping::KeptFiring;
pub use links::LinkReport;
pub use listing::{Check, ClockReport, NoticeReport, SafetyLine};
pub use mark::Moment;
pub use means::Digest;
pub use noise::{Noise, ReceiverNoise};
pub use others::OtherAlert;
pub use over_trials::OverTrials;
pub(crate) use over_trials::range;
pub use people::{AckReport, Mitigation, PersonLine};
pub(crate) use picture::{
    Bar, Curve, GuardLane, Lane, Look, Notch, Picture, ProbeLane, State, thin_looks, thin_points,
};
pub use predicted::Predicted;
pub use probe::{Phase, ProbeReport};
pub use record::{
    AlertReport, AlertVerdict, Elsewhere, FaultReport, GateReport, LimitsMs, Marks, Measurement, Rollback,
    StagesMs, Trial, TrialMarks, Verdict,
};
pub use sampled::{JournalReport, ProbeSummed, Summed};
pub use sight::{Seen, SightReport};
pub use steady::SteadyReport;
pub use story::BriefLine;
pub(crate) use story::stage_word;
pub use suppression::SuppressedBy;
pub use timeline::TimelineError;
pub use trial::GROUP_STAGE_CHECK;

use gameday_core::Event;

use timeline::Timeline;

/// The version of `report.json`.
pub(crate) const REPORT_SCHEMA: u32 = 1;

/// Works out what the journals of a drill mean; a journal is one trial or several.
///
/// # Errors
/// [`TimelineError`] when there is no journal, or one is not a journal that this build can read.
pub fn measure(journals: &[Vec<Event>]) -> Result<Measurement, TimelineError> {
    measure_all(journals.iter().map(Vec::as_slice))
}

/// As [`measure`], of events that need not be owned.
pub(crate) fn measure_all<'a>(
    journals: impl Iterator<Item = &'a [Event]>,
) -> Result<Measurement, TimelineError> {
    let timelines: Vec<Timeline<'_>> = journals.map(Timeline::read).collect::<Result<_, _>>()?;
    let first = timelines.first().ok_or(TimelineError::NoJournal)?.started;
    let parts: Vec<_> = timelines
        .iter()
        .map(|timeline| split::trials(timeline.events))
        .collect();
    let parts = timelines
        .iter()
        .zip(&parts)
        .flat_map(|(timeline, parts)| parts.iter().map(|part| timeline.part(part)));
    let trials: Vec<Trial> = parts
        .enumerate()
        .map(|(index, part)| trial::measure(index, &part))
        .collect();
    let over_trials = over_trials::read(&first.plan.expect, &trials);
    let (verdict, summary) = verdict::over_trials(&trials, &over_trials);
    let rollback = trials
        .iter()
        .find(|trial| !trial.rollback.verified)
        .or(trials.last())
        .map(|trial| trial.rollback.clone())
        .expect("there is a trial");
    Ok(Measurement {
        schema: REPORT_SCHEMA,
        scenario: first.scenario.clone(),
        drill: first.drill.clone(),
        version: first.version.clone(),
        verdict,
        exit_code: verdict.exit_code(),
        summary,
        lab: first.lab.clone(),
        rollback,
        mttd: means::of_detection(&trials),
        mttr: means::of_recovery(&trials),
        difference: first
            .baseline
            .as_ref()
            .map(|last| difference::read(last, &trials)),
        trials,
        over_trials,
        journal: timelines
            .iter()
            .fold(JournalReport::default(), |report, timeline| {
                report.with(timeline.events)
            }),
        plan: first.plan.clone(),
    })
}
