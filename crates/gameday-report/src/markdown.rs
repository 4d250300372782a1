//! `report.md`: the report as it pastes into a pull request.

mod arrivals;

use std::fmt::Write;

use crate::measure::range;
use crate::words::{self, clean, exact_or_dash, limit, spaced, span_or_dash};
use crate::{AlertReport, Measurement, Summary, Trial};

/// Renders `report.md`.
#[must_use]
pub fn render_markdown(measurement: &Measurement) -> String {
    let mut out = String::new();
    heading(&mut out, measurement);
    if measurement.trials.len() > 1 {
        over_trials(&mut out, measurement);
    }
    for trial in &measurement.trials {
        if measurement.trials.len() > 1 {
            line(
                &mut out,
                &format!("\n## Trial {}: {}", trial.index + 1, spaced(trial.verdict.word())),
            );
        }
        reasons(&mut out, trial);
        sight(&mut out, trial);
        scorecard(&mut out, trial);
        arrivals::tell(&mut out, trial);
        stages(&mut out, trial);
        recovery(&mut out, trial);
        safety(&mut out, trial);
    }
    line(&mut out, "");
    line(&mut out, &measurement.mttd.sentence());
    line(&mut out, "");
    line(&mut out, &measurement.mttr.sentence());
    out
}

fn heading(out: &mut String, measurement: &Measurement) {
    let verdict = spaced(measurement.verdict.word()).to_uppercase();
    line(out, &format!("# {verdict}: {}", text(&measurement.plan.title)));
    line(out, "");
    line(out, &prose(&measurement.summary));
    line(out, "");
    let lab = measurement
        .lab
        .as_deref()
        .map(|lab| format!(" · lab `{}`", code(lab)))
        .unwrap_or_default();
    let seed = measurement.plan.seed;
    let seed = seed.map(|seed| format!(" · seed {seed}")).unwrap_or_default();
    line(
        out,
        &format!(
            "`{}`{lab} · exit code {}{seed}",
            code(&measurement.drill),
            measurement.exit_code
        ),
    );
    if let Some(hypothesis) = &measurement.plan.hypothesis {
        line(out, &format!("\n> {}", text(hypothesis)));
    }
}

/// Several trials in a table, and what they say together.
fn over_trials(out: &mut String, measurement: &Measurement) {
    line(out, "\n## Over all trials\n");
    if !measurement.over_trials.is_empty() {
        line(
            out,
            "| expectation | verdict | detected | firing (TTD) | notified (TTN) | detail |",
        );
        line(out, "|---|---|---:|---:|---:|---|");
    }
    for over in &measurement.over_trials {
        let share = over.detected_share.map_or_else(String::new, |[low, high]| {
            format!(" (95 %: {} to {})", words::percent(low), words::percent(high))
        });
        let of = |summary: &Summary| match (range(summary), summary.covers) {
            (Some(range), Some(covers)) => format!("{range} covers {}", words::sure(covers)),
            (range, _) => range.unwrap_or_else(|| "—".to_owned()),
        };
        let cells = [
            text(&over.label),
            format!("**{}**", spaced(over.verdict.word())),
            format!("{} of {}{share}", over.detected, over.trials - over.unknown),
            text(&of(&over.ttd)),
            text(&of(&over.ttn)),
            prose(&over.detail),
        ];
        line(out, &format!("| {} |", cells.join(" | ")));
    }
    line(out, "\n| trial | verdict | phase | TTN | TTR | began |");
    line(out, "|---:|---|---:|---:|---:|---|");
    for trial in &measurement.trials {
        let ttn: Vec<String> = trial
            .alerts
            .iter()
            .map(|alert| exact_or_dash(alert.ttn_ms))
            .collect();
        let gate = trial.gate.as_ref();
        let phase = gate.and_then(|gate| Some((gate.phase_ms?, gate.interval_ms?)));
        let phase = phase.map_or_else(
            || "—".to_owned(),
            |(ms, of)| format!("{} of {}", limit(ms), limit(of)),
        );
        let began = match gate {
            Some(gate) if !gate.left.is_empty() => format!("not clean: {}", prose(&gate.left.join("; "))),
            _ if trial.group_stage_clean == Some(false) => "group not clean".to_owned(),
            _ => "clean".to_owned(),
        };
        let (number, word) = (trial.index + 1, spaced(trial.verdict.word()));
        let (ttn, ttr) = (ttn.join(", "), exact_or_dash(trial.ttr_ms));
        line(
            out,
            &format!("| {number} | {word} | {phase} | {ttn} | {ttr} | {began} |"),
        );
    }
}

fn reasons(out: &mut String, trial: &Trial) {
    if trial.reasons.len() > 1 {
        line(out, "");
        for reason in &trial.reasons {
            line(out, &format!("- {}", prose(reason)));
        }
    }
}

/// Who saw it first.
fn sight(out: &mut String, trial: &Trial) {
    if let Some(sight) = &trial.sight {
        line(out, &format!("\nWho saw it: {}.", prose(&sight.summary)));
    }
}

