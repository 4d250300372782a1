//! At the end of a trial: how near the rules of those alerts came that did not fire.

use std::io;

use gameday_alert::{Asked, Material, approach};
use gameday_core::{Approach, EventKind, RawSeries, RecordingSeen, RuleInputs, Timestamp};

use super::Runner;
use super::inputs::Recorded;

/// When a fault was in place, on the wall clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    from: Timestamp,
    /// None while it is.
    until: Option<Timestamp>,
}

impl Runner<'_> {
    /// Remembers when a fault was in place.
    pub(super) fn note_held(&mut self, kind: &EventKind) {
        let now = Timestamp::now();
        match kind {
            EventKind::FaultInjected { fault } => {
                let held = Held {
                    from: now,
                    until: None,
                };
                self.held.insert(fault.clone(), held);
            }
            EventKind::FaultRemoved { fault, .. } => {
                if let Some(held) = self.held.get_mut(fault) {
                    held.until.get_or_insert(now);
                }
            }
            _ => {}
        }
    }

    /// Writes down how near each expected alert came that did not fire, by what was recorded and the series of `ALERTS`.
    pub(super) fn tell_approaches(&self, recorded: &Recorded, alerts: &[RawSeries]) -> io::Result<()> {
        let Some((oracle, (left_open, ahead_us))) = self
            .oracle
            .as_ref()
            .and_then(|oracle| Some((oracle, oracle.ways()?)))
        else {
            return Ok(());
        };
        for asked in oracle.alerts() {
            let never = self
                .plan
                .expect
                .iter()
                .any(|expect| expect.label == asked.label && expect.never);
            let (Some(held), Some(inputs)) = (
                self.held.get(&asked.fault.name),
                recorded.inputs.iter().find(|inputs| inputs.alert == asked.alert),
            ) else {
                continue;
            };
            if never || fired(alerts, asked) {
                continue;
            }
            let theirs = |time: Timestamp| time.plus_micros(ahead_us);
            let until = held.until.unwrap_or_else(Timestamp::now);
            let trying = Trying {
                recorded,
                inputs,
                left_open,
                held: (theirs(held.from), theirs(until)),
            };
            let approach = trying.again(asked);
            self.journal.record(EventKind::Approached(Box::new(approach)))?;
        }
        Ok(())
    }
}

/// Whether an alert fired that may be the one that is meant.
fn fired(alerts: &[RawSeries], asked: &Asked) -> bool {
    let is_its = |one: &RawSeries| {
        let label = |name: &str| one.labels.get(name).map(String::as_str);
        label("alertname") == Some(&asked.alert) && label("alertstate") == Some("firing")
    };
    let carries = |one: &RawSeries| {
        let mut wanted = asked.labels.iter();
        wanted.all(|(name, value)| one.labels.get(name).is_none_or(|theirs| theirs == value))
    };
    alerts.iter().any(|one| is_its(one) && carries(one))
}

struct Trying<'a> {
    recorded: &'a Recorded,
    inputs: &'a RuleInputs,
    left_open: bool,
    held: (Timestamp, Timestamp),
}

impl Trying<'_> {
    /// How near the rules of an alert came: of several of one name, each is a way of its own.
    fn again(&self, asked: &Asked) -> Approach {
        let told = |why: String| Approach {
            label: asked.label.clone(),
            alert: asked.alert.clone(),
            why: Some(why),
            ..Approach::default()
        };
        if let Some(what) = self.inputs.left_out.first() {
            return told(format!("not all that it reads was recorded: {what}"));
        }
        let series = self.recorded.series(self.inputs);
        let recordings = self.recordings();
        let mut found: Option<Approach> = None;
        for (rule, evaluated_at) in self.rules(asked) {
            let material = Material {
                rule,
                recordings: &recordings,
                series: &series,
                evaluated_at,
                left_open: self.left_open,
            };
            let one = approach(&material, &self.recorded.groups, asked, self.held);
            match &mut found {
                None => found = Some(one),
                Some(known) => {
                    known.ways.extend(one.ways);
                    known.requests = known.requests.or(one.requests);
                    known.why = known.why.take().filter(|_| known.ways.is_empty());
                }
            }
        }
        found.unwrap_or_else(|| told("no rule of that name and these labels was evaluated".to_owned()))
    }

    /// The rules that may be meant, each with an evaluation of its group.
    fn rules<'r>(
        &'r self,
        asked: &'r Asked,
    ) -> impl Iterator<Item = (&'r gameday_core::RuleSeen, Timestamp)> {
        let of_group = move |group: &'r gameday_alert::RuleGroup| {
            let rules = group.alerts(&asked.alert).map(|rule| &rule.seen);
            rules.zip(std::iter::repeat(group.last_evaluation))
        };
        let all = self.recorded.groups.iter().flat_map(of_group);
        all.filter_map(|(rule, at)| Some((rule, at?)))
            .filter(move |(rule, _)| {
                let mut wanted = asked.labels.iter();
                wanted.all(|(label, value)| {
                    rule.labels
                        .get(label)
                        .is_none_or(|theirs| theirs == value || theirs.contains("{{"))
                })
            })
    }

    fn recordings(&self) -> Vec<RecordingSeen> {
        gameday_alert::rule_reads(&self.recorded.groups, &self.inputs.alert).recordings
    }
}
