//! What was predicted stands beside what was measured, stage by stage, and is never taken for it.

use std::collections::BTreeMap;

use expect_test::expect;
use gameday_core::{EventKind, PredictedMark, Prediction};
use gameday_report::{AlertReport, Moment, render_html, render_junit, render_markdown};

use crate::fixture::{ALERT, fault, golden};
use crate::script::{Script, wall};

/// Predicted 31 ms before the fault took effect; two marks to the tick, one only at the earliest.
fn prediction() -> Prediction {
    let mark = |at: f64, latest: Option<f64>| PredictedMark {
        at: wall(at),
        latest: latest.map(wall),
    };
    Prediction {
        label: ALERT.into(),
        alert: ALERT.into(),
        of: fault(),
        effective_at: wall(12_000.0),
        removed_at: wall(72_000.0),
        marks: BTreeMap::from([
            ("T1".to_owned(), mark(12_780.0, Some(12_780.0))),
            ("T2".to_owned(), mark(17_225.4, Some(18_225.4))),
            ("T3".to_owned(), mark(22_225.4, Some(23_225.4))),
            ("T4".to_owned(), mark(22_229.4, Some(23_229.4))),
            ("T5".to_owned(), mark(24_233.4, None)),
        ]),
        why: BTreeMap::new(),
        receiver: Some("oncall".into()),
        route: Some("severity=\"page\"".into()),
        never: None,
        astray: None,
        odds: None,
        budget_spent: Some(0.0231),
        jobs: Vec::new(),
        assumes: vec!["the traffic stays what it is".into()],
        warnings: vec!["low traffic".into()],
    }
}

fn with(prediction: Prediction) -> Script {
    golden().and(11_999, EventKind::Predicted(Box::new(prediction)))
}

fn alert(script: &Script) -> AlertReport {
    script.measured().trials[0].alerts[0].clone()
}

#[test]
fn each_stage_is_predicted_and_measured() {
    let alert = alert(&with(prediction()));
    let predicted = alert.predicted.unwrap();
    assert_eq!(
        predicted.stages_ms.named().map(|(_, ms)| ms.unwrap()),
        [780, 4445, 5000, 4, 2004]
    );
    assert_eq!((predicted.ttd_ms, predicted.ttn_ms), (Some(10_225), Some(12_233)));
    assert_eq!(predicted.stages_ms.sum(), 12_233);
    assert_eq!(predicted.off_ms["T1"], 2);
    assert_eq!(predicted.off_ms["T3"], 1001);
    assert!(!predicted.off_ms.contains_key("T9"), "it was not predicted");
    assert_eq!(predicted.latest.t5, None);
    assert_eq!(alert.ttn_ms, golden().measured().trials[0].alerts[0].ttn_ms);
}

/// As of a rule over `sum(…)`: nothing of the alert names a job.
fn without_job(kind: &mut EventKind) {
    match kind {
        EventKind::AlertSeen(seen) => drop(seen.labels.remove("job")),
        EventKind::Notified(notice) => notice.alerts.iter_mut().for_each(|alert| {
            alert.labels.remove("job");
        }),
        EventKind::RawSamples { selector, series, .. } if selector.starts_with("ALERTS{") => {
            series.iter_mut().for_each(|one| {
                one.labels.remove("job");
            });
        }
        _ => {}
    }
}

#[test]
fn the_first_scrape_is_of_the_jobs_whose_samples_the_rule_reads() {
    let nameless = |jobs: &[&str]| {
        let mut prediction = prediction();
        prediction.jobs = jobs.iter().map(|job| (*job).to_owned()).collect();
        let script = with(prediction).planned(|plan| {
            plan.expect[0].job = None;
            plan.expect[0].labels.remove("job");
        });
        alert(&script.edited(without_job))
    };
    let t1 = |alert: &AlertReport| alert.marks.t1.map(Moment::clock);
    assert_eq!(t1(&nameless(&["db", "payments"])), t1(&alert(&golden())));
    assert_eq!(nameless(&["payments"]).stages_ms.scrape, Some(751));
    let other = nameless(&["db"]);
    assert_eq!(t1(&other), None);
    assert_eq!(other.why["T1"], "no raw samples of up{job=\"db\"}");
    let unknown = nameless(&[]);
    assert!(
        unknown.why["T1"].contains("no scrape job"),
        "{}",
        unknown.why["T1"]
    );
}

