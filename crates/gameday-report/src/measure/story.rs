//! The briefing: what somebody who was not there wants to know in a minute and a half, a sentence for each question.

use std::collections::BTreeMap;

use serde::Serialize;

use super::alert_verdict::AlertVerdict;
use super::finding::Finding;
use super::impact::ImpactLine;
use super::probe::{Phase, ProbeReport};
use super::record::{AlertReport, FaultReport, Trial};
use super::timeline::Timeline;
use super::verdict::Verdict;
use crate::words::{self, count, exact, limit, span};

/// More faults than this are counted.
const MOST_FAULTS: usize = 3;

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BriefLine {
    /// `symptom`, `scope`, `hypothesis`, `detection`, `mitigation`, `rollback` or `follow-ups`.
    pub key: &'static str,
    /// The answer; names stand in backticks.
    pub text: String,
}

/// The briefing of a trial.
pub(super) fn brief(timeline: &Timeline<'_>, trial: &Trial) -> Vec<BriefLine> {
    let line = |key, text| BriefLine { key, text };
    let mut lines = Vec::new();
    if trial.marks.t0.is_some() {
        lines.push(line("symptom", symptom(trial)));
    }
    lines.push(line("scope", scope(timeline, trial)));
    lines.push(line("hypothesis", hypothesis(timeline, trial)));
    if trial.marks.t0.is_some() {
        lines.push(line("detection", detection(trial) + &acknowledged(trial)));
        lines.push(line("mitigation", said_mitigated(trial) + &mitigation(trial)));
    }
    lines.push(line("rollback", rollback(trial)));
    lines.push(line("follow-ups", follow_ups(&trial.findings)));
    lines
}

fn symptom(trial: &Trial) -> String {
    let worst = trial
        .probes
        .iter()
        .max_by(|a, b| badness(&a.during).total_cmp(&badness(&b.during)));
    let Some(probe) = worst.filter(|probe| probe.during.runs > 0) else {
        return "No probe looked while the fault was in place, so nothing is known of what users saw."
            .to_owned();
    };
    let failed = trial.probes.iter().map(|probe| probe.during.down).sum::<u64>();
    let told = trial
        .probes
        .iter()
        .map(|probe| probe.during.runs - probe.during.unknown.min(probe.during.runs))
        .sum::<u64>();
    let looks = match failed {
        0 => format!("none of {} failed", count(told, "look")),
        _ => format!(
            "{failed} of {} failed{}",
            count(told, "look"),
            reason(&trial.impact.probes)
        ),
    };
    match slower(probe) {
        Some((before, during)) => format!(
            "The p95 of `{}` from {} went from {} to {}; {looks}.",
            probe.probe,
            probe.region,
            ms(before),
            ms(during)
        ),
        None if failed > 0 => format!("`{}` failed for users: {looks}.", probe.probe),
        None => format!("Users would have noticed nothing: {looks}, and none was slower than before."),
    }
}

/// The worst first: failures, then how much slower it got.
fn badness(phase: &Phase) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "looks are far fewer than 2^53")]
    let failed = phase.down as f64 / phase.runs.max(1) as f64;
    failed * 1e9 + phase.p95_ms.unwrap_or(0.0)
}

/// The p95 before and during, when it grew by a quarter and by what can be felt.
fn slower(probe: &ProbeReport) -> Option<(f64, f64)> {
    let (before, during) = (probe.before.p95_ms?, probe.during.p95_ms?);
    (during > before * 1.25 && during - before > 5.0).then_some((before, during))
}

/// The reason that was given most often for a failure, of all that were.
fn reason(lines: &[ImpactLine]) -> String {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (word, number) in lines.iter().flat_map(|line| &line.reasons) {
        *all.entry(word).or_default() += number;
    }
    let often = if all.len() > 1 { "most often with" } else { "with" };
    all.into_iter()
        .max_by_key(|(_, number)| *number)
        .map_or_else(String::new, |(word, _)| format!(", {often} `{word}`"))
}

fn ms(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and it is shown only"
    )]
    span(value.round() as i64)
}

