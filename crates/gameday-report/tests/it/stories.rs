//! What a report tells somebody who was not there: the briefing, the findings, the cost, the log.

use expect_test::{Expect, expect};
use gameday_core::{Ended, EventKind, FaultEnd, Outcome, Reason};
use gameday_report::{Measurement, Verdict, measure};

use crate::fixture::golden;

/// The briefing and the findings as text.
#[track_caller]
fn check(measurement: &Measurement, expect: &Expect) {
    let trial = &measurement.trials[0];
    let mut text = String::new();
    for line in &trial.briefing {
        text.push_str(&format!("{}: {}\n", line.key, line.text));
    }
    for finding in &trial.findings {
        text.push_str(&format!(
            "{:?}: {} => {}\n",
            finding.weight, finding.text, finding.action
        ));
    }
    expect.assert_eq(&text);
}

#[test]
fn a_drill_that_passed_is_told_in_seven_sentences() {
    check(
        &golden().measured(),
        &expect![[r#"
            symptom: The p95 of `checkout` from eu-west went from 76 ms to 758 ms; 1 of 118 looks failed, with `connection_reset`.
            scope: `latency` on `db` for 60.0 s (delay 200ms ±20ms downstream); it acted 1204 times.
            hypothesis: It held: payments slow down but none fails; the latency page reaches on-call within 30 seconds.
            detection: `PaymentsLatencyHigh` reached `oncall` 13.207 s after the fault took effect (limit 30 s); most of it, 5.444 s, went into the rule's condition becoming true.
            mitigation: The last fault was gone 60.0 s after the first was ordered; the service was steady again within one look (1 s), 61.0 s after it had begun to suffer.
            rollback: Verified at 10:01:14.500 UTC: nothing of the drill is left.
            follow-ups: 3 findings, the first: 2 looks told nothing while the fault was in place.
            Doubt: 2 looks told nothing while the fault was in place => Look at the machine that the probes run on.
            Note: the notification of `PaymentsLatencyHigh` carries no runbook link => Add a `runbook_url` annotation to the rule.
            Note: 41 % of the detection of `PaymentsLatencyHigh` went into the rule's condition becoming true => its condition had to climb through the window `[10s]`: a shorter window, or a lower threshold, is crossed sooner.
        "#]],
    );
}

#[test]
fn a_look_that_was_under_way_when_the_fault_was_ordered_says_nothing_of_before() {
    let straddling = golden().edited(|kind| {
        if let EventKind::ProbeDone(look) = kind
            && look.intended.as_micros() == 11_640_000
        {
            look.total_us = 658_000;
        }
    });
    let measurement = straddling.measured();
    let probes = &measurement.trials[0].probes;
    let of = |region: &str| probes.iter().find(|probe| probe.region == region).unwrap();
    let (steady, slow) = (of("eu-west"), of("us-east"));
    assert_eq!(slow.before.runs, steady.before.runs - 1);
    assert!(slow.before.max_ms < Some(120.0), "{:?}", slow.before);
    assert_eq!(slow.during.max_ms.map(|ms| ms > 658.0), Some(true));
}

#[test]
fn a_drill_that_failed_says_why_not_sooner() {
    let late = golden().planned(|plan| {
        plan.expect[0].notified_ms = Some(10_000);
        plan.hypothesis = None;
    });
    check(
        &late.measured(),
        &expect![[r#"
            symptom: The p95 of `checkout` from eu-west went from 76 ms to 758 ms; 1 of 118 looks failed, with `connection_reset`.
            scope: `latency` on `db` for 60.0 s (delay 200ms ±20ms downstream); it acted 1204 times.
            hypothesis: None was stated; write one into the scenario, so that the next drill can prove it wrong.
            detection: `PaymentsLatencyHigh` reached `oncall` 13.207 s after the fault took effect (limit 10 s); most of it, 5.444 s, went into the rule's condition becoming true.
            mitigation: The last fault was gone 60.0 s after the first was ordered; the service was steady again within one look (1 s), 61.0 s after it had begun to suffer.
            rollback: Verified at 10:01:14.500 UTC: nothing of the drill is left.
            follow-ups: 5 findings, the first: `PaymentsLatencyHigh` late: notified after 13.207 s, 3.207 s over its limit of 10 s.
            Bad: `PaymentsLatencyHigh` late: notified after 13.207 s, 3.207 s over its limit of 10 s => Shorten the largest stage, or raise the limit if that is soon enough.
            Doubt: 2 looks told nothing while the fault was in place => Look at the machine that the probes run on.
            Note: the notification of `PaymentsLatencyHigh` carries no runbook link => Add a `runbook_url` annotation to the rule.
            Note: 41 % of the detection of `PaymentsLatencyHigh` went into the rule's condition becoming true => its condition had to climb through the window `[10s]`: a shorter window, or a lower threshold, is crossed sooner.
            Note: the scenario states no hypothesis => Write down what you believe will happen, before it does.
        "#]],
    );
}

#[test]
fn a_refused_drill_says_what_was_refused_and_what_to_do() {
    let mut refused = golden().cut(60);
    refused.until_ms = u64::MAX;
    refused.lines.retain(|(us, ..)| *us <= 60_000);
    let why = "no alert rule is named `X`: the expectation could never be met";
    let refused = refused
        .edited(|kind| match kind {
            EventKind::Checked { name, ok, detail } if name == "prometheus" => {
                (*ok, *detail) = (false, why.to_owned());
            }
            _ => {}
        })
        .and(
            90,
            EventKind::DrillEnded(Ended::Refused(format!("prometheus: {why}"))),
        );
    check(
        &refused.measured(),
        &expect![[r#"
            scope: Nothing was touched; planned was `slow` on `db`.
            hypothesis: It was not tried: payments slow down but none fails; the latency page reaches on-call within 30 seconds.
            rollback: Nothing was touched, so there was nothing to put back.
            follow-ups: One: prometheus: no alert rule is named `X`: the expectation could never be met.
            Doubt: prometheus: no alert rule is named `X`: the expectation could never be met => Correct the alert's name in `[expect]`, or add the rule.
        "#]],
    );
}

#[test]
fn failed_looks_cost_their_share_of_the_error_budget() {
    let script = golden().edited(|kind| {
        if let EventKind::ProbeDone(done) = kind
            && (20_000_000..26_000_000).contains(&done.intended.as_micros())
        {
            done.outcome = Outcome::Down(Reason::HttpStatus);
        }
    });
    let impact = &script.measured().trials[0].impact;
    assert_eq!(
        (impact.lasted_ms, impact.recovered, impact.touched),
        (Some(60_969), true, 1_204)
    );
    let failed: u64 = impact.probes.iter().map(|line| line.failed).sum();
    let looks: u64 = impact.probes.iter().map(|line| line.looks).sum();
    assert_eq!(
        (failed, looks),
        (13, 120),
        "six seconds of two regions and the reset of before; one look was blind, one missed"
    );
    let budget = &impact.budgets[0];
    // 13 of 120 looks over a minute, of 30 days of which a thousandth may fail.
    let by_hand = 13.0 / 120.0 * 60.969 / (30.0 * 86_400.0) / 0.001;
    assert!(
        (budget.spent - by_hand).abs() < 1e-9,
        "{} is not {by_hand}",
        budget.spent
    );
}

#[test]
fn the_log_has_every_change_once_with_its_line_of_the_journal() {
    let script = golden();
    let events = script.events();
    let trial = &script.measured().trials[0];
    assert_eq!(trial.log_left_out, 0);
    for line in &trial.log {
        let event = &events[usize::try_from(line.line).unwrap() - 1];
        assert_eq!(line.at.time(), event.time.rounded_to_ms(), "{line:?}");
    }
    let said: Vec<&str> = trial.log.iter().map(|line| line.text.as_str()).collect();
    for wanted in [
        "PaymentsLatencyHigh firing in prometheus",
        "`oncall` was told firing: PaymentsLatencyHigh",
        "`fast` does not hold",
    ] {
        assert_eq!(
            said.iter().filter(|text| **text == wanted).count(),
            1,
            "{wanted} in {said:#?}"
        );
    }
    assert!(
        trial
            .log
            .iter()
            .any(|line| line.what == "probe" && line.text.contains("down after"))
    );
}

#[test]
fn a_lost_fault_is_a_finding() {
    let lost = golden().edited(|kind| {
        if let EventKind::FaultRemoved { how, .. } = kind {
            *how = FaultEnd::Lost;
        }
    });
    let findings = &lost.measured().trials[0].findings;
    assert!(
        findings
            .iter()
            .any(|finding| finding.text == "fault `slow` went away, but not by the runner")
    );
}

#[test]
fn what_changed_since_the_last_drill_is_told_time_by_time() {
    let last = golden().measured().baseline().unwrap();
    let mut script = golden().edited(|kind| {
        if let EventKind::Notified(notice) = kind {
            notice.arrived = notice.arrived.plus_micros(1_500_000);
        }
    });
    script.baseline = Some(last);
    let measurement = script.measured();
    let difference = measurement.difference.as_ref().unwrap();
    assert_eq!(difference.drill, "db-latency-20261122T100000Z");
    let change = |subject: &str, what: &str| {
        let mut rows = difference.rows.iter();
        rows.find(|row| row.subject == subject && row.what == what)
            .unwrap()
            .change_ms
    };
    assert_eq!(change("PaymentsLatencyHigh", "ttd"), Some(0));
    assert_eq!(change("PaymentsLatencyHigh", "ttn"), Some(1_500));
    assert_eq!(change("PaymentsLatencyHigh", "group"), Some(1_500));
    assert_eq!(change("service", "ttr"), Some(0));
    assert!(gameday_report::render_html(&measurement).contains("▲ 1.500 s slower"));
    assert!(
        gameday_report::render_markdown(&measurement)
            .contains("| PaymentsLatencyHigh to the notification | 13.207 s | 14.707 s | +1.500 s |")
    );
}

#[test]
fn a_service_that_never_left_its_steady_state_recovered_from_nothing() {
    let steady = golden().edited(|kind| {
        if let EventKind::SteadyEvaluated(evaluated) = kind {
            evaluated.holds = evaluated.holds.map(|_| true);
        }
    });
    let measurement = steady.measured();
    let trial = &measurement.trials[0];
    assert_eq!(measurement.verdict, Verdict::Passed, "{}", measurement.summary);
    assert_eq!(
        (trial.ttr_ms, trial.self_heal_ms, trial.marks.t8),
        (None, None, None)
    );
    assert_eq!(
        measurement.mttr.sentence(),
        "MTTR (fault effective to steady state) —: the service never left its steady state"
    );
    assert!(
        measurement
            .summary
            .ends_with("the service never left its steady state.")
    );
    let told = trial
        .briefing
        .iter()
        .find(|line| line.key == "mitigation")
        .unwrap();
    assert_eq!(
        told.text,
        "The last fault was gone 60.0 s after the first was ordered; the service never left its steady state."
    );
    let both = measure(&[golden().events(), steady.events()]).unwrap();
    let said = both.mttr.sentence();
    assert!(said.contains("(1 of 1 recovered"), "{said}");
    assert!(said.contains("60.0 s of it the drill's own hold"), "{said}");
}

#[test]
fn a_recovery_sooner_than_the_next_look_is_not_told_to_the_millisecond() {
    let slowly = golden().planned(|plan| plan.probes[0].every_ms = 5_000);
    let measurement = slowly.measured();
    assert!(
        measurement
            .summary
            .ends_with("steady again within one look (5 s) after the fault was gone."),
        "{}",
        measurement.summary
    );
    let often = golden().planned(|plan| plan.probes[0].every_ms = 500);
    assert!(
        often
            .measured()
            .summary
            .ends_with("steady again 992 ms after the fault was gone.")
    );
}
