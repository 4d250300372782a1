//! When an entry comes that has no fixed time, and whether it comes at all: `after`, `within`, `otherwise`, `only_if`.
//!
//! ```toml
//! second = { after = "PaymentsSlow firing + 10s", within = "60s", otherwise = "run", … }
//! third  = { after = "second removed", within = "3m", only_if = "probe checkout up", … }
//! ```

use std::ops::Range;

use gameday_core::{FaultName, ProbeName, Problems, Span, Table};
use toml::Spanned;
use toml::de::DeValue;

use super::probes::Probes;
use crate::plan::{After, AlertMoment, Cue, Entry, Expectation, Observe, OnlyIf, Otherwise};

const FORM: &str = "e.g. `PaymentsSlow firing`, `PaymentsSlow notified + 10s` or `slow removed`";

/// What an entry waits for, as typed, with its place.
pub(super) type Waits = (Option<After>, Option<Range<usize>>);

/// Takes `after`, `within` and `otherwise`; names are looked up once all of the file was read.
pub(super) fn read_after(table: &mut Table<'_, '_>) -> Waits {
    let problems = table.problems();
    let at = table.key_span("at");
    let after: Option<Spanned<String>> = table.spanned("after");
    let places = [table.key_span("within"), table.key_span("otherwise")];
    let within: Option<Spanned<Span>> = table.spanned("within");
    let otherwise: Option<Spanned<String>> = table.spanned("otherwise");
    let Some(after) = after else {
        for place in places.into_iter().flatten() {
            problems.add(
                place,
                "`within` and `otherwise` are for an entry that waits `after` something",
            );
        }
        return (None, None);
    };
    let place = after.span();
    if at.is_some() {
        problems.add(
            after.span(),
            "an entry comes `at` a time or `after` an event, not both",
        );
    }
    let Some(within) = within else {
        let problem = problems.source().problem(
            after.span(),
            "an entry that waits needs `within`: how long, after T0",
        );
        problems.push(problem.hint("e.g. `within = \"60s\"`"));
        return (None, Some(place));
    };
    let cue = parse(problems, &after);
    let otherwise = match otherwise.as_ref().map(|word| word.get_ref().as_str()) {
        None | Some("skip") => Otherwise::Skip,
        Some("run") => Otherwise::Run,
        Some(other) => {
            let place = otherwise.as_ref().map(Spanned::span).unwrap_or_default();
            problems.add(place, format!("`{other}` is neither `run` nor `skip`"));
            Otherwise::Skip
        }
    };
    let waits = cue.map(|(cue, offset)| After {
        cue,
        offset,
        within: within.get_ref().get(),
        otherwise,
    });
    (waits, Some(place))
}

fn parse(problems: &Problems<'_>, text: &Spanned<String>) -> Option<(Cue, std::time::Duration)> {
    let (event, offset) = match text.get_ref().rsplit_once('+') {
        None => (
            text.get_ref().as_str(),
            Ok(Span::from_value(std::time::Duration::ZERO)),
        ),
        Some((event, offset)) => (event, offset.trim().parse::<Span>()),
    };
    let offset = offset.map_err(|error| problems.add(text.span(), error.to_string()));
    let wrong = || {
        let problem = problems.source().problem(
            text.span(),
            format!("`{}` is nothing to wait for", text.get_ref()),
        );
        problems.push(problem.hint(FORM));
    };
    let Some((name, word)) = event.trim().rsplit_once(' ') else {
        wrong();
        return None;
    };
    let name = name.trim();
    let moment = AlertMoment::ALL.into_iter().find(|moment| moment.word() == word);
    let cue = match (moment, word) {
        (Some(moment), _) => Cue::Alert {
            label: name.to_owned(),
            moment,
        },
        (None, "removed") => Cue::Removed(FaultName::new(name).map_err(|_| wrong()).ok()?),
        (None, _) => {
            wrong();
            return None;
        }
    };
    Some((cue, offset.ok()?.get()))
}

/// Takes `only_if`: a query, `probe NAME up`, or the words of a command.
pub(super) fn read_only_if(
    table: &mut Table<'_, '_>,
    probes: &Probes,
    has_prometheus: bool,
) -> Option<OnlyIf> {
    let problems = table.problems();
    let is_command = matches!(
        table.entries_mut().get("only_if").map(Spanned::get_ref),
        Some(DeValue::Array(_))
    );
    if is_command {
        let words: Spanned<Vec<String>> = table.spanned("only_if")?;
        if words.get_ref().is_empty() {
            problems.add(words.span(), "a command has at least a program");
            return None;
        }
        return Some(OnlyIf::Command(words.into_inner()));
    }
    let text: Spanned<String> = table.spanned("only_if")?;
    let words: Vec<&str> = text.get_ref().split_whitespace().collect();
    if let ["probe", probe, state @ ("up" | "down")] = words.as_slice() {
        let probe: ProbeName = probes.known(problems, &Spanned::new(text.span(), (*probe).to_owned()))?;
        return Some(OnlyIf::Probe {
            probe,
            up: *state == "up",
        });
    }
    if !compares(text.get_ref()) {
        let problem = problems.source().problem(text.span(), "this is no condition");
        problems.push(problem.hint(
            "a query that compares (`sum(rate(http_requests_total[1m])) > 10`), `probe checkout up`, or a command (`[\"test\", \"-e\", \"/run/ok\"]`)",
        ));
        return None;
    }
    if !has_prometheus {
        problems.add(text.span(), "a query needs `prometheus` in [observe]");
    }
    Some(OnlyIf::Promql(text.into_inner()))
}

