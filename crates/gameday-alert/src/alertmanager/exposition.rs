//! Reads the few counters we need of Prometheus' text exposition format.

use super::AlertmanagerMetrics;
use crate::error::Unreadable;

/// The groups and notification counters of Alertmanager's `/metrics`.
pub(super) fn metrics(body: &[u8]) -> Result<AlertmanagerMetrics, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable("the metrics are not UTF-8".to_owned()))?;
    let mut metrics = AlertmanagerMetrics::default();
    // Newer versions split the counters by receiver and by reason: the parts are added up.
    for (name, integration, value) in text.lines().filter_map(sample) {
        match (name, integration) {
            ("alertmanager_dispatcher_aggregation_groups", _) => {
                *metrics.aggregation_groups.get_or_insert_default() += value;
            }
            ("alertmanager_notifications_total", Some(integration)) => {
                *metrics.notifications.entry(integration).or_default() += value;
            }
            ("alertmanager_notifications_failed_total", Some(integration)) => {
                *metrics.failed.entry(integration).or_default() += value;
            }
            _ => {}
        }
    }
    Ok(metrics)
}

/// `name{…integration="x"…} value`: the name, the integration if there is one, the value if it is finite.
fn sample(line: &str) -> Option<(&str, Option<String>, f64)> {
    let end_of_name = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end_of_name);
    let mut integration = None;
    if let Some(labels) = rest.strip_prefix('{') {
        rest = labels;
        while !rest.starts_with('}') {
            let (label, value, after) = label(rest)?;
            if label == "integration" {
                integration = Some(value);
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some((name, integration, value))
}

/// `label="value"` at the head of `text`, and what follows it.
fn label(text: &str) -> Option<(&str, String, &str)> {
    let (label, quoted) = text.split_once("=\"")?;
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((label.trim(), value, &quoted[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_newer_versions_are_added_up() {
        let text = "# HELP alertmanager_dispatcher_aggregation_groups Number\n\
            alertmanager_dispatcher_aggregation_groups 3\n\
            alertmanager_notifications_total{integration=\"webhook\",receiver_name=\"a}\\\"b\"} 2\n\
            alertmanager_notifications_total{receiver_name=\"c\",integration=\"webhook\",} 5 1700000000000\n\
            alertmanager_notifications_failed_total{integration=\"webhook\",reason=\"other\"} 1e+00\n\
            alertmanager_notifications_total_extra{integration=\"webhook\"} 9\n";
        let read = metrics(text.as_bytes()).unwrap();
        assert_eq!(read.aggregation_groups, Some(3.0));
        assert_eq!(read.notifications["webhook"], 7.0);
        assert_eq!(read.failed["webhook"], 1.0);
    }

    #[test]
    fn lines_that_are_no_samples_are_passed_over_and_nothing_is_made_up() {
        for text in [
            "",
            "\n\n",
            "alertmanager_dispatcher_aggregation_groups",
            "alertmanager_dispatcher_aggregation_groups NaN",
            "alertmanager_dispatcher_aggregation_groups{",
            "alertmanager_dispatcher_aggregation_groups{a=\"\\",
            "alertmanager_dispatcher_aggregation_groups{a=\"b\"",
            "alertmanager_notifications_total 4",
            "é{é=\"é\"}",
        ] {
            assert_eq!(
                metrics(text.as_bytes()),
                Ok(AlertmanagerMetrics::default()),
                "{text:?}"
            );
        }
        assert!(metrics(&[0xff, 0xfe]).is_err());
    }
}
