//! Which rules are proved: the rules of now beside the journals of then.

use std::collections::BTreeMap;
use std::time::Duration;

use expect_test::{Expect, expect};
use gameday_core::{EventKind, RuleSeen};
use gameday_report::{Asked, Coverage, Moment, Proof, RouteSeen, State, coverage, proofs};

use crate::fixture::{ALERT, golden, labels};
use crate::script::{Script, wall};

const HOUR_MS: f64 = 3_600_000.0;

/// The golden drill's own rule.
fn rule() -> RuleSeen {
    let events = golden().events();
    let mut rules = events.into_iter().filter_map(|event| match event.kind {
        EventKind::RuleSeen(rule) => Some(rule),
        _ => None,
    });
    rules.next().unwrap()
}

fn other(name: &str) -> RuleSeen {
    RuleSeen {
        alert: name.into(),
        ..rule()
    }
}

/// What a drill says that was held that long after the golden one.
fn after(script: &Script, hours: f64) -> Vec<Proof> {
    let mut proofs = proofs(&script.events()).unwrap();
    for proof in &mut proofs {
        proof.at = Moment::new(wall(hours * HOUR_MS));
        proof.drill = format!("db-latency-{hours}h-later");
    }
    proofs
}

/// A drill whose alert never came.
fn missed() -> Script {
    golden().without(|kind| {
        matches!(kind, EventKind::AlertSeen(_) | EventKind::Notified(_))
            || matches!(kind, EventKind::RawSamples { selector, .. } if selector.starts_with("ALERTS"))
    })
}

fn covered(rules: &[RuleSeen], drills: &[Vec<Proof>], max_age: Option<Duration>) -> Coverage {
    let asked = Asked {
        rules,
        routes: &[],
        proofs: &drills.concat(),
        now: wall(50.0 * HOUR_MS),
        max_age,
    };
    coverage(&asked, &|_| Vec::new())
}

#[track_caller]
fn check(rules: &[RuleSeen], drills: &[Vec<Proof>], wanted: &Expect) {
    wanted.assert_eq(&covered(rules, drills, None).text());
}

