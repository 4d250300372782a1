//! What panels share: a list of expectations, each a line in the evidence, the first that fails the verdict.

use gameday_core::{Outcome, Table};
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

/// Writes every finding down; the gravest is the verdict.
pub(crate) fn conclude(findings: Vec<(String, Found)>, evidence: &mut Evidence) -> Option<Fault> {
    for (expected, found) in &findings {
        let said = match found {
            Ok(found) => found,
            Err(fault) => &fault.message,
        };
        evidence.add(Exhibit::Finding {
            expected: expected.clone(),
            found: said.clone(),
            ok: found.is_ok(),
        });
    }
    gravest(findings, |(_, found)| found).and_then(|(_, found)| found.err())
}

/// The first that says down; when there is none, the first that we could not look at.
pub(crate) fn gravest<F>(findings: impl IntoIterator<Item = F>, found: impl Fn(&F) -> &Found) -> Option<F> {
    let is_unknown = |one: &F| match found(one) {
        Err(fault) => matches!(fault.outcome(), Outcome::Unknown(_)),
        Ok(_) => false,
    };
    let bad = findings.into_iter().filter(|one| found(one).is_err());
    bad.min_by_key(is_unknown)
}

#[cfg(test)]
mod tests {
    use gameday_core::Reason;

    use super::*;

    #[test]
    fn what_is_down_is_not_hidden_by_what_could_not_be_looked_at() {
        let bad = |reason| Err(Fault::new(reason, "bad"));
        let verdict = |found: Vec<Found>| {
            let findings = found.into_iter().map(|found| ("line".to_owned(), found));
            let mut evidence = Evidence::default();
            let verdict = conclude(findings.collect(), &mut evidence);
            verdict.map(|fault| fault.reason)
        };
        let good = || Ok("good".to_owned());
        assert_eq!(verdict(vec![good(), good()]), None);
        let (unknown, down, later) = (Reason::CannotLook, Reason::CertExpired, Reason::AssertFailed);
        assert_eq!(
            verdict(vec![good(), bad(unknown), bad(down), bad(later)]),
            Some(down)
        );
        assert_eq!(verdict(vec![bad(down), bad(unknown), bad(later)]), Some(down));
        assert_eq!(
            verdict(vec![good(), bad(Reason::NoDescriptors), bad(unknown)]),
            Some(Reason::NoDescriptors)
        );
    }
}
