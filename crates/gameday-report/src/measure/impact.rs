//! What the fault cost those who use the service, as far as probes stand for them.
//!
//! From the first moment at which a fault took effect to the steady state, or to the end where that did not
//! come back. Looks that could not be made tell nothing and are in no share.

use std::collections::BTreeMap;

use gameday_core::{Outcome, ProbeName, ProbeRecord, Unit};
use serde::Serialize;

use super::fault::Fault;
use super::look::{LookDone, looks};
use super::mark::Moment;
use super::recovery::Recovery;
use super::timeline::Timeline;

/// Of a p95 objective this share of all looks may be slower.
const SLOWER_THAN_P95: f64 = 0.05;

/// What the drill cost.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ImpactReport {
    /// When the first fault took effect; null when none did.
    pub from: Option<Moment>,
    /// When the steady state was back, or the fault was gone if the service never left it, or the end.
    pub until: Option<Moment>,
    /// False when `until` is only the end of the journal.
    pub recovered: bool,
    /// Between the two, in milliseconds.
    pub lasted_ms: Option<i64>,
    /// Requests, chunks, connections or processes that the faults touched.
    pub touched: u64,
    /// By probe and region.
    pub probes: Vec<ImpactLine>,
    /// By probe, region and step, where a step failed or was slow.
    pub steps: Vec<ImpactLine>,
    /// What it cost of each objective that a probe states.
    pub budgets: Vec<BudgetReport>,
}

/// Looks of a probe, or of one of its steps, from a region.
#[derive(Debug, Clone, Serialize)]
pub struct ImpactLine {
    /// Which probe.
    pub probe: String,
    /// From where.
    pub region: String,
    /// Which step; null for the whole probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Looks that told something.
    pub looks: u64,
    /// Looks that failed.
    pub failed: u64,
    /// Looks that were over an objective of a step.
    pub slow: u64,
    /// Looks that took longer than a steady state allows to 95 % of them; null of a step, and where none says.
    pub beyond: Option<u64>,
    /// How often each reason of a failure was given.
    pub reasons: BTreeMap<&'static str, u64>,
}

/// What the drill cost of an objective, if users saw what the probe saw.
#[derive(Debug, Clone, Serialize)]
pub struct BudgetReport {
    /// Which probe.
    pub probe: String,
    /// `success` or `p95`.
    pub objective: &'static str,
    /// The share of looks that must be good.
    pub target: f64,
    /// The p95 that must be kept, for that objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_ms: Option<u64>,
    /// The objective's window.
    pub window_ms: u64,
    /// The share of looks that were bad.
    pub bad: f64,
    /// The share of the window's error budget that was spent: 1 is all of it.
    pub spent: f64,
}

/// Counts the looks while it mattered.
pub(super) fn read(timeline: &Timeline<'_>, faults: &[Fault<'_>], recovery: &Recovery) -> ImpactReport {
    let touched = faults
        .iter()
        .fold(0_u64, |sum, fault| sum.saturating_add(fault.report.touched));
    let Some(from) = faults.iter().filter_map(|fault| fault.report.effective_at).min() else {
        return ImpactReport {
            touched,
            ..ImpactReport::default()
        };
    };
    // A service that never left its steady state was exposed for as long as the fault was there.
    let back = if recovery.never_left {
        &recovery.t7
    } else {
        &recovery.t8
    };
    let back = back.as_ref().ok().copied().filter(|back| *back >= from);
    let until = back
        .unwrap_or_else(|| Moment::new(timeline.last().time))
        .max(from);
    let mut count = Count::default();
    for look in looks(timeline.events) {
        // A look counts by when it began, as its users would.
        let began = look
            .time
            .plus_micros(i64::try_from(look.total_us).map_or(i64::MIN / 4, |us| -us));
        if (from..=until).contains(&Moment::new(began)) {
            count.look(&look, timeline);
        }
    }
    let lasted_ms = until.ms_since(from);
    ImpactReport {
        from: Some(from),
        until: Some(until),
        recovered: back.is_some(),
        lasted_ms: Some(lasted_ms),
        touched,
        budgets: budgets(timeline, &count, lasted_ms),
        steps: count
            .steps
            .into_values()
            .filter(|line| line.failed + line.slow > 0)
            .collect(),
        probes: count.probes.into_values().collect(),
    }
}

#[derive(Default)]
struct Count {
    probes: BTreeMap<(String, String), ImpactLine>,
    steps: BTreeMap<(String, String, String), ImpactLine>,
    /// Looks over the p95 that their probe states, by probe.
    over_p95: BTreeMap<String, u64>,
}

