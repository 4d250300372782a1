//! What is broken, where, and for how long.

use super::*;

#[test]
fn a_target_that_is_not_named_cannot_be_touched() {
    check(
        "on = \"db\"",
        "on = \"dc\"",
        expect![[r#"
            12:29 `dc` is not in [targets], so it cannot be touched | did you mean `db`?
        "#]],
    );
}

#[test]
fn an_entry_has_one_fault_spelled_with_a_dot() {
    check(
        "fault.latency = {",
        "fault.pause = {}, fault.latency = {",
        expect![[r#"
            12:59 one entry has one fault: `pause` and `latency` are two | write an entry for each
        "#]],
    );
    check(
        "fault.latency = { delay = \"200ms\", jitter = \"20ms\" }",
        "fault = \"kill\"",
        expect![[r#"
            12:35 a fault is named with a dot | e.g. `fault.latency = { delay = "200ms" }` or `fault.pause = {}`
        "#]],
    );
    check(
        "fault.latency",
        "fault.latencie",
        expect![[r#"
            12:41 no fault is named `latencie` | did you mean `latency`?
        "#]],
    );
    check(
        ", fault.latency = { delay = \"200ms\", jitter = \"20ms\" }",
        "",
        expect![[r#"
            12:1 the entry has no fault | e.g. `fault.latency = { delay = "200ms" }`
        "#]],
    );
}

#[test]
fn a_fault_fits_its_target() {
    check(
        "fault.latency = { delay = \"200ms\", jitter = \"20ms\" }",
        "fault.pause = {}",
        expect![[r#"
            12:41 `pause` is done to a process, and `db` is a proxy
        "#]],
    );
    check(
        "hold = \"60s\"",
        "hold = \"60s\", stream = \"up\"",
        expect![[r#"
            12:33 no stream is named `up` | known here: `downstream`, `upstream`
        "#]],
    );
}

#[test]
fn a_hold_is_a_span_or_until_a_person_says_so() {
    let text = GOOD.replace("hold = \"60s\"", "hold = \"until mitigated\"");
    let plan = load(&text, &Given::default()).unwrap_or_else(|p| panic!("{}", Problem::draw_all(&p)));
    let entry = &plan.timeline[0];
    assert!(entry.until_mitigated && plan.record().timeline[0].until_mitigated);
    assert_eq!(
        (entry.hold, plan.timeline_length()),
        (plan.guard.max_duration, Duration::ZERO)
    );
    check(
        "hold = \"60s\"",
        "hold = \"until friday\"",
        expect![[r#"
        12:17 `until friday` is not a length of time such as "200ms", "5s" or "1h30m" (at most 400 days), or `until mitigated`
    "#]],
    );
}

#[test]
fn settings_of_a_fault_are_checked_at_their_place() {
    check(
        "delay = \"200ms\", jitter",
        "delay = 200, jitter",
        expect![[r#"
            12:61 this must be a length of time such as "200ms", "5s" or "1h30m" (at most 400 days), not a number
        "#]],
    );
    check(
        "jitter = \"20ms\"",
        "jiter = \"20ms\"",
        expect![[r#"
            12:70 unknown key `jiter` | did you mean `jitter`?
        "#]],
    );
}

#[test]
fn a_drill_breaks_something() {
    check(
        "slow = { hold = \"60s\", on = \"db\", fault.latency = { delay = \"200ms\", jitter = \"20ms\" } }\n",
        "",
        expect![[r#"
            11:2 the timeline has no fault | e.g. `slow = { hold = "60s", on = "db", fault.latency = { delay = "200ms" } }`
        "#]],
    );
}

#[test]
fn what_a_fault_does_meanwhile_is_a_share_a_share_and_a_time() {
    let told = r#"notified = "30s", during = { bad = "10%", traffic = "150%", lag = "600ms" } }"#;
    let plan = load(&GOOD.replace(r#"notified = "30s" }"#, told), &Given::default()).unwrap();
    let during = plan.expect[0].during;
    assert_eq!((during.bad, during.traffic), (Some(0.1), Some(1.5)));
    assert_eq!(during.lag, Some(Duration::from_millis(600)));
    check(
        r#"notified = "30s" }"#,
        r#"notified = "30s", during = { bad = "110%", traffic = "half", lag = 3, what = 1 } }"#,
        expect![[r#"
            14:61 `110%` is not a percentage such as "99.9%"
            14:79 `half` is no share: write `50%`, or `150%` for more than before
            14:93 this must be a length of time such as "200ms", "5s" or "1h30m" (at most 400 days), not a number
            14:96 [expect.Slow.during]: unknown key `what` | known here: `bad`, `lag`, `traffic`
        "#]],
    );
}
