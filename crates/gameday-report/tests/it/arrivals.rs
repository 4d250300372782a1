//! Verdicts on what arrived and on what was kept from arriving, one case a line.

use std::collections::BTreeMap;

use gameday_core::{
    AlertState, EventKind, ForbidRecord, LinkChecked, PlanRecord, Suppressor, SuppressorKind,
};
use gameday_report::AlertVerdict::{
    self, AlreadyFiring, Flapping, Forbidden, Incomplete, Inhibited, Muted, Passed, Unexpected, Unknown,
};
use gameday_report::{Trial, render_html, render_junit, render_markdown};

use crate::fixture::{ALERT, golden, labels, notice, seen_by_alertmanager, seen_by_prometheus, source};
use crate::script::{Script, wall};

#[track_caller]
fn check(script: &Script, verdict: AlertVerdict, says: &str) -> Trial {
    let mut measurement = script.measured();
    let alert = &measurement.trials[0].alerts[0];
    assert_eq!(alert.verdict, verdict, "{}", alert.detail);
    assert!(
        alert.detail.contains(says),
        "{:?} does not say {says:?}",
        alert.detail
    );
    assert_eq!(
        verdict == Passed,
        measurement.exit_code == 0,
        "only a pass passes: {}",
        measurement.summary
    );
    measurement.trials.remove(0)
}

fn finds(trial: &Trial, text: &str) -> bool {
    trial.findings.iter().any(|finding| finding.text.contains(text))
}

fn silent() -> Script {
    golden().without(|kind| matches!(kind, EventKind::Notified(_)))
}

fn suppressed(by: &str, state: AlertState) -> EventKind {
    let mut kind = seen_by_alertmanager(state);
    if let EventKind::AlertSeen(seen) = &mut kind {
        seen.suppressed_by = vec![by.to_owned()];
    }
    kind
}

fn suppressor(kind: SuppressorKind, id: &str) -> Suppressor {
    Suppressor {
        source: source("alertmanager"),
        kind,
        id: id.into(),
        author: None,
        comment: None,
        until: None,
        labels: BTreeMap::new(),
    }
}

#[test]
fn a_silence_is_told_with_who_made_it_and_why() {
    let silence = Suppressor {
        author: Some("ana".into()),
        comment: Some("disk is swapped".into()),
        until: Some(wall(600_000.0)),
        ..suppressor(SuppressorKind::Silence, "7b3e")
    };
    let script = silent()
        .and(23_900, EventKind::SuppressorSeen(Box::new(silence)))
        .and(24_000, suppressed("silence 7b3e", AlertState::Suppressed));
    let trial = check(
        &script,
        Muted,
        "it fired but was suppressed by the silence `7b3e` of `ana`: \"disk is swapped\", until 2026-11-22T10:10:00",
    );
    let by = &trial.alerts[0].suppressed_by[0];
    assert_eq!(
        (by.author.as_deref(), by.kind),
        (Some("ana"), SuppressorKind::Silence)
    );
}

#[test]
fn an_inhibition_is_told_with_the_alert_that_inhibits() {
    let inhibiting = Suppressor {
        labels: labels(&[("alertname", "NodeDown")]),
        ..suppressor(SuppressorKind::Alert, "f00d")
    };
    let script = silent()
        .and(23_900, EventKind::SuppressorSeen(Box::new(inhibiting)))
        .and(24_000, suppressed("alert f00d", AlertState::Suppressed));
    check(
        &script,
        Inhibited,
        "it fired but was inhibited by the alert `NodeDown`",
    );
    let unknown = silent().and(24_000, suppressed("alert f00d", AlertState::Suppressed));
    check(&unknown, Inhibited, "an alert (`f00d`) that was gone");
}

#[test]
fn a_time_interval_mutes_an_alert_that_is_listed_as_active() {
    let script = silent().and(24_000, suppressed("time interval nights", AlertState::Firing));
    check(&script, Muted, "suppressed by the time interval `nights`");
    // It ended before the group was due: then the notification counts.
    let told = golden().and(24_000, suppressed("time interval nights", AlertState::Firing));
    check(&told, Passed, "reached `oncall`");
}

#[test]
fn an_alert_that_was_there_before_proves_nothing() {
    let mut earlier = seen_by_prometheus(AlertState::Firing);
    if let EventKind::AlertSeen(seen) = &mut earlier {
        seen.active_at = Some(wall(5_000.0));
    }
    let nothing = silent()
        .without(|kind| matches!(kind, EventKind::AlertSeen(_) | EventKind::RawSamples { .. }))
        .and(6_000, earlier);
    check(
        &nothing,
        AlreadyFiring,
        "it was active since 2026-11-22T10:00:05.000Z, before the fault took effect",
    );
    let never = nothing.planned(never);
    check(&never, AlreadyFiring, "before the fault took effect");
}

