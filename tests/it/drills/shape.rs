//! The form of `report.json`: what others may rely on.

use serde_json::Value;

use crate::support::drill::at;

/// What others may rely on, and of which JSON type it is.
const SHAPE: [(&str, &str); 48] = [
    ("/schema", "number"),
    ("/scenario", "string"),
    ("/verdict", "string"),
    ("/exit_code", "number"),
    ("/lab", "string"),
    ("/rollback/verified", "boolean"),
    ("/rollback/at", "time"),
    ("/trials/0/index", "number"),
    ("/trials/0/marks/T0", "time"),
    ("/trials/0/marks/T7", "time"),
    ("/trials/0/marks/T8", "time"),
    ("/trials/0/ttr_ms", "number"),
    ("/trials/0/self_heal_ms", "number"),
    ("/trials/0/group_stage_clean", "boolean"),
    ("/trials/0/faults/0/name", "string"),
    ("/trials/0/faults/0/on", "string"),
    ("/trials/0/faults/0/kind", "string"),
    ("/trials/0/faults/0/ordered_at", "time"),
    ("/trials/0/faults/0/effective_at", "time"),
    ("/trials/0/faults/0/removed_at", "time"),
    ("/trials/0/faults/0/touched", "number"),
    ("/trials/0/alerts/0/name", "string"),
    ("/trials/0/alerts/0/class", "string"),
    ("/trials/0/alerts/0/verdict", "string"),
    ("/trials/0/alerts/0/marks/T1", "time"),
    ("/trials/0/alerts/0/marks/T2", "time"),
    ("/trials/0/alerts/0/marks/T3", "time"),
    ("/trials/0/alerts/0/marks/T5", "time"),
    ("/trials/0/alerts/0/marks/T9", "time"),
    ("/trials/0/alerts/0/marks/T10", "time"),
    ("/trials/0/alerts/0/stages_ms/scrape", "number"),
    ("/trials/0/alerts/0/stages_ms/rule", "number"),
    ("/trials/0/alerts/0/stages_ms/hold", "number"),
    ("/trials/0/alerts/0/stages_ms/group", "number"),
    ("/trials/0/alerts/0/of", "string"),
    ("/trials/0/alerts/0/ttd_ms", "number"),
    ("/trials/0/alerts/0/ttn_ms", "number"),
    ("/trials/0/alerts/0/hang_over_ms", "number"),
    ("/trials/0/alerts/0/limits_ms/firing", "number"),
    ("/trials/0/alerts/0/limits_ms/notified", "number"),
    ("/trials/0/alerts/0/limits_ms/resolved", "number"),
    ("/trials/0/alerts/0/predicted/marks", "collection"),
    ("/trials/0/alerts/0/predicted/stages_ms", "collection"),
    ("/trials/0/alerts/0/predicted/ttd_ms", "number"),
    ("/trials/0/alerts/0/predicted/ttn_ms", "number"),
    ("/trials/0/steady/0/name", "string"),
    ("/trials/0/steady/0/before", "boolean"),
    ("/trials/0/steady/0/after", "boolean"),
];

#[track_caller]
pub(super) fn check_shape(report: &Value) {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        _ => "collection",
    };
    for (pointer, expected) in SHAPE {
        let value = report
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer} is not there"));
        match expected {
            "time" => drop(at(value)),
            _ => assert_eq!(kind(value), expected, "{pointer} is {value}"),
        }
    }
    // Whether Alertmanager was seen before it notified depends on the poll: null is told with its why.
    for (key, pointer) in [
        ("T4", "/trials/0/alerts/0/marks/T4"),
        ("hand_off", "/trials/0/alerts/0/stages_ms/hand_off"),
    ] {
        let value = report.pointer(pointer).unwrap();
        let why = &report["trials"][0]["alerts"][0]["why"];
        assert!(
            !value.is_null() || why["T4"].is_string(),
            "{key} is null without a why: {why}"
        );
    }
    for (mean, count) in [("mttd", "detected"), ("mttr", "recovered")] {
        for field in [count, "trials", "mean_ms", "median_ms", "min_ms", "max_ms"] {
            assert!(
                report[mean][field].is_number(),
                "{mean}.{field}: {}",
                report[mean]
            );
        }
    }
    assert_eq!(
        (&report["schema"], &report["scenario"]),
        (&1.into(), &"db-latency".into())
    );
}
