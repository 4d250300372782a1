//! The alerts that Alertmanager lists in an event's details.

use std::collections::BTreeMap;

use gameday_core::NotifiedAlert;

/// Alerts as Alertmanager's default template lists them in an event's details.
///
/// ```text
/// Labels:
///  - alertname = DiskFull
/// Annotations:
///  - summary = 97 % used
/// Source: http://…
/// ```
pub(super) fn listed(text: &str, status: &str) -> Vec<NotifiedAlert> {
    let mut alerts: Vec<NotifiedAlert> = Vec::new();
    let mut in_annotations = false;
    let mut last: Option<String> = None;
    for line in text.lines() {
        match line.trim_end() {
            "Labels:" => {
                in_annotations = false;
                last = None;
                alerts.push(NotifiedAlert {
                    status: status.to_owned(),
                    alert: String::new(),
                    labels: BTreeMap::new(),
                    annotations: BTreeMap::new(),
                    fingerprint: String::new(),
                    starts_at: None,
                    ends_at: None,
                });
            }
            "Annotations:" => {
                in_annotations = true;
                last = None;
            }
            line if line.starts_with("Source:") => last = None,
            line => {
                let Some(alert) = alerts.last_mut() else { continue };
                let texts = if in_annotations {
                    &mut alert.annotations
                } else {
                    &mut alert.labels
                };
                match line.strip_prefix(" - ").and_then(|pair| pair.split_once(" = ")) {
                    Some((key, value)) => {
                        texts.insert(key.to_owned(), value.to_owned());
                        last = Some(key.to_owned());
                    }
                    // A value may have several lines.
                    None => {
                        if let Some(value) = last.as_ref().and_then(|key| texts.get_mut(key)) {
                            value.push('\n');
                            value.push_str(line);
                        }
                    }
                }
            }
        }
    }
    for alert in &mut alerts {
        alert.alert = alert.labels.get("alertname").cloned().unwrap_or_default();
        let labels = alert.labels.iter().map(|(key, value)| format!("{key}={value}"));
        alert.fingerprint = labels.collect::<Vec<_>>().join(",");
    }
    alerts
}
