//! Findings: what the drill showed that somebody should look at, each with what could be done about it.

mod arrived;
mod missed;

use serde::Serialize;

use super::alert_verdict::AlertVerdict;
use super::record::{AlertReport, Trial};
use super::timeline::Timeline;
use super::verdict::Verdict;
use crate::words::{self, count, exact, limit, micros};

/// An expectation that is met with less than this share of its limit to spare will be missed some day.
const THIN: f64 = 0.1;

/// A prediction that is off by more than this explains something that nobody knows.
const OFF_MS: i64 = 1_000;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Something did not work.
    Bad,
    /// Something cannot be relied on.
    Doubt,
    /// Something could be better.
    Note,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// What was found.
    pub text: String,
    /// What could be done.
    pub action: String,
}

/// Every finding of a trial, the heaviest first.
pub(super) fn read(timeline: &Timeline<'_>, trial: &Trial) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    found.endings(trial);
    for alert in &trial.alerts {
        found.alert(timeline, alert, trial.verdict);
    }
    if trial.marks.t0.is_some() {
        found.service(timeline, trial);
        found.watching(trial);
        found.speed(trial);
    }
    found.arrived(trial);
    found.refused(timeline);
    found.plan(timeline, trial);
    found.0.sort_by_key(|finding| finding.weight);
    found.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, weight: Weight, text: String, action: &str) {
        self.0.push(Finding {
            weight,
            text,
            action: action.to_owned(),
        });
    }

    /// A drill that did not run to its end.
    fn endings(&mut self, trial: &Trial) {
        if !trial.rollback.verified {
            let why = trial.rollback.why.as_deref().unwrap_or("it was not looked at");
            self.add(
                Weight::Bad,
                format!("the rollback is not verified: {why}"),
                "Run `gameday heal`, then look at the targets by hand.",
            );
        }
        match trial.verdict {
            Verdict::Refused => {
                for check in trial.checks.iter().filter(|check| !check.ok) {
                    self.add(
                        Weight::Doubt,
                        format!("{}: {}", check.name, check.detail),
                        remedy(&check.name, &check.detail),
                    );
                }
                if self.0.is_empty() {
                    let why = trial
                        .reasons
                        .first()
                        .map_or("it does not say why", String::as_str);
                    self.add(Weight::Doubt, why.to_owned(), remedy(why, ""));
                }
            }
            Verdict::Aborted => {
                let why = trial
                    .reasons
                    .first()
                    .map_or("it does not say why", String::as_str);
                self.add(Weight::Doubt, format!("the drill was ended early: {why}"), "Find out whether the system is that fragile or the limit that tight, then drill again with a smaller fault.");
            }
            _ => {}
        }
    }

    fn alert(&mut self, timeline: &Timeline<'_>, alert: &AlertReport, verdict: Verdict) {
        if alert.verdict != AlertVerdict::Passed && verdict != Verdict::Refused {
            let weight = if alert.verdict == AlertVerdict::Unknown {
                Weight::Doubt
            } else {
                Weight::Bad
            };
            let text = format!(
                "`{}` {}: {}",
                alert.title(),
                words::spaced(alert.verdict.word()),
                alert.detail
            );
            let action = missed::action(timeline, alert).unwrap_or(action_of(alert.verdict));
            self.add(weight, text, action);
        }
        for (what, ms, most) in [
            ("fired", alert.ttd_ms, alert.limits_ms.firing),
            ("was notified", alert.ttn_ms, alert.limits_ms.notified),
            ("was resolved", alert.resolved_ms, alert.limits_ms.resolved),
        ] {
            if let (Some(ms), Some(most)) = (ms, most)
                && thin(ms, most)
            {
                let text = format!(
                    "`{}` {what} after {}, close to its limit of {}",
                    alert.title(),
                    exact(ms),
                    limit(most)
                );
                self.add(Weight::Note, text, "Make the alert faster, or the limit what is really needed; several trials tell how often it is missed.");
            }
        }
        let off = alert
            .predicted
            .as_ref()
            .and_then(|predicted| predicted.off_ms.get("T5").or(predicted.off_ms.get("T3")));
        if let Some(off) = off.filter(|off| off.abs() > OFF_MS) {
            let word = if *off > 0 { "later" } else { "earlier" };
            let text = format!(
                "`{}` came {} {word} than predicted",
                alert.title(),
                exact(off.abs())
            );
            self.add(Weight::Note, text, "Compare predicted and measured stage by stage: something delays it that the configuration does not tell.");
        }
        let annotated = alert.annotations.keys().any(|key| key.contains("runbook"));
        if alert.ttn_ms.is_some() && !annotated {
            let text = format!("the notification of `{}` carries no runbook link", alert.name);
            self.add(Weight::Note, text, "Add a `runbook_url` annotation to the rule.");
        }
    }

    fn service(&mut self, timeline: &Timeline<'_>, trial: &Trial) {
        for steady in &trial.steady {
            if steady.after == Some(false) {
                let text = format!(
                    "the steady state `{}` was not back at the end ({})",
                    steady.name, steady.text
                );
                self.add(
                    Weight::Bad,
                    text,
                    "Find out what keeps the service from recovering by itself.",
                );
            }
        }
        let within = timeline
            .started
            .plan
            .recover_within_ms
            .and_then(|ms| i64::try_from(ms).ok());
        if let (Some(heal), Some(within)) = (trial.self_heal_ms, within)
            && heal > within
        {
            let text = format!(
                "the service took {} to recover, over its limit of {}",
                exact(heal),
                exact(within)
            );
            self.add(
                Weight::Bad,
                text,
                "Look for retries, full queues and pools that drain slowly.",
            );
        }
        for budget in trial.impact.budgets.iter().filter(|budget| budget.spent > 0.05) {
            let text = format!(
                "{} of the {} error budget of `{}` would be gone, if users saw what it saw",
                words::percent(budget.spent),
                limit(budget.window_ms),
                budget.probe
            );
            self.add(
                Weight::Note,
                text,
                "Keep the fault shorter or smaller when this is drilled where users are.",
            );
        }
        for fault in trial
            .faults
            .iter()
            .filter(|fault| fault.ended.as_deref() == Some("lost"))
        {
            self.add(
                Weight::Doubt,
                format!("fault `{}` went away, but not by the runner", fault.name),
                "Find out who removed it: the drill measured less than it says.",
            );
        }
    }

    fn watching(&mut self, trial: &Trial) {
        let blind: u64 = trial
            .probes
            .iter()
            .map(|probe| probe.during.missed.saturating_add(probe.during.unknown))
            .fold(0, u64::saturating_add);
        if blind > 0 {
            self.add(
                Weight::Doubt,
                format!(
                    "{} told nothing while the fault was in place",
                    count(blind, "look")
                ),
                "Look at the machine that the probes run on.",
            );
        }
        if trial.group_stage_clean == Some(false) {
            self.add(
                Weight::Doubt,
                "Alertmanager held a group from before, so the time to notify counts in no mean".to_owned(),
                "Wait until its groups are gone, then drill again.",
            );
        }
        for clock in trial.clocks.iter().filter(|clock| clock.stepped) {
            self.add(
                Weight::Doubt,
                format!("the clock of `{}` was stepped in mid-drill", clock.source),
                "Look at its time synchronisation.",
            );
        }
        for clock in trial
            .clocks
            .iter()
            .filter(|clock| clock.corrected && clock.offset_us.abs() > 1_000_000)
        {
            let text = format!(
                "the clock of `{}` is {} off",
                clock.source,
                micros(clock.offset_us)
            );
            self.add(
                Weight::Note,
                text,
                "Look at its time synchronisation; its marks were corrected.",
            );
        }
    }

    fn speed(&mut self, trial: &Trial) {
        for alert in &trial.alerts {
            if let Some(advice) = alert
                .advice
                .as_ref()
                .filter(|advice| advice.share > 0.4 && advice.ms > 2_000)
            {
                let text = format!(
                    "{} of the detection of `{}` went into {}",
                    words::percent(advice.share),
                    alert.title(),
                    super::story::stage_word(advice.stage)
                );
                self.add(Weight::Note, text, &format!("{}.", advice.text));
            }
        }
    }

    /// What the scenario does not say and a drill should.
    fn plan(&mut self, timeline: &Timeline<'_>, trial: &Trial) {
        let plan = &timeline.started.plan;
        if plan.runbook.is_none() {
            self.add(
                Weight::Note,
                "the scenario names no runbook".to_owned(),
                "Write `runbook = \"https://…\"`, so that the drill tries the runbook too.",
            );
        }
        if plan.hypothesis.is_none() {
            self.add(
                Weight::Note,
                "the scenario states no hypothesis".to_owned(),
                "Write down what you believe will happen, before it does.",
            );
        }
        if trial.alerts.is_empty() && plan.forbid.is_empty() {
            self.add(
                Weight::Note,
                "the scenario expects no alert and forbids none".to_owned(),
                "Say in `[expect]` or `[forbid]` what the alerting must do.",
            );
        }
    }
}

