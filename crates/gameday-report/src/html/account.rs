//! What follows from the drill: what it cost, what was found, what people have to add, and everything in order.

use maud::{Markup, html};

use super::parts::{Tone, link, pill, prose, section};
use crate::measure::{BudgetReport, Finding, ImpactLine, LogLine, Weight};
use crate::words::{clean, count, exact, limit, percent, span};
use crate::{Measurement, Trial};

/// What it cost those who use the service.
pub(super) fn impact(trial: &Trial) -> Markup {
    let impact = &trial.impact;
    let (Some(from), Some(until), Some(lasted)) = (impact.from, impact.until, impact.lasted_ms) else {
        return html! {};
    };
    section(
        "Impact",
        html! {
            p {
                "From " (from.clock()) " to " (until.clock()) " UTC, " (span(lasted)) ": "
                @if trial.never_left { "until the fault was gone; the service never left its steady state. " }
                @else if impact.recovered { "until the service was steady again. " } @else { "to the end, as it was never seen steady again. " }
                "The faults acted " (count(impact.touched, "time")) "."
            }
            @let reasons = impact.probes.iter().chain(&impact.steps).any(|line| !line.reasons.is_empty());
            @if !impact.probes.is_empty() {
                table.plain.stack {
                    thead { tr { th { "Probe" } th { "From" } th { "Step" } th.n { "Looks" } th.n { "Failed" } th.n { "Slow" } th.n title="Looks that took longer than the steady state's limit" { "Over steady limit" } @if reasons { th { "Reasons" } } } }
                    tbody { @for line in &impact.probes {
                        (impact_line(line, reasons))
                        @for step in impact.steps.iter().filter(|step| (&step.probe, &step.region) == (&line.probe, &line.region)) { (impact_line(step, reasons)) }
                    } }
                }
            }
            @for budget in &impact.budgets { p.note { (budget_line(budget)) } }
        },
    )
}

fn impact_line(line: &ImpactLine, with_reasons: bool) -> Markup {
    let reasons: Vec<String> = line
        .reasons
        .iter()
        .map(|(word, number)| format!("{word} ×{number}"))
        .collect();
    html! {
        tr.sub[line.step.is_some()] {
            @match &line.step {
                None => { th scope="row" { (clean(&line.probe)) } td data-label="From" { (clean(&line.region)) } td data-label="Step" { "all" } }
                Some(step) => { td.bare {} td.bare {} td data-label="Step" { (clean(step)) } }
            }
            td.n data-label="Looks" { (line.looks) } td.n data-label="Failed" { (line.failed) } td.n data-label="Slow" { (line.slow) }
            td.n data-label="Over steady limit" { @match line.beyond { Some(beyond) => { (beyond) } None => { "—" } } }
            @if with_reasons { td.wide data-label=[(!reasons.is_empty()).then_some("Reasons")] { (reasons.join(", ")) } }
        }
    }
}

fn budget_line(budget: &BudgetReport) -> Markup {
    let objective = match budget.limit_ms {
        Some(most) => format!("{} within {}", percent(budget.target), limit(most)),
        None => format!("{} up", percent(budget.target)),
    };
    html! {
        strong { (percent(budget.spent)) } " of the " (limit(budget.window_ms)) " error budget of " (clean(&budget.probe)) " ("
        (objective) "), if users saw what it saw: " (percent(budget.bad)) " of its looks were bad."
    }
}

/// Findings with blanks for who does what until when.
pub(super) fn findings(trial: &Trial) -> Markup {
    section(
        "Findings and action items",
        html! {
            @if trial.findings.is_empty() { p.note { "The journal calls for none." } }
            table.actions {
                thead { tr { th { "" } th { "Finding" } th { "What could be done" } th { "Owner" } th { "Due" } } }
                tbody {
                    @for finding in &trial.findings { (finding_row(finding)) }
                    @for _ in 0..2 { tr.blank { td {} td {} td {} td.fill {} td.fill {} } }
                }
            }
        },
    )
}

fn finding_row(finding: &Finding) -> Markup {
    let (tone, word) = match finding.weight {
        Weight::Bad => (Tone::Bad, "to fix"),
        Weight::Doubt => (Tone::Doubt, "to check"),
        Weight::Note => (Tone::Note, "note"),
    };
    html! { tr {
        td { (pill(tone, word)) }
        th scope="row" { (prose(&finding.text)) }
        td { (prose(&finding.action)) }
        td.fill data-label="Owner" {} td.fill data-label="Due" {}
    } }
}

/// What only people can say.
pub(super) fn blanks() -> Markup {
    html! {
        section {
            h2 { "What only people can say" }
            div.blanks {
                @for (title, ask) in [
                    ("What went well", "Who noticed first, what was easy, what worked as written?"),
                    ("What went wrong", "What was confusing, slow, missing, or only in somebody's head?"),
                    ("Where we got lucky", "What would have been worse at night, at peak, or with somebody else on call?"),
                ] { div.blank-box { h3 { (title) } p.note { (ask) } } }
            }
        }
    }
}

/// Every change, each with where it stands.
pub(super) fn log(measurement: &Measurement, trial: &Trial) -> Markup {
    let prometheus = measurement
        .plan
        .observe
        .prometheus
        .as_deref()
        .filter(|_| measurement.lab.is_none());
    section(
        "Log",
        html! {
            table.plain.log {
                thead { tr { th.n { "UTC" } th.n { @if trial.marks.t0.is_some() { "After T0" } } th { "" } th { "What" } th { "Data" } } }
                tbody { @for line in &trial.log { (log_row(line, prometheus)) } }
            }
            @if trial.log_left_out > 0 { p.note { (count(trial.log_left_out, "line")) " more in journal.jsonl." } }
            @if prometheus.is_none() && trial.log.iter().any(|line| line.promql.is_some()) {
                p.note { "Queries are shown as text: the Prometheus of the lab is gone, or none was observed." }
            }
        },
    )
}

fn log_row(line: &LogLine, prometheus: Option<&str>) -> Markup {
    html! { tr {
        td.n.t { (line.at.clock()) }
        td.n.t { @if let Some(ms) = line.after_t0_ms { (exact(ms)) } }
        td.t { (line.what) }
        td.say { (prose(&line.text)) }
        td.data {
            a href="journal.jsonl" { "line " (line.line) }
            @if let Some(promql) = &line.promql { @match prometheus {
                Some(base) => { " " (link(&graph(base, promql, line), "query")) }
                None => { " " code { (clean(promql)) } }
            } }
            @if let Some(trace) = &line.trace_id { " trace " code { (clean(trace)) } }
        }
    } }
}

/// The page of Prometheus that draws a query around a moment.
fn graph(base: &str, promql: &str, line: &LogLine) -> String {
    let end = line.at.time().plus_micros(300_000_000).to_ms_string();
    let end = end.split('.').next().unwrap_or_default().replace('T', " ");
    format!(
        "{}/graph?g0.expr={}&g0.tab=0&g0.range_input=10m&g0.end_input={}",
        base.trim_end_matches('/'),
        encoded(promql),
        encoded(&end)
    )
}

/// Everything but what a URL's query may hold as it is, percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes()
        .fold(String::with_capacity(text.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
            out
        })
}
