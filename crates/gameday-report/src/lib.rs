//! Reads journals and says what they mean.
//!
//! ```text
//!   journal ──► measure ──► Measurement ──┬─► report.json
//!                                         ├─► report.md
//!                                         ├─► junit.xml
//!                                         ├─► report.html
//!                                         ├─► runbook-patch.md
//!                                         └─► the marks as CSV, the summary of a step in CI
//!   journals ─► coverage   which rules drills have proved
//!   journals ─► compare    then and now
//!   reports ──► history    all drills of a folder: index.html, index.json
//! ```
//!
//! Invariants: a report is a pure function of journals. It reads no clock, time zone, locale,
//! environment or neighbouring folder, so the same journal renders the same bytes. A mark is read
//! from what was recorded or it is null with a `why`; no number is ever invented. Nothing else in
//! gameday computes a number that a user sees.

mod compare;
mod coverage;
mod csv;
mod grid;
mod history;
mod html;
mod json;
mod junit;
mod live;
mod markdown;
mod measure;
mod promtool;
mod runbook;
mod score;
mod statistics;
mod sweep;
mod terminal;
mod what_if;
mod words;
mod write;

pub use compare::{
    AlertComparison, Comparison, Drill, Judgement, Limits, RankTest, Sample, Shift, Stage, Times, compare,
};
pub use coverage::{
    Asked, Coverage, Outcome, Proof, RouteCoverage, RouteSeen, RuleCoverage, State, Stops, coverage, proofs,
};
pub use csv::render_csv;
pub use grid::Grid;
pub use history::{
    AlertHistory, Change, DrillLine, Ended, EndedHow, History, LeftOut, LeftOutReason, Pair, PastDrill,
    PastError, PastTimes, TimeChange, Trend, TrendPoint, pairs, render_index_json,
};
pub use html::{render_html, render_index_html};
pub use json::render_json;
pub use junit::render_junit;
pub use live::{
    AlertLane, AlertSpan, AlertStage, CurveLane, Due, FaultBar, Head, Line, LookLane, MarkKind, Person,
    Progress, RollbackSeen, TrialAlert, TrialRow, Update, View,
};
pub use markdown::{render_markdown, render_summary};
pub use measure::{
    AckReport, Advice, AlertReport, AlertVerdict, ApproachReport, Between, BriefLine, BudgetReport, Check,
    ClockReport, Course, Difference, DifferenceRow, Digest, DisturbanceReport, FaultReport, Finding,
    ForbidReport, ForbiddenAlert, GROUP_STAGE_CHECK, GateReport, ImpactLine, ImpactReport, Intervals,
    JournalReport, KeptFiring, LimitsMs, LinkReport, LogLine, Marks, Measurement, Mitigation, Moment,
    NearMiss, NearestReport, Noise, NoticeReport, OtherAlert, OverTrials, PersonLine, Phase, Predicted,
    ProbeReport, ProbeSummed, ReceiverNoise, Rollback, SafetyLine, StagesMs, SteadyReport, Summed,
    SuppressedBy, TimelineError, Trial, TrialMarks, Verdict, Weight, measure,
};
pub use measure::{Elsewhere, Seen, SightReport};
pub use promtool::{RULES_FILE, TEST_FILE, UnitTest, render_promtool};
pub use runbook::render_runbook_patch;
pub use statistics::Summary;
pub use sweep::{
    Edge, PointAlert, PointReport, Seeing, Sweep, SweepPoint, SweptVariable, point_lines, render_sweep_html,
    render_sweep_json, render_sweep_markdown, sweep, sweep_lines,
};
pub use terminal::terminal_lines;
pub use what_if::{Inputs, Replayed, Times as WhatIfTimes, WhatIf, WhatIfSettings, inputs_of};
pub use write::{INDEX_FILES, REPORT_FILES, write_all, write_index, write_sweep};
