//! Everything else, as tables: what was done, what was seen, and how far it can be trusted.

use gameday_core::ObserveRecord;
use maud::{Markup, html};

use super::parts::{Tone, holds, label_set, link, pill, prose, section};
use crate::words::{self, clean, exact_or_dash, limit, micros};
use crate::{JournalReport, Measurement, Moment, Phase, ProbeReport, Trial};

fn clock(at: Option<Moment>) -> String {
    at.map_or_else(|| "—".to_owned(), Moment::clock)
}

pub(super) fn faults(trial: &Trial) -> Markup {
    if trial.marks.t0.is_none() {
        return html! {};
    }
    section(
        "Faults",
        html! {
            table.plain.stack {
                thead { tr {
                    th { "Fault" } th { "On" } th { "What" }
                    th.n { "Ordered" } th.n { "Effective" } th.n { "Removed" } th.n { "Acted" }
                } }
                tbody { @for fault in &trial.faults {
                    tr {
                        th scope="row" { (clean(&fault.name)) }
                        td data-label="On" { (clean(&fault.on)) }
                        td.wide data-label="What" { (clean(&fault.kind)) ": " (clean(&fault.detail)) }
                        td.n data-label="Ordered" { (clock(fault.ordered_at)) }
                        td.n data-label="Effective" { (clock(fault.effective_at)) }
                        td.n data-label="Removed" { (clock(fault.removed_at)) }
                        td.n data-label="Acted" { (fault.touched) }
                    }
                    @for (key, why) in &fault.why {
                        tr.detail { td colspan="7" { (clean(&key.replace("_at", ""))) " unknown: " (prose(why)) } }
                    }
                } }
            }
        },
    )
}

pub(super) fn recovery(trial: &Trial) -> Markup {
    if trial.marks.t0.is_none() {
        return html! {};
    }
    let why = |key: &str| prose(trial.why.get(key).map_or("", String::as_str));
    section(
        "Recovery",
        html! {
            table.plain.slim {
                tbody {
                    tr { th scope="row" { "Fault removed" span.what { "T7" } } td.n { (clock(trial.marks.t7)) } td.why { (why("T7")) } }
                    tr { th scope="row" { "Steady state back" span.what { "T8" } } td.n { (clock(trial.marks.t8)) } td.why { (why("T8")) } }
                    tr { th scope="row" { "Time to recover" span.what { "T8 − T0e" } } td.n { (exact_or_dash(trial.ttr_ms)) } td.why { (why("ttr_ms")) } }
                    tr { th scope="row" { "Self-heal" span.what { "T8 − T7" } } td.n { (healed(trial)) } td.why { (why("self_heal_ms")) } }
                }
            }
            @if !trial.steady.is_empty() { (steady(trial)) }
        },
    )
}

fn healed(trial: &Trial) -> String {
    match trial.within_a_look() {
        Some(_) => trial.healed(),
        None => exact_or_dash(trial.self_heal_ms),
    }
}

fn steady(trial: &Trial) -> Markup {
    html! {
        table.plain.stack {
            thead { tr { th { "Steady state" } th { "Before the fault" } th { "Worst since T0" } th { "At the end" } } }
            tbody { @for one in &trial.steady {
                @let value = |value: Option<f64>| value.map_or_else(|| "—".to_owned(), |value| words::value(value, one.unit));
                tr {
                    th scope="row" { (clean(&one.name)) span.what { (clean(&one.text)) } }
                    td data-label="Before the fault" { (value(one.value_before)) " " (holds(one.before)) }
                    td data-label="Worst since T0" { (value(one.worst)) }
                    td data-label="At the end" { (value(one.value_after)) " " (holds(one.after)) }
                }
                @if let Some(why) = &one.why { tr.detail { td colspan="4" { (prose(why)) } } }
            } }
        }
    }
}