/// Whether a query compares, outside of its quotes and matchers: without that it says nothing that is true or false.
fn compares(query: &str) -> bool {
    let (mut quote, mut braces, mut before) = (None, 0_u32, ' ');
    for letter in query.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open && before != '\\' => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(letter),
            (None, '{') => braces += 1,
            (None, '}') => braces = braces.saturating_sub(1),
            (None, '<' | '>') if braces == 0 => return true,
            (None, '=') if braces == 0 && matches!(before, '=' | '!') => return true,
            _ => {}
        }
        before = letter;
    }
    false
}

/// Looks up what entries wait for, and tells of those that would wait for themselves.
pub(super) fn check(
    problems: &Problems<'_>,
    entries: &mut [Entry],
    places: &[Option<Range<usize>>],
    expect: &[Expectation],
    observe: &Observe,
) {
    let names: Vec<FaultName> = entries.iter().map(|entry| entry.name.clone()).collect();
    let mut good = true;
    for (entry, place) in entries.iter_mut().zip(places) {
        if let (Some(after), Some(place)) = (&mut entry.after, place) {
            good &= look_up(problems, &mut after.cue, place, &names, expect, observe);
        }
    }
    if !good {
        return;
    }
    for (index, place) in places.iter().enumerate() {
        if let Some(way) = way_back(entries, expect, index) {
            let place = place.clone().unwrap_or_default();
            problems.add(place, format!("it would wait for itself: {way}"));
        }
    }
}

fn look_up(
    problems: &Problems<'_>,
    cue: &mut Cue,
    place: &Range<usize>,
    names: &[FaultName],
    expect: &[Expectation],
    observe: &Observe,
) -> bool {
    match cue {
        Cue::Removed(fault) => {
            let known = names.contains(fault);
            if !known {
                let problem = problems
                    .source()
                    .problem(place.clone(), format!("no fault is named `{fault}`"));
                problems.push(problem.nearest(fault.as_str(), names.iter().map(FaultName::as_str)));
            }
            known
        }
        Cue::Alert { label, moment } => {
            let by_label = expect.iter().find(|expect| expect.label == *label);
            let found = by_label.or_else(|| expect.iter().find(|expect| expect.alert == *label));
            let Some(found) = found else {
                let problem = problems
                    .source()
                    .problem(place.clone(), format!("[expect] has no alert `{label}`"));
                let known = expect.iter().map(|expect| expect.label.as_str());
                problems.push(problem.nearest(label, known));
                return false;
            };
            label.clone_from(&found.label);
            if *moment == AlertMoment::Notified && !observe.hears_notices() {
                problems.add(
                    place.clone(),
                    "`notified` can only be known with `webhook` or `event_recorder` in [observe]",
                );
            }
            if *moment == AlertMoment::Pending && observe.prometheus.is_none() {
                problems.add(
                    place.clone(),
                    "`pending` can only be known with `prometheus` in [observe]",
                );
            }
            true
        }
    }
}

/// The way from an entry to itself, by what each waits for.
fn way_back(entries: &[Entry], expect: &[Expectation], start: usize) -> Option<String> {
    let mut way = Vec::new();
    let mut at = start;
    for _ in 0..=entries.len() {
        let after = entries[at].after.as_ref()?;
        let fault = match &after.cue {
            Cue::Removed(fault) => fault,
            // An alert tells of a fault, which must have been there first.
            Cue::Alert { label, .. } => &expect.iter().find(|expect| expect.label == *label)?.of,
        };
        way.push(format!("`{}` waits for `{}`", entries[at].name, after.text()));
        if let Cue::Alert { label, .. } = &after.cue {
            way.push(format!("`{label}` tells of `{fault}`"));
        }
        at = entries.iter().position(|entry| entry.name == *fault)?;
        if at == start {
            return Some(way.join(", "));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_compares_outside_of_quotes_and_matchers() {
        for query in [
            "up == 1",
            "sum(rate(x[1m])) > 10",
            "a <= 2",
            "count(up{job=\"a\"}) != 3",
        ] {
            assert!(compares(query), "{query}");
        }
        for query in ["up", "up{job=\"a\"}", "up{job!=\"a>b\"}", "x{a=~\"b\"} + 1", ""] {
            assert!(!compares(query), "{query}");
        }
    }
}
