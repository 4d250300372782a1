//! Reads what a `[[step]]` does with its answer: `expect`, `poll`, `retry`, `replay`, `save`.

use std::time::Duration;

use gameday_core::{StepName, Table};
use toml::Spanned;
use toml::de::DeValue;

use super::scope::Scope;
use super::value::{Times, need_span, span};
use crate::assertion::{Assertion, Origin, parse, parse_source};
use crate::plan::{Poll, Replay, Retry, Save};

pub(crate) const MAX_RETRIES: u32 = 100;
const MAX_ASSERTIONS: usize = 100;
const DEFAULT_POLL_EVERY: Duration = Duration::from_millis(500);
const MIN_POLL_EVERY: Duration = Duration::from_millis(10);

/// Takes a step's assertions.
pub(super) fn read_expect(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Vec<Assertion> {
    let typed: Vec<Spanned<String>> = table.get("expect").unwrap_or_default();
    if let Some(text) = typed.get(MAX_ASSERTIONS) {
        scope.problems().add(
            text.span(),
            format!("a step has at most {MAX_ASSERTIONS} assertions"),
        );
    }
    typed
        .iter()
        .filter_map(|text| read_assertion(text, scope))
        .collect()
}

fn read_assertion(text: &Spanned<String>, scope: &Scope<'_, '_>) -> Option<Assertion> {
    let mut template = |value: &str| scope.template_at(value, text.span());
    match parse(text.get_ref(), &mut template) {
        Ok(assertion) => assertion,
        Err(wrong) => {
            scope.tell(wrong, text.span());
            None
        }
    }
}

/// Takes how a step's request is repeated.
pub(super) fn read_poll(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>, times: &Times) -> Option<Poll> {
    let mut table = table.table("poll")?;
    let until: Option<Spanned<String>> = table.need_spanned("until");
    let until = until.and_then(|text| read_assertion(&text, scope));
    let every = span(&mut table, "every", scope);
    let within = need_span(&mut table, "within", scope);
    if let Some(every) = every.as_ref().filter(|every| *every.get_ref() < MIN_POLL_EVERY) {
        scope.problems().add(every.span(), "`every` is at least 10ms");
    }
    times.refuse_longer(within.as_ref(), "within", scope);
    if let (Some(every), Some(within)) = (&every, &within)
        && every.get_ref() > within.get_ref()
    {
        scope.problems().add(
            every.span(),
            "`every` is longer than `within`: it would ask only once",
        );
    }
    table.finish();
    Some(Poll {
        until: until?,
        every: every.map_or(DEFAULT_POLL_EVERY, Spanned::into_inner),
        within: within?.into_inner(),
    })
}

/// Takes what a step keeps of its answer; from here on the names are known.
pub(super) fn read_save(
    table: &mut Table<'_, '_>,
    step: Option<&StepName>,
    scope: &mut Scope<'_, '_>,
) -> Vec<Save> {
    let mut saves = Vec::new();
    for (name, table) in table.tables("save") {
        let known = scope.save(&name, step.map_or("", StepName::as_str));
        let save = read_one_save(name.into_inner(), table, scope);
        saves.extend(save.filter(|_| known));
    }
    saves
}

/// Where a saved value may come from, and how an assertion would say it.
const SOURCES: [(&str, &str); 6] = [
    ("json", "json"),
    ("header", "header"),
    ("cookie", "cookie"),
    ("regex", "regex"),
    ("body", ""),
    ("query", ""),
];

fn read_one_save(name: String, mut table: Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Save> {
    let problems = scope.problems();
    let place = table.span();
    let typed: Vec<_> = SOURCES
        .iter()
        .filter_map(|(key, word)| read_source(&mut table, key, word))
        .collect();
    let redact = table.get("redact").unwrap_or(false);
    let told_before = problems.count();
    table.finish();
    match typed.as_slice() {
        [(_, text)] => {
            let origin = read_origin(text, scope)?;
            Some(Save { name, origin, redact })
        }
        [(first, _), (second, _), ..] => {
            let message = format!("`{first}` and `{second}` are both there: a value comes from one place");
            problems.add(place, message);
            None
        }
        [] => {
            // An unknown key beside it says enough.
            if problems.count() == told_before {
                let message = format!("nothing says where `{name}` comes from");
                let problem = problems.source().problem(place, message);
                problems.push(problem.hint("`{ json = \"$.path\" }` or `{ header = \"Name\" }`"));
            }
            None
        }
    }
}

/// A source as the query that an assertion would begin with.
fn read_source(
    table: &mut Table<'_, '_>,
    key: &'static str,
    word: &str,
) -> Option<(&'static str, Spanned<String>)> {
    if key == "body" {
        let wanted: Spanned<bool> = table.spanned(key)?;
        return wanted
            .get_ref()
            .then(|| (key, Spanned::new(wanted.span(), "body".to_owned())));
    }
    let typed: Spanned<String> = table.spanned(key)?;
    let text = format!("{word} {}", typed.get_ref());
    Some((key, Spanned::new(typed.span(), text.trim_start().to_owned())))
}

fn read_origin(text: &Spanned<String>, scope: &Scope<'_, '_>) -> Option<Origin> {
    parse_source(text.get_ref())
        .map_err(|wrong| scope.tell(wrong, text.span()))
        .ok()
}

/// Takes `retry = { times = 2, every = "500ms" }`.
pub(super) fn read_retry(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Retry> {
    let mut table = table.table("retry")?;
    let times: Option<Spanned<u32>> = table.need_spanned("times");
    if let Some(times) = times
        .as_ref()
        .filter(|times| !(1..=MAX_RETRIES).contains(times.get_ref()))
    {
        let message = format!("`times` is 1 to {MAX_RETRIES}");
        scope.problems().add(times.span(), message);
    }
    let every = span(&mut table, "every", scope);
    table.finish();
    Some(Retry {
        times: times?.into_inner(),
        every: every.map_or(DEFAULT_POLL_EVERY, Spanned::into_inner),
    })
}

/// Takes `replay = true` or `replay = { same = ["status", "json $.id"] }`.
pub(super) fn read_replay(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Replay> {
    let is_table = matches!(
        table.entries_mut().get("replay").map(Spanned::get_ref),
        Some(DeValue::Table(_))
    );
    let typed: Vec<Spanned<String>> = match is_table {
        true => {
            let mut table = table.table("replay")?;
            let same = table.need("same");
            table.finish();
            same?
        }
        false => {
            let wanted: Spanned<bool> = table.spanned("replay")?;
            let usual = |query: &str| Spanned::new(wanted.span(), query.to_owned());
            if !*wanted.get_ref() {
                return None;
            }
            vec![usual("status"), usual("body")]
        }
    };
    let same = typed
        .iter()
        .filter_map(|text| Some((text.get_ref().clone(), read_origin(text, scope)?)));
    Some(Replay { same: same.collect() })
}