#[test]
fn an_alert_that_was_over_before_the_fault_was_there_is_simply_missed() {
    let old = silent().edited(|kind| match kind {
        EventKind::AlertSeen(seen) => seen.active_at = Some(wall(3_000.0)),
        EventKind::RawSamples { selector, series, .. } if selector.starts_with("ALERTS{") => {
            series.retain(|one| {
                one.labels
                    .get("alertstate")
                    .is_some_and(|state| state == "firing")
            });
            series[0].samples = (3..9).map(|s| (wall(f64::from(s) * 1_000.0), 1.0)).collect();
        }
        _ => {}
    });
    let old = old.without(|kind| matches!(kind, EventKind::AlertSeen(_)));
    check(&old, AlertVerdict::Missed, "not firing within 25 s");
}

/// The alert is inactive from 41 s to 50 s, and fires again.
fn flapping() -> Script {
    golden().edited(|kind| {
        if let EventKind::RawSamples { series, .. } = kind {
            for one in series
                .iter_mut()
                .filter(|one| one.labels.contains_key("alertstate"))
            {
                one.samples
                    .retain(|(time, _)| *time < wall(41_000.0) || *time > wall(50_000.0));
            }
        }
    })
}

#[test]
fn an_alert_that_comes_and_goes_while_the_fault_stays_is_flapping() {
    let trial = check(
        &flapping(),
        Flapping,
        "it fired 2 times while the fault was in place",
    );
    let course = trial.alerts[0].course;
    assert_eq!((course.fired, course.resolved), (2, 2));
    // Over a limit is worse than flapping; then it is a finding.
    let late = flapping().planned(|plan| plan.expect[0].notified_ms = Some(10_000));
    let trial = check(&late, AlertVerdict::Late, "over its limit");
    assert!(finds(&trial, "flapped: it fired 2 times"), "{:?}", trial.findings);
    let once = check(&golden(), Passed, "");
    assert_eq!(
        (once.alerts[0].course.fired, once.alerts[0].course.resolved),
        (1, 1)
    );
}

#[test]
fn an_alert_must_carry_what_is_required() {
    let requiring = |label: &str, annotation: &str| {
        let (label, annotation) = (label.to_owned(), annotation.to_owned());
        golden().planned(move |plan| {
            plan.expect[0].required_labels = vec![label.clone()];
            plan.expect[0].required_annotations = vec![annotation.clone()];
        })
    };
    check(&requiring("service", "summary"), Passed, "");
    check(
        &requiring("team", "runbook_url"),
        Incomplete,
        "it came without the label `team` and the annotation `runbook_url`",
    );
}

fn never(plan: &mut PlanRecord) {
    let expect = &mut plan.expect[0];
    expect.never = true;
    (expect.firing_ms, expect.notified_ms, expect.resolved_ms) = (None, None, None);
}

#[test]
fn of_an_alert_that_must_never_come_silence_is_the_pass_and_a_page_the_failure() {
    check(
        &golden().planned(never),
        Forbidden,
        "it must never come, and it reached `oncall` 13.2 s after the fault took effect",
    );
    let quiet =
        silent().without(|kind| matches!(kind, EventKind::AlertSeen(_) | EventKind::RawSamples { .. }));
    check(&quiet.planned(never), Passed, "nobody was told");
    check(
        &silent().planned(never),
        Passed,
        "nobody was told, though it fired",
    );
    let muted = silent().and(24_000, suppressed("silence 7", AlertState::Suppressed));
    check(
        &muted.planned(never),
        Passed,
        "nobody was told, but it fired but was suppressed",
    );
    let must_not_fire = silent()
        .planned(never)
        .planned(|plan| plan.expect[0].firing_ms = Some(60_000));
    check(
        &must_not_fire,
        Forbidden,
        "it must never fire, and it did 11.2 s after",
    );
    let long = quiet
        .planned(never)
        .planned(|plan| plan.expect[0].notified_ms = Some(200_000));
    check(
        &long,
        Unknown,
        "the drill ended before the 200 s for which that must be so",
    );
}

#[test]
fn silence_of_a_source_that_was_lost_is_no_pass_and_a_page_is_a_page() {
    let lost = EventKind::SourceLost {
        source: source("alertmanager"),
        error: "refused".into(),
    };
    let quiet =
        silent().without(|kind| matches!(kind, EventKind::AlertSeen(_) | EventKind::RawSamples { .. }));
    check(
        &quiet.planned(never).and(30_000, lost.clone()),
        Unknown,
        "was lost",
    );
    check(
        &golden().planned(never).and(30_000, lost),
        Forbidden,
        "it must never come",
    );
}

fn stray(ms: u64, state: AlertState) -> (u64, EventKind) {
    let mut kind = seen_by_alertmanager(state);
    if let EventKind::AlertSeen(seen) = &mut kind {
        seen.alert = "Stray".into();
        seen.labels = labels(&[("alertname", "Stray"), ("severity", "page")]);
    }
    (ms, kind)
}

