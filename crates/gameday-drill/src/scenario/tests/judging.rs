//! What a drill is judged by: steady states, guards, expectations.

use super::*;

#[test]
fn a_steady_state_has_one_limit_on_one_thing() {
    check(
        "success = \"95%\"",
        "success = \"95%\", p95 = \"1s\"",
        expect![[r#"
            10:31 one steady state has one limit: `p95` or `success`, not both
        "#]],
    );
    check(
        "success = \"95%\", ",
        "",
        expect![[r#"
            10:1 a steady state needs a limit | `p95 = "250ms"` or `success = "95%"`
        "#]],
    );
    check(
        "probe = \"checkout\", success",
        "probe = \"chekout\", success",
        expect![[r#"
            10:19 no probe is named `chekout` | did you mean `checkout`?
        "#]],
    );
    check(
        "probe = \"checkout\", success",
        "promql = \"x\", probe = \"checkout\", success",
        expect![[r#"
            10:11 a steady state looks at a `probe` or at a `promql` query, not at both
        "#]],
    );
}

#[test]
fn abort_conditions_have_one_form() {
    check(
        "checkout < 50% for 15s",
        "checkout drops",
        expect![[r#"
            16:13 not an abort condition | write it as `<probe> < <share> for <span>`, e.g. `checkout < 50% for 15s`
        "#]],
    );
    check(
        "checkout < 50% for 15s",
        "checkout < 50 for 15s",
        expect![[r#"
            16:13 `50` is not a percentage such as "99.9%"
        "#]],
    );
    check(
        "[guard]\n",
        "[gaurd]\n",
        expect![[r#"
            1:1 the table [guard] is missing | a drill needs `max_duration` and `lease`: what ends it when nobody does
            15:2 unknown key `gaurd` | did you mean `guard`?
        "#]],
    );
    check(
        "lease = \"15s\"",
        "lease = \"1s\"",
        expect![[r#"
            18:9 `lease` must be between 3s and 1h
        "#]],
    );
    check(
        "max_duration = \"5m\"",
        "max_duration = \"1m\"",
        expect![[r#"
            15:2 the drill may need longer than its max_duration of 1m: steady state, timeline and recovery take up to 70s | raise [guard] max_duration
        "#]],
    );
}

#[test]
fn expectations_name_a_limit_and_a_fault() {
    check(
        "firing = \"25s\", notified = \"30s\"",
        "",
        expect![[r#"
            14:1 an expectation needs a limit | `firing`, `notified` or `resolved`, e.g. `notified = "30s"`; or `never = true`
        "#]],
    );
    check(
        "firing = \"25s\"",
        "of = \"slwo\", firing = \"25s\"",
        expect![[r#"
            14:15 no fault is named `slwo` | did you mean `slow`?
        "#]],
    );
    check(
        "notified = \"30s\"",
        "notified = \"3s\"",
        expect![[r#"
            14:37 `notified` is sooner than `firing`: an alert fires before anybody is told
        "#]],
    );
}

#[test]
fn what_only_a_notification_tells_needs_our_webhook() {
    check(
        "webhook = \"http://127.0.0.1:9095/webhook\"\n",
        "",
        expect![[r#"
        13:37 `notified` can only be known with `webhook` in [observe], or as an interval with `alertmanager` | without it, `firing` can be expected
    "#]],
    );
}