#[test]
fn each_rule_has_the_last_drill_that_proved_it_or_none() {
    let (one, later) = (after(&golden(), 0.0), after(&golden(), 2.0));
    check(
        &[rule(), other("PaymentsErrorsHigh")],
        &[later, one],
        &expect![[r#"
            ALERT                       GROUP     STATE         LAST DRILL           AGO     TTN
            PaymentsLatencyHigh (page)  payments  proved        db-latency-2h-later  2 d  13.2 s
            PaymentsErrorsHigh (page)   payments  never proved  -                      -       -

            1 of 2 alert rules are proved (50.0 %); 1 never proved"#]],
    );
}

#[test]
fn a_later_failure_outweighs_an_earlier_proof_and_both_are_told() {
    check(
        &[rule()],
        &[after(&golden(), 0.0), after(&missed(), 3.0)],
        &expect![[r#"
            ALERT                       GROUP     STATE   LAST DRILL            AGO  TTN
            PaymentsLatencyHigh (page)  payments  failed  db-latency-3h-later  47 h    -
              PaymentsLatencyHigh (page): not firing within 25 s; it was not seen pending or firing after the fault took effect
              PaymentsLatencyHigh (page): proved before by db-latency-0h-later (TTN 13.2 s)

            0 of 1 alert rules are proved (0.0 %); 1 failed"#]],
    );
}

#[test]
fn a_rule_that_was_changed_since_is_proved_no_more() {
    let changed = RuleSeen {
        for_ms: 60_000,
        query: "up == 0".into(),
        ..rule()
    };
    let found = covered(&[changed], &[after(&golden(), 0.0)], None);
    assert_eq!(found.alerts[0].state, State::ProvedBeforeChange);
    assert_eq!(
        found.alerts[0].why.as_deref(),
        Some("its query, its `for` (5 s then, 1 min now) changed since")
    );
    assert_eq!((found.proved, found.share), (0, Some(0.0)));
}

#[test]
fn a_rule_that_was_moved_to_another_file_is_still_itself() {
    let moved = RuleSeen {
        group: "new".into(),
        file: "/elsewhere.yml".into(),
        ..rule()
    };
    assert_eq!(
        covered(&[moved], &[after(&golden(), 0.0)], None).alerts[0].state,
        State::Proved
    );
}

#[test]
fn of_two_rules_of_one_name_only_the_one_whose_labels_came_is_proved() {
    let ticket = RuleSeen {
        labels: labels(&[("severity", "ticket"), ("service", "payments")]),
        ..rule()
    };
    let found = covered(&[ticket, rule()], &[after(&golden(), 0.0)], None);
    let states: Vec<State> = found.alerts.iter().map(|alert| alert.state).collect();
    assert_eq!(states, [State::Never, State::Proved]);
}

#[test]
fn a_proof_that_is_too_old_is_stale() {
    let age = |hours: u64| Some(Duration::from_secs(hours * 3600));
    let state = |hours| covered(&[rule()], &[after(&golden(), 0.0)], age(hours)).alerts[0].state;
    assert_eq!((state(49), state(51)), (State::Stale, State::Proved));
}

#[test]
fn a_drill_that_touched_nothing_proves_nothing_and_is_named() {
    let script = golden().edited(|kind| {
        if let EventKind::FaultTouched {
            touched,
            first_touched,
            ..
        } = kind
        {
            (*touched, *first_touched) = (0, None);
        }
    });
    let found = covered(&[rule()], &[after(&script, 1.0)], None);
    assert_eq!(found.alerts[0].state, State::Never);
    let why = found.alerts[0].why.as_deref().unwrap();
    assert!(why.starts_with("db-latency-1h-later could not tell: "), "{why}");
}

#[test]
fn a_journal_without_rules_leaves_it_open_whether_the_rule_was_changed() {
    let script = golden()
        .without(|kind| matches!(kind, EventKind::RuleSeen(_)))
        .planned(|plan| plan.observe.prometheus = None);
    let found = covered(&[rule()], &[after(&script, 1.0)], None);
    assert_eq!(found.alerts[0].state, State::Proved, "{:?}", found.alerts[0].why);
    assert!(found.alerts[0].why.as_deref().unwrap().contains("nobody can say"));
}

#[test]
fn a_route_is_proved_by_a_notification_that_came_by_it() {
    let route = |path: &str, receiver: &str| RouteSeen {
        path: path.into(),
        receiver: receiver.into(),
    };
    let asked = Asked {
        rules: &[rule()],
        routes: &[
            route("", "default"),
            route("severity=\"page\"", "oncall"),
            route("severity=\"page\"", "audit"),
        ],
        proofs: &after(&golden(), 0.0),
        now: wall(HOUR_MS),
        max_age: None,
    };
    let stops = |labels: &BTreeMap<String, String>| match labels.get("severity").map(String::as_str) {
        Some("page") => vec![1, 2],
        _ => vec![0],
    };
    let found = coverage(&asked, &stops);
    let states: Vec<(State, &[String])> = found
        .routes
        .iter()
        .map(|route| (route.state, route.alerts.as_slice()))
        .collect();
    let ours = [ALERT.to_owned()];
    assert_eq!(
        states,
        [
            (State::Never, [].as_slice()),
            (State::Proved, &ours),
            (State::Never, &ours)
        ],
        "nobody of ours heard what `audit` was told"
    );
    expect![[r###"
        ## Alert coverage

        1 of 1 alert rules are proved (100.0 %)

        | alert | group | state | last drill | ago | TTN |
        | --- | --- | --- | --- | ---: | ---: |
        | PaymentsLatencyHigh (page) | payments | proved | db-latency-0h-later | 60 min | 13.2 s |

        ### Routes

        | route | receiver | state | last drill | ago | rules |
        | --- | --- | --- | --- | ---: | --- |
        | (root) | default | never proved | - | - |  |
        | severity="page" | oncall | proved | db-latency-0h-later | 60 min | PaymentsLatencyHigh |
        | severity="page" | audit | never proved | - | - | PaymentsLatencyHigh |
    "###]]
    .assert_eq(&found.markdown());
}
