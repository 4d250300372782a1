//! Budgets as metrics and as JSON.

use std::fmt::{self, Display, Write};

use gameday_alert::Stage;
use gameday_core::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::budgets::{Budget, Budgets, Known};
use super::promise::{Id, Kind};
use super::spoken;

/// Prometheus' text format, version 0.0.4.
pub(crate) fn write_metrics(out: &mut String, budgets: &Budgets) -> fmt::Result {
    let now = Timestamp::now();
    let known = budgets.read();
    if !known.budgets.is_empty() {
        write_budgets(out, &known, now)?;
    }
    drop(known);
    write_notifications(out, budgets)
}

type Row<'k> = (&'k Id, &'k Budget);

fn gauge<T: Display>(
    out: &mut String,
    known: &Known,
    name: &str,
    help: &str,
    value: impl Fn(Row<'_>) -> Vec<(String, T)>,
) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")?;
    for (id, budget) in &known.budgets {
        for (labels, value) in value((id, budget)) {
            let (probe, objective, pool) = (&id.probe, id.objective, id.pool());
            writeln!(
                out,
                "{name}{{probe=\"{probe}\",objective=\"{objective}\",pool=\"{pool}\"{labels}}} {value}"
            )?;
        }
    }
    Ok(())
}

fn write_budgets(out: &mut String, known: &Known, now: Timestamp) -> fmt::Result {
    let one = |value: f64| vec![(String::new(), round(value))];
    gauge(
        out,
        known,
        "gameday_slo_objective_ratio",
        "The share of looks that is promised.",
        |(_, budget)| one(budget.promise.objective.target),
    )?;
    gauge(
        out,
        known,
        "gameday_slo_window_seconds",
        "The time over which it is promised.",
        |(_, budget)| one(budget.promise.objective.window.as_secs_f64()),
    )?;
    gauge(
        out,
        known,
        "gameday_slo_latency_seconds",
        "What a look may take, for objective p95.",
        |(_, budget)| match budget.promise.kind {
            Kind::Success => Vec::new(),
            Kind::P95(limit) => one(limit.as_secs_f64()),
        },
    )?;
    let help = "The share of the error budget that is left; negative when it is overspent.";
    gauge(
        out,
        known,
        "gameday_slo_error_budget_remaining_ratio",
        help,
        |(_, budget)| one(budget.measure(now).budget_left),
    )?;
    let help = "The share of looks in the objective's window that were due and say nothing of it: they were not made, or for p95 were down.";
    gauge(out, known, "gameday_slo_unseen_ratio", help, |(_, budget)| {
        one(budget.measure(now).unseen)
    })?;
    let help = "How fast the budget is spent in a window: 1 spends all of it in the objective's; none where nothing was seen.";
    gauge(out, known, "gameday_slo_burn_rate", help, |(_, budget)| {
        let burns = budget.measure(now).burns;
        let windows = burns.iter().flat_map(|burn| {
            [
                (burn.pair, "short", burn.pair.short, burn.short),
                (burn.pair, "long", burn.pair.long, burn.long),
            ]
        });
        let seen = windows.filter_map(|(pair, role, window, rate)| {
            let labels = format!(
                ",window=\"{}\",role=\"{role}\",severity=\"{}\"",
                spoken(window),
                pair.severity
            );
            Some((labels, round(rate?)))
        });
        seen.collect()
    })?;
    let help = "Where an alert stands: 1 for one of its states.";
    gauge(out, known, "gameday_slo_alert_state", help, |(_, budget)| {
        let states = budget.alerts.iter().flat_map(|alert| {
            Stage::ALL.map(|stage| {
                let labels = format!(",severity=\"{}\",state=\"{stage}\"", alert.severity);
                (labels, u8::from(alert.stage == stage))
            })
        });
        states.collect()
    })
}

fn write_notifications(out: &mut String, budgets: &Budgets) -> fmt::Result {
    let counts = budgets.board.counts();
    if counts.is_empty() {
        return Ok(());
    }
    let families = [
        (
            "gameday_notifications_total",
            "counter",
            "Messages that a receiver has taken.",
        ),
        (
            "gameday_notification_failures_total",
            "counter",
            "Attempts to tell a receiver that failed.",
        ),
        (
            "gameday_notifications_given_up_total",
            "counter",
            "Messages that no more attempt is made for.",
        ),
        (
            "gameday_notifications_waiting",
            "gauge",
            "Messages that wait for another attempt, or for the end of quiet hours.",
        ),
    ];
    for (index, (name, kind, help)) in families.into_iter().enumerate() {
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
        for (receiver, counts) in &counts {
            let label = format!("receiver=\"{receiver}\"");
            match index {
                0 => {
                    writeln!(out, "{name}{{{label},status=\"firing\"}} {}", counts.firing)?;
                    writeln!(out, "{name}{{{label},status=\"resolved\"}} {}", counts.resolved)?;
                }
                1 => writeln!(out, "{name}{{{label}}} {}", counts.failures)?,
                2 => writeln!(out, "{name}{{{label}}} {}", counts.given_up)?,
                _ => writeln!(out, "{name}{{{label}}} {}", counts.waiting)?,
            }
        }
    }
    Ok(())
}

/// All budgets, for `GET /v1/slo`.
pub(crate) fn as_json(budgets: &Budgets) -> Value {
    let now = Timestamp::now();
    let known = budgets.read();
    let rows = known
        .budgets
        .iter()
        .map(|(id, budget)| one_as_json(id, budget, now));
    json!({ "time": now, "objectives": rows.collect::<Vec<_>>() })
}

fn one_as_json(id: &Id, budget: &Budget, now: Timestamp) -> Value {
    #[derive(Serialize)]
    struct Window {
        severity: gameday_alert::Severity,
        burn_rate: f64,
        long_seconds: f64,
        short_seconds: f64,
        long: Option<f64>,
        short: Option<f64>,
    }
    let (promise, measure) = (&budget.promise, budget.measure(now));
    let windows = measure.burns.map(|burn| Window {
        severity: burn.pair.severity,
        burn_rate: burn.pair.factor,
        long_seconds: burn.pair.long.as_secs_f64(),
        short_seconds: burn.pair.short.as_secs_f64(),
        long: burn.long.map(round),
        short: burn.short.map(round),
    });
    let alerts = budget.alerts.map(|alert| {
        json!({ "severity": alert.severity, "state": alert.stage, "since": alert.since, "fired": alert.fired })
    });
    let window = promise.objective.window;
    let left = measure.budget_left * window.as_secs_f64() * promise.objective.budget();
    json!({
        "probe": id.probe, "objective": id.objective, "pool": id.pool(), "regions": promise.regions,
        "promise": promise.to_string(), "target_ratio": round(promise.objective.target),
        "window_seconds": window.as_secs_f64(), "budget_left_ratio": round(measure.budget_left),
        "budget_left_seconds": round(left), "unseen_ratio": round(measure.unseen), "burns": windows,
        "alerts": alerts, "runbook": promise.runbook,
    })
}

/// Without the error of a division by 100.
fn round(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}
