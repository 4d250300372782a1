//! What a drill would have shown with other settings: the replayed rule put into the drill's own times.
//!
//! What is replayed are the evaluations of the rule. What comes before (the fault, the first scrape) and what comes
//! after (the way to Alertmanager, the group) is taken as it was measured, unless it is changed.

use gameday_core::{Event, EventKind, RawSeries, RecordingSeen, RuleSeen, Timestamp};
use serde::Serialize;

use crate::promtool::journal::Recorded;
use crate::{AlertReport, Moment, StagesMs, Trial, words};

/// From a group's timer to our receiver: seen to be 3 to 8 ms.
const DELIVERY_MS: i64 = 4;
/// From the tick at which a rule fires to Alertmanager: seen to be 2 to 6 ms.
const HAND_OFF_MS: i64 = 4;

/// What was recorded of an alert rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// The rules of that name.
    pub rules: Vec<RuleSeen>,
    /// The recording rules that the drill recorded.
    pub recordings: Vec<RecordingSeen>,
    /// The series.
    pub series: Vec<RawSeries>,
    /// An evaluation of the rule's group, on Prometheus' clock.
    pub evaluated_at: Timestamp,
    /// Whether it was a Prometheus 3, whose ranges leave their first moment out.
    pub left_open: bool,
}

/// What a drill recorded of an alert's rule.
///
/// # Errors
/// A line that says what is missing.
pub fn inputs_of(events: &[Event], alert: &str) -> Result<Inputs, String> {
    let recorded = Recorded::read(events)?;
    let missing = || format!("the drill did not record the series that `{alert}` reads");
    if let Some(what) = recorded.left_out(alert).ok_or_else(missing)?.first() {
        return Err(format!(
            "the drill did not record all that `{alert}` reads: {what}"
        ));
    }
    let rules: Vec<RuleSeen> = recorded
        .rules
        .iter()
        .filter(|rule| rule.alert == alert)
        .map(|rule| (*rule).clone())
        .collect();
    Ok(Inputs {
        rules,
        recordings: recorded.recordings.iter().map(|rule| (*rule).clone()).collect(),
        series: recorded.series(&[alert]),
        evaluated_at: recorded.tick(alert).ok_or_else(missing)?,
        left_open: events.iter().any(is_prometheus_3),
    })
}

/// Pre-flight says which version it found.
fn is_prometheus_3(event: &Event) -> bool {
    let EventKind::Checked { name, detail, .. } = &event.kind else {
        return false;
    };
    let major = detail
        .strip_prefix("version ")
        .and_then(|rest| rest.split_once('.'))
        .and_then(|(major, _)| major.parse::<u32>().ok());
    name == "prometheus" && major.is_some_and(|major| major >= 3)
}

/// A rule as it was replayed: times of evaluations, on Prometheus' clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Its condition was true from then on.
    pub active: Timestamp,
    /// It fired.
    pub firing: Option<Timestamp>,
    /// Its condition was not true any more.
    pub inactive: Option<Timestamp>,
}

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct WhatIfSettings {
    /// The rule's `for`.
    pub for_ms: Option<u64>,
    /// The interval of its group.
    pub interval_ms: Option<u64>,
    /// What it compares with.
    pub threshold: Option<f64>,
    /// The route's `group_wait`.
    pub group_wait_ms: Option<u64>,
}

/// Times from the fault on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// T3 − T0e.
    pub ttd_ms: Option<i64>,
    /// T5 − T0e.
    pub ttn_ms: Option<i64>,
    /// Where the time goes.
    pub stages_ms: StagesMs,
    /// Why it does not fire, or nobody is told.
    pub never: Option<String>,
}

/// One alert as it was, as it is replayed, and as it would have been.
#[derive(Debug, Clone, Serialize)]
pub struct WhatIf {
    /// The expectation's key.
    pub label: String,
    /// The alert's name.
    pub alert: String,
    /// What was changed.
    pub settings: WhatIfSettings,
    /// As the drill measured it.
    pub measured: Times,
    /// Replayed with the settings that it had: how far the replay can be trusted.
    pub replayed: Times,
    /// Replayed firing less measured, in milliseconds.
    pub off_ms: Option<i64>,
    /// With the changed settings.
    pub changed: Times,
    /// The shortest and the longest TTN, when the evaluations may fall on other moments than those that are known.
    pub ttn_range_ms: Option<(i64, i64)>,
    /// What is to be known of these numbers.
    pub notes: Vec<String>,
}