pub(super) fn probes(trial: &Trial) -> Markup {
    if trial
        .probes
        .iter()
        .flat_map(ProbeReport::phases)
        .all(|(_, phase)| phase.runs + phase.missed == 0)
    {
        return html! {};
    }
    section(
        "What the probes saw",
        html! {
            table.plain {
                thead { tr {
                    th { "Probe" } th { "" } th.n { "Looks" } th.n { "Up" } th.n { "Slow" } th.n { "Down" }
                    th.n { "Unknown" } th.n { "Missed" } th.n { "p50 ms" } th.n { "p95 ms" } th.n { "Max ms" }
                } }
                @for probe in &trial.probes {
                    tbody { @for (index, (when, phase)) in probe.phases().into_iter().enumerate() {
                        tr {
                            @if index == 0 {
                                th scope="rowgroup" rowspan="3" { (clean(&probe.probe)) span.what { (clean(&probe.region)) } }
                            }
                            td { (when) }
                            (phase_cells(phase))
                        }
                    } }
                }
            }
            p.note { "Latencies are of the looks that were up." }
        },
    )
}

fn phase_cells(phase: &Phase) -> Markup {
    let ms = |ms: Option<f64>| ms.map_or_else(|| "—".to_owned(), |ms| format!("{ms:.1}"));
    let reasons: Vec<String> = phase
        .reasons
        .iter()
        .map(|(word, number)| format!("{word} ×{number}"))
        .collect();
    let reasons = Some(reasons.join(", ")).filter(|text| !text.is_empty());
    html! {
        td.n { (phase.runs) } td.n { (phase.up) } td.n { (phase.slow) }
        td.n title=[reasons.as_deref()] { (phase.down) }
        td.n title=[reasons.as_deref()] { (phase.unknown) }
        td.n { (phase.missed) }
        td.n { (ms(phase.p50_ms)) } td.n { (ms(phase.p95_ms)) } td.n { (ms(phase.max_ms)) }
    }
}

/// What people said while it ran; nothing when nobody said anything.
pub(super) fn people(trial: &Trial) -> Markup {
    if trial.people.is_empty() {
        return html! {};
    }
    section(
        "What people said",
        html! {
            table.plain.log {
                tbody { @for line in &trial.people { tr {
                    td.n.t { (line.at.clock()) }
                    td.n.t { @if let Some(ms) = line.after_t0_ms { (words::exact(ms)) } }
                    th scope="row" { (line.what) }
                    td { (clean(&line.who)) @if !line.text.is_empty() { ": " (clean(&line.text)) } }
                } } }
            }
        },
    )
}

pub(super) fn checks(trial: &Trial) -> Markup {
    section(
        "Pre-flight",
        html! {
            @if trial.checks.is_empty() { p.note { "Nothing was checked." } } @else {
                table.plain.stack {
                    tbody { @for check in &trial.checks { tr {
                        th scope="row" { (clean(&check.name)) }
                        td { @if check.ok { (pill(Tone::Good, "ok")) } @else { (pill(Tone::Bad, "refused")) } }
                        td.wide { (prose(&check.detail)) }
                    } } }
                }
            }
        },
    )
}

pub(super) fn safety(trial: &Trial) -> Markup {
    // Where nothing was touched the briefing says so.
    if trial.safety.is_empty() && trial.rollback.verified {
        return html! {};
    }
    section(
        "Safety log",
        html! {
            p { @if trial.rollback.verified { (pill(Tone::Good, "rollback verified")) } @else { (pill(Tone::Bad, "rollback not verified")) }
                @if let Some(why) = &trial.rollback.why { " " (prose(why)) } }
            @if !trial.safety.is_empty() { table.plain.log {
                tbody { @for line in &trial.safety { tr {
                    td.n.t { (line.at.clock()) }
                    td.n.t { @if let Some(ms) = line.after_t0_ms { (crate::words::exact(ms)) } }
                    th scope="row" { (line.what) }
                    td { (prose(&line.text)) }
                } } }
            } }
        },
    )
}

pub(super) fn clocks(trial: &Trial) -> Markup {
    if trial.clocks.is_empty() && trial.marks.t0.is_none() {
        return html! {};
    }
    section(
        "Clocks",
        html! {
            @if trial.clocks.is_empty() { p.note { "No other clock was compared with ours; times of other systems stand as they gave them." } } @else {
                table.plain.stack {
                    thead { tr { th { "Source" } th.n { "Theirs less ours" } th.n { "Error bound" } th { "Its marks" } } }
                    tbody { @for clock in &trial.clocks { tr {
                        th scope="row" { (clean(&clock.source)) }
                        td.n data-label="Theirs less ours" { (micros(clock.offset_us)) }
                        td.n data-label="Error bound" { "±" (micros(clock.error_us)) }
                        td.wide data-label="Its marks" {
                            @if clock.corrected { "less the offset" } @else { "as given: the offset is within its error" }
                            @if clock.stepped { ", " (pill(Tone::Doubt, "stepped")) }
                        }
                    } } }
                }
            }
        },
    )
}

