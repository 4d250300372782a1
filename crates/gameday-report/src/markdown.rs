//! `report.md`: what pastes into a pull request or a chat, and the summary of a step in CI.

mod arrivals;

use std::fmt::Write;

use crate::measure::{Finding, Weight, range};
use crate::score::{self, Row, Score};
use crate::words::{
    self, clean, count, exact_or_between, exact_or_dash, limit, percent, spaced, span_or_between,
    span_or_dash,
};
use crate::{AlertReport, Measurement, Summary, Trial, Verdict};

/// Renders `report.md`.
#[must_use]
pub fn render_markdown(measurement: &Measurement) -> String {
    let mut out = String::new();
    head(&mut out, measurement, "#");
    let Some(trial) = worst(measurement) else {
        return out;
    };
    reasons(&mut out, trial);
    briefing(&mut out, trial);
    if trial.marks.t0.is_some() {
        scorecard(&mut out, measurement, "##");
        if measurement.trials.len() > 1 {
            over_trials(&mut out, measurement);
        }
    }
    difference(&mut out, measurement);
    for trial in &measurement.trials {
        body(&mut out, trial, measurement.trials.len() > 1);
    }
    findings(&mut out, trial, "##");
    if measurement.mttd.trials > 0 {
        line(&mut out, "");
        line(&mut out, &format!("{}  ", measurement.mttd.sentence()));
        line(&mut out, &measurement.mttr.sentence());
    }
    out
}

/// Renders the summary of a step in CI: verdict, scorecard, findings; short enough for a page of many.
#[must_use]
pub fn render_summary(measurement: &Measurement) -> String {
    let mut out = String::new();
    head(&mut out, measurement, "###");
    let Some(trial) = worst(measurement) else {
        return out;
    };
    if trial.marks.t0.is_some() {
        scorecard(&mut out, measurement, "####");
    }
    line(&mut out, "\n<details><summary>In ninety seconds</summary>");
    briefing_lines(&mut out, trial);
    line(&mut out, "\n</details>");
    findings(&mut out, trial, "####");
    out
}

/// The trial that decided.
fn worst(measurement: &Measurement) -> Option<&Trial> {
    measurement
        .trials
        .iter()
        .rev()
        .max_by_key(|trial| trial.verdict.precedence())
}

fn head(out: &mut String, measurement: &Measurement, level: &str) {
    let word = measurement.verdict.word().to_uppercase().replace('_', " ");
    line(out, &format!("{level} {word}: {}", text(&measurement.plan.title)));
    line(out, "");
    line(out, &prose(&measurement.summary));
    line(out, "");
    let began = measurement
        .trials
        .first()
        .map_or_else(String::new, |trial| trial.started_at.text());
    let lab = measurement
        .lab
        .as_ref()
        .map_or_else(String::new, |lab| format!(", lab {}", text(lab)));
    let version = text(&measurement.version);
    line(
        out,
        &format!(
            "`{}`, {began}{lab}, gameday {version}, exit code {}",
            code(&measurement.drill),
            measurement.exit_code
        ),
    );
}

fn reasons(out: &mut String, trial: &Trial) {
    if trial.reasons.len() > 1 {
        line(out, "");
        for reason in &trial.reasons {
            line(out, &format!("- {}", prose(reason)));
        }
    }
}

fn briefing(out: &mut String, trial: &Trial) {
    line(out, "\n## In ninety seconds");
    briefing_lines(out, trial);
}

fn briefing_lines(out: &mut String, trial: &Trial) {
    line(out, "");
    for brief in &trial.briefing {
        line(out, &format!("- **{}**: {}", brief.key, prose(&brief.text)));
    }
    if let Some(sight) = &trial.sight {
        line(out, &format!("- **who saw it**: {}.", prose(&sight.summary)));
    }
}

fn scorecard(out: &mut String, measurement: &Measurement, level: &str) {
    line(out, &format!("\n{level} Scorecard\n"));
    line(out, "| expectation | limit | predicted | measured | verdict |");
    line(out, "|---|---:|---:|---:|---|");
    for row in score::rows(measurement) {
        score_row(out, &row);
    }
}

