//! `report.md`: what pastes into a pull request or a chat, and the summary of a step in CI.

mod arrivals;
mod escape;
mod trial;

use std::fmt::Write;

use crate::measure::{Finding, Weight, range};
use crate::score::{self, Row, Score};
use crate::words::{self, count, exact_or_between, exact_or_dash, limit, spaced};
use crate::{Measurement, Summary, Trial, Verdict};

pub(crate) use escape::{code, prose, text};

/// Renders `report.md`.
#[must_use]
pub fn render_markdown(measurement: &Measurement) -> String {
    let mut out = String::new();
    head(&mut out, measurement, "#");
    let Some(trial) = measurement.told() else {
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
        trial::tell(&mut out, trial, measurement.trials.len() > 1);
    }
    findings(&mut out, trial, "##");
    if measurement.trials.len() > 1 && measurement.mttd.trials > 0 {
        line(&mut out, "");
        line(&mut out, &format!("{}  ", measurement.mttd.sentence()));
        line(&mut out, &measurement.mttr.sentence());
    }
    if measurement.journal.is_sampled() {
        line(&mut out, "\n## The journal\n");
        line(&mut out, &prose(&measurement.journal.sentence()));
    }
    out
}

/// Renders the summary of a step in CI: verdict, scorecard, findings; short enough for a page of many.
#[must_use]
pub fn render_summary(measurement: &Measurement) -> String {
    let mut out = String::new();
    head(&mut out, measurement, "###");
    let Some(trial) = measurement.told() else {
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
        line(out, &format!("- **who noticed**: {}.", prose(&sight.summary)));
    }
}

fn scorecard(out: &mut String, measurement: &Measurement, level: &str) {
    line(out, &format!("\n{level} Scorecard\n"));
    line(out, "| expectation | limit | predicted | measured | verdict |");
    line(out, "|---|---:|---:|---:|---|");
    for row in score::rows(measurement) {
        score_row(out, &row, &measurement.summary);
    }
}

/// A row; why it is as it is stands in the first sentence already, where that is the only reason.
fn score_row(out: &mut String, row: &Row, summary: &str) {
    let sign = match row.score {
        Score::Good => "✓",
        Score::Doubt => "?",
        Score::Bad => "✕",
    };
    let dash = |cell: &Option<String>| text(cell.as_deref().unwrap_or("—"));
    let told = |detail: &&String| row.score != Score::Good && !summary.contains(detail.as_str());
    let detail = row.detail.as_ref().filter(told);
    let detail = detail.map_or_else(String::new, |detail| format!(": {}", prose(detail)));
    line(
        out,
        &format!(
            "| {} | {} | {} | {} | {sign} **{}**{detail} |",
            format!("{} {}", text(&row.subject), prose(&row.what)).trim_end(),
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
        let change = match row.change_ms {
            None => row.came_or_went().unwrap_or("—").to_owned(),
            Some(ms) => format!("{}{}", if ms > 0 { "+" } else { "" }, words::exact(ms)),
        };
        let (then, now) = (exact_or_dash(row.before_ms), exact_or_dash(row.now_ms));
        line(
            out,
            &format!(
                "| {} {} | {then} | {now} | {change} |",
                text(&row.subject),
                row.time()
            ),
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
