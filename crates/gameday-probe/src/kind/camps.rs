//! Whether all of several say the same, and which is the odd one.

use std::collections::{BTreeMap, BTreeSet};

/// More names are not listed.
const MAX_NAMES: usize = 6;

/// What one of several says.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) who: String,
    pub(super) what: String,
    /// Who has it at first hand.
    pub(super) knows: bool,
}

/// What is said of those that differ, the odd ones first; nothing when all say the same.
///
/// Those who know are believed if they agree, else the largest camp; without one, nobody is.
pub(super) fn odd_ones(said: &[Said]) -> Option<String> {
    let mut camps: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in said {
        camps.entry(&one.what).or_default().push(&one.who);
    }
    let known: BTreeSet<&str> = said
        .iter()
        .filter(|one| one.knows)
        .map(|one| one.what.as_str())
        .collect();
    let weight = |(what, who): &(&str, Vec<&str>)| (known.len() == 1 && known.contains(what), who.len());
    let mut camps: Vec<_> = camps.into_iter().collect();
    camps.sort_by_key(|camp| std::cmp::Reverse(weight(camp)));
    let (first, rest) = camps.split_first()?;
    let next = rest.first()?;
    let odd: Vec<String> = rest.iter().map(told).collect();
    let odd = odd.join("; ");
    Some(match weight(first) > weight(next) {
        true => format!("{odd}, but {}", told(first)),
        false => format!("no majority: {}; {odd}", told(first)),
    })
}

fn told((what, who): &(&str, Vec<&str>)) -> String {
    let verb = if who.len() == 1 { "says" } else { "say" };
    format!("{} {verb} {what}", names(who))
}

/// Names for people, not too many of them.
pub(super) fn names(who: &[&str]) -> String {
    let shown = who.iter().take(MAX_NAMES).copied().collect::<Vec<_>>().join(", ");
    match who.len().saturating_sub(MAX_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// Who begins with `!` knows.
    fn check(said: &[(&str, &str)], expect: Expect) {
        let said = said.iter().map(|(who, what)| Said {
            who: (*who).to_owned(),
            what: (*what).to_owned(),
            knows: who.starts_with('!'),
        });
        let said: Vec<_> = said.collect();
        expect.assert_eq(&odd_ones(&said).unwrap_or_default());
    }

    #[test]
    fn the_odd_one_is_named_when_most_agree() {
        check(&[], expect![""]);
        check(&[("a", "1"), ("b", "1")], expect![""]);
        check(
            &[("a", "1"), ("b", "2"), ("c", "1")],
            expect!["b says 2, but a, c say 1"],
        );
        check(
            &[("a", "1"), ("b", "2"), ("c", "1"), ("d", "3")],
            expect!["b says 2; d says 3, but a, c say 1"],
        );
    }

    #[test]
    fn those_who_know_are_believed_if_they_agree() {
        check(
            &[("a", "1"), ("!b", "2"), ("c", "1")],
            expect!["a, c say 1, but !b says 2"],
        );
        check(
            &[("a", "1"), ("!b", "2"), ("!c", "1")],
            expect!["!b says 2, but a, !c say 1"],
        );
    }

    #[test]
    fn nobody_is_believed_without_a_majority() {
        check(
            &[("a", "1"), ("b", "2")],
            expect!["no majority: a says 1; b says 2"],
        );
    }
}
