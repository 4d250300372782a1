//! What panels share: a list of expectations, each a line in the evidence, the first that fails the verdict.

use gameday_core::Table;
use toml::Spanned;

use crate::assertion::Wrong;
use crate::evidence::{Evidence, Exhibit};
use crate::file::Scope;
use crate::observation::Fault;

const MAX_EXPECTATIONS: usize = 50;

/// One line of `expect`.
#[derive(Debug, Clone)]
pub(crate) struct Expectation<C> {
    /// As it was typed.
    pub(crate) text: String,
    pub(crate) check: C,
}

/// Takes `expect`; what is wrong with a line of it is told under that line.
pub(crate) fn read_expect<C>(
    table: &mut Table<'_, '_>,
    scope: &Scope<'_, '_>,
    parse: impl Fn(&str) -> Result<C, Wrong>,
) -> Vec<Expectation<C>> {
    let typed: Vec<Spanned<String>> = table.get("expect").unwrap_or_default();
    if let Some(text) = typed.get(MAX_EXPECTATIONS) {
        let message = format!("a panel has at most {MAX_EXPECTATIONS} expectations");
        scope.problems().add(text.span(), message);
    }
    let read = typed.iter().filter_map(|typed| {
        let text = scope.now(typed)?;
        match parse(&text) {
            Ok(check) => Some(Expectation { text, check }),
            Err(wrong) => {
                scope.tell(wrong, typed.span());
                None
            }
        }
    });
    read.collect()
}

/// What came of one expectation: what was found, or the fault.
pub(crate) type Found = Result<String, Fault>;

/// Writes every finding down; the first that is no good is the verdict.
pub(crate) fn conclude(findings: Vec<(String, Found)>, evidence: &mut Evidence) -> Option<Fault> {
    let mut verdict = None;
    for (expected, found) in findings {
        let ok = found.is_ok();
        let said = match &found {
            Ok(found) => found.clone(),
            Err(fault) => fault.message.clone(),
        };
        evidence.add(Exhibit::Finding {
            expected: expected.clone(),
            found: said,
            ok,
        });
        verdict = verdict.or(found.err());
    }
    verdict
}