impl WhatIf {
    /// Puts replays into the times of a trial: with the settings as they were, and with each phase that is possible
    /// with the changed ones, the likeliest first.
    #[must_use]
    pub fn new(
        trial: &Trial,
        alert: &AlertReport,
        settings: WhatIfSettings,
        as_it_was: Option<Replayed>,
        changed: &[Option<Replayed>],
    ) -> Self {
        let frame = Frame::of(trial, alert);
        let replayed = frame.times(as_it_was, None);
        let wait = settings.group_wait_ms.and_then(|ms| i64::try_from(ms).ok());
        let all: Vec<Times> = changed.iter().map(|one| frame.times(*one, wait)).collect();
        let ttns = || all.iter().filter_map(|times| times.ttn_ms);
        let range = ttns().min().zip(ttns().max()).filter(|_| all.len() > 1);
        let mut notes = Vec::new();
        if trial.group_stage_clean == Some(false) {
            notes.push(
                "the group was not new in the drill, so its stage says little of group_wait".to_owned(),
            );
        }
        let missed = all.iter().filter(|times| times.ttn_ms.is_none()).count();
        if all.len() > 1 && missed > 0 {
            notes.push(format!(
                "nobody is told in {missed} of {} phases that its evaluations may have",
                all.len()
            ));
        }
        let off_ms = replayed
            .ttd_ms
            .zip(alert.ttd_ms)
            .map(|(replayed, measured)| replayed - measured);
        Self {
            label: alert.label.clone(),
            alert: alert.name.clone(),
            settings,
            measured: Times {
                ttd_ms: alert.ttd_ms,
                ttn_ms: alert.ttn_ms,
                stages_ms: alert.stages_ms.clone(),
                never: alert.ttn_ms.is_none().then(|| alert.detail.clone()),
            },
            replayed,
            off_ms,
            changed: all.into_iter().next().unwrap_or_default(),
            ttn_range_ms: range,
            notes,
        }
    }

    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut grid = crate::Grid::new(
            &[
                &self.label,
                "scrape",
                "rule",
                "hold",
                "hand-off",
                "group",
                "TTD",
                "TTN",
            ],
            &[1, 2, 3, 4, 5, 6, 7],
        );
        let rows = [
            ("measured", &self.measured),
            ("replayed", &self.replayed),
            ("what if", &self.changed),
        ];
        for (name, times) in rows {
            let stages = times.stages_ms.named().map(|(_, ms)| words::exact_or_dash(ms));
            let ends = [times.ttd_ms, times.ttn_ms].map(words::exact_or_dash);
            grid.row([name.to_owned()].into_iter().chain(stages).chain(ends));
        }
        let mut lines = vec![grid.text()];
        for (name, times) in rows {
            lines.extend(
                times
                    .never
                    .as_ref()
                    .map(|why| format!("{name}: {}", words::clean(why))),
            );
        }
        if let Some((min, max)) = self.ttn_range_ms {
            lines.push(format!(
                "its evaluations may fall on other moments: TTN {} to {}",
                words::exact(min),
                words::exact(max)
            ));
        }
        lines.extend(self.notes.iter().cloned());
        lines.join("\n")
    }
}

/// What of a trial stays as it was.
struct Frame {
    effective: Option<Moment>,
    t1: Option<Moment>,
    /// Prometheus' clock less ours.
    ahead_us: i64,
    hand_off_ms: i64,
    group_ms: Option<i64>,
}

impl Frame {
    fn of(trial: &Trial, alert: &AlertReport) -> Self {
        let fault = trial.faults.iter().find(|fault| fault.name == alert.of);
        let ahead = [("T2", alert.marks.t2), ("T1", alert.marks.t1)]
            .into_iter()
            .find_map(|(name, mark)| {
                let raw = Timestamp::parse(alert.raw.get(name)?).ok()?;
                Some(raw.rounded_to_ms().micros_since(mark?.time()))
            });
        Self {
            effective: fault.and_then(|fault| fault.effective_at),
            t1: alert.marks.t1,
            ahead_us: ahead.unwrap_or(0),
            hand_off_ms: alert.stages_ms.hand_off.unwrap_or(HAND_OFF_MS),
            group_ms: alert.stages_ms.group,
        }
    }

    fn times(&self, rule: Option<Replayed>, group_wait_ms: Option<i64>) -> Times {
        let Some(effective) = self.effective else {
            return never("the fault took no effect");
        };
        let Some(rule) = rule else {
            return never("its condition does not become true");
        };
        let ours = |time: Timestamp| Moment::new(time.plus_micros(-self.ahead_us));
        let active = ours(rule.active);
        let scrape = self.t1.filter(|t1| *t1 <= active);
        let mut times = Times {
            stages_ms: StagesMs {
                scrape: scrape.map(|t1| t1.ms_since(effective)),
                rule: Some(active.ms_since(scrape.unwrap_or(effective))),
                ..StagesMs::default()
            },
            ..Times::default()
        };
        let Some(firing) = rule.firing.map(ours) else {
            times.never = Some("it is pending, and over before its `for` is".to_owned());
            return times;
        };
        times.ttd_ms = Some(firing.ms_since(effective));
        times.stages_ms.hold = Some(firing.ms_since(active));
        times.stages_ms.hand_off = Some(self.hand_off_ms);
        let wait = group_wait_ms.map(|ms| ms + DELIVERY_MS).or(self.group_ms);
        let over = rule.inactive.map(|at| ours(at).ms_since(firing));
        match wait {
            Some(wait) if over.is_some_and(|over| over <= wait) => {
                times.never =
                    Some("it is resolved before its group is first told, so nobody ever is".to_owned());
            }
            Some(wait) => {
                times.stages_ms.group = Some(wait);
                times.ttn_ms = Some(firing.ms_since(effective) + self.hand_off_ms + wait);
            }
            None => {
                times.never =
                    Some("how long its group waits is not known: nobody was told in the drill".to_owned());
            }
        }
        times
    }
}

fn never(why: &str) -> Times {
    Times {
        never: Some(why.to_owned()),
        ..Times::default()
    }
}
