//! Who saw it first: the probes or the alerts, to the millisecond.

use expect_test::{Expect, expect};
use gameday_core::{EventKind, Outcome, Reason};

use crate::fixture::golden;
use crate::script::Script;

/// A look of `checkout` in a region that says down, when it was over.
fn down(script: &Script, region: &str, ms: u64, reason: Reason) -> Script {
    let mut script = script.clone();
    let look = script.lines.iter().find_map(|(_, _, kind)| match kind {
        EventKind::ProbeDone(done) => Some(done.clone()),
        _ => None,
    });
    let mut look = look.expect("probes look");
    look.outcome = Outcome::Down(reason);
    script.seen_in(region, ms * 1000, EventKind::ProbeDone(look));
    script
}

/// The golden drill as if every look had been quick enough: only what is down is seen.
fn quick() -> Script {
    golden()
        .planned(|plan| plan.probes[0].slo_p95_ms = None)
        .edited(|kind| match kind {
            EventKind::ProbeDone(look) => {
                if let Outcome::Up { slow } = &mut look.outcome {
                    slow.clear();
                }
            }
            EventKind::SteadyEvaluated(one) => one.holds = one.holds.map(|_| true),
            _ => {}
        })
}

#[track_caller]
fn check(script: &Script, summary: &Expect) {
    let measurement = script.measured();
    let sight = measurement.trials[0].sight.as_ref().expect("a fault was ordered");
    let seen: Vec<String> = sight
        .seen
        .iter()
        .map(|seen| format!("{} {} {}", seen.after_ms, seen.who, seen.what))
        .collect();
    let first = sight.first.unwrap_or("nobody");
    summary.assert_eq(&format!("{first}: {}\n{}\n", sight.summary, seen.join("\n")));
}

fn without_alerts() -> Script {
    quick().planned(|plan| plan.expect.clear()).without(|kind| {
        matches!(
            kind,
            EventKind::AlertSeen(_) | EventKind::Notified(_) | EventKind::RawSamples { .. }
        )
    })
}

