//! Reads what Alertmanager says of itself and its alerts.

use std::collections::BTreeMap;

use gameday_core::{AlertSeen, AlertState, SourceName, Timestamp};
use serde::Deserialize;

use super::AlertmanagerInfo;
use crate::Alert;
use crate::error::{Unreadable, one_line, unknown_state};
use crate::lenient::{moment, or_default};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    version_info: VersionInfo,
    /// Despite its name, the moment at which it started.
    #[serde(default, deserialize_with = "moment")]
    uptime: Option<Timestamp>,
}

#[derive(Deserialize)]
struct VersionInfo {
    version: String,
}

/// Which Alertmanager answered `/api/v2/status`.
pub(super) fn info(body: &[u8]) -> Result<AlertmanagerInfo, Unreadable> {
    let status: Status = serde_json::from_slice(body)?;
    Ok(AlertmanagerInfo {
        version: one_line(&status.version_info.version),
        start_time: status.uptime,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAlert {
    #[serde(default, deserialize_with = "or_default")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    fingerprint: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    starts_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "moment")]
    updated_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    receivers: Vec<Receiver>,
    status: WireStatus,
}

#[derive(Deserialize)]
struct Receiver {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireStatus {
    state: String,
    #[serde(default, deserialize_with = "or_default")]
    silenced_by: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    inhibited_by: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    muted_by: Vec<String>,
}

/// The alerts of `/api/v2/alerts`.
pub(super) fn alerts(body: &[u8], source: &SourceName) -> Result<Vec<Alert>, Unreadable> {
    let wires: Vec<WireAlert> = serde_json::from_slice(body)?;
    let mut alerts = Vec::with_capacity(wires.len());
    for wire in wires {
        alerts.extend(Alert::new(seen(wire, source)?));
    }
    Ok(alerts)
}

fn seen(wire: WireAlert, source: &SourceName) -> Result<AlertSeen, Unreadable> {
    let state = match wire.status.state.as_str() {
        // Unprocessed: it has the alert and has not looked at its silences yet.
        "active" | "unprocessed" => AlertState::Firing,
        "suppressed" => AlertState::Suppressed,
        other => return Err(unknown_state(other)),
    };
    Ok(AlertSeen {
        source: source.clone(),
        alert: wire.labels.get("alertname").cloned().unwrap_or_default(),
        labels: wire.labels,
        annotations: wire.annotations,
        state,
        fingerprint: wire.fingerprint,
        active_at: None,
        starts_at: wire.starts_at,
        updated_at: wire.updated_at,
        receivers: wire.receivers.into_iter().map(|receiver| receiver.name).collect(),
        suppressed_by: suppressed_by(&wire.status),
        keep_firing_since: None,
    })
}

fn suppressed_by(status: &WireStatus) -> Vec<String> {
    let kinds = [
        ("silence", &status.silenced_by),
        ("alert", &status.inhibited_by),
        ("time interval", &status.muted_by),
    ];
    let named = |(kind, names): (&str, &Vec<String>)| -> Vec<String> {
        names.iter().map(|name| format!("{kind} {name}")).collect()
    };
    kinds.into_iter().flat_map(named).collect()
}

/// A matcher's value in quotes, as Alertmanager reads it.
pub(super) fn quoted(value: &str) -> String {
    let escaped = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[track_caller]
    fn check(json: &str, expect: &Expect) {
        let source = SourceName::new("alertmanager").unwrap();
        let line = |alert: &Alert| {
            let seen = alert.seen();
            format!(
                "{:?} {:?} since {:?} by {:?} to {:?}",
                seen.alert, seen.state, seen.starts_at, seen.suppressed_by, seen.receivers
            )
        };
        let got = match alerts(json.as_bytes(), &source) {
            Ok(alerts) => alerts.iter().map(line).collect::<Vec<_>>().join("\n"),
            Err(error) => format!("error: {error}"),
        };
        expect.assert_eq(&got);
    }

    #[test]
    fn what_is_missing_or_null_is_none() {
        check(
            r#"[{"status":{"state":"active"}},
                {"labels":null,"receivers":null,"startsAt":null,"updatedAt":7,"fingerprint":null,
                 "status":{"state":"unprocessed","silencedBy":null,"inhibitedBy":null,"mutedBy":null}}]"#,
            &expect![[r#"
                "" Firing since None by [] to []
                "" Firing since None by [] to []"#]],
        );
    }

    #[test]
    fn each_way_of_being_muted_is_told() {
        check(
            r#"[{"labels":{"alertname":"X"},"receivers":[{"name":"oncall"}],
                 "status":{"state":"suppressed","silencedBy":["s1"],"inhibitedBy":["f1","f2"],"mutedBy":["night"]}}]"#,
            &expect![[
                r#""X" Suppressed since None by ["silence s1", "alert f1", "alert f2", "time interval night"] to ["oncall"]"#
            ]],
        );
    }

    #[test]
    fn a_state_that_nobody_knows_is_an_error_and_not_a_guess() {
        check(
            r#"[{"status":{"state":"dozing"}}]"#,
            &expect!["error: an alert is in the unknown state `dozing`"],
        );
        check(
            r#"[{"labels":{"alertname":"X"}}]"#,
            &expect!["error: missing field `status` at line 1 column 29"],
        );
        check(
            r#"{"code":500}"#,
            &expect!["error: invalid type: map, expected a sequence at line 1 column 0"],
        );
    }

    #[test]
    fn a_hostile_name_cannot_leave_its_quotes() {
        assert_eq!(quoted(r#"X",severity="page"#), r#""X\",severity=\"page""#);
        assert_eq!(quoted("a\\\n"), r#""a\\\n""#);
    }
}
