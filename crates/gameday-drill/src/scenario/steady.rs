//! `[steady]`: gate before the fault, drawn during it, the definition of recovery after it.

use gameday_core::{Ratio, Span, SteadyName, Table};
use toml::Spanned;

use super::probes::Probes;
use crate::plan::{Steady, SteadyKind};

pub(super) fn read(root: &mut Table<'_, '_>, probes: &Probes, has_prometheus: bool) -> Vec<Steady> {
    let mut steady = Vec::new();
    for (name, mut table) in root.tables("steady") {
        let problems = table.problems();
        let kind = read_kind(&mut table, probes, has_prometheus);
        let window: Option<Spanned<Span>> = table.need_spanned("for");
        if let Some(window) = window
            .as_ref()
            .filter(|window| window.get_ref().get().as_secs() == 0)
        {
            problems.add(
                window.span(),
                "a steady state is looked at for at least one second",
            );
        }
        table.finish();
        match (SteadyName::new(name.get_ref()), kind, window) {
            (Err(error), ..) => problems.add(name.span(), error.to_string()),
            (Ok(name), Some(kind), Some(window)) => {
                steady.push(Steady {
                    name,
                    kind,
                    window: window.get_ref().get(),
                });
            }
            _ => {}
        }
    }
    steady
}

fn read_kind(table: &mut Table<'_, '_>, probes: &Probes, has_prometheus: bool) -> Option<SteadyKind> {
    let problems = table.problems();
    let (probe, promql) = (table.has("probe"), table.has("promql"));
    if probe && promql {
        let place = table.key_span("promql").unwrap_or_else(|| table.span());
        problems.add(
            place,
            "a steady state looks at a `probe` or at a `promql` query, not at both",
        );
        for key in ["p95", "success", "max", "min"] {
            let _ = table.has(key);
        }
        return None;
    }
    if promql {
        read_promql(table, has_prometheus)
    } else {
        read_probe(table, probes)
    }
}

fn read_probe(table: &mut Table<'_, '_>, probes: &Probes) -> Option<SteadyKind> {
    let problems = table.problems();
    let probe: Option<Spanned<String>> = table.need_spanned("probe");
    let p95: Option<Span> = table.get("p95");
    let second = table.key_span("success");
    let success: Option<Ratio> = table.get("success");
    let probe = probes.known(problems, &probe?)?;
    match (p95, success, second) {
        (Some(_), _, Some(second)) => {
            problems.add(
                second,
                "one steady state has one limit: `p95` or `success`, not both",
            );
            None
        }
        (Some(limit), ..) => Some(SteadyKind::P95 {
            probe,
            limit: limit.get(),
        }),
        (None, Some(floor), _) => Some(SteadyKind::Success {
            probe,
            floor: floor.get(),
        }),
        (None, None, None) => {
            let problem = problems
                .source()
                .problem(table.span(), "a steady state needs a limit");
            problems.push(problem.hint("`p95 = \"250ms\"` or `success = \"95%\"`"));
            None
        }
        (None, None, Some(_)) => None,
    }
}

fn read_promql(table: &mut Table<'_, '_>, has_prometheus: bool) -> Option<SteadyKind> {
    let problems = table.problems();
    let query: Option<Spanned<String>> = table.need_spanned("promql");
    let (max, min): (Option<f64>, Option<f64>) = (table.get("max"), table.get("min"));
    let query = query?;
    if !has_prometheus {
        problems.add(
            query.span(),
            "a `promql` steady state needs `prometheus` in [observe]",
        );
    }
    if max.is_some() == min.is_some() {
        problems.add(
            table.span(),
            "a `promql` steady state has one limit: `max` or `min`",
        );
    }
    Some(SteadyKind::Promql {
        query: query.into_inner(),
        max,
        min,
    })
}