#[test]
fn an_alert_that_comes_before_the_probes_is_first() {
    check(
        &quick(),
        &expect![[r#"
        alerts: an alert saw it first, after 6.2 s (`PaymentsLatencyHigh` pending), and the first notification came after 13.2 s; probes after 19.9 s (`checkout` from eu-west: connection_reset)
        6195 PaymentsLatencyHigh pending
        11195 PaymentsLatencyHigh firing
        13207 PaymentsLatencyHigh notified
        19911 checkout connection_reset
    "#]],
    );
}

#[test]
fn a_steady_state_that_broke_and_looks_that_were_slow_are_what_the_probes_saw() {
    check(
        &golden(),
        &expect![[r#"
        probes: probes saw it first, after 861 ms (`checkout` from eu-west: 682 ms, over its p95 of 250 ms); an alert after 6.2 s (`PaymentsLatencyHigh` pending), and the first notification came after 13.2 s
        861 checkout 682 ms, over its p95 of 250 ms
        861 checkout `pay` slow
        969 fast does not hold: 707 ms
        1324 checkout 715 ms, over its p95 of 250 ms
        1324 checkout `pay` slow
        6195 PaymentsLatencyHigh pending
        11195 PaymentsLatencyHigh firing
        13207 PaymentsLatencyHigh notified
        19911 checkout connection_reset
    "#]],
    );
    let steady_alone = quick().edited(|kind| {
        if let EventKind::SteadyEvaluated(one) = kind
            && one.name.as_str() == "fast"
        {
            one.holds = one.holds.zip(one.value).map(|(_, value)| value <= 250.0);
        }
    });
    check(
        &steady_alone,
        &expect![[r#"
        probes: probes saw it first, after 969 ms (`fast` does not hold: 707 ms); an alert after 6.2 s (`PaymentsLatencyHigh` pending), and the first notification came after 13.2 s
        969 fast does not hold: 707 ms
        6195 PaymentsLatencyHigh pending
        11195 PaymentsLatencyHigh firing
        13207 PaymentsLatencyHigh notified
        19911 checkout connection_reset
    "#]],
    );
    let impact = &golden().measured().trials[0].impact;
    let line = impact
        .probes
        .iter()
        .find(|line| line.region == "eu-west")
        .unwrap();
    assert_eq!(line.beyond, Some(59), "all but the one that was reset: {line:?}");
}

#[test]
fn probes_that_are_down_sooner_see_it_first_and_each_region_counts() {
    let script = down(&quick(), "eu-west", 13_231, Reason::DnsNxdomain);
    let script = down(&script, "eu-west", 14_231, Reason::DnsTimeout);
    let script = down(&script, "us-east", 20_031, Reason::DnsServfail);
    check(
        &script,
        &expect![[r#"
        probes: probes saw it first, after 1.2 s (`checkout` from eu-west: dns_nxdomain); an alert after 6.2 s (`PaymentsLatencyHigh` pending), and the first notification came after 13.2 s
        1200 checkout dns_nxdomain
        6195 PaymentsLatencyHigh pending
        8000 checkout dns_servfail
        11195 PaymentsLatencyHigh firing
        13207 PaymentsLatencyHigh notified
    "#]],
    );
}

#[test]
fn probes_that_come_later_are_told_so() {
    check(
        &down(&quick(), "eu-west", 30_031, Reason::HttpStatus),
        &expect![[r#"
            alerts: an alert saw it first, after 6.2 s (`PaymentsLatencyHigh` pending), and the first notification came after 13.2 s; probes after 18.0 s (`checkout` from eu-west: http_status)
            6195 PaymentsLatencyHigh pending
            11195 PaymentsLatencyHigh firing
            13207 PaymentsLatencyHigh notified
            18000 checkout http_status
        "#]],
    );
}

#[test]
fn what_only_probes_saw_is_the_summary_of_the_drill() {
    let script = down(&without_alerts(), "eu-west", 13_231, Reason::DnsNxdomain);
    check(
        &script,
        &expect![[r#"
        probes: probes saw it after 1.2 s (`checkout` from eu-west: dns_nxdomain); no alert did
        1200 checkout dns_nxdomain
    "#]],
    );
    let summary = script.measured().summary;
    assert!(summary.contains("no alert did"), "{summary}");
}

#[test]
fn a_look_from_before_the_fault_has_not_seen_it() {
    check(
        &down(&without_alerts(), "eu-west", 9_000, Reason::DnsNxdomain),
        &expect![[r#"
            probes: probes saw it after 19.9 s (`checkout` from eu-west: connection_reset); no alert did
            19911 checkout connection_reset
        "#]],
    );
}

#[test]
fn nothing_is_said_of_a_drill_that_touched_nothing() {
    let script = quick().without(|kind| {
        matches!(
            kind,
            EventKind::FaultOrdered { .. } | EventKind::FaultInjected { .. } | EventKind::FaultTouched { .. }
        )
    });
    assert!(script.measured().trials[0].sight.is_none());
}

#[track_caller]
fn check_told(script: &Script, says: &str) {
    let summary = script.measured().trials[0].sight.clone().unwrap().summary;
    assert!(summary.contains(says), "{summary}");
}

fn unnotified() -> Script {
    golden().without(|kind| matches!(kind, EventKind::Notified(_)))
}

#[test]
fn that_nobody_was_notified_is_said_only_where_it_was_observed() {
    check_told(&unnotified(), "and no notification reached our webhook");
    let blind = unnotified().planned(|plan| plan.observe.webhook = None);
    check_told(&blind, "and notifications were not observed");
}

#[test]
fn a_notification_to_another_receiver_is_told_with_its_time_and_where_it_went() {
    let misspelt = golden().planned(|plan| plan.expect[0].receiver = Some("on-call".into()));
    check_told(
        &misspelt,
        "and the first notification came after 13.2 s, to `oncall`",
    );
    let rendered = gameday_report::render_markdown(&misspelt.measured());
    for line in [
        "| — | — | — | ✕ **misrouted** |",
        "is notified to `on-call` | ≤ 30 s | — | 13.207 s to oncall | ✕ **elsewhere** |",
        "| PaymentsLatencyHigh fires | ≤ 25 s | — | 11.195 s | ✓ **in time** |",
    ] {
        assert!(rendered.contains(line), "{line}\n{rendered}");
    }
}
