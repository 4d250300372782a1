//! The labels that an alert will carry, as far as they are known before it fires.

use std::collections::BTreeMap;

use super::climb::Answers;
use super::condition::{Condition, Level};
use super::{Asked, Survey};
use crate::alertmanager::KnownLabels;
use crate::{Rule, Sample};

/// The labels of the alert of a rule: its own, those of its series, those that Prometheus adds.
pub(super) fn of_alert(survey: &Survey, asked: &Asked, rule: &Rule, condition: &Condition) -> KnownLabels {
    let series = series(condition, &survey.answers, &asked.labels);
    let mut complete = series.is_some() && !survey.settings.relabels;
    let mut labels = series.unwrap_or_default();
    labels.remove("__name__");
    for (label, value) in &rule.seen.labels {
        match filled(value, &labels) {
            Some(value) => drop(labels.insert(label.clone(), value)),
            None => complete = false,
        }
    }
    for (label, value) in &survey.settings.external_labels {
        labels.entry(label.clone()).or_insert_with(|| value.clone());
    }
    labels.insert("alertname".to_owned(), asked.alert.clone());
    // What is expected is what the prediction is of.
    labels.extend(asked.labels.clone());
    KnownLabels { labels, complete }
}

/// The labels of the series that the first comparison yields, if it yields one now that fits.
fn series(
    condition: &Condition,
    answers: &Answers,
    wanted: &BTreeMap<String, String>,
) -> Option<BTreeMap<String, String>> {
    condition.leaves().into_iter().find_map(|leaf| {
        let queries: Vec<&String> = match &leaf.level {
            Level::Share { query, whole, .. } => vec![query, whole],
            Level::Quantile { buckets, .. } => vec![buckets],
            Level::Mean { query, .. }
            | Level::Flow { query, .. }
            | Level::Instant { query, .. }
            | Level::Unseen { query, .. } => vec![query],
            Level::Absent { .. } | Level::Window { .. } | Level::WholeWindow { .. } => Vec::new(),
        };
        let quantile = matches!(leaf.level, Level::Quantile { .. });
        let samples = queries.into_iter().filter_map(|query| answers.get(query));
        let mut found = samples.flat_map(|samples| fitting(samples, wanted));
        let mut labels = found.next()?.labels.clone();
        if quantile {
            labels.remove("le");
        }
        Some(labels)
    })
}

/// Those series that may be of the alert that is meant.
pub(super) fn fitting<'s>(
    samples: &'s [Sample],
    wanted: &'s BTreeMap<String, String>,
) -> impl Iterator<Item = &'s Sample> {
    samples.iter().filter(|sample| {
        wanted.iter().all(|(label, value)| {
            sample
                .labels
                .get(label)
                .is_none_or(|theirs| theirs == value || label == "severity")
        })
    })
}

/// A rule's label with `{{ $labels.x }}` put in; none when it is made of something else.
fn filled(value: &str, labels: &BTreeMap<String, String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, template)) = rest.split_once("{{") {
        let (inside, after) = template.split_once("}}")?;
        let name = inside.trim().strip_prefix("$labels.")?;
        out.push_str(before);
        out.push_str(labels.get(name)?);
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_made_of_labels_are_filled_and_others_are_not_guessed() {
        let labels = BTreeMap::from([("job".to_owned(), "api".to_owned())]);
        let filled = |value: &str| filled(value, &labels);
        assert_eq!(filled("page").as_deref(), Some("page"));
        assert_eq!(filled("team-{{ $labels.job }}!").as_deref(), Some("team-api!"));
        assert_eq!(filled("{{$labels.job}}").as_deref(), Some("api"));
        assert_eq!(filled("{{ $labels.other }}"), None);
        assert_eq!(filled("{{ $value }}"), None);
        assert_eq!(filled("{{ broken"), None);
    }
}