#[test]
fn every_rendering_shows_it() {
    let measured = with(prediction()).measured();
    let markdown = render_markdown(&measured);
    let rows: Vec<&str> = markdown
        .lines()
        .filter(|line| {
            line.starts_with("| predicted") || line.starts_with("- if") || line.starts_with("- beware")
        })
        .collect();
    expect![[r#"
        | predicted | 0.780 s | 4.445 s | 5.000 s | 0.004 s | 2.004 s | ≥ 12.233 s |
        - if the traffic stays what it is
        - beware: low traffic"#]]
    .assert_eq(&rows.join("\n"));
    let html = render_html(&measured);
    for words in [
        "Predicted",
        "≥ 12.233 s",
        "costs 2.3 % of the error budget",
        "it reaches",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert!(render_junit(&measured).contains("predicted ttd 10.225 s to 11.225 s, ttn ≥ 12.233 s"));
    let json = serde_json::to_value(&measured).unwrap();
    let predicted = &json["trials"][0]["alerts"][0]["predicted"];
    assert_eq!(predicted["marks"]["T3"], "2026-11-22T10:00:22.225Z");
    assert_eq!(predicted["stages_ms"]["hold"], 5000);
    assert_eq!(predicted["ttd_ms"], 10_225);
}

#[test]
fn without_a_prediction_it_is_said_why() {
    let alone = alert(&golden());
    assert!(alone.predicted.is_none());
    assert_eq!(alone.why["predicted"], "nothing was predicted");
    let mut nothing = prediction();
    nothing.why = BTreeMap::from([(
        "prediction".to_owned(),
        "the alerting no longer answers".to_owned(),
    )]);
    let unknown = alert(&with(nothing));
    assert!(unknown.predicted.is_none());
    assert_eq!(unknown.why["predicted"], "the alerting no longer answers");
    let mut other = prediction();
    other.label = "another".into();
    assert!(alert(&with(other)).predicted.is_none());
}

#[test]
fn a_prediction_that_says_never_is_shown_with_its_reason() {
    let mut never = prediction();
    never.never = Some("pending only: the fault is too short".into());
    never.marks.retain(|name, _| name == "T1" || name == "T2");
    let script = with(never);
    let predicted = alert(&script).predicted.unwrap();
    assert_eq!((predicted.ttd_ms, predicted.stages_ms.hold), (None, None));
    assert!(render_markdown(&script.measured()).contains("- never: pending only: the fault is too short"));
}

/// Each number of the predicted column, and of the marks that are read from samples, can be found in the journal.
#[test]
fn the_log_names_the_line_and_the_query_that_numbers_stand_on() {
    let script = with(prediction());
    let events = script.events();
    let trial = script.measured().trials.remove(0);
    let line = |what: &str, text: &str| {
        let found = trial
            .log
            .iter()
            .find(|line| line.what == what && line.text.contains(text));
        found.unwrap_or_else(|| panic!("no {what} {text}: {:#?}", trial.log))
    };
    let predicted = line("predicted", "firing after 10.225 s, notified after 12.233 s");
    let at = usize::try_from(predicted.line).unwrap() - 1;
    assert!(
        matches!(events[at].kind, EventKind::Predicted(_)),
        "{:?}",
        events[at]
    );
    let scrapes = trial.log.iter().filter(|line| line.what == "samples");
    let asked: Vec<&str> = scrapes.filter_map(|line| line.promql.as_deref()).collect();
    assert!(
        asked
            .iter()
            .any(|query| query.starts_with("up{job=\"payments\"}")),
        "{asked:?}"
    );
    let html = render_html(&script.measured());
    assert!(
        html.contains("the first that the fault touched"),
        "where T0e is read from"
    );
}
