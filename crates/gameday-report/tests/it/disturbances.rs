//! Sources that are restarted, reloaded, behind or lost in mid-drill: what they touched is void and named.

use std::collections::BTreeMap;

use gameday_core::{AlertState, EventKind, SourceSeen, Vitals};
use gameday_report::{Measurement, render_html, render_markdown};

use crate::fixture::{golden, seen_by_alertmanager, source};
use crate::script::{Script, wall};

/// What a source says of itself before the drill, then from a moment on, between two looks a second apart.
fn changed(name: &str, ms: u64, change: impl Fn(&mut Vitals)) -> Script {
    #[expect(clippy::cast_precision_loss, reason = "test times are small")]
    let float = |ms: u64| ms as f64;
    let calm = Vitals {
        started_at: Some(wall(-3_600_000.0)),
        config_loaded_at: Some(wall(-3_600_000.0)),
        config_hash: Some("1".into()),
        ..Vitals::default()
    };
    let mut after = calm.clone();
    change(&mut after);
    let seen = |after: Option<u64>, by: u64, vitals: Vitals| {
        EventKind::SourceSeen(Box::new(SourceSeen {
            source: source(name),
            after: after.map(|ms| wall(float(ms))),
            by: wall(float(by)),
            vitals,
        }))
    };
    golden()
        .and(80, seen(None, 80, calm))
        .and(ms, seen(Some(ms - 1000), ms, after))
}

fn restarted(name: &str, ms: u64) -> Script {
    #[expect(clippy::cast_precision_loss, reason = "test times are small")]
    let at = wall(ms as f64 - 500.0);
    changed(name, ms, |vitals| vitals.started_at = Some(at))
}

fn reloaded(name: &str, ms: u64) -> Script {
    #[expect(clippy::cast_precision_loss, reason = "test times are small")]
    let at = wall(ms as f64 - 500.0);
    changed(name, ms, |vitals| vitals.config_loaded_at = Some(at))
}

/// Exactly these are void, each with a why that begins with the disturbance's own words, and every file says so.
#[track_caller]
fn check(script: &Script, what: &str, words: &str, voids: &[&str]) -> Measurement {
    let measured = script.measured();
    let trial = &measured.trials[0];
    let named: Vec<_> = trial.disturbances.iter().map(|one| one.what).collect();
    assert_eq!(named, [what]);
    let one = &trial.disturbances[0];
    assert!(one.text.contains(words), "{}", one.text);
    let expected: Vec<String> = voids
        .iter()
        .map(|void| format!("PaymentsLatencyHigh {void}"))
        .collect();
    assert_eq!(one.voids, expected, "{:?}", trial.alerts[0].why);
    let alert = &trial.alerts[0];
    for (name, mark) in alert.marks.named() {
        assert_eq!(mark.is_none(), voids.contains(&name), "{name}: {:?}", alert.why);
    }
    let unclean = voids.contains(&"group stage");
    assert_eq!(
        trial.group_stage_clean,
        Some(!unclean),
        "{:?}",
        trial.why.get("group_stage_clean")
    );
    let known = alert.ttn_ms.unwrap();
    assert_eq!(
        measured.mttd.mean_ms,
        (!unclean).then_some(known),
        "what is not clean is in no mean"
    );
    let words = words.replace('`', "");
    assert!(render_markdown(&measured).replace('`', "").contains(&words));
    assert!(render_html(&measured).contains("What disturbed the measurement"));
    measured
}

/// The golden alert: effective at about 14 s, T2 at 18.2, T3 at 23.2, T5 at 25.2, removed at 74, T9 at about 82.
const PENDING: u64 = 20_000;
const GROUPING: u64 = 24_500;
const FIRING: u64 = 50_000;

#[test]
fn a_prometheus_that_was_restarted_voids_what_it_alone_knew() {
    let measured = check(
        &restarted("prometheus", PENDING),
        "restarted",
        "its process started at 10:00:19.500",
        &["T1", "T2"],
    );
    let alert = &measured.trials[0].alerts[0];
    assert!(
        alert.marks.t3.is_some() && alert.ttd_ms.is_some(),
        "`startsAt` stays"
    );
    assert!(alert.why["T2"].contains("`activeAt` began anew"));
    // The stages that are left add up.
    assert_eq!(Some(alert.stages_ms.sum()), alert.ttn_ms);
    assert!(alert.stages_ms.scrape.is_none() && alert.stages_ms.rule.is_none());
}

#[test]
fn what_a_restart_lost_does_not_make_the_alert_flap() {
    // Killed while pending: the samples around it are gone, and `activeAt` begins anew.
    let lossy = restarted("prometheus", PENDING).edited(|kind| match kind {
        EventKind::RawSamples { series, .. } => {
            for one in series {
                let gone = wall(18_500.0)..wall(21_500.0);
                one.samples.retain(|(time, _)| !gone.contains(time));
            }
        }
        EventKind::AlertSeen(seen) if seen.state == AlertState::Firing => {
            if let Some(active) = &mut seen.active_at {
                *active = wall(19_200.0);
            }
        }
        _ => {}
    });
    let measured = lossy.measured();
    let alert = &measured.trials[0].alerts[0];
    assert_eq!(
        (alert.course.fired, alert.verdict.word()),
        (1, "passed"),
        "{:?}",
        alert.detail
    );
}