fn scope(timeline: &Timeline<'_>, trial: &Trial) -> String {
    let plan = &timeline.started.plan;
    let ordered: Vec<_> = trial
        .faults
        .iter()
        .filter(|fault| fault.ordered_at.is_some())
        .collect();
    if ordered.is_empty() {
        let planned: Vec<String> = plan
            .timeline
            .iter()
            .map(|fault| format!("`{}` on `{}`", fault.name, fault.on))
            .collect();
        return format!("Nothing was touched; planned was {}.", planned.join(", "));
    }
    let mut acted: Vec<String> = ordered
        .iter()
        .take(MOST_FAULTS)
        .map(|fault| broke(fault))
        .collect();
    if let Some(more @ 1..) = ordered.len().checked_sub(MOST_FAULTS) {
        acted.push(count(u64::try_from(more).unwrap_or(u64::MAX), "fault") + " more");
    }
    let who = if ordered.len() == 1 { "it" } else { "they" };
    let touched = match trial.impact.touched {
        0 => format!("{who} touched nothing"),
        touched => format!("{who} acted {}", count(touched, "time")),
    };
    format!("{}; {touched}.", acted.join(", "))
}

/// What a fault did, to what, and for how long.
fn broke(fault: &FaultReport) -> String {
    let held = fault.removed_at.zip(fault.effective_at.or(fault.ordered_at));
    let held = held.map_or_else(String::new, |(to, from)| {
        format!(" for {}", span(to.ms_since(from)))
    });
    format!("`{}` on `{}`{held} ({})", fault.kind, fault.on, fault.detail)
}

fn hypothesis(timeline: &Timeline<'_>, trial: &Trial) -> String {
    let Some(stated) = &timeline.started.plan.hypothesis else {
        return "None was stated; write one into the scenario, so that the next drill can prove it wrong."
            .to_owned();
    };
    let said = stated.trim().trim_end_matches('.');
    match trial.verdict {
        Verdict::Passed => format!("It held: {said}."),
        Verdict::Failed => format!("It did not hold: {said}."),
        Verdict::Refused => format!("It was not tried: {said}."),
        _ => format!("It cannot be said whether it held: {said}."),
    }
}

fn detection(trial: &Trial) -> String {
    let first = trial
        .alerts
        .iter()
        .filter(|alert| alert.ttn_ms.or(alert.ttd_ms).is_some());
    let Some(alert) = first.min_by_key(|alert| alert.ttn_ms.or(alert.ttd_ms)) else {
        return match trial.alerts.first() {
            Some(alert) if alert.verdict == AlertVerdict::Unknown => {
                format!("It cannot be said whether anybody was told: {}.", alert.detail)
            }
            Some(alert) => format!("Nobody was told of `{}`: {}.", alert.title(), alert.detail),
            None => "No alert was expected, so none was waited for.".to_owned(),
        };
    };
    let who = alert.receiver.as_deref().filter(|_| alert.ttn_ms.is_some());
    let mut text = match (alert.ttn_ms, who) {
        (Some(ttn), Some(who)) => format!(
            "`{}` reached `{who}` {} after the fault took effect",
            alert.name,
            exact(ttn)
        ),
        (Some(ttn), None) => format!(
            "`{}` was notified {} after the fault took effect",
            alert.name,
            exact(ttn)
        ),
        _ => format!(
            "`{}` fired {} after the fault took effect",
            alert.name,
            exact(alert.ttd_ms.unwrap_or_default())
        ),
    };
    text.push_str(&beside(alert));
    if let Some(advice) = &alert.advice {
        text.push_str(&format!(
            "; most of it, {}, went into {}",
            exact(advice.ms),
            stage_word(advice.stage)
        ));
    }
    text.push('.');
    text
}