#[test]
fn an_alert_that_nobody_spoke_of_is_listed_and_fails_only_if_that_is_asked_for() {
    let with = |(ms, kind): (u64, EventKind)| golden().and(ms, kind);
    let script = with(stray(30_000, AlertState::Firing));
    let trial = check(&script, Passed, "");
    assert_eq!(trial.other_alerts[0].verdict, Unexpected);
    let strict = script.planned(|plan| plan.observe.unexpected_fails = true);
    let measurement = strict.measured();
    assert_eq!(measurement.exit_code, 1);
    assert!(
        measurement
            .summary
            .contains("the alert `Stray` fired, and nobody expected it")
    );
    assert!(render_junit(&measurement).contains("<failure message=\"unexpected: Stray\"/>"));
    // What was there before, or never fired, is not the fault's.
    for (one, verdict) in [
        (stray(5_000, AlertState::Firing), AlreadyFiring),
        (stray(30_000, AlertState::Pending), AlertVerdict::PendingOnly),
    ] {
        let strict = with(one).planned(|plan| plan.observe.unexpected_fails = true);
        let trial = check(&strict, Passed, "");
        assert_eq!(trial.other_alerts[0].verdict, verdict);
    }
}

#[test]
fn what_is_forbidden_stands_in_every_file() {
    let (ms, seen) = stray(30_000, AlertState::Firing);
    let forbid = ForbidRecord {
        label: "others".into(),
        alert: "{team=\"db\"}".into(),
    };
    let base = golden().planned(|plan| plan.forbid = vec![forbid.clone()]);
    let came = base.and(ms, seen).and(
        ms,
        EventKind::Forbidden {
            forbid: "others".into(),
            alert: "Stray".into(),
            labels: labels(&[("alertname", "Stray"), ("severity", "page")]),
            source: source("alertmanager"),
        },
    );
    for (script, verdict, case) in [
        (
            base,
            Passed,
            "<testcase classname=\"forbid\" name=\"others\" time=\"0.000\">\n      <system-out>",
        ),
        (
            came,
            Forbidden,
            "<failure message=\"forbidden: the alert `Stray` fired\"/>",
        ),
    ] {
        let measurement = script.measured();
        assert_eq!(measurement.trials[0].forbid[0].verdict, verdict);
        let junit = render_junit(&measurement);
        assert!(junit.contains(case), "{junit}");
        for text in [render_html(&measurement), render_markdown(&measurement)] {
            assert!(
                text.contains("Alerts that must not come") && text.contains("others"),
                "{text}"
            );
        }
        let others: Vec<_> = measurement.trials[0]
            .other_alerts
            .iter()
            .map(|other| other.verdict)
            .collect();
        assert!(others.iter().all(|other| *other == Forbidden), "{others:?}");
    }
}

#[test]
fn notifications_are_counted_by_receiver_and_by_alert() {
    let noise = golden().measured().trials.remove(0).noise;
    assert_eq!((noise.pages, noise.resolved, noise.alerts[ALERT]), (1, 1, 1));
    let again = golden().and(40_000, notice("firing", "oncall", 40_000.0));
    let noise = again.measured().trials.remove(0).noise;
    let of = &noise.receivers["oncall"];
    assert_eq!((of.pages, of.repeats, of.groups, of.most_alerts), (2, 1, 1, 1));
    assert_eq!(
        noise.sentence(),
        "2 pages in all. `oncall`: 2 pages and 1 resolved, of 1 group, 1 with nothing new."
    );
    let mut both = notice("firing", "oncall", 40_000.0);
    if let EventKind::Notified(notice) = &mut both {
        let mut other = notice.alerts[0].clone();
        (other.alert, other.fingerprint) = ("Stray".into(), "b".into());
        notice.alerts.push(other);
    }
    let noise = golden().and(40_000, both).measured().trials.remove(0).noise;
    let of = &noise.receivers["oncall"];
    assert_eq!((of.repeats, of.most_alerts, of.alerts), (0, 2, 4));
    assert_eq!(
        silent().measured().trials[0].noise.sentence(),
        "Nobody was notified."
    );
}

#[test]
fn a_dead_link_is_a_finding_and_no_failure() {
    let link = |annotation: &str, dead: Option<&str>| {
        EventKind::LinkChecked(Box::new(LinkChecked {
            alert: ALERT.into(),
            annotation: annotation.into(),
            url: format!("https://wiki.example/{annotation}"),
            status: Some(if dead.is_some() { 404 } else { 200 }),
            dead: dead.map(str::to_owned),
        }))
    };
    let script = golden()
        .and(95_000, link("runbook_url", Some("it answers 404")))
        .and(95_000, link("dashboard_url", None));
    let trial = check(&script, Passed, "");
    let alive: Vec<bool> = trial.alerts[0].links.iter().map(|link| link.alive).collect();
    assert_eq!(alive, [false, true]);
    let dead = format!(
        "the link `runbook_url` of the alert `{ALERT}` is dead (it answers 404): https://wiki.example/runbook_url"
    );
    assert!(finds(&trial, &dead), "{:?}", trial.findings);
    assert!(render_html(&script.measured()).contains("dead"), "it is shown");
}
