//! Writes the rules of a drill as a file of rules.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gameday_core::{RecordingSeen, RuleSeen};

use super::journal::Recorded;
use super::quoted;

/// A group of rules.
struct Group<'a> {
    place: (&'a str, &'a str),
    interval_ms: u64,
    recordings: Vec<&'a RecordingSeen>,
    alerts: Vec<&'a RuleSeen>,
}

/// The groups, those that record before those that alert on it.
fn groups<'a>(recorded: &Recorded<'a>, rules: &[&'a RuleSeen]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut at = |place: (&'a str, &'a str), interval_ms: u64| {
        let known = groups.iter().position(|group| group.place == place);
        let index = known.unwrap_or(groups.len());
        if known.is_none() {
            let (recordings, alerts) = (Vec::new(), Vec::new());
            groups.push(Group {
                place,
                interval_ms,
                recordings,
                alerts,
            });
        }
        index
    };
    let recordings = recorded.recordings.iter();
    let recordings: Vec<(usize, &RecordingSeen)> = recordings
        .map(|rule| (at((&rule.file, &rule.group), rule.interval_ms), *rule))
        .collect();
    let alerts: Vec<(usize, &RuleSeen)> = rules
        .iter()
        .map(|rule| (at((&rule.file, &rule.group), rule.interval_ms), *rule))
        .collect();
    recordings
        .into_iter()
        .for_each(|(index, rule)| groups[index].recordings.push(rule));
    alerts
        .into_iter()
        .for_each(|(index, rule)| groups[index].alerts.push(rule));
    groups
}

/// A name for each group; promtool wants each once, whatever file it is from.
fn names(groups: &[Group<'_>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for group in groups {
        let name = match group.place.1 {
            "" => "rules",
            name => name,
        };
        let mut unused = name.to_owned();
        for number in 2.. {
            if !names.contains(&unused) {
                break;
            }
            unused = format!("{name} ({number})");
        }
        names.push(unused);
    }
    names
}

/// The order in which the groups are evaluated.
pub(super) fn order(recorded: &Recorded<'_>, rules: &[&RuleSeen]) -> Vec<String> {
    names(&groups(recorded, rules))
}

/// Whether an alert is read through recording rules of another group, whose ticks are not its own.
pub(super) fn recorded_elsewhere(recorded: &Recorded<'_>, rules: &[&RuleSeen]) -> bool {
    groups(recorded, rules).len() > 1
}

/// The file of rules.
pub(super) fn file(recorded: &Recorded<'_>, rules: &[&RuleSeen]) -> String {
    let groups = groups(recorded, rules);
    let mut out = format!(
        "# The rules that the drill {} saw. Annotations that are made of values are left out: they differ\n\
         # from evaluation to evaluation.\ngroups:\n",
        recorded.started.drill
    );
    for (group, name) in groups.iter().zip(names(&groups)) {
        let _ = writeln!(
            out,
            "  - name: {}\n    interval: {}\n    rules:",
            quoted(&name),
            span(group.interval_ms)
        );
        for rule in &group.recordings {
            let _ = writeln!(
                out,
                "      - record: {}\n        expr: {}",
                quoted(&rule.record),
                quoted(&rule.query)
            );
            pairs(&mut out, "labels", &rule.labels);
        }
        for rule in &group.alerts {
            let _ = writeln!(
                out,
                "      - alert: {}\n        expr: {}",
                quoted(&rule.alert),
                quoted(&rule.query)
            );
            for (key, ms) in [("for", rule.for_ms), ("keep_firing_for", rule.keep_firing_ms)] {
                if ms > 0 {
                    let _ = writeln!(out, "        {key}: {}", span(ms));
                }
            }
            pairs(&mut out, "labels", &rule.labels);
            pairs(&mut out, "annotations", &fixed(&rule.annotations));
        }
    }
    out
}

/// Annotations that are the same at each evaluation.
pub(super) fn fixed(annotations: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let fixed = annotations.iter().filter(|(_, text)| !text.contains("{{"));
    fixed.map(|(name, text)| (name.clone(), text.clone())).collect()
}

fn pairs(out: &mut String, key: &str, pairs: &BTreeMap<String, String>) {
    if pairs.is_empty() {
        return;
    }
    let _ = writeln!(out, "        {key}:");
    for (name, value) in pairs {
        let _ = writeln!(out, "          {}: {}", quoted(name), quoted(value));
    }
}

/// A length of time as Prometheus writes it.
pub(super) fn span(ms: u64) -> String {
    match ms {
        ms if ms > 0 && ms.is_multiple_of(3_600_000) => format!("{}h", ms / 3_600_000),
        ms if ms > 0 && ms.is_multiple_of(60_000) => format!("{}m", ms / 60_000),
        ms if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}
