//! Reads Alertmanager's webhook payload, version 4, and Grafana's, which is like it and calls itself version 1.

use std::collections::BTreeMap;

use gameday_core::{Notification, NotifiedAlert, Timestamp};
use serde::Deserialize;

use crate::error::{Unreadable, one_line};
use crate::lenient::{moment, or_default};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    version: String,
    status: String,
    #[serde(default, deserialize_with = "or_default")]
    receiver: String,
    #[serde(default, deserialize_with = "or_default")]
    group_key: String,
    #[serde(default, deserialize_with = "or_default")]
    truncated_alerts: u64,
    /// Only Grafana has one.
    #[serde(default)]
    org_id: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    alerts: Vec<WireAlert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlert {
    status: String,
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    fingerprint: String,
    #[serde(default, deserialize_with = "moment")]
    starts_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "moment")]
    ends_at: Option<Timestamp>,
    /// Grafana's link to the dashboard of the rule.
    #[serde(default, rename = "dashboardURL", deserialize_with = "or_default")]
    dashboard_url: String,
}

/// Reads the body of a notification that arrived at `arrived`.
pub(super) fn notification(arrived: Timestamp, body: &[u8]) -> Result<Notification, Unreadable> {
    let payload: Payload = serde_json::from_slice(body)?;
    let grafana = payload.org_id.is_some() && payload.version == "1";
    if payload.version != "4" && !grafana {
        let version = one_line(&payload.version);
        return Err(Unreadable(format!(
            "version `{version}` of the payload is not `4`"
        )));
    }
    if payload.alerts.is_empty() {
        return Err(Unreadable("there is no alert in it".to_owned()));
    }
    Ok(Notification {
        arrived,
        receiver: payload.receiver,
        status: known_status(payload.status)?,
        group_key: payload.group_key,
        truncated_alerts: payload.truncated_alerts,
        alerts: payload
            .alerts
            .into_iter()
            .map(notified)
            .collect::<Result<_, _>>()?,
    })
}

fn notified(wire: WireAlert) -> Result<NotifiedAlert, Unreadable> {
    let status = known_status(wire.status)?;
    let mut annotations = wire.annotations;
    if !wire.dashboard_url.is_empty() {
        annotations
            .entry("dashboard_url".to_owned())
            .or_insert(wire.dashboard_url);
    }
    Ok(NotifiedAlert {
        alert: wire.labels.get("alertname").cloned().unwrap_or_default(),
        labels: wire.labels,
        annotations,
        fingerprint: wire.fingerprint,
        starts_at: wire.starts_at,
        // While it fires, any end is only when the sender would give it up.
        ends_at: wire.ends_at.filter(|_| status == "resolved"),
        status,
    })
}

fn known_status(status: String) -> Result<String, Unreadable> {
    if matches!(status.as_str(), "firing" | "resolved") {
        Ok(status)
    } else {
        let status = one_line(&status);
        Err(Unreadable(format!(
            "status `{status}` is neither `firing` nor `resolved`"
        )))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(json: &str, expect: &Expect) {
        let got = match notification(Timestamp::from_micros(1), json.as_bytes()) {
            Ok(read) => {
                let alert = &read.alerts[0];
                format!(
                    "{} to {:?}, {} left out; {:?} {} {:?} to {:?}",
                    read.status,
                    read.receiver,
                    read.truncated_alerts,
                    alert.alert,
                    alert.status,
                    alert.starts_at,
                    alert.ends_at
                )
            }
            Err(error) => format!("error: {error}"),
        };
        expect.assert_eq(&got);
    }

    #[test]
    fn what_is_missing_or_null_is_none() {
        check(
            r#"{"version":"4","status":"firing","alerts":[{"status":"firing"}]}"#,
            &expect![[r#"firing to "", 0 left out; "" firing None to None"#]],
        );
        check(
            r#"{"version":"4","status":"resolved","receiver":null,"groupKey":null,"truncatedAlerts":null,
                "alerts":[{"status":"resolved","labels":null,"startsAt":null,"endsAt":"0001-01-01T00:00:00Z"}]}"#,
            &expect![[r#"resolved to "", 0 left out; "" resolved None to None"#]],
        );
    }

    #[test]
    fn the_end_of_an_alert_that_fires_is_no_end() {
        check(
            r#"{"version":"4","status":"firing","alerts":[{"status":"firing",
                "startsAt":"2026-11-22T13:14:59.78Z","endsAt":"2026-11-22T13:18:59.78Z"}]}"#,
            &expect![[r#"firing to "", 0 left out; "" firing Some(Timestamp(1795353299780000)) to None"#]],
        );
    }

    /// The shape is that of Grafana's documentation of its webhook contact point.
    #[test]
    fn grafanas_payload_is_read_as_well() {
        let json = r#"{"receiver":"oncall","status":"firing","orgId":1,"alerts":[{"status":"firing",
            "labels":{"alertname":"ShopDown","grafana_folder":"Payments"},"annotations":{"runbook_url":"http://wiki/x"},
            "startsAt":"2026-11-22T12:00:20.157076+02:00","endsAt":"0001-01-01T00:00:00Z",
            "generatorURL":"http://g/alerting/1/edit","fingerprint":"c6ead","silenceURL":"http://g/s",
            "dashboardURL":"http://g/d/abc","panelURL":"","values":{"B":44.2}}],
            "groupLabels":{"alertname":"ShopDown"},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://g/",
            "version":"1","groupKey":"{}:{alertname=\"ShopDown\"}","truncatedAlerts":0,"title":"[FIRING:1]",
            "state":"alerting","message":"x"}"#;
        check(
            json,
            &expect![[
                r#"firing to "oncall", 0 left out; "ShopDown" firing Some(Timestamp(1795341620157076)) to None"#
            ]],
        );
        let read = notification(Timestamp::from_micros(1), json.as_bytes()).unwrap();
        assert_eq!(read.alerts[0].annotations["dashboard_url"], "http://g/d/abc");
    }

    #[test]
    fn what_is_no_notification_is_refused_with_the_reason() {
        check(
            "",
            &expect!["error: EOF while parsing a value at line 1 column 0"],
        );
        check(
            "[]",
            &expect!["error: invalid length 0, expected struct Payload with 7 elements at line 1 column 2"],
        );
        check(
            r#"{"version":"1","status":"firing","alerts":[]}"#,
            &expect!["error: version `1` of the payload is not `4`"],
        );
        check(
            r#"{"version":"4","status":"firing","alerts":null}"#,
            &expect!["error: there is no alert in it"],
        );
        check(
            r#"{"version":"4","status":"no\ndata","alerts":[{"status":"firing"}]}"#,
            &expect!["error: status `no data` is neither `firing` nor `resolved`"],
        );
        check(
            r#"{"version":"4","status":"firing","truncatedAlerts":-1,"alerts":[]}"#,
            &expect!["error: invalid value: integer `-1`, expected u64 at line 1 column 53"],
        );
        let deep = format!(r#"{{"x":{}"#, "[".repeat(100_000));
        check(
            &deep,
            &expect!["error: EOF while parsing a list at line 1 column 100005"],
        );
    }
}