pub(super) fn journal(journal: &JournalReport) -> Markup {
    section(
        "Journal",
        html! {
            p.note { (journal.sentence()) }
            @if journal.is_sampled() {
                table.plain {
                    thead { tr { th { "Probe" } th { "From" } th.n { "Looks" } th.n { "Summed up" } } }
                    tbody { @for probe in &journal.probes { tr {
                        th scope="row" { (clean(&probe.probe)) }
                        td { (clean(&probe.region)) }
                        td.n { (probe.looks.all) }
                        td.n { (probe.looks.summed) }
                    } } }
                }
            }
        },
    )
}

pub(super) fn plan(measurement: &Measurement) -> Markup {
    let plan = &measurement.plan;
    let touched = measurement.trials.iter().any(|trial| trial.marks.t0.is_some());
    html! {
        section { details {
            summary { @if touched { "The plan as it was run" } @else { "The plan" } }
            dl {
                @for target in &plan.targets { dt { "Target " (clean(target.name.as_str())) } dd { (clean(&target.kind)) ", " (prose(&target.detail)) } }
                @for probe in &plan.probes { dt { "Probe " (clean(probe.name.as_str())) } dd {
                    "every " (limit(probe.every_ms)) ", timeout " (limit(probe.timeout_ms)) ", from "
                    (probe.regions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) ": "
                    (probe.steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → "))
                } }
                @for region in &plan.followed { dt { "Region " (clean(region.name.as_str())) } dd { "followed at " (link(&region.url, &region.url)) } }
                @for fault in &plan.timeline { dt { "Fault " (clean(fault.name.as_str())) } dd {
                    "at " (limit(fault.at_ms)) " for " (limit(fault.hold_ms)) " on " (clean(fault.on.as_str())) ": " (clean(&fault.kind)) ", " (clean(&fault.detail))
                } }
                @for expect in &plan.expect { dt { "Expect " (clean(&expect.label)) } dd {
                    "of " (clean(expect.of.as_str()))
                    @for (word, most) in [("firing", expect.firing_ms), ("notified", expect.notified_ms), ("resolved", expect.resolved_ms)] {
                        @if let Some(most) = most { ", " (word) " within " (limit(most)) }
                    }
                    " " (label_set(&expect.labels))
                    @if let Some(receiver) = &expect.receiver { " to " (clean(receiver)) }
                } }
                @for forbid in &plan.forbid { dt { "Forbid " (clean(&forbid.label)) } dd { code { (clean(&forbid.alert)) } } }
                dt { "Guard" } dd {
                    (clean(&plan.guard.abort_if.join("; "))) "; at most " (limit(plan.guard.max_duration_ms)) "; lease " (limit(plan.guard.lease_ms))
                }
                @if let Some(within) = plan.recover_within_ms { dt { "Recover" } dd { "within " (limit(within)) } }
                @for (name, url) in observed(&plan.observe) { dt { (name) } dd { (link(url, url)) } }
                @for place in &plan.observe.event_recorder { dt { "Event recorder" } dd { code { (clean(place)) } } }
                @for (name, path) in &plan.observe.webhooks { dt { "Webhook " (clean(name)) } dd { code { (clean(path)) } } }
                @for (name, value) in &plan.vars { dt { "Variable " (clean(name)) } dd { code { (clean(value)) } } }
            }
        } }
    }
}

/// Each source with its address.
fn observed(observe: &ObserveRecord) -> Vec<(&'static str, &String)> {
    let prometheus = observe.prometheus.iter().map(|url| ("Prometheus", url));
    let alertmanagers = observe.alertmanager.iter().map(|url| ("Alertmanager", url));
    let webhook = observe.webhook.iter().map(|url| ("Webhook", url));
    let grafana = observe.grafana.iter().map(|url| ("Grafana", url));
    prometheus
        .chain(alertmanagers)
        .chain(grafana)
        .chain(webhook)
        .collect()
}