fn score_row(out: &mut String, row: &Row) {
    let sign = match row.score {
        Score::Good => "✓",
        Score::Doubt => "?",
        Score::Bad => "✕",
    };
    let dash = |cell: &Option<String>| text(cell.as_deref().unwrap_or("—"));
    let detail = row.detail.as_ref().filter(|_| row.score != Score::Good);
    let detail = detail.map_or_else(String::new, |detail| format!(": {}", prose(detail)));
    line(
        out,
        &format!(
            "| {} {} | {} | {} | {} | {sign} **{}**{detail} |",
            text(&row.subject),
            prose(&row.what),
            dash(&row.limit),
            dash(&row.predicted),
            text(&row.measured),
            text(&row.word),
        ),
    );
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
            .map(|alert| exact_or_between(alert.ttn_ms, alert.ttn_between_ms))
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

/// The times that people remember, beside those of the last drill.
fn difference(out: &mut String, measurement: &Measurement) {
    let Some(last) = &measurement.difference else {
        return;
    };
    line(
        out,
        &format!("\n## Since the last drill, `{}`\n", code(&last.drill)),
    );
    line(out, "| what | then | now | change |");
    line(out, "|---|---:|---:|---:|");
    for row in &last.rows {
        let change = row.change_ms.map_or_else(
            || "—".to_owned(),
            |ms| format!("{}{}", if ms > 0 { "+" } else { "" }, words::exact(ms)),
        );
        let (then, now) = (exact_or_dash(row.before_ms), exact_or_dash(row.now_ms));
        line(
            out,
            &format!(
                "| {} {} | {then} | {now} | {change} |",
                text(&row.subject),
                words::spaced(&row.what)
            ),
        );
    }
}

fn body(out: &mut String, trial: &Trial, several: bool) {
    if trial.marks.t0.is_some() {
        if several {
            line(out, &format!("\n## Trial {}", trial.index + 1));
        }
        stages(out, trial);
        disturbances(out, trial);
        impact(out, trial);
        arrivals::tell(out, trial);
        recovery(out, trial);
    }
    people(out, trial);
    safety(out, trial);
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
        let ttn = exact_or_between(alert.ttn_ms, alert.ttn_between_ms);
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
        if let Some(advice) = &alert.advice {
            let share = percent(advice.share);
            let stage = words::spaced(advice.stage);
            let said = prose(&advice.text);
            line(
                out,
                &format!(
                    "\n{share} of {} went into *{stage}*. Sooner: {said}.",
                    text(&alert.title())
                ),
            );
        }
        predictions(out, alert);
        unknown(out, alert);
        for note in words::remarks(alert) {
            line(out, &format!("\n{}: {}", text(&alert.title()), prose(&note)));
        }
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

fn impact(out: &mut String, trial: &Trial) {
    if trial.impact.probes.is_empty() {
        return;
    }
    line(out, "\n### Impact\n");
    line(out, "| probe | from | step | looks | failed | slow |");
    line(out, "|---|---|---|---:|---:|---:|");
    for one in trial.impact.probes.iter().chain(&trial.impact.steps) {
        line(
            out,
            &format!(
                "| {} | {} | {} | {} | {} | {} |",
                text(&one.probe),
                text(&one.region),
                text(one.step.as_deref().unwrap_or("all")),
                one.looks,
                one.failed,
                one.slow
            ),
        );
    }
    for budget in &trial.impact.budgets {
        line(
            out,
            &format!(
                "\n{} of the {} error budget of {} ({}), if users saw what it saw.",
                percent(budget.spent),
                words::limit(budget.window_ms),
                text(&budget.probe),
                budget.objective
            ),
        );
    }
}

/// What disturbed the measurement: a reader must not take what it touched for the alerting's own doing.
fn disturbances(out: &mut String, trial: &Trial) {
    if !trial.disturbances.is_empty() {
        line(out, "\n### What disturbed the measurement\n");
    }
    for one in &trial.disturbances {
        let voids = match one.voids.as_slice() {
            [] => "nothing that was measured".to_owned(),
            voids => voids.join(", "),
        };
        line(out, &format!("- {}; void: {}", prose(&one.text), text(&voids)));
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
        let hang_over = span_or_between(alert.hang_over_ms, alert.hang_over_between_ms);
        line(
            out,
            &format!("| hang-over of {} | {hang_over} |", text(&alert.title())),
        );
    }
}

fn people(out: &mut String, trial: &Trial) {
    if trial.people.is_empty() {
        return;
    }
    line(out, "\n### What people said\n");
    for one in &trial.people {
        let said = if one.text.is_empty() {
            String::new()
        } else {
            format!(": {}", text(&one.text))
        };
        line(
            out,
            &format!("- `{}` {} {}{said}", one.at.clock(), one.what, text(&one.who)),
        );
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

fn findings(out: &mut String, trial: &Trial, level: &str) {
    let shown: Vec<&Finding> = match trial.verdict {
        Verdict::Refused => trial
            .findings
            .iter()
            .filter(|finding| finding.weight != Weight::Note)
            .collect(),
        _ => trial.findings.iter().collect(),
    };
    if shown.is_empty() {
        return;
    }
    let number = count(u64::try_from(shown.len()).unwrap_or(u64::MAX), "finding");
    line(out, &format!("\n{level} What to do: {number}\n"));
    for finding in shown {
        line(
            out,
            &format!(
                "- [ ] {}. {} *owner: … due: …*",
                prose(&finding.text),
                prose(&finding.action)
            ),
        );
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a String takes every write");
}

/// Text that stays text: on one line, and no mark-up of its own.
pub(crate) fn text(raw: &str) -> String {
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
pub(crate) fn prose(raw: &str) -> String {
    let parts: Vec<&str> = raw.split('`').collect();
    // Names come from others: one with a backtick of its own must not turn the rest into code.
    if parts.len().is_multiple_of(2) {
        return text(raw);
    }
    let part = |(index, part): (usize, &&str)| match index % 2 {
        // What could be mark-up or a mention is escaped, which nothing is between backticks.
        1 if part.contains(['<', '&', '@']) => format!("<code>{}</code>", text(part)),
        1 if !part.is_empty() => format!("`{}`", code(part)),
        _ => text(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Text inside of backticks.
pub(crate) fn code(raw: &str) -> String {
    clean(raw).replace(['`', '|'], "'")
}