/// The limit and what was predicted, in brackets.
fn beside(alert: &AlertReport) -> String {
    let most = alert
        .ttn_ms
        .map_or(alert.limits_ms.firing, |_| alert.limits_ms.notified);
    let mark = if alert.ttn_ms.is_some() { "T5" } else { "T3" };
    let predicted = alert
        .predicted
        .as_ref()
        .and_then(|predicted| predicted.range(mark));
    let parts: Vec<String> = [
        most.map(|most| format!("limit {}", limit(most))),
        predicted.map(|range| format!("predicted {}", words::predicted(Some(range)))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}

/// A stage as people say it.
pub(crate) fn stage_word(stage: &str) -> &'static str {
    match stage {
        "scrape" => "waiting for the next scrape",
        "rule" => "the rule's condition becoming true",
        "hold" => "the rule's `for`",
        "hand_off" => "the way from Prometheus to Alertmanager",
        _ => "grouping and delivery",
    }
}

/// Who took the first alert, if anybody did.
fn acknowledged(trial: &Trial) -> String {
    let acks = trial.alerts.iter().filter_map(|alert| alert.ack.as_ref());
    let Some(ack) = acks.min_by_key(|ack| ack.t6) else {
        return String::new();
    };
    let after = ack
        .tta_ms
        .map_or_else(String::new, |ms| format!(" {} later", span(ms)));
    format!(" `{}` acknowledged it{after}.", ack.who)
}

/// Who said that the harm was over, if anybody did.
fn said_mitigated(trial: &Trial) -> String {
    let Some(mitigation) = &trial.mitigation else {
        return String::new();
    };
    let after = mitigation.ttm_ms.map_or_else(String::new, |ms| {
        format!(" {} after the fault took effect", span(ms))
    });
    format!("`{}` said that the harm was over{after}. ", mitigation.who)
}

fn mitigation(trial: &Trial) -> String {
    let removed = match (trial.marks.t7, trial.marks.t0) {
        (Some(t7), Some(t0)) => format!(
            "The last fault was gone {} after the first was ordered",
            span(t7.ms_since(t0))
        ),
        _ => return format!("The fault was not seen to go: {}.", why(trial, "T7")),
    };
    if trial.never_left {
        return format!("{removed}; the service never left its steady state.");
    }
    let suffered = trial.ttr_ms.map_or_else(String::new, |ttr| {
        format!(", {} after it had begun to suffer", span(ttr))
    });
    if let Some(look) = trial.within_a_look() {
        let soon = words::within_a_look(look);
        return format!("{removed}; the service was steady again {soon}{suffered}.");
    }
    match (trial.self_heal_ms, trial.ttr_ms) {
        (Some(0), Some(ttr)) => format!(
            "{removed}, and the service was steady again at once, {} after it had begun to suffer.",
            span(ttr)
        ),
        (Some(heal), Some(ttr)) => {
            format!(
                "{removed}; the service was steady again {} later, {} after it had begun to suffer.",
                span(heal),
                span(ttr)
            )
        }
        (Some(heal), None) => format!("{removed}; the service was steady again {} later.", span(heal)),
        _ => format!(
            "{removed}; the service was not seen steady again: {}.",
            why(trial, "self_heal_ms")
        ),
    }
}

fn why<'a>(trial: &'a Trial, key: &str) -> &'a str {
    trial.why.get(key).map_or("it was not seen", String::as_str)
}

fn rollback(trial: &Trial) -> String {
    let rollback = &trial.rollback;
    match (rollback.verified, rollback.at) {
        (true, Some(at)) => format!("Verified at {} UTC: nothing of the drill is left.", at.clock()),
        (true, None) => "Nothing was touched, so there was nothing to put back.".to_owned(),
        (false, _) => {
            let why = rollback.why.as_deref().unwrap_or("it was not looked at");
            format!("NOT verified: {why}. A fault may still be in place; run `gameday heal`.")
        }
    }
}

fn follow_ups(findings: &[Finding]) -> String {
    let number = u64::try_from(findings.len()).unwrap_or(u64::MAX);
    match findings.first() {
        None => "None that the journal calls for.".to_owned(),
        Some(first) if number == 1 => format!("One: {}.", first.text),
        Some(first) => format!("{}, the first: {}.", count(number, "finding"), first.text),
    }
}
