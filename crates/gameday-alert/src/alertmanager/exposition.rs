//! What Alertmanager's own metrics say: its groups, its notifications, and whether it is still the same.

use std::collections::BTreeMap;

use gameday_core::{Timestamp, Vitals};

use super::AlertmanagerMetrics;
use crate::error::Unreadable;
use crate::exposition::{Exposed, samples};

/// Everything that is read of Alertmanager's `/metrics`.
pub(super) fn metrics(body: &[u8]) -> Result<AlertmanagerMetrics, Unreadable> {
    let wanted = |name: &str| name.starts_with("alertmanager_") || name == "process_start_time_seconds";
    let mut metrics = AlertmanagerMetrics::default();
    let mut counts = Counts::default();
    for sample in samples(body, wanted)? {
        match sample.name {
            "alertmanager_dispatcher_aggregation_groups" => {
                *metrics.aggregation_groups.get_or_insert_default() += sample.value;
            }
            name if name.starts_with("alertmanager_notification") => counts.add(&sample),
            _ => vital(&mut metrics.vitals, &sample),
        }
    }
    metrics.delivered = counts.delivered();
    metrics.failed_requests = if counts.requests.is_empty() {
        counts.failed.clone()
    } else {
        counts.failed_requests
    };
    metrics.vitals.counts_webhooks = counts.notifications.contains_key("webhook");
    metrics.notifications = counts.notifications;
    metrics.failed = counts.failed;
    Ok(metrics)
}

/// Counters by integration. Newer versions split them by receiver and by reason: the parts are added up.
#[derive(Default)]
struct Counts {
    notifications: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
    requests: BTreeMap<String, u64>,
    failed_requests: BTreeMap<String, u64>,
}

impl Counts {
    fn add(&mut self, sample: &Exposed<'_>) {
        let counters = match sample.name {
            "alertmanager_notifications_total" => &mut self.notifications,
            "alertmanager_notifications_failed_total" => &mut self.failed,
            "alertmanager_notification_requests_total" => &mut self.requests,
            "alertmanager_notification_requests_failed_total" => &mut self.failed_requests,
            _ => return,
        };
        if let (Some(integration), Some(count)) = (sample.label("integration"), sample.count()) {
            let counter = counters.entry(integration.to_owned()).or_default();
            *counter = counter.saturating_add(count);
        }
    }

    /// A notification is counted when it is begun, a request when it was answered: so requests are better.
    /// Where they are not counted, what was tried and has not failed yet stands for it.
    fn delivered(&self) -> BTreeMap<String, u64> {
        let (tried, failed) = match self.requests.is_empty() {
            false => (&self.requests, &self.failed_requests),
            true => (&self.notifications, &self.failed),
        };
        let less = |(integration, tried): (&String, &u64)| {
            let failed = failed.get(integration).copied().unwrap_or(0);
            (integration.clone(), tried.saturating_sub(failed))
        };
        tried.iter().map(less).collect()
    }
}

fn vital(vitals: &mut Vitals, sample: &Exposed<'_>) {
    match sample.name {
        "process_start_time_seconds" => vitals.started_at = Timestamp::from_unix_seconds(sample.value),
        "alertmanager_config_last_reload_success_timestamp_seconds" => {
            vitals.config_loaded_at =
                Timestamp::from_unix_seconds(sample.value).filter(|_| sample.value > 0.0);
        }
        "alertmanager_config_hash" => vitals.config_hash = Some(sample.value.to_string()),
        // Since 0.13; none without a cluster.
        "alertmanager_peer_position" => {
            let peers = vitals.place.map_or(0, |(_, peers)| peers);
            vitals.place = sample.count().map(|position| (position, peers));
        }
        "alertmanager_cluster_members" => {
            let position = vitals.place.map_or(0, |(position, _)| position);
            vitals.place = sample.count().map(|peers| (position, peers));
        }
        _ => {}
    }
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
        assert_eq!(read.notifications["webhook"], 7);
        assert_eq!(read.failed["webhook"], 1);
        assert_eq!(read.delivered["webhook"], 6);
        assert!(read.vitals.counts_webhooks);
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
