//! One trial in Markdown: stages, predictions, impact, recovery, people, safety.

use super::{arrivals, line, prose, text};
use crate::words::{self, exact_or_between, exact_or_dash, percent, span_or_between, span_or_dash};
use crate::{AlertReport, Trial};

/// Tells it.
pub(super) fn tell(out: &mut String, trial: &Trial, several: bool) {
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
    let acked = trial.alerts.iter().any(|alert| alert.ack.is_some());
    let (tta, rule) = if acked { (" TTA |", "---:|") } else { ("", "") };
    line(
        out,
        &format!("| alert | scrape | rule | hold | hand-off | group | TTN |{tta}"),
    );
    line(out, &format!("|---|---:|---:|---:|---:|---:|---:|{rule}"));
    for alert in &trial.alerts {
        let cells: Vec<String> = alert
            .stages_ms
            .named()
            .iter()
            .map(|(_, ms)| exact_or_dash(*ms))
            .collect();
        let ttn = exact_or_between(alert.ttn_ms, alert.ttn_between_ms);
        let ack = alert.ack.as_ref();
        let tta = match acked {
            true => format!(" {} |", exact_or_dash(ack.and_then(|ack| ack.tta_ms))),
            false => String::new(),
        };
        line(
            out,
            &format!(
                "| {} | {} | {ttn} |{tta}",
                text(&alert.title()),
                cells.join(" | ")
            ),
        );
        if let Some(predicted) = &alert.predicted {
            let cells = predicted.stages_ms.named().map(|(_, ms)| exact_or_dash(ms));
            let ttn = words::predicted(predicted.range("T5"));
            let tta = if acked { " |" } else { "" };
            line(
                out,
                &format!("| predicted | {} | {ttn} |{tta}", cells.join(" | ")),
            );
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
                    "\n{share} of the time of {} went into *{stage}*. Sooner: {said}.",
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
    line(
        out,
        "| probe | from | step | looks | failed | slow | over the steady state's limit |",
    );
    line(out, "|---|---|---|---:|---:|---:|---:|");
    for one in trial.impact.probes.iter().chain(&trial.impact.steps) {
        line(
            out,
            &format!(
                "| {} | {} | {} | {} | {} | {} | {} |",
                text(&one.probe),
                text(&one.region),
                text(one.step.as_deref().unwrap_or("all")),
                one.looks,
                one.failed,
                one.slow,
                one.beyond
                    .map_or_else(|| "—".to_owned(), |beyond| beyond.to_string())
            ),
        );
    }
    for budget in &trial.impact.budgets {
        line(
            out,
            &format!(
                "\n{} of the {} error budget of {} ({}), if users saw what it saw: {} of its looks were bad.",
                percent(budget.spent),
                words::limit(budget.window_ms),
                text(&budget.probe),
                budget.objective,
                percent(budget.bad)
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
        line(out, &format!("- {}; {}", prose(&one.text), text(&one.effect())));
    }
}

fn recovery(out: &mut String, trial: &Trial) {
    line(out, "\n### Recovery\n");
    line(out, "| what | |");
    line(out, "|---|---:|");
    line(
        out,
        &format!(
            "| time to recovery (TTR) | {} |",
            match trial.never_left {
                true => trial.healed(),
                false => span_or_dash(trial.ttr_ms),
            }
        ),
    );
    line(
        out,
        &format!("| self-heal (fault removed to steady) | {} |", trial.healed()),
    );
    if let Some(said) = &trial.mitigation {
        let ttm = span_or_dash(said.ttm_ms);
        line(
            out,
            &format!("| time to mitigate (TTM), as {} said | {ttm} |", text(&said.who)),
        );
    }
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
