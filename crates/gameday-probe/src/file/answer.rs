//! Reads what a `[[step]]` does with its answer: `expect`, `poll`, `save`.

use std::ops::Range;
use std::time::Duration;

use gameday_core::{StepName, Table};
use toml::Spanned;

use super::scope::Scope;
use super::value::{Times, need_span, span};
use crate::assertion::{Assertion, Wrong, parse, read_path};
use crate::plan::{Poll, Save, SaveFrom};

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
            tell(wrong, text.span(), scope);
            None
        }
    }
}

fn tell(wrong: Wrong, place: Range<usize>, scope: &Scope<'_, '_>) {
    let problem = scope.problems().source().problem(place, wrong.message);
    scope.problems().push(match wrong.hint {
        Some(hint) => problem.hint(hint),
        None => problem,
    });
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

fn read_one_save(name: String, mut table: Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Save> {
    let problems = scope.problems();
    let place = table.span();
    let json: Option<Spanned<String>> = table.spanned("json");
    let header: Option<Spanned<String>> = table.spanned("header");
    let redact = table.get("redact").unwrap_or(false);
    let told_before = problems.count();
    table.finish();
    let from = match (json, header) {
        (Some(path), None) => read_path(path.get_ref())
            .map(SaveFrom::Json)
            .map_err(|wrong| tell(wrong, path.span(), scope))
            .ok()?,
        (None, Some(name)) => header_source(&name, scope)?,
        (Some(_), Some(_)) => {
            problems.add(
                place,
                "`json` and `header` are both there: a value comes from one place",
            );
            return None;
        }
        (None, None) => {
            // An unknown key beside it says enough.
            if problems.count() == told_before {
                let problem = problems
                    .source()
                    .problem(place, format!("nothing says where `{name}` comes from"));
                problems.push(problem.hint("`{ json = \"$.path\" }` or `{ header = \"Name\" }`"));
            }
            return None;
        }
    };
    Some(Save { name, from, redact })
}

fn header_source(name: &Spanned<String>, scope: &Scope<'_, '_>) -> Option<SaveFrom> {
    let header = name.get_ref().parse().map(SaveFrom::Header);
    if header.is_err() {
        let message = format!("`{}` is not the name of a header", name.get_ref());
        scope.problems().add(name.span(), message);
    }
    header.ok()
}
