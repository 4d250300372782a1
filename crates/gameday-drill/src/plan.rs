//! The plan: a scenario with every name resolved and every number checked.

mod cue;
mod expect;
mod fault;
mod observe;
mod record;
mod target;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use gameday_core::{FaultName, ProbeName, RegionName, Sampling, SteadyName, TargetName};
use gameday_probe::ProbePlan;

pub use cue::{After, AlertMoment, Cue, OnlyIf, Otherwise};
pub(crate) use expect::Forbid;
pub use expect::{During, Expectation};
pub use fault::{FaultKind, Pressure};
pub use observe::Observe;
pub(crate) use observe::{GrafanaAt, Required, RuleOf, Shows};
pub use target::Target;

/// What will be done; [`Plan::load`] makes it of a scenario.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenario's name: its file's stem.
    pub scenario: String,
    /// One line for people.
    pub title: String,
    /// What the team believes will happen.
    pub hypothesis: Option<String>,
    /// Where the runbook is.
    pub runbook: Option<String>,
    /// The practice system to start, if any.
    pub lab: Option<String>,
    /// Requests a second that the lab's users make, if not as many as usual.
    pub rps: Option<u32>,
    /// What all random choices of its toxics are made from; drawn anew for each drill if none.
    pub seed: Option<u64>,
    /// How often the faults are run through: each time from a random phase of the alerting, after the one before is over.
    pub trials: u32,
    /// How long a trial waits for what is left of the one before; then it begins all the same, and is not counted.
    pub gate_within: Duration,
    /// What the drill has to do with others of the same sweep; none when it is no point of one.
    pub point: Option<Point>,
    /// Variables as they are used.
    pub vars: BTreeMap<String, String>,
    /// The only things that may be touched.
    pub targets: BTreeMap<TargetName, Target>,
    /// Regions whose probers are followed.
    pub regions: Vec<gameday_probe::Peer>,
    /// What looks at the service.
    pub probes: Vec<ScenarioProbe>,
    /// The alerting that is read.
    pub observe: Observe,
    /// Gate before, drawn during, defines recovery after.
    pub steady: Vec<Steady>,
    /// Faults in the order of the file.
    pub timeline: Vec<Entry>,
    /// Alerts that must come.
    pub expect: Vec<Expectation>,
    /// Alerts that must not come.
    pub forbid: Vec<Forbid>,
    /// What ends the drill early.
    pub guard: Guard,
    /// How the journal is kept small; none when all of it is written whole.
    pub journal: Option<Sampling>,
    /// The steady state must be back this long after the last removal.
    pub recover_within: Option<Duration>,
}

/// A drill that is a point of a sweep: it passes the gate of a trial, at the same phase as each other point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Point {
    /// How long before this drill the last fault of the points before it was removed; none when there was none.
    pub since_removal: Option<Duration>,
}

/// A probe with its regions.
#[derive(Debug, Clone)]
pub struct ScenarioProbe {
    /// Its name in the scenario.
    pub name: ProbeName,
    /// The file it was read from, for messages.
    pub file: PathBuf,
    /// What it does.
    pub plan: ProbePlan,
    /// Where it is looked from.
    pub regions: Vec<RegionName>,
    /// Those of them where the drill looks itself, each with what its file says of that region.
    pub here: Vec<(RegionName, ProbePlan)>,
}

/// One steady-state condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Steady {
    /// Its name.
    pub name: SteadyName,
    /// What is measured, and its limit.
    pub kind: SteadyKind,
    /// The trailing window.
    pub window: Duration,
}

/// What a steady-state condition measures.
#[derive(Debug, Clone, PartialEq)]
pub enum SteadyKind {
    /// The 95th percentile of a probe's total time stays at or under a limit.
    P95 {
        /// Which probe.
        probe: ProbeName,
        /// The limit.
        limit: Duration,
    },
    /// The share of a probe's looks that say up stays at or over a floor.
    Success {
        /// Which probe.
        probe: ProbeName,
        /// The floor, 0 to 1.
        floor: f64,
    },
    /// A query of the user's own stays within a bound over the whole window.
    Promql {
        /// The query.
        query: String,
        /// At most this, if stated.
        max: Option<f64>,
        /// At least this, if stated.
        min: Option<f64>,
    },
}

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: FaultName,
    /// When it is ordered, after T0, unless it waits.
    pub at: Duration,
    /// What it waits for.
    pub after: Option<After>,
    /// On what condition it comes.
    pub only_if: Option<OnlyIf>,
    /// How long it is held, from its confirmation; at most, when a person ends it.
    pub hold: Duration,
    /// Whether it is held until a person says that the harm is over.
    pub until_mitigated: bool,
    /// The target.
    pub on: TargetName,
    /// What is done to it.
    pub fault: FaultKind,
}

impl Entry {
    /// The latest time after T0 at which it is ordered.
    #[must_use]
    pub fn latest(&self) -> Duration {
        let waits = self.after.as_ref().map(|after| after.within + after.offset);
        waits.unwrap_or(self.at)
    }

    /// Whether both cannot be in place at once: undoing one would undo the other.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        self.on == other.on && self.fault.excludes(&other.fault)
    }
}

impl Plan {
    /// Whether the faults wait for the gate, and for their phase.
    #[must_use]
    pub fn is_gated(&self) -> bool {
        self.trials > 1 || self.point.is_some()
    }

    /// How long before this drill a fault of another point of its sweep was removed, if one was.
    pub(crate) fn since_other_point(&self) -> Option<Duration> {
        self.point?.since_removal
    }

    /// The expected alerts whose rules a source knows.
    pub(crate) fn rules_of(&self, source: RuleOf) -> Vec<String> {
        let mut names: Vec<String> = self
            .expect
            .iter()
            .filter(|expect| expect.source == source)
            .map(|expect| expect.alert.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// What forbids an alert; one that is expected is not forbidden.
    pub fn forbids<'a>(
        &'a self,
        alert: &'a str,
        labels: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'a Forbid> {
        let expected = self
            .expect
            .iter()
            .any(|expect| !expect.never && expect.is_about(alert, labels));
        let forbid = self.forbid.iter();
        forbid.filter(move |forbid| !expected && forbid.is_about(alert, labels))
    }
}

/// What ends the drill early.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    /// Abort conditions.
    pub abort_if: Vec<AbortIf>,
    /// A trial may not last longer, nor a drill that has but one.
    pub max_duration: Duration,
    /// A fault ends by itself this long after its last renewal.
    pub lease: Duration,
}

/// `checkout < 50% for 15s`.
#[derive(Debug, Clone, PartialEq)]
pub struct AbortIf {
    /// As written.
    pub text: String,
    /// Which probe.
    pub probe: ProbeName,
    /// Below this share of up looks, 0 to 1.
    pub floor: f64,
    /// Over this trailing window.
    pub window: Duration,
}
