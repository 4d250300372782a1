//! What people say while the drill runs: a note, an ack, that the harm is over, or that it must stop.

use std::collections::BTreeMap;

use gameday_core::{EventKind, Offset, Stage, StopReason};

use super::Drill;
use super::input::Action;
use crate::said::{Said, Word};

/// What is known of alerts that people may take, and how much was said.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Alerts that fired, each with whether somebody took it.
    alerts: BTreeMap<String, bool>,
    said: usize,
}

/// A drill is a talk among people: more than this is a program gone wild, and would fill the journal.
const MOST_SAID: usize = 1000;
/// More names of alerts are not kept; those that are expected can be taken all the same.
const MOST_ALERTS: usize = 1000;

impl People {
    /// Another trial: what fires in it is not taken yet.
    pub(super) fn begin_anew(&mut self) {
        self.alerts.clear();
    }

    pub(super) fn fired(&mut self, alert: &str) {
        if self.alerts.len() < MOST_ALERTS && !self.alerts.contains_key(alert) {
            self.alerts.insert(alert.to_owned(), false);
        }
    }
}

/// What was understood, or why it was not: a line for whoever said it.
pub type Answer = Result<String, String>;

impl Drill<'_> {
    /// Takes what a person said, which was checked; says what is to be done, and what to answer.
    pub fn hear(&mut self, now: Offset, said: Said) -> (Vec<Action>, Answer) {
        let mut out = Vec::new();
        if self.ended {
            return (out, Err("the drill has ended".to_owned()));
        }
        // Whatever was said before, stopping is always possible.
        if self.people.said >= MOST_SAID && said.word != Word::Stop {
            let why = format!("{MOST_SAID} things were said in this drill, and that is all it takes");
            return (out, Err(why));
        }
        let who = said.who;
        let answer = match said.word {
            Word::Note(text) => {
                out.push(Action::Record(EventKind::Noted { who, text }));
                Ok("noted".to_owned())
            }
            Word::Ack(alert) => self.acknowledged(who, alert, &mut out),
            Word::Mitigated => self.mitigated(who, &mut out),
            Word::Stop if self.stopping => Ok("it is being stopped already".to_owned()),
            Word::Stop => {
                self.stop(StopReason::Person(who), &mut out);
                Ok("stopping: every fault is removed, and that is verified".to_owned())
            }
        };
        if answer.is_ok() {
            self.people.said += 1;
        }
        self.advance(now, &mut out);
        (out, answer)
    }

    fn acknowledged(&mut self, who: String, alert: Option<String>, out: &mut Vec<Action>) -> Answer {
        let alerts = match alert {
            Some(said) => vec![self.alert_named(&said)?],
            None => self.alerts_to_take()?,
        };
        for alert in &alerts {
            self.people.alerts.insert(alert.clone(), true);
            out.push(Action::Record(EventKind::Acknowledged {
                who: who.clone(),
                alert: alert.clone(),
            }));
        }
        Ok(format!("acknowledged: {}", alerts.join(", ")))
    }

    /// By its name or its key in `[expect]`. A page may reach a person before it is seen here, so an
    /// expected alert can be taken before it was.
    fn alert_named(&self, said: &str) -> Result<String, String> {
        let expected = self.plan.expect.iter();
        let mut named = expected.filter(|expect| expect.label == said || expect.alert == said);
        let known = named
            .next()
            .map(|expect| expect.alert.clone())
            .or_else(|| self.people.alerts.contains_key(said).then(|| said.to_owned()));
        known.ok_or_else(|| {
            let mut names: Vec<&str> = self
                .plan
                .expect
                .iter()
                .map(|expect| expect.alert.as_str())
                .collect();
            names.extend(self.people.alerts.keys().map(String::as_str));
            names.sort_unstable();
            names.dedup();
            names.truncate(20);
            format!(
                "no alert `{said}` was expected or seen here; there are: {}",
                names.join(", ")
            )
        })
    }

    /// Every alert that fired and that nobody took yet.
    fn alerts_to_take(&self) -> Result<Vec<String>, String> {
        let alerts = &self.people.alerts;
        let open: Vec<String> = alerts
            .iter()
            .filter(|(_, taken)| !**taken)
            .map(|(name, _)| name.clone())
            .collect();
        match (open.is_empty(), alerts.is_empty()) {
            (false, _) => Ok(open),
            (true, true) => Err("no alert has fired yet; name the one that you mean".to_owned()),
            (true, false) => Err("every alert that fired is acknowledged already".to_owned()),
        }
    }

    fn mitigated(&mut self, who: String, out: &mut Vec<Action>) -> Answer {
        if self.stage < Stage::Inject {
            return Err("nothing is broken yet".to_owned());
        }
        out.push(Action::Record(EventKind::Mitigated { who }));
        Ok(match self.timeline.mitigated() {
            0 => "noted; no fault is held until then".to_owned(),
            1 => "noted; the fault that was held until then is removed".to_owned(),
            count => format!("noted; the {count} faults that were held until then are removed"),
        })
    }
}
