//! `[guard]`: what ends a drill early.

use gameday_core::{Problems, Ratio, Span, Table};
use toml::Spanned;

use super::probes::Probes;
use crate::plan::{AbortIf, Guard};

const FORM: &str = "write it as `<probe> < <share> for <span>`, e.g. `checkout < 50% for 15s`";

pub(super) fn read(root: &mut Table<'_, '_>, probes: &Probes) -> Option<Guard> {
    let problems = root.problems();
    let Some(mut table) = root.table("guard") else {
        let problem = problems.source().problem(0..0, "the table [guard] is missing");
        problems
            .push(problem.hint("a drill needs `max_duration` and `lease`: what ends it when nobody does"));
        return None;
    };
    let conditions: Vec<Spanned<String>> = table.get("abort_if").unwrap_or_default();
    let abort_if = conditions
        .iter()
        .filter_map(|text| read_condition(problems, probes, text))
        .collect();
    let max_duration = in_range(
        problems,
        table.need_spanned("max_duration"),
        1,
        86_400,
        "max_duration",
    );
    let lease = in_range(problems, table.need_spanned("lease"), 3, 3600, "lease");
    table.finish();
    Some(Guard {
        abort_if,
        max_duration: max_duration?.get(),
        lease: lease?.get(),
    })
}

fn in_range(
    problems: &Problems<'_>,
    span: Option<Spanned<Span>>,
    low: u64,
    high: u64,
    key: &str,
) -> Option<Span> {
    let span = span?;
    let seconds = span.get_ref().get().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "both are small")]
    if seconds < low as f64 || seconds > high as f64 {
        let (low, high) = (Span::from_value(secs(low)), Span::from_value(secs(high)));
        problems.add(span.span(), format!("`{key}` must be between {low} and {high}"));
        return None;
    }
    Some(span.into_inner())
}

const fn secs(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}

fn read_condition(problems: &Problems<'_>, probes: &Probes, text: &Spanned<String>) -> Option<AbortIf> {
    let words: Vec<&str> = text.get_ref().split_whitespace().collect();
    let [probe, "<", share, "for", window] = words.as_slice() else {
        let problem = problems.source().problem(text.span(), "not an abort condition");
        problems.push(problem.hint(FORM));
        return None;
    };
    let probe = probes.known(problems, &Spanned::new(text.span(), (*probe).to_owned()));
    let share = share
        .parse::<Ratio>()
        .map_err(|error| problems.add(text.span(), error.to_string()));
    let window = window
        .parse::<Span>()
        .map_err(|error| problems.add(text.span(), error.to_string()));
    Some(AbortIf {
        text: text.get_ref().clone(),
        probe: probe?,
        floor: share.ok()?.get(),
        window: window.ok()?.get(),
    })
}
