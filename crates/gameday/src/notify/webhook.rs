//! Alertmanager's webhook payload, version 4: what takes Alertmanager's notifications takes ours.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::notice::Notice;

/// What Prometheus writes where there is no time.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

pub(super) fn body(notice: &Notice, receiver: &str, prober: &str) -> Value {
    let annotations = annotations(notice);
    let starts_at = notice.starts_at.to_ms_string();
    let ends_at = notice
        .ends_at
        .map_or_else(|| NO_TIME.to_owned(), gameday_core::Timestamp::to_ms_string);
    let group: BTreeMap<&str, &str> = ["alertname", "probe"]
        .map(|name| (name, notice.label(name)))
        .into();
    let shown: Vec<String> = group
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    json!({
        "version": "4", "groupKey": format!("{{}}:{{{}}}", shown.join(", ")), "truncatedAlerts": 0,
        "status": notice.status(), "receiver": receiver, "groupLabels": group, "commonLabels": notice.labels,
        "commonAnnotations": annotations, "externalURL": prober,
        "alerts": [{
            "status": notice.status(), "labels": notice.labels, "annotations": annotations, "startsAt": starts_at,
            "endsAt": ends_at, "generatorURL": prober, "fingerprint": format!("{:016x}", fingerprint(&notice.labels)),
        }],
    })
}

fn annotations(notice: &Notice) -> BTreeMap<&str, &str> {
    let runbook = notice.runbook.as_deref().map(|runbook| ("runbook_url", runbook));
    [
        ("summary", notice.summary.as_str()),
        ("description", notice.description.as_str()),
    ]
    .into_iter()
    .chain(runbook)
    .collect()
}

/// FNV-1a over names and values, each ended by a byte that no text holds: as Prometheus does it
/// (`model.LabelSet.Fingerprint`).
fn fingerprint(labels: &BTreeMap<String, String>) -> u64 {
    let texts = labels.iter().flat_map(|(name, value)| [name, value]);
    let bytes = texts.flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_that_of_prometheus() {
        // As Alertmanager 0.25 gives it in tests/recorded/am_alerts_firing.json of gameday-alert.
        let recorded = include_str!("../../../gameday-alert/tests/recorded/am_alerts_firing.json");
        let recorded: Value = serde_json::from_str(recorded).unwrap();
        let labels: BTreeMap<String, String> = serde_json::from_value(recorded[0]["labels"].clone()).unwrap();
        assert_eq!(
            format!("{:016x}", fingerprint(&labels)),
            recorded[0]["fingerprint"]
        );
    }
}
