//! `gameday run --plan`: what would happen, for people or programs. It touches nothing and starts no lab.

use gameday_core::{PlanRecord, Span, printable};
use gameday_drill::Plan;
use serde_json::json;

use super::outlook::Outlook;
use crate::output::{self, Output};

pub(crate) fn print(plan: &Plan, outlook: &Outlook, output: Output) {
    match output {
        Output::Json => {
            let mut record = json!(plan.record());
            outlook.tell(&mut record);
            output::print_json(&record);
        }
        Output::Text => output::print(describe(plan, outlook).trim_end()),
    }
}

fn span(ms: u64) -> Span {
    Span::from_value(std::time::Duration::from_millis(ms))
}

/// The plan for people; what it takes from files cannot steer a terminal.
pub(crate) fn describe(plan: &Plan, outlook: &Outlook) -> String {
    let record = &plan.record();
    let mut text = format!("{}\n", printable(&record.title));
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n"));
            lines
                .iter()
                .for_each(|line| text.push_str(&format!("  {}\n", printable(line))));
        }
    };
    section("Hypothesis", record.hypothesis.iter().cloned().collect());
    section(
        "Runs on",
        plan.lab
            .iter()
            .map(|lab| format!("the lab `{lab}`, started for it"))
            .collect(),
    );
    let targets = record.targets.iter();
    section(
        "May touch, and nothing else",
        targets.map(|t| format!("{}: {}", t.name, t.detail)).collect(),
    );
    let followed = record.followed.iter();
    section(
        "Follows",
        followed
            .map(|region| format!("{} at {}", region.name, region.url))
            .collect(),
    );
    let probes = record.probes.iter().map(|probe| {
        let regions: Vec<&str> = probe
            .regions
            .iter()
            .map(gameday_core::RegionName::as_str)
            .collect();
        let steps: Vec<&str> = probe.steps.iter().map(gameday_core::StepName::as_str).collect();
        format!(
            "{}: {} from {}, every {}",
            probe.name,
            steps.join(" → "),
            regions.join(", "),
            span(probe.every_ms)
        )
    });
    section("Looks with", probes.collect());
    section(
        "Begins only if, and is over when",
        record
            .steady
            .iter()
            .map(|s| format!("{}: {}", s.name, s.text))
            .collect(),
    );
    section("Breaks", record.timeline.iter().map(fault).collect());
    let seed = record
        .seed
        .map(|seed| format!("seed {seed}: the same random choices each time"));
    section("Draws from", seed.into_iter().collect());
    section("Expects", record.expect.iter().map(expectation).collect());
    section("Forbids", forbidden(record));
    section("Predicts, if they took effect now", outlook.lines());
    section("Finds, before anything is touched", outlook.found());
    section("Stops early if", stops(record));
    text.push_str(&format!("\n{}\n", length(plan)));
    for obstacle in outlook.obstacles() {
        text.push_str(&format!("{}\n", printable(&obstacle)));
    }
    text
}

/// How long it all takes: the faults once for each trial, and between two of them the gate.
fn length(plan: &Plan) -> String {
    let span = |span: std::time::Duration| Span::from_value(span);
    let first = plan.longest_window() + plan.timeline_length();
    let most = plan.guard.max_duration;
    if plan.trials == 1 {
        return format!("Takes at least {} and at most {}.", span(first), span(most));
    }
    let trials = plan.trials;
    // The looks go on between two trials: their windows are full when the next one begins.
    let least = first + plan.timeline_length() * (trials - 1);
    format!(
        "{trials} trials, each from another phase of the alerting: take at least {} in all; each of them at most {}, \
         and each but the first waits at most {} until nothing of the one before is left.",
        span(least),
        span(most),
        span(plan.gate_within)
    )
}

fn fault(fault: &gameday_core::FaultRecord) -> String {
    let hold = match fault.until_mitigated {
        true => "until somebody says `gameday mitigated`".to_owned(),
        false => format!("for {}", span(fault.hold_ms)),
    };
    let when = match &fault.after {
        Some(after) => after.clone(),
        None => format!("+{}", span(fault.at_ms)),
    };
    let only_if = fault
        .only_if
        .as_ref()
        .map(|condition| format!(", only if `{condition}`"))
        .unwrap_or_default();
    format!(
        "{when} {hold}: {} on {} ({}){only_if}",
        fault.kind, fault.on, fault.detail
    )
}

fn expectation(expect: &gameday_core::ExpectRecord) -> String {
    let limits = [
        ("firing", expect.firing_ms),
        ("notified", expect.notified_ms),
        ("resolved", expect.resolved_ms),
    ];
    let limits: Vec<String> = limits
        .iter()
        .filter_map(|(word, ms)| {
            let ms = span((*ms)?);
            Some(match expect.never {
                true => format!("not {word} for {ms}"),
                false => format!("{word} within {ms}"),
            })
        })
        .collect();
    let limits = match (expect.never, limits.join(", ")) {
        (true, limits) if limits.is_empty() => "never".to_owned(),
        (true, limits) => format!("never: {limits}"),
        (false, limits) => limits,
    };
    let receiver = expect
        .receiver
        .as_ref()
        .map(|receiver| format!(", at {receiver}"))
        .unwrap_or_default();
    format!("{} of {}: {limits}{receiver}", expect.alert, expect.of)
}

/// What must not come: what the scenario names, and all else if it says so.
fn forbidden(record: &gameday_core::PlanRecord) -> Vec<String> {
    let named = record.forbid.iter();
    let named = named.map(|forbid| format!("{}: {}", forbid.label, forbid.alert));
    let others = record.observe.unexpected_fails;
    let others = others.then(|| "every alert that is not expected".to_owned());
    named.chain(others).collect()
}

fn stops(record: &PlanRecord) -> Vec<String> {
    let mut lines = record.guard.abort_if.clone();
    lines.push(format!(
        "it lasts longer than {}",
        span(record.guard.max_duration_ms)
    ));
    lines.push(format!(
        "nobody renews its faults for {} (they end by themselves)",
        span(record.guard.lease_ms)
    ));
    lines
}