impl Count {
    fn look(&mut self, done: &LookDone<'_>, timeline: &Timeline<'_>) {
        let (probe, region) = (done.probe.to_string(), done.region.as_str());
        let slow: &[_] = match done.outcome {
            Outcome::Up { slow } => slow,
            _ => &[],
        };
        let key = (probe.clone(), region.to_owned());
        let line = self
            .probes
            .entry(key)
            .or_insert_with(|| line(&probe, region, None));
        line.add(done.outcome, !slow.is_empty());
        if let (Some(limit), Outcome::Up { .. }) = (steady_ms(timeline, done.probe), done.outcome) {
            #[expect(clippy::cast_precision_loss, reason = "latencies stay far below 2^53 µs")]
            let beyond = done.total_us as f64 / 1000.0 > limit;
            *line.beyond.get_or_insert(0) += u64::from(beyond);
        }
        for (step, outcome) in done.steps() {
            let key = (probe.clone(), region.to_owned(), step.to_string());
            let line = self
                .steps
                .entry(key)
                .or_insert_with(|| line_of(&probe, region, step.as_str()));
            line.add(outcome, slow.contains(step));
        }
        let limit_ms = record(timeline, &probe).and_then(|record| record.slo_p95_ms);
        let over = limit_ms.is_some_and(|ms| done.total_us > ms.saturating_mul(1000));
        if over && matches!(done.outcome, Outcome::Up { .. }) {
            *self.over_p95.entry(probe).or_default() += 1;
        }
    }
}

fn line(probe: &str, region: &str, step: Option<&str>) -> ImpactLine {
    ImpactLine {
        probe: probe.to_owned(),
        region: region.to_owned(),
        step: step.map(str::to_owned),
        looks: 0,
        failed: 0,
        slow: 0,
        beyond: None,
        reasons: BTreeMap::new(),
    }
}

fn line_of(probe: &str, region: &str, step: &str) -> ImpactLine {
    line(probe, region, Some(step))
}

impl ImpactLine {
    fn add(&mut self, outcome: &Outcome, slow: bool) {
        match outcome {
            Outcome::Unknown(_) => return,
            Outcome::Up { .. } => {}
            Outcome::Down(reason) => {
                self.failed += 1;
                *self.reasons.entry(reason.word()).or_default() += 1;
            }
        }
        self.looks += 1;
        self.slow += u64::from(slow);
    }
}

/// The smallest latency that a steady state asks of a probe.
fn steady_ms(timeline: &Timeline<'_>, probe: &ProbeName) -> Option<f64> {
    let steady = timeline.started.plan.steady.iter();
    let latencies = steady.filter(|record| record.unit == Unit::Ms && record.probe.as_ref() == Some(probe));
    latencies.map(|record| record.limit).reduce(f64::min)
}

fn record<'a>(timeline: &Timeline<'a>, probe: &str) -> Option<&'a ProbeRecord> {
    timeline
        .started
        .plan
        .probes
        .iter()
        .find(|record| record.name.as_str() == probe)
}

fn budgets(timeline: &Timeline<'_>, count: &Count, lasted_ms: i64) -> Vec<BudgetReport> {
    let mut found = Vec::new();
    for record in &timeline.started.plan.probes {
        let probe = record.name.as_str();
        let lines = count.probes.iter().filter(|((name, _), _)| name == probe);
        let (looks, failed) = lines.fold((0, 0), |(looks, failed), (_, line)| {
            (looks + line.looks, failed + line.failed)
        });
        let Some(window_ms) = record.slo_window_ms.filter(|window| looks > 0 && *window > 0) else {
            continue;
        };
        let report = |objective, target: f64, limit_ms, bad: u64| {
            let bad = share(bad, looks);
            let allowed = 1.0 - target;
            // All of a budget of nothing is spent by the first failure.
            let spent = if allowed > 0.0 {
                bad * ratio(lasted_ms, window_ms) / allowed
            } else if bad > 0.0 {
                1.0
            } else {
                0.0
            };
            BudgetReport {
                probe: probe.to_owned(),
                objective,
                target,
                limit_ms,
                window_ms,
                bad,
                spent,
            }
        };
        found.extend(
            record
                .slo_success
                .map(|target| report("success", target, None, failed)),
        );
        let over = count.over_p95.get(probe).copied().unwrap_or(0);
        found.extend(
            record
                .slo_p95_ms
                .map(|limit| report("p95", 1.0 - SLOWER_THAN_P95, Some(limit), over)),
        );
    }
    found
}

#[expect(clippy::cast_precision_loss, reason = "looks are far fewer than 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "times are far below 2^53 ms")]
fn ratio(part: i64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
