//! How each event of the journal changes the view.

use gameday_core::{Ended, Event, EventKind, FaultEnd, FaultName, StopReason, Timestamp};

use super::alerts::AlertBoard;
use super::parts::{self, CurveLane, FaultBar, Head, MarkKind, Person, RollbackSeen};
use super::trials::TrialRow;
use super::{Changed, MOST_LANES, MOST_TRIALS, View, ms, push};

impl View {
    /// Takes the next event of the journal.
    pub fn take(&mut self, event: &Event) {
        let (seq, at) = (event.seq, ms(event.at));
        self.seq = Some(seq);
        self.now_ms = self.now_ms.max(at);
        match &event.kind {
            EventKind::DrillStarted(started) => {
                let offset = i64::try_from(event.at.as_micros()).unwrap_or(0);
                self.began = event.time.plus_micros(-offset);
                *self.head.at(seq) = Head::new(started, self.began);
                self.faults = started
                    .plan
                    .timeline
                    .iter()
                    .map(FaultBar::new)
                    .map(Changed::new)
                    .collect();
                self.curves = started
                    .plan
                    .steady
                    .iter()
                    .take(MOST_LANES)
                    .map(CurveLane::new)
                    .collect();
                self.probes = parts::lanes(&started.plan).take(MOST_LANES).collect();
                self.alerts = AlertBoard::new(&started.plan, self.began);
                self.faults.iter_mut().for_each(|fault| fault.seq = seq);
            }
            EventKind::StageEntered(stage) => self.progress.at(seq).enter(*stage, at),
            EventKind::TrialStarted { trial, of } => self.trial_begins(seq, at, *trial, *of),
            EventKind::TrialEnded { .. } => self.trial_ends(seq, at),
            EventKind::Stopped(reason) => self.stopped(seq, at, reason),
            EventKind::GuardBreached { guard, .. } => self.said(seq, at, MarkKind::Guard, "", guard),
            EventKind::RollbackChecked { verified, details } | EventKind::Healed { verified, details } => {
                self.progress.at(seq).rollback = Some(RollbackSeen {
                    verified: *verified,
                    details: details.clone(),
                });
            }
            EventKind::DrillEnded(how) => self.ended(seq, at, how),
            EventKind::ProbeDone(done) => {
                let lane = parts::lane_of(&mut self.probes, done.probe.as_str(), event.region.as_str());
                if let Some(lane) = lane {
                    lane.looked(seq, ms(done.intended), &done.outcome, done.message.as_deref());
                }
            }
            EventKind::LooksSummed(summed) => {
                if let Some(lane) =
                    parts::lane_of(&mut self.probes, summed.probe.as_str(), event.region.as_str())
                {
                    for look in &summed.looks {
                        lane.looked(seq, ms(look.intended), &summed.outcome, summed.message.as_deref());
                    }
                }
            }
            EventKind::ProbeMissed { probe, .. } => {
                if let Some(lane) = parts::lane_of(&mut self.probes, probe.as_str(), event.region.as_str()) {
                    lane.missed(seq, at);
                }
            }
            EventKind::SteadyEvaluated(steady) => {
                if let Some(curve) = self
                    .curves
                    .iter_mut()
                    .find(|curve| curve.name == steady.name.as_str())
                {
                    curve.evaluated(seq, at, steady.value, steady.holds);
                }
            }
            EventKind::SteadySummed(summed) => {
                let mut curves = self.curves.iter_mut();
                if let Some(curve) = curves.find(|curve| curve.name == summed.name.as_str()) {
                    for (at, value) in &summed.values {
                        curve.evaluated(seq, ms(*at), *value, summed.holds);
                    }
                }
            }
            EventKind::Noted { who, text } => self.said(seq, at, MarkKind::Note, who, text),
            EventKind::Mitigated { who } => self.said(seq, at, MarkKind::Mitigated, who, ""),
            EventKind::Acknowledged { who, alert } => {
                self.alerts.acknowledged(seq, at, alert, who);
                self.said(seq, at, MarkKind::Ack, who, alert);
            }
            EventKind::AlertSeen(seen) => self.alerts.seen(seq, at, seen),
            EventKind::Notified(notice) => self.alerts.notified(seq, notice),
            EventKind::Recorded(recorded) => {
                if let Some(notice) = recorded.notification() {
                    self.alerts.notified(seq, &notice);
                }
            }
            EventKind::Predicted(prediction) => self.alerts.predicted(seq, prediction),
            other => self.faulted(seq, at, other),
        }
    }

