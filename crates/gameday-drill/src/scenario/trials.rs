//! `trials`: how often the faults are run through, and how long each trial waits for the one before.

use std::time::Duration;

use gameday_core::{Problems, Span, Table};
use toml::Spanned;
use toml::de::DeValue;

use super::Count;

/// More of them say nothing that these do not.
const MOST: u32 = 1000;
/// Prometheus sends a resolved alert again for 15 minutes; its group comes and goes meanwhile.
const GATE_WITHIN: Duration = Duration::from_secs(15 * 60);
const LONGEST_GATE: Duration = Duration::from_secs(86_400);

/// What a scenario says of its trials.
pub(super) struct Trials {
    pub(super) count: u32,
    pub(super) gate_within: Duration,
}

/// `trials = 5`, or `[trials]` with `count` and `gate_within`.
pub(super) fn read(root: &mut Table<'_, '_>) -> Trials {
    let problems = root.problems();
    let is_table = matches!(
        root.entries_mut().get("trials").map(Spanned::get_ref),
        Some(DeValue::Table(_))
    );
    if !is_table {
        let count = root.spanned::<Count>("trials");
        return Trials {
            count: checked(count, problems).unwrap_or(1),
            gate_within: GATE_WITHIN,
        };
    }
    let mut table = root.table("trials").expect("it is a table");
    let count = table.spanned::<Count>("count");
    let within: Option<Spanned<Span>> = table.spanned("gate_within");
    table.finish();
    let fits = |within: &Spanned<Span>| {
        let good = (Duration::from_secs(1)..=LONGEST_GATE).contains(&within.get_ref().get());
        if !good {
            problems.add(within.span(), "`gate_within` must be between 1s and 1d");
        }
        good
    };
    Trials {
        count: checked(count, problems).unwrap_or(1),
        gate_within: within
            .filter(fits)
            .map_or(GATE_WITHIN, |within| within.get_ref().get()),
    }
}

fn checked(count: Option<Spanned<Count>>, problems: &Problems<'_>) -> Option<u32> {
    let count = count?;
    let good = count
        .get_ref()
        .number()
        .filter(|number| (1..=MOST).contains(number));
    if good.is_none() {
        problems.add(
            count.span(),
            format!("the number of trials is a whole number from 1 to {MOST}"),
        );
    }
    good
}
