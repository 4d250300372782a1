//! The golden drill, number by number.

use expect_test::expect;
use gameday_core::EventKind;
use gameday_report::{AlertVerdict, Verdict, measure, write_all};

use crate::fixture::golden;

#[test]
fn the_golden_drill_has_exactly_these_alert_numbers() {
    let json = gameday_report::render_json(&golden().measured());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let text = serde_json::to_string_pretty(&json["trials"][0]["alerts"]).unwrap();
    expect![[r#"
        [
          {
            "advice": {
              "ms": 5444,
              "saves_ms": null,
              "share": 0.4122056485197244,
              "stage": "rule",
              "text": "its condition had to climb through the window `[10s]`: a shorter window, or a lower threshold, is crossed sooner"
            },
            "annotations": {
              "summary": "p95 of payments is over 250 ms"
            },
            "class": "expected",
            "course": {
              "fired": 1,
              "resolved": 1
            },
            "detail": "reached `oncall` 13.2 s after the fault took effect",
            "hang_over_ms": 10228,
            "label": "PaymentsLatencyHigh",
            "labels": {
              "alertname": "PaymentsLatencyHigh",
              "job": "payments",
              "service": "payments",
              "severity": "page"
            },
            "limits_ms": {
              "firing": 25000,
              "notified": 30000,
              "resolved": 60000
            },
            "links": [],
            "marks": {
              "T1": "2026-11-22T10:00:12.782Z",
              "T10": "2026-11-22T10:01:22.236Z",
              "T2": "2026-11-22T10:00:18.226Z",
              "T3": "2026-11-22T10:00:23.226Z",
              "T4": "2026-11-22T10:00:23.232Z",
              "T5": "2026-11-22T10:00:25.238Z",
              "T9": "2026-11-22T10:01:21.226Z"
            },
            "name": "PaymentsLatencyHigh",
            "near_miss": null,
            "notes": [],
            "of": "slow",
            "predicted": null,
            "raw": {
              "T1": "2026-11-22T10:00:12.782000Z",
              "T2": "2026-11-22T10:00:18.226400Z",
              "T3": "2026-11-22T10:00:23.226000Z",
              "T4": "2026-11-22T10:00:23.232000Z",
              "T9": "2026-11-22T10:01:21.226000Z"
            },
            "receiver": "oncall",
            "resolved_ms": 10228,
            "stages_ms": {
              "group": 2006,
              "hand_off": 6,
              "hold": 5000,
              "rule": 5444,
              "scrape": 751
            },
            "suppressed_by": [],
            "told_by": {
              "T1": "raw samples",
              "T10": "our receiver",
              "T2": "activeAt",
              "T3": "startsAt",
              "T4": "updatedAt",
              "T5": "our receiver",
              "T9": "endsAt"
            },
            "ttd_ms": 11195,
            "ttn_ms": 13207,
            "verdict": "passed",
            "why": {
              "predicted": "nothing was predicted"
            }
          }
        ]"#]]
    .assert_eq(&text);
}

#[test]
fn the_golden_drill_passes_and_says_when_the_service_was_back() {
    let measurement = golden().measured();
    assert_eq!((measurement.verdict, measurement.exit_code), (Verdict::Passed, 0));
    let trial = &measurement.trials[0];
    assert_eq!(trial.marks.t7.unwrap().text(), "2026-11-22T10:01:12.008Z");
    assert_eq!(
        trial.marks.t8.unwrap().text(),
        "2026-11-22T10:01:13.000Z",
        "83 s less the window of 10 s"
    );
    assert_eq!((trial.ttr_ms, trial.self_heal_ms), (Some(60_969), Some(992)));
    assert_eq!(
        trial
            .steady
            .iter()
            .map(|one| (one.before, one.after))
            .collect::<Vec<_>>(),
        [(Some(true), Some(true)), (Some(true), Some(true))]
    );
    assert_eq!(
        measurement.mttd.sentence(),
        "MTTD (fault effective to notification) 13.2 s (1 of 1 detected, median 13.2 s [13.2 s, 13.2 s])"
    );
}

#[test]
fn report_json_has_the_fields_that_others_rely_on() {
    let json = gameday_report::render_json(&golden().measured());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    for (pointer, value) in [
        ("/schema", "1"),
        ("/scenario", "\"db-latency\""),
        ("/verdict", "\"passed\""),
        ("/exit_code", "0"),
        ("/lab", "\"embedded\""),
        ("/rollback/verified", "true"),
        ("/rollback/at", "\"2026-11-22T10:01:14.500Z\""),
        ("/trials/0/index", "0"),
        ("/trials/0/marks/T0", "\"2026-11-22T10:00:12.000Z\""),
        ("/trials/0/group_stage_clean", "true"),
        ("/trials/0/faults/0/effective_at", "\"2026-11-22T10:00:12.031Z\""),
        ("/trials/0/faults/0/touched", "1204"),
        (
            "/trials/0/steady/0",
            "{\"name\":\"fast\",\"before\":true,\"after\":true}",
        ),
        (
            "/mttd",
            "{\"detected\":1,\"trials\":1,\"mean_ms\":13207,\"median_ms\":13207,\"min_ms\":13207,\"max_ms\":13207}",
        ),
        (
            "/mttr",
            "{\"recovered\":1,\"trials\":1,\"mean_ms\":60969,\"median_ms\":60969,\"min_ms\":60969,\"max_ms\":60969}",
        ),
    ] {
        let wanted: serde_json::Value = serde_json::from_str(value).unwrap();
        let found = json
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{pointer} is missing"));
        match (wanted.as_object(), found.as_object()) {
            (Some(wanted), Some(found)) => {
                wanted
                    .iter()
                    .for_each(|(key, value)| assert_eq!(found.get(key), Some(value), "{pointer}/{key}"));
            }
            _ => assert_eq!(*found, wanted, "{pointer}"),
        }
    }
}

#[test]
fn probes_are_counted_by_region_and_part_of_the_drill() {
    let measurement = golden().measured();
    let probes = &measurement.trials[0].probes;
    assert_eq!(
        probes
            .iter()
            .map(|probe| probe.region.as_str())
            .collect::<Vec<_>>(),
        ["eu-west", "us-east"]
    );
    let (eu, us) = (&probes[0].during, &probes[1].during);
    assert_eq!(
        (eu.runs, eu.up, eu.slow, eu.down, eu.unknown, eu.missed),
        (60, 59, 59, 1, 0, 0)
    );
    assert_eq!(
        (us.runs, us.up, us.slow, us.down, us.unknown, us.missed),
        (59, 58, 58, 0, 1, 1)
    );
    assert_eq!(eu.reasons.get("connection_reset"), Some(&1));
    assert!(probes[0].before.p95_ms.unwrap() < 100.0 && eu.p50_ms.unwrap() > 600.0);
    assert!(eu.p95_ms <= eu.max_ms);
}

#[test]
fn the_same_journal_renders_the_same_bytes_and_every_file_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let files = gameday_report::REPORT_FILES;
    let render = || {
        write_all(dir.path(), &golden().events()).unwrap();
        files.map(|name| std::fs::read_to_string(dir.path().join(name)).unwrap())
    };
    let first = render();
    assert_eq!(first, render());
    assert!(first[0].trim_end().ends_with("</html>"));
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        files.len(),
        "no temporary file is left"
    );
}

