//! The log of a drill: every change, in order, each with the line of the journal that it stands on.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{
    AlertState, Ended, Event, EventKind, Notification, Outcome, Prediction, ProbeDone, Recorded,
    RecordedDeed, Stage,
};
use serde::Serialize;

use super::listing;
use super::mark::Moment;
use super::timeline::Timeline;
use crate::words;

/// More lines than this nobody reads; the journal has them all.
const MOST: usize = 600;

/// A probe that flaps is told this often for each region, then counted.
const MOST_OF_A_PROBE: usize = 40;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogLine {
    /// When.
    pub at: Moment,
    /// Milliseconds after T0; null without one.
    pub after_t0_ms: Option<i64>,
    /// The line of `journal.jsonl` that says so, from 1.
    pub line: u64,
    /// One word for what it was.
    pub what: &'static str,
    /// The rest of it.
    pub text: String,
    /// What to ask Prometheus for to see the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promql: Option<String>,
    /// The trace of the look that told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// Every change, and how many lines were left out.
pub(super) fn read(timeline: &Timeline<'_>) -> (Vec<LogLine>, u64) {
    let t0 = timeline.first_ordered().map(|event| Moment::new(event.time));
    let mut reader = Reader::default();
    let mut lines = Vec::new();
    let mut left_out = 0;
    for event in timeline.events {
        let Some(said) = reader.read(event) else { continue };
        if lines.len() >= MOST {
            left_out += 1;
            continue;
        }
        let at = Moment::new(event.time);
        lines.push(LogLine {
            at,
            after_t0_ms: t0.map(|t0| at.ms_since(t0)),
            line: event.seq.saturating_add(1),
            what: said.what,
            text: said.text,
            promql: said.promql,
            trace_id: said.trace_id,
        });
    }
    (lines, left_out + reader.flapped)
}

struct Said {
    what: &'static str,
    text: String,
    promql: Option<String>,
    trace_id: Option<String>,
}

impl Said {
    fn new(what: &'static str, text: String) -> Option<Self> {
        Some(Self {
            what,
            text,
            promql: None,
            trace_id: None,
        })
    }

    fn asking(what: &'static str, text: String, promql: String) -> Option<Self> {
        Some(Self {
            what,
            text,
            promql: Some(promql),
            trace_id: None,
        })
    }
}

/// Remembers how things stood, so that only changes are told.
#[derive(Default)]
struct Reader {
    touched: BTreeSet<String>,
    steady: BTreeMap<String, Option<bool>>,
    looks: BTreeMap<(String, String), (&'static str, usize)>,
    alerts: BTreeMap<(String, String, String), AlertState>,
    flapped: u64,
}

impl Reader {
    fn read(&mut self, event: &Event) -> Option<Said> {
        match &event.kind {
            EventKind::DrillStarted(started) => Said::new("drill", format!("{} began", started.drill)),
            EventKind::DrillEnded(how) => Said::new("drill", end_word(how).to_owned()),
            EventKind::StageEntered(stage) => Said::new("stage", stage_word(*stage).to_owned()),
            EventKind::Checked {
                name,
                ok: false,
                detail,
            } => Said::new("refused", format!("{name}: {detail}")),
            EventKind::ClockMeasured {
                source,
                stepped: true,
                ..
            } => Said::new("clock", format!("the clock of {source} was stepped")),
            EventKind::SteadyEvaluated(one) => self.steady(one.name.as_str(), one.holds),
            EventKind::ProbeDone(done) => self.look(event.region.as_str(), done),
            EventKind::AlertSeen(seen) => {
                let key = (
                    seen.source.to_string(),
                    seen.alert.clone(),
                    format!("{:?}", seen.labels),
                );
                if self.alerts.insert(key, seen.state) == Some(seen.state) {
                    return None;
                }
                let promql = format!("ALERTS{{alertname={}}}", quoted(&seen.alert));
                Said::asking(
                    "alert",
                    format!("{} {} in {}", seen.alert, state_word(seen.state), seen.source),
                    promql,
                )
            }
            EventKind::Notified(notice) => Said::new("notified", notice_text(notice)),
            EventKind::Recorded(recorded) => Said::new("recorded", recorded_text(recorded)),
            EventKind::NotificationRefused { why } => Said::new("not taken", why.clone()),
            EventKind::LinkChecked(link) => {
                let state = link.dead.as_deref().unwrap_or("works");
                Said::new("link", format!("{} of {}: {state}", link.annotation, link.alert))
            }
            EventKind::RuleSeen(rule) => {
                let rest = format!(
                    "evaluated each {}, for {}",
                    words::limit(rule.interval_ms),
                    words::limit(rule.for_ms)
                );
                Said::asking("rule", format!("{}: {rest}", rule.alert), rule.query.clone())
            }
            EventKind::Predicted(prediction) => Said::new("predicted", predicted_text(prediction)),
            EventKind::RawSamples { selector, series, .. } => {
                let samples = series.iter().map(|one| one.samples.len() as u64).sum();
                let text = format!("{} of {} series", words::count(samples, "sample"), series.len());
                Said::asking("samples", text, selector.clone())
            }
            _ => {
                let (what, text) = listing::safety_line(event, &mut self.touched)?;
                Said::new(what, text)
            }
        }
    }

    fn steady(&mut self, name: &str, holds: Option<bool>) -> Option<Said> {
        let before = self.steady.insert(name.to_owned(), holds);
        if before == Some(holds) || (before.is_none() && holds.is_none()) {
            return None;
        }
        let word = match holds {
            Some(true) => "holds",
            Some(false) => "does not hold",
            None => "is not known",
        };
        Said::new("steady", format!("`{name}` {word}"))
    }

    fn look(&mut self, region: &str, done: &ProbeDone) -> Option<Said> {
        let word = done.outcome.word();
        let key = (done.probe.to_string(), region.to_owned());
        let (before, told) = self.looks.entry(key).or_insert(("", 0));
        if *before == word {
            return None;
        }
        *before = word;
        *told += 1;
        if *told > MOST_OF_A_PROBE {
            self.flapped += 1;
            return None;
        }
        let why = match (&done.outcome, &done.message) {
            (Outcome::Up { .. }, _) => String::new(),
            (outcome, message) => {
                let reason = outcome.reason().map_or("", |reason| reason.word());
                format!(": {}", message.as_deref().unwrap_or(reason))
            }
        };
        let took = words::micros(i64::try_from(done.total_us).unwrap_or(i64::MAX));
        let mut said = Said::new(
            "probe",
            format!("{} from {region} {word} after {took}{why}", done.probe),
        )?;
        said.trace_id.clone_from(&done.trace_id);
        Some(said)
    }
}

fn recorded_text(recorded: &Recorded) -> String {
    let names: Vec<&str> = recorded.alerts.iter().map(|alert| alert.alert.as_str()).collect();
    let deed = match recorded.deed {
        RecordedDeed::Created => "handed to Alertmanager".to_owned(),
        RecordedDeed::Grouped => format!("in a group for {}", recorded.receiver),
        RecordedDeed::Notified => format!(
            "delivered to {} by {} ({})",
            recorded.receiver, recorded.integration, recorded.reason
        ),
        RecordedDeed::Resolved => format!("out of its group for {}", recorded.receiver),
        RecordedDeed::Silenced => format!("silenced by {}", recorded.muted_by.join(", ")),
        RecordedDeed::Inhibited => format!("inhibited by {}", recorded.muted_by.join(", ")),
    };
    let at = Moment::new(recorded.at).clock();
    format!("{} {deed}, at {at} of {}", names.join(", "), recorded.source)
}

/// What the predicted column of the scorecard and of the stages stands on.
fn predicted_text(prediction: &Prediction) -> String {
    let after = |mark: &str| {
        let at = prediction.marks.get(mark)?.at;
        Some(Moment::new(at).ms_since(Moment::new(prediction.effective_at)))
    };
    let said: Vec<String> = [("firing", after("T3")), ("notified", after("T5"))]
        .into_iter()
        .filter_map(|(what, ms)| Some(format!("{what} after {}", words::exact(ms?))))
        .collect();
    let why = prediction.never.as_ref().or(prediction.why.get("prediction"));
    let text = match (said.is_empty(), why) {
        (false, _) => said.join(", "),
        (true, Some(why)) => why.clone(),
        (true, None) => "no time".to_owned(),
    };
    format!("{}: {text}", prediction.label)
}

fn notice_text(notice: &Notification) -> String {
    let names: Vec<&str> = notice
        .alerts
        .iter()
        .map(|one| one.alert.as_str())
        .take(6)
        .collect();
    let more = notice.alerts.len().saturating_sub(names.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "`{}` was told {}: {}{more}",
        notice.receiver,
        notice.status,
        names.join(", ")
    )
}

fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Preflight => "pre-flight: nothing is touched",
        Stage::Steady => "steady state: it must hold first",
        Stage::Inject => "injection",
        Stage::Verify => "verification of the rollback",
        Stage::Recover => "recovery",
    }
}

fn end_word(how: &Ended) -> &'static str {
    match how {
        Ended::Completed => "ended",
        Ended::Aborted => "ended early",
        Ended::Refused(_) => "refused",
    }
}

fn state_word(state: AlertState) -> &'static str {
    match state {
        AlertState::Pending => "pending",
        AlertState::Firing => "firing",
        AlertState::Suppressed => "suppressed",
        AlertState::Gone => "gone",
    }
}

/// A PromQL string.
fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}
