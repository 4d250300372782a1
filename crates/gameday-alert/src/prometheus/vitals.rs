//! Whether a Prometheus is still the one it was, and whether it kept up with its rules.

use std::collections::{BTreeMap, BTreeSet};

use gameday_core::{Timestamp, Vitals};
use serde::Deserialize;

use super::state::data;
use crate::error::Unreadable;
use crate::exposition::samples;
use crate::lenient::moment;

/// `/api/v1/status/runtimeinfo`.
pub(super) fn runtime(body: &[u8]) -> Result<Vitals, Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct RuntimeInfo {
        #[serde(default, deserialize_with = "moment")]
        start_time: Option<Timestamp>,
        #[serde(default, deserialize_with = "moment")]
        last_config_time: Option<Timestamp>,
    }
    let info = data::<RuntimeInfo>(body)?;
    Ok(Vitals {
        started_at: info.start_time,
        config_loaded_at: info.last_config_time,
        ..Vitals::default()
    })
}

/// Of its own metrics, the evaluations that these groups missed since it started.
pub(super) fn missed(body: &[u8], groups: &BTreeSet<String>) -> Result<BTreeMap<String, u64>, Unreadable> {
    let mut missed = BTreeMap::new();
    for sample in samples(body, |name| {
        name == "prometheus_rule_group_iterations_missed_total"
    })? {
        let group = sample.label("rule_group").filter(|group| groups.contains(*group));
        if let (Some(group), Some(count @ 1..)) = (group, sample.count()) {
            missed.insert(group.to_owned(), count);
        }
    }
    Ok(missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prometheus_2_42_says_of_itself_is_read() {
        let body = br#"{"status":"success","data":{"startTime":"2026-11-28T17:06:01.074594421Z","CWD":"/tmp",
            "reloadConfigSuccess":true,"lastConfigTime":"2026-11-28T17:06:01Z","corruptionCount":0,
            "goroutineCount":30,"GOMAXPROCS":2,"GOGC":"","GODEBUG":"","storageRetention":"15d"}}"#;
        let read = runtime(body).unwrap();
        assert_eq!(
            read.started_at.unwrap().to_string(),
            "2026-11-28T17:06:01.074594Z"
        );
        assert_eq!(
            read.config_loaded_at.unwrap().to_string(),
            "2026-11-28T17:06:01.000000Z"
        );
        // One that speaks the API and has no process to tell of.
        let nothing = runtime(br#"{"status":"success","data":{}}"#).unwrap();
        assert_eq!(nothing, Vitals::default());
    }

    #[test]
    fn missed_evaluations_are_those_of_the_groups_that_matter() {
        let body = b"# TYPE prometheus_rule_group_iterations_missed_total counter\n\
            prometheus_rule_group_iterations_missed_total{rule_group=\"/etc/r.yml;shop\"} 3\n\
            prometheus_rule_group_iterations_missed_total{rule_group=\"/etc/r.yml;other\"} 9\n\
            prometheus_rule_group_iterations_total{rule_group=\"/etc/r.yml;shop\"} 100\n";
        let groups = BTreeSet::from(["/etc/r.yml;shop".to_owned(), "/etc/r.yml;calm".to_owned()]);
        let expected = BTreeMap::from([("/etc/r.yml;shop".to_owned(), 3)]);
        assert_eq!(missed(body, &groups), Ok(expected));
    }
}