#[test]
fn a_journal_from_disk_means_the_same_as_the_events_it_was_made_of() {
    let lines: Vec<String> = golden()
        .events()
        .iter()
        .map(|event| serde_json::to_string(event).unwrap())
        .collect();
    let read = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let json = gameday_report::render_json;
    assert_eq!(json(&measure(&[read]).unwrap()), json(&golden().measured()));
}

#[test]
fn several_trials_make_one_mean_and_the_worst_verdict_counts() {
    let undetected = golden().without(|kind| {
        matches!(
            kind,
            EventKind::AlertSeen(_) | EventKind::Notified(_) | EventKind::RawSamples { .. }
        )
    });
    let later = golden().edited(|kind| {
        if let EventKind::Notified(notice) = kind {
            notice.arrived = notice.arrived.plus_micros(1_000_000);
        }
    });
    let measurement = measure(&[golden().events(), undetected.events(), later.events()]).unwrap();
    assert_eq!(measurement.verdict, Verdict::Failed);
    assert_eq!(measurement.trials[1].alerts[0].verdict, AlertVerdict::Missed);
    assert_eq!(
        measurement.mttd.sentence(),
        "MTTD (fault effective to notification) 13.7 s (2 of 3 detected, median 14.2 s [13.2 s, never])"
    );
    assert!(gameday_report::render_html(&measurement).contains("Trial 3"));
}

#[test]
fn a_trial_whose_group_was_not_clean_counts_in_no_mean() {
    let dirty = golden().edited(|kind| {
        if let EventKind::Checked { name, detail, .. } = kind
            && name == gameday_report::GROUP_STAGE_CHECK
        {
            *detail = "not clean: 1 aggregation group is open".into();
        }
    });
    let measurement = dirty.measured();
    assert_eq!(measurement.trials[0].group_stage_clean, Some(false));
    assert_eq!(
        measurement.trials[0].alerts[0].ttn_ms,
        Some(13_207),
        "it is shown all the same"
    );
    assert_eq!(
        measurement.mttd.sentence(),
        "MTTD (fault effective to notification) — (1 of 1 detected, 1 left out: group not clean, or known as an interval only)"
    );
}

#[test]
fn what_is_no_journal_is_refused_with_a_reason() {
    let said = |events: Vec<gameday_core::Event>| measure(&[events]).unwrap_err().to_string();
    assert_eq!(measure(&[]).unwrap_err().to_string(), "no journal was given");
    assert_eq!(said(Vec::new()), "the journal is empty");
    let mut events = golden().events();
    events.remove(5);
    assert_eq!(
        said(events),
        "event 6 stands where 5 should: the journal has a hole"
    );
    let mut events = golden().events();
    events.remove(0);
    assert_eq!(
        said(events),
        "the journal does not begin with the start of a drill"
    );
    let mut events = golden().events();
    if let EventKind::DrillStarted(started) = &mut events[0].kind {
        started.schema = 7;
    }
    assert_eq!(
        said(events),
        "the journal has schema 7, this build reads schema 1"
    );
}