#[test]
fn the_end_of_a_rule_is_known_after_a_restart_if_it_was_seen_active_up_to_it() {
    check(
        &restarted("prometheus", FIRING),
        "restarted",
        "prometheus was restarted between",
        &["T1", "T2"],
    );
    let silent = restarted("prometheus", FIRING).edited(|kind| {
        if let EventKind::RawSamples { series, .. } = kind {
            for one in series {
                one.samples.retain(|(time, _)| *time < wall(48_000.0));
            }
        }
    });
    check(&silent, "restarted", "restarted", &["T1", "T2", "T9"]);
}

#[test]
fn evaluations_that_were_missed_void_when_the_rule_became_active() {
    let missed = |group: &'static str, ms: u64| {
        changed("prometheus", ms, move |vitals| {
            vitals.missed = BTreeMap::from([(group.to_owned(), 3)]);
        })
    };
    let ours = "/etc/prometheus/payments.yml;payments";
    check(
        &missed(ours, PENDING),
        "evaluations_missed",
        "missed 3 evaluations of the rules `payments`",
        &["T2"],
    );
    check(&missed(ours, FIRING), "evaluations_missed", "missed 3", &[]);
    check(&missed(ours, 80_000), "evaluations_missed", "missed 3", &["T9"]);
    check(
        &missed("/etc/prometheus/rules.yml;other", PENDING),
        "evaluations_missed",
        "`other`",
        &[],
    );
}

#[test]
fn a_reload_voids_what_may_have_begun_anew() {
    check(
        &reloaded("prometheus", PENDING),
        "configuration_reloaded",
        "prometheus reloaded its configuration between 10:00:19.000 and 10:00:20.000, with nothing changed in it",
        &["T2"],
    );
    check(
        &reloaded("prometheus", FIRING),
        "configuration_reloaded",
        "prometheus",
        &[],
    );
    let measured = check(
        &reloaded("alertmanager", GROUPING),
        "configuration_reloaded",
        "alertmanager reloaded",
        &["group stage"],
    );
    let why = &measured.trials[0].why["group_stage_clean"];
    assert!(why.contains("its groups were made anew"), "{why}");
    // Before it fired, and after it was told, groups that are made anew do no harm.
    check(
        &reloaded("alertmanager", PENDING),
        "configuration_reloaded",
        "alertmanager",
        &[],
    );
    check(
        &reloaded("alertmanager", FIRING),
        "configuration_reloaded",
        "alertmanager",
        &[],
    );
}

#[test]
fn an_alertmanager_that_was_restarted_voids_when_it_had_the_alert() {
    check(
        &restarted("alertmanager", GROUPING),
        "restarted",
        "alertmanager was restarted",
        &["T4", "group stage"],
    );
    check(
        &restarted("alertmanager", FIRING),
        "restarted",
        "alertmanager was restarted",
        &[],
    );
}

#[test]
fn a_silence_that_ended_before_the_notification_made_it_wait() {
    let script = golden().and(23_900, seen_by_alertmanager(AlertState::Suppressed));
    let measured = script.measured();
    let trial = &measured.trials[0];
    assert_eq!(trial.group_stage_clean, Some(false));
    let why = &trial.why["group_stage_clean"];
    assert!(why.contains("suppressed by silence 42 at 10:00:23.900"), "{why}");
    assert_eq!(measured.mttd.mean_ms, None);
}

#[test]
fn t4_is_the_earliest_of_all_alertmanagers() {
    let peer = |name: &'static str, ms: f64| {
        let mut kind = seen_by_alertmanager(AlertState::Firing);
        if let EventKind::AlertSeen(seen) = &mut kind {
            seen.source = source(name);
            seen.updated_at = Some(wall(ms));
        }
        kind
    };
    let t4 = |script: &Script| script.measured().trials[0].alerts[0].marks.t4.unwrap();
    let earlier = golden().and(24_300, peer("alertmanager.2", 23_229.0));
    assert_eq!(t4(&earlier).time(), wall(23_229.0));
    let later = golden().and(24_300, peer("alertmanager.2", 23_260.0));
    assert_eq!(t4(&later).time(), wall(23_232.0));
}

#[test]
fn a_peer_that_is_lost_is_named_and_what_the_other_told_stands() {
    let lost = |name: &'static str| EventKind::SourceLost {
        source: source(name),
        error: "connection refused".into(),
    };
    let two = |script: Script| {
        script.planned(|plan| {
            plan.observe.alertmanager = vec!["http://a:9093".into(), "http://b:9093".into()];
        })
    };
    let one_left = two(golden()).and(24_000, lost("alertmanager.2"));
    let measured = check(
        &one_left,
        "lost",
        "alertmanager.2 was lost at 10:00:24.000: connection refused",
        &["group stage"],
    );
    assert_eq!(measured.exit_code, 0, "{}", measured.summary);
    let nobody = one_left.and(24_100, lost("alertmanager"));
    assert_eq!(nobody.measured().exit_code, 1);
    let untold = one_left.without(|kind| matches!(kind, EventKind::Notified(_)));
    let measured = untold.measured();
    assert_eq!(measured.verdict.word(), "inconclusive", "{}", measured.summary);
}

#[test]
fn a_source_that_was_lost_is_no_pass_even_where_no_alert_is_expected() {
    let lost = EventKind::SourceLost {
        source: source("prometheus"),
        error: "connection refused".into(),
    };
    let measured = golden()
        .planned(|plan| plan.expect.clear())
        .and(30_000, lost)
        .measured();
    assert_eq!(measured.verdict, gameday_report::Verdict::Inconclusive);
    assert!(
        measured.summary.contains("prometheus was lost"),
        "{}",
        measured.summary
    );
    let rendered = render_markdown(&measured);
    assert!(
        rendered.contains("; what it would have told meanwhile is not known"),
        "{rendered}"
    );
}
