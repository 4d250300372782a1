//! The four renderings: whole, safe with hostile text, and quick.

use std::time::{Duration, Instant};

use gameday_core::{EventKind, Offset, Timestamp};
use gameday_report::{render_html, render_json, render_junit, render_markdown};

use crate::fixture::golden;
use crate::script::Script;

const HOSTILE: &str = "</td><script>alert(1)</script>\"'&`|*\u{0}\u{1b}[31m\u{202e}]]>\n# x @here";

/// Hostile text wherever text of others can stand.
fn hostile() -> Script {
    let bad = || HOSTILE.to_owned();
    golden()
        .planned(|plan| {
            (plan.title, plan.hypothesis, plan.runbook) =
                (bad(), Some(bad()), Some("javascript:alert(1)".into()));
            plan.observe.prometheus = Some(bad());
            plan.vars.insert(bad(), bad());
            plan.targets[0].detail = bad();
            plan.steady[0].text = bad();
            plan.timeline[0].detail = bad();
            plan.guard.abort_if = vec![bad()];
            let expect = &mut plan.expect[0];
            (expect.label, expect.receiver, expect.notified_ms) = (bad(), Some(bad()), Some(1));
        })
        .edited(|kind| match kind {
            EventKind::Notified(notice) => {
                notice.receiver = bad();
                notice.alerts[0].labels.insert(bad(), bad());
            }
            EventKind::Checked { detail, .. } => *detail = bad(),
            EventKind::RollbackChecked { details, .. } => details.push(bad()),
            EventKind::AlertSeen(seen) => _ = seen.labels.insert("instance".into(), bad()),
            _ => {}
        })
}

#[test]
fn hostile_text_stays_text_in_html() {
    let html = render_html(&hostile().measured());
    assert_eq!(html.matches("<script").count(), 1, "mark-up got through");
    assert!(!html.contains("</td><s"), "mark-up got through");
    assert!(!html.contains('\u{202e}') && !html.contains('\u{1b}') && !html.contains('\u{0}'));
    assert!(!html.contains("href=\"javascript"), "a link that runs");
    assert!(html.contains("&lt;script&gt;alert(1)"));
}