    fn faulted(&mut self, seq: u64, at: i64, kind: &EventKind) {
        let began = self.began;
        let place = |time: Timestamp| time.micros_since(began) / 1000;
        match kind {
            EventKind::FaultOrdered { fault, .. } => {
                if self.head.value.zero_ms.is_none() {
                    self.head.at(seq).zero_ms = Some(at);
                }
                self.fault(seq, fault, |bar| bar.ordered = Some(at));
            }
            EventKind::FaultInjected { fault } => self.fault(seq, fault, |bar| bar.injected = Some(at)),
            EventKind::FaultTouched {
                fault,
                first_touched: Some(first),
                ..
            } => {
                let first = place(*first);
                self.fault(seq, fault, |bar| bar.effective = bar.effective.or(Some(first)));
                self.alerts.effective(seq, fault, first);
            }
            EventKind::FaultFailed { fault, error } => {
                self.fault(seq, fault, |bar| bar.error = Some(error.clone()));
            }
            EventKind::FaultRemoved { fault, how } => {
                let error = (*how == FaultEnd::Lost).then(|| "it ended without us".to_owned());
                self.fault(seq, fault, |bar| {
                    bar.removed = Some(at);
                    bar.error = bar.error.take().or(error);
                });
            }
            _ => {}
        }
    }

    fn fault(&mut self, seq: u64, name: &FaultName, change: impl FnOnce(&mut FaultBar)) {
        if let Some(bar) = self.faults.iter_mut().find(|bar| bar.value.name == name.as_str()) {
            change(bar.at(seq));
        }
    }

    fn stopped(&mut self, seq: u64, at: i64, reason: &StopReason) {
        self.progress.at(seq).stopped = Some(reason.to_string());
        if let StopReason::Person(who) = reason {
            self.said(seq, at, MarkKind::Stop, who, "");
        }
    }

    fn ended(&mut self, seq: u64, at: i64, how: &Ended) {
        self.trial_ends(seq, at);
        let progress = self.progress.at(seq);
        progress.ended_ms = Some(at);
        progress.ended = Some(match how {
            Ended::Completed => "completed".to_owned(),
            Ended::Aborted => "aborted".to_owned(),
            Ended::Refused(why) => format!("refused: {why}"),
        });
    }

    fn said(&mut self, seq: u64, at: i64, kind: MarkKind, who: &str, text: &str) {
        let person = Person {
            seq,
            at_ms: at,
            kind,
            who: who.to_owned(),
            text: text.to_owned(),
        };
        push(&mut self.people, seq, person);
    }

    /// Everything of the trial before is put away but for what it came to.
    fn trial_begins(&mut self, seq: u64, at: i64, trial: u32, of: u32) {
        self.trial_ends(seq, at);
        self.head.at(seq).zero_ms = None;
        self.progress.at(seq).next_trial(at, (trial + 1, of));
        for fault in &mut self.faults {
            fault.at(seq).wait_again();
        }
        self.alerts.begin_anew(seq, at);
        if self.trials.len() < MOST_TRIALS {
            self.trials.push(Changed {
                seq,
                value: TrialRow::new(trial + 1, at),
            });
        }
    }

    fn trial_ends(&mut self, seq: u64, at: i64) {
        let number = self.progress.value.trial.map(|(number, _)| number);
        let now = self
            .trials
            .iter_mut()
            .rev()
            .find(|row| Some(row.value.number) == number);
        if let Some(row) = now.filter(|row| row.value.ended_ms.is_none()) {
            row.at(seq).end(at, self.alerts.lanes());
        }
    }
}