fn scorecard(out: &mut String, trial: &Trial) {
    if trial.alerts.is_empty() {
        return;
    }
    line(out, "\n### Alerts\n");
    line(
        out,
        "| alert | verdict | firing (TTD) | notified (TTN) | resolved | detail |",
    );
    line(out, "|---|---|---:|---:|---:|---|");
    for alert in &trial.alerts {
        let limits = &alert.limits_ms;
        line(
            out,
            &format!(
                "| {} | **{}** | {} | {} | {} | {} |",
                text(&alert.title()),
                spaced(alert.verdict.word()),
                against(alert.ttd_ms, limits.firing),
                against(alert.ttn_ms, limits.notified),
                against(alert.resolved_ms, limits.resolved),
                prose(&alert.detail)
            ),
        );
    }
}

fn against(ms: Option<i64>, most: Option<u64>) -> String {
    match most {
        Some(most) => format!("{} ≤ {}", span_or_dash(ms), limit(most)),
        None => span_or_dash(ms),
    }
}

fn stages(out: &mut String, trial: &Trial) {
    if trial.alerts.is_empty() {
        return;
    }
    line(out, "\n### Where the time to the notification went\n");
    line(out, "| alert | scrape | rule | hold | hand-off | group | TTN |");
    line(out, "|---|---:|---:|---:|---:|---:|---:|");
    for alert in &trial.alerts {
        let cells: Vec<String> = alert
            .stages_ms
            .named()
            .iter()
            .map(|(_, ms)| exact_or_dash(*ms))
            .collect();
        let ttn = exact_or_dash(alert.ttn_ms);
        line(
            out,
            &format!("| {} | {} | {ttn} |", text(&alert.title()), cells.join(" | ")),
        );
        if let Some(predicted) = &alert.predicted {
            let cells = predicted.stages_ms.named().map(|(_, ms)| exact_or_dash(ms));
            let ttn = words::predicted(predicted.range("T5"));
            line(out, &format!("| predicted | {} | {ttn} |", cells.join(" | ")));
        }
    }
    for alert in &trial.alerts {
        predictions(out, alert);
    }
    for alert in &trial.alerts {
        unknown(out, alert);
    }
}

/// What was said of an alert before the fault, beyond its times.
fn predictions(out: &mut String, alert: &AlertReport) {
    let Some(predicted) = &alert.predicted else { return };
    let lines: Vec<String> = words::foretold(predicted);
    if !lines.is_empty() {
        line(
            out,
            &format!("\nBefore the fault, of {}:\n", text(&alert.title())),
        );
        lines
            .iter()
            .for_each(|one| line(out, &format!("- {}", prose(one))));
    }
}

/// Why marks and stages are not there.
fn unknown(out: &mut String, alert: &AlertReport) {
    let marks = alert.marks.named();
    let missing = marks.iter().filter(|(_, at)| at.is_none()).map(|(name, _)| *name);
    let stages = alert.stages_ms.named();
    let nulls = stages
        .iter()
        .filter(|(_, ms)| ms.is_none())
        .map(|(name, _)| *name);
    let mut said: Vec<&str> = Vec::new();
    for name in missing.chain(nulls) {
        if let Some(why) = alert.why.get(name)
            && !said.contains(&why.as_str())
        {
            said.push(why);
            line(
                out,
                &format!("\n{} {name} is not known: {}", text(&alert.title()), prose(why)),
            );
        }
    }
}

fn recovery(out: &mut String, trial: &Trial) {
    line(out, "\n### Recovery\n");
    line(out, "| what | |");
    line(out, "|---|---:|");
    line(
        out,
        &format!("| time to recovery (TTR) | {} |", span_or_dash(trial.ttr_ms)),
    );
    line(
        out,
        &format!(
            "| self-heal (fault removed to steady) | {} |",
            span_or_dash(trial.self_heal_ms)
        ),
    );
    for alert in &trial.alerts {
        let hang_over = span_or_dash(alert.hang_over_ms);
        line(
            out,
            &format!("| hang-over of {} | {hang_over} |", text(&alert.title())),
        );
    }
    for steady in &trial.steady {
        let (before, after) = (holds(steady.before), holds(steady.after));
        line(
            out,
            &format!(
                "| steady `{}` before → after | {before} → {after} |",
                code(&steady.name)
            ),
        );
    }
}

fn holds(holds: Option<bool>) -> &'static str {
    match holds {
        Some(true) => "holds",
        Some(false) => "broken",
        None => "unknown",
    }
}

fn safety(out: &mut String, trial: &Trial) {
    line(out, "\n### Safety log\n");
    if trial.safety.is_empty() {
        line(out, "Nothing was touched.");
    }
    for entry in &trial.safety {
        line(
            out,
            &format!("- `{}` {}: {}", entry.at.clock(), entry.what, prose(&entry.text)),
        );
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a String takes every write");
}

/// Text that stays text: on one line, and no mark-up of its own.
fn text(raw: &str) -> String {
    let mut safe = String::with_capacity(raw.len());
    for c in clean(raw).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => safe.extend(['\\', c]),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // A mention would notify somebody from inside a pull request.
            '@' => safe.push_str("@\u{200b}"),
            c => safe.push(c),
        }
    }
    safe
}

/// A sentence of ours, in which backticks stand around names.
fn prose(raw: &str) -> String {
    let parts: Vec<&str> = raw.split('`').collect();
    // Names come from others: one with a backtick of its own must not turn the rest into code.
    if parts.len().is_multiple_of(2) {
        return text(raw);
    }
    let part = |(index, part): (usize, &&str)| match index % 2 {
        1 if !part.is_empty() => format!("`{}`", code(part)),
        _ => text(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Text inside of backticks.
fn code(raw: &str) -> String {
    clean(raw).replace(['`', '|'], "'")
}
