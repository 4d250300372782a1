//! The rules of a Prometheus: who records what, and when each group is evaluated.

use std::collections::BTreeSet;

use crate::alertmanager::{KnownLabels, all_match};
use crate::promql::{Matching, Selector};
use crate::{GroupRule, MatchOp, Matcher, Recording, Rule, RuleGroup};

/// Where a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RuleAt {
    /// Which group, of those that were told.
    pub(super) group: usize,
    /// Which rule in it.
    pub(super) index: usize,
}

/// All groups of rules.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'r>(pub(super) &'r [RuleGroup]);

impl<'r> Rules<'r> {
    /// The alert rules of a name, and where they stand.
    pub(super) fn alerts(self, name: &str) -> impl Iterator<Item = (RuleAt, &'r Rule)> {
        self.all().filter_map(move |(at, rule)| match rule {
            GroupRule::Alert(rule) if rule.seen.alert == name => Some((at, &**rule)),
            _ => None,
        })
    }

    /// The recording rule of the series that a selector selects, and its query.
    pub(super) fn recording(self, selector: &Selector) -> Option<(RuleAt, &'r str)> {
        let (at, rule) = *self.recordings(selector).first()?;
        Some((at, rule.query.as_str()))
    }

    /// A recording rule by its place.
    pub(super) fn recorded_at(self, at: RuleAt) -> Option<&'r Recording> {
        match self.0.get(at.group)?.rules.get(at.index)? {
            GroupRule::Recording(rule) => Some(rule),
            GroupRule::Alert(_) => None,
        }
    }

    /// All recording rules of the series that a selector selects.
    pub(super) fn recordings(self, selector: &Selector) -> Vec<(RuleAt, &'r Recording)> {
        let Some(name) = selector.name.as_deref() else {
            return Vec::new();
        };
        let found = self.all().filter_map(|(at, rule)| match rule {
            GroupRule::Recording(rule) if rule.name == name => Some((at, rule)),
            _ => None,
        });
        // Rules may record one name with labels of their own: sloth does for each SLO.
        let fits = found.filter(|(_, rule)| {
            let labels = KnownLabels {
                labels: rule.labels.clone(),
                complete: true,
            };
            selector
                .matchers
                .iter()
                .filter(|matcher| rule.labels.contains_key(&matcher.label))
                .all(|matcher| {
                    matcher_of(matcher).is_none_or(|own| all_match(&[own], &labels, &mut BTreeSet::new()))
                })
        });
        fits.collect()
    }

    fn all(self) -> impl Iterator<Item = (RuleAt, &'r GroupRule)> {
        self.0.iter().enumerate().flat_map(|(group, rules)| {
            let rules = rules.rules.iter().enumerate();
            rules.map(move |(index, rule)| (RuleAt { group, index }, rule))
        })
    }
}

/// A matcher of a query; none when its expression is none of ours.
pub(super) fn matcher_of(matching: &Matching) -> Option<Matcher> {
    let op = match matching.op {
        "=" => MatchOp::Equal,
        "!=" => MatchOp::NotEqual,
        "=~" => MatchOp::Matches,
        _ => MatchOp::MatchesNot,
    };
    Matcher::new(&matching.label, op, &matching.value).ok()
}
