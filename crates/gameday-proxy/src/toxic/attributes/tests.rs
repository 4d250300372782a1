//! What Toxiproxy's clients send, and what is told them.

use super::*;

fn attributes(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn every_kind_is_built_from_nothing_and_says_its_own_name() {
    for kind in ["latency", "bandwidth", "timeout", "reset_peer"] {
        let spec = ToxicSpec::from_attributes(kind, &Map::new()).unwrap();
        assert_eq!(spec.kind(), kind);
        assert!(
            spec.attributes().values().all(|value| value == 0),
            "{kind} has defaults of 0"
        );
    }
    assert_eq!(
        ToxicSpec::from_attributes("nonsense", &Map::new()),
        Err(BadToxic::Kind)
    );
}

#[test]
fn a_bad_attribute_is_refused_by_name_and_changes_nothing() {
    let old = ToxicSpec::from_attributes("latency", &attributes(r#"{"latency": 100}"#)).unwrap();
    for bad in [
        "-1",
        "1.5",
        "\"15\"",
        "4611686018427387904",
        "86400001",
        "true",
        "1e400000",
    ] {
        let Ok(given) = serde_json::from_str(&format!(r#"{{"latency": 777, "jitter": {bad}}}"#)) else {
            continue;
        };
        let error = old.merged(&given).unwrap_err().to_string();
        assert!(error.contains("`jitter`"), "{bad}: {error}");
    }
    let negative_rate = ToxicSpec::from_attributes("bandwidth", &attributes(r#"{"rate": -1}"#));
    assert!(negative_rate.unwrap_err().to_string().contains("`rate`"));
}

#[test]
fn merging_keeps_what_is_not_given_and_ignores_case() {
    let old = ToxicSpec::from_attributes("latency", &attributes(r#"{"latency": 100, "jitter": 7}"#)).unwrap();
    let new = old
        .merged(&attributes(r#"{"LATENCY": 200, "unknown": "x"}"#))
        .unwrap();
    assert_eq!(
        Value::from(new.attributes()),
        serde_json::json!({"latency": 200, "jitter": 7})
    );
    assert!(new.refuse_unknown(&attributes(r#"{"unknown": 1}"#)).is_err());
}

#[test]
fn a_scenarios_spelling_becomes_attributes() {
    #[derive(serde::Deserialize)]
    struct File {
        fault: ToxicSpec,
    }
    let of = |text: &str| toml::from_str::<File>(text).map(|file| Value::from(file.fault.attributes()));
    let latency = of("fault.latency = { delay = \"200ms\", jitter = \"20ms\" }").unwrap();
    assert_eq!(latency, serde_json::json!({"latency": 200, "jitter": 20}));
    assert_eq!(
        of("fault.bandwidth = { rate = \"300B/s\" }").unwrap(),
        serde_json::json!({"rate": 1})
    );
    assert_eq!(
        of("fault.timeout = { after = \"5s\" }").unwrap(),
        serde_json::json!({"timeout": 5000})
    );
    assert_eq!(
        of("fault.reset_peer = { after = \"0s\" }").unwrap(),
        serde_json::json!({"timeout": 0})
    );
    assert!(of("fault.latency = { delay = \"200ms\", jiter = \"20ms\" }").is_err());
    let slices = of("fault.slicer = { size = \"1KiB\", variation = \"100B\", delay = \"5ms\" }").unwrap();
    assert_eq!(
        slices,
        serde_json::json!({"average_size": 1024, "size_variation": 100, "delay": 5000})
    );
    assert_eq!(
        of("fault.limit_data = { bytes = \"1MiB\" }").unwrap(),
        serde_json::json!({"bytes": 1_048_576})
    );
    assert_eq!(
        of("fault.slow_close = { delay = \"1s\" }").unwrap(),
        serde_json::json!({"delay": 1000})
    );
}

/// D1, D2, D3 and D4 of Toxiproxy: attributes that end its server.
#[test]
fn attributes_that_crash_toxiproxy_are_refused_by_name() {
    for (kind, given, name) in [
        ("slicer", "{}", "average_size"),
        (
            "slicer",
            r#"{"average_size": 0, "size_variation": 0}"#,
            "average_size",
        ),
        (
            "slicer",
            r#"{"average_size": 50, "size_variation": 75}"#,
            "size_variation",
        ),
        (
            "slicer",
            r#"{"average_size": 50, "size_variation": 50}"#,
            "size_variation",
        ),
        ("bandwidth", r#"{"rate": -1}"#, "rate"),
        ("latency", r#"{"jitter": 4611686018427387904}"#, "jitter"),
    ] {
        let error = ToxicSpec::from_attributes(kind, &attributes(given)).unwrap_err();
        assert!(
            error.to_string().contains(&format!("`{name}`")),
            "{kind} {given}: {error}"
        );
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused_by_name() {
    for (kind, given, name) in [
        ("latency", r#"{"p50": "20ms"}"#, "p99"),
        ("latency", r#"{"p50": "20ms", "p99": "10ms"}"#, "p99"),
        (
            "latency",
            r#"{"latency": 5, "p50": "20ms", "p99": "30ms"}"#,
            "p50",
        ),
        (
            "latency",
            r#"{"p50": "20ms", "p99": "30ms", "distribution": "normal"}"#,
            "distribution",
        ),
        ("latency", r#"{"distribution": "gaussian"}"#, "distribution"),
        ("bandwidth", r#"{"rate": 1, "shared": "yes"}"#, "shared"),
        ("corrupt", r#"{"share": "101%"}"#, "share"),
        ("limit_time", "{}", "after"),
    ] {
        let error = ToxicSpec::from_attributes(kind, &attributes(given)).unwrap_err();
        assert!(error.to_string().contains(name), "{kind} {given}: {error}");
    }
    let year: ToxicSpec = serde_json::from_str(r#"{"slow_close": {"delay": "365d"}}"#).unwrap();
    assert!(year.check().unwrap_err().to_string().contains("slow_close.delay"));
}