fn thin(ms: i64, most: u64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53 ms")]
    let (ms, most) = (ms as f64, most as f64);
    ms <= most && ms > most * (1.0 - THIN)
}

fn action_of(verdict: AlertVerdict) -> &'static str {
    match verdict {
        AlertVerdict::Late => "Shorten the largest stage, or raise the limit if that is soon enough.",
        AlertVerdict::Muted => "Find out who silenced it and whether that should end.",
        AlertVerdict::Inhibited => {
            "Find out whether one of the two alerts is enough, or the rule inhibits too much."
        }
        AlertVerdict::PendingOnly => "Shorten the rule's `for`, or hold the fault for longer than it.",
        AlertVerdict::Flapping => "Give the rule `keep_firing_for`, or a longer window.",
        AlertVerdict::Incomplete => "Add what is missing to the rule.",
        AlertVerdict::AlreadyFiring => "Wait until that alert is over, then drill again.",
        AlertVerdict::Forbidden => "Make the rule tell of its own cause only, or drop it.",
        AlertVerdict::Misrouted => "Mend the route in Alertmanager, or the receiver that is expected.",
        AlertVerdict::NotOrdered => "Give the event that it waits for more time, or `otherwise = \"run\"`.",
        AlertVerdict::Unknown => "Drill again when all sources answer.",
        AlertVerdict::NotEffective => {
            "The fault touched nothing: look at its target and at the traffic through it."
        }
        _ => "Mend the rule or its route, then drill again.",
    }
}

/// What to do about a check that refused.
fn remedy(name: &str, detail: &str) -> &'static str {
    match name.split(' ').next().unwrap_or_default() {
        "target" | "targets" => {
            "Start what it names, or correct `[targets]`; `gameday doctor` tells what this machine allows."
        }
        "prometheus" if detail.starts_with("no alert rule") => {
            "Correct the alert's name in `[expect]`, or add the rule."
        }
        "prometheus" | "alertmanager" if detail.contains("already") => {
            "Wait until that alert is over, then drill again."
        }
        "prometheus" | "alertmanager" => "Start it, or correct `[observe]`.",
        "webhook" => "Free the address, or choose another in `[observe]`.",
        "open" => "Let the other drill end, or run `gameday heal` if its runner is dead.",
        "region" | "regions" => "Start the prober of that region, or correct `[regions]`.",
        "the" => "Bring the system back to its steady state first, or correct `[steady]`.",
        _ => "Mend that, then run the drill again.",
    }
}