#[test]
fn html_loads_and_sends_nothing_and_runs_its_own_script_alone() {
    let html = render_html(&golden().measured());
    let policy = html
        .split("content=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let parts: Vec<&str> = policy.split("; ").collect();
    assert_eq!(parts[0], "default-src 'none'");
    assert!(
        parts[1].starts_with("style-src 'sha256-") && parts[2].starts_with("script-src 'sha256-"),
        "{policy}"
    );
    assert_eq!(parts[3..], ["base-uri 'none'", "form-action 'none'"]);
    for word in [
        "<img", "<link", "@import", "url(http", "<iframe", " onload", " style=", "unsafe",
    ] {
        assert!(!html.contains(word), "{word}");
    }
    assert!(html.contains("prefers-color-scheme: dark") && html.contains("@media print"));
    assert_eq!(html.matches("<svg class=\"drawing\"").count(), 1, "one timeline");
    assert!(html.contains("role=\"img\"") && html.contains("<title id=\"title-0\">"));
}

#[test]
fn the_timeline_shows_fault_curves_looks_and_alert_lanes() {
    let html = render_html(&golden().measured());
    for class in [
        "fault",
        "band",
        "curve",
        "limit",
        "guard",
        "look-up",
        "look-slow",
        "look-down",
        "look-unknown",
        "look-missed",
        "pending",
        "firing",
        "notice",
        "resolved",
    ] {
        assert!(html.contains(&format!("class=\"{class}\"")), "{class}");
    }
    for mark in ["T0 T0e", "T1", "T2", "T3 T4", "T5", "T7", "T8", "T9"] {
        assert!(html.contains(&format!(">{mark}</text>")), "{mark}");
    }
}

#[test]
fn hostile_text_stays_text_in_markdown_and_xml() {
    let measurement = hostile().measured();
    let markdown = render_markdown(&measurement);
    assert!(!markdown.contains("<script") && !markdown.contains("@here") && !markdown.contains("\n# x"));
    let row = markdown
        .lines()
        .find(|line| line.contains("(PaymentsLatencyHigh) fires | "))
        .unwrap();
    assert_eq!(row.replace("\\|", "").matches('|').count(), 6, "{row}");
    let xml = render_junit(&measurement);
    assert!(xml.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(!xml.contains("<script") && !xml.contains("]]>"));
    well_formed(&xml);
}

/// Every tag that is opened is closed, in order; enough for what we write ourselves.
fn well_formed(xml: &str) {
    let mut open = Vec::new();
    for tag in xml
        .split('<')
        .skip(1)
        .map(|rest| rest.split_once('>').expect("a tag ends").0)
    {
        match (tag.starts_with('?') || tag.ends_with('/'), tag.strip_prefix('/')) {
            (true, _) => {}
            (false, Some(name)) => assert_eq!(open.pop(), Some(name)),
            (false, None) => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn junit_has_a_case_for_each_thing_that_was_expected() {
    let xml = render_junit(&golden().measured());
    assert!(xml.contains("<testsuites name=\"gameday\" tests=\"8\" failures=\"0\" skipped=\"0\">"));
    for name in [
        "PaymentsLatencyHigh",
        "fast before",
        "fast after",
        "works after",
        "verdict",
        "guard checkout &lt; 50% for 15s",
        "rollback",
    ] {
        assert!(xml.contains(&format!("name=\"{name}\"")), "{name}");
    }
    let late = golden()
        .planned(|plan| plan.expect[0].notified_ms = Some(10_000))
        .measured();
    let xml = render_junit(&late);
    assert!(
        xml.contains("<failure message=\"late: notified after 13.207 s, 3.207 s over its limit of 10 s\"/>"),
        "{xml}"
    );
    well_formed(&xml);
}

#[test]
fn markdown_says_the_verdict_first() {
    let markdown = render_markdown(&golden().measured());
    assert!(markdown.starts_with("# PASSED: Payments DB: +200 ms latency\n"));
    assert!(
        markdown
            .contains("| PaymentsLatencyHigh | 0.751 s | 5.444 s | 5.000 s | 0.006 s | 2.006 s | 13.207 s |")
    );
    assert!(!markdown.contains("MTTD (fault effective to notification) 13.2 s (1 of 1 detected"));
}

#[test]
fn a_journal_cut_anywhere_renders_and_passes_nowhere() {
    for second in 0..100 {
        let measurement = golden().cut(second * 1_000).measured();
        assert_ne!(measurement.exit_code, 0, "cut at {second} s");
        let rendered = [
            render_html(&measurement),
            render_json(&measurement),
            render_markdown(&measurement),
            render_junit(&measurement),
        ];
        assert!(
            rendered
                .iter()
                .all(|text| !text.contains("NaN") && !text.contains("inf ")),
            "cut at {second} s"
        );
    }
}

#[test]
fn twenty_thousand_events_render_quickly_and_small() {
    let mut long = golden();
    let looks: Vec<_> = golden()
        .lines
        .into_iter()
        .filter(|(_, _, kind)| matches!(kind, EventKind::ProbeDone(_)))
        .collect();
    for round in 0..105_u64 {
        for (us, region, kind) in &looks {
            long.seen_in(region, us + round * 137, kind.clone());
        }
    }
    let events = long.events();
    assert!(events.len() > 20_000);
    let began = Instant::now();
    let html = render_html(&gameday_report::measure(&[events]).unwrap());
    // Far over what it takes even unoptimized on a busy machine: a quadratic pass would take minutes.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(
        html.len() < 200_000,
        "{} bytes: the timeline is not thinned",
        html.len()
    );
}

#[test]
fn a_journal_full_of_absurd_numbers_renders_all_the_same() {
    let ends = [
        "9999-12-30T22:00:00Z",
        "-009999-01-02T01:59:59Z",
        "1970-01-01T00:00:00Z",
    ];
    for time in ends.map(|text| Timestamp::parse(text).unwrap()) {
        for number in [0, 1, u64::MAX] {
            let mut events = absurd(time, number).events();
            for event in &mut events[20..] {
                (event.at, event.time) = (Offset::from_micros(number), time);
            }
            let measurement = gameday_report::measure(&[events]).unwrap();
            assert_ne!(measurement.exit_code, 0);
            let html = render_html(&measurement);
            let all = [
                render_json(&measurement),
                render_markdown(&measurement),
                render_junit(&measurement),
            ];
            assert!(html.len() < 200_000 && all.iter().all(|text| !text.is_empty()));
        }
    }
}

/// The golden drill with every number of the sources replaced.
fn absurd(time: Timestamp, number: u64) -> Script {
    let signed = i64::from_ne_bytes(number.to_ne_bytes());
    golden()
        .planned(|plan| {
            plan.steady[0].window_ms = number;
            (plan.steady[0].limit, plan.steady[1].limit) = (f64::INFINITY, -1e300);
            (plan.timeline[0].hold_ms, plan.recover_within_ms) = (number, Some(number));
            let expect = &mut plan.expect[0];
            (expect.firing_ms, expect.notified_ms, expect.resolved_ms) =
                (Some(number), Some(number), Some(number));
        })
        .edited(|kind| match kind {
            EventKind::ClockMeasured {
                offset_us, error_us, ..
            } => {
                (*offset_us, *error_us) = (i64::MIN, signed);
            }
            EventKind::RuleSeen(rule) => rule.interval_ms = number,
            EventKind::ProbeDone(done) => {
                (done.intended, done.total_us) = (Offset::from_micros(number), number);
            }
            EventKind::ProbeMissed { count, .. } => *count = number,
            EventKind::SteadyEvaluated(evaluated) => evaluated.value = Some(1e308),
            EventKind::FaultTouched {
                touched,
                first_touched,
                ..
            } => {
                (*touched, *first_touched) = (number, Some(time));
            }
            EventKind::AlertSeen(seen) => {
                (seen.active_at, seen.starts_at, seen.updated_at) = (Some(time), Some(time), Some(time));
            }
            EventKind::Notified(notice) => {
                (notice.arrived, notice.alerts[0].starts_at) = (time, Some(time));
                notice.alerts[0].ends_at = Some(time);
            }
            EventKind::RawSamples { series, .. } => {
                series
                    .iter_mut()
                    .for_each(|one| one.samples.push((time, f64::NAN)));
            }
            _ => {}
        })
}

#[test]
fn the_marks_as_csv_are_those_of_the_report() {
    let csv = gameday_report::render_csv(&golden().measured());
    let rows: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(rows[0].split(',').count(), 10);
    assert!(
        rows.contains(
            &"db-latency-20261122T100000Z,1,PaymentsLatencyHigh,T5,2026-11-22T10:00:25.238Z,13238,13207,,,"
        ),
        "{csv}"
    );
    assert!(
        rows.contains(&"db-latency-20261122T100000Z,1,drill,T7,2026-11-22T10:01:12.008Z,60008,,,,"),
        "{csv}"
    );
}

#[test]
fn a_runbook_gets_the_measured_times_and_hostile_text_cannot_leave_the_block() {
    let patch = gameday_report::render_runbook_patch(&golden().measured());
    for wanted in [
        " ## PaymentsLatencyHigh",
        "+Last drilled: 2026-11-22, db-latency-20261122T100000Z, passed.",
        "+It reaches its receiver 13.207 s after the trouble begins (at most 30 s is asked for).",
        "+It is resolved 10.228 s after the cause is gone.",
        "- the alert that arrived carried no link",
    ] {
        assert!(patch.lines().any(|line| line == wanted), "{wanted} in {patch}");
    }
    let hostile = gameday_report::render_runbook_patch(&hostile().measured());
    assert_eq!(hostile.matches("```").count(), 2, "{hostile}");
    let around = hostile.split("```").step_by(2).collect::<String>();
    assert!(
        !around.contains("<script") && !around.contains("<javascript"),
        "{around}"
    );
}

#[test]
fn a_runbook_patch_names_the_link_that_was_dead() {
    let script = golden()
        .edited(|kind| {
            if let EventKind::Notified(notice) = kind {
                let url = "https://runbooks.example/gone".to_owned();
                notice.alerts[0].annotations.insert("runbook_url".into(), url);
            }
        })
        .and(
            90_000,
            EventKind::LinkChecked(Box::new(gameday_core::LinkChecked {
                alert: "PaymentsLatencyHigh".into(),
                annotation: "runbook_url".into(),
                url: "https://runbooks.example/gone".into(),
                status: Some(404),
                dead: Some("status 404".into()),
            })),
        );
    let patch = gameday_report::render_runbook_patch(&script.measured());
    let wanted = "- [ ] `runbook_url` of PaymentsLatencyHigh: <https://runbooks.example/gone>, **dead**";
    assert!(patch.lines().any(|line| line.starts_with(wanted)), "{patch}");
}

#[test]
fn a_refused_drill_has_no_empty_table_in_any_file() {
    let mut script = golden();
    script.lines.retain(|(us, ..)| *us <= 60_000);
    let why = "no alert rule is named `X`: the expectation could never be met";
    let refused = script
        .and(
            70,
            EventKind::DrillEnded(gameday_core::Ended::Refused(why.into())),
        )
        .measured();
    let html = render_html(&refused);
    assert!(html.contains("What was refused, and what to do"));
    for gone in [
        "<tbody></tbody>",
        "Key numbers",
        "Scorecard",
        "<figure",
        "Impact",
        "Recovery",
        "What the probes saw",
        "Means",
    ] {
        assert!(!html.contains(gone), "{gone}");
    }
    let markdown = render_markdown(&refused);
    for gone in ["Scorecard", "| what |", "MTTD"] {
        assert!(!markdown.contains(gone), "{gone} in {markdown}");
    }
    assert!(
        markdown.contains("- [ ] no alert rule is named `X`"),
        "{markdown}"
    );
}
