//! Bad scenarios, each with its exact message; the whole table of files stands in `tests/it/bad`.

mod regions;

use super::*;
use expect_test::{Expect, expect};

const PROBE: &str = r#"
every = "1s"
timeout = "2s"
[vars]
base = "http://127.0.0.1:1"
[[step]]
name = "get"
get = "{{base}}/"
expect = ["status == 200"]
"#;

const GOOD: &str = r#"title = "t"
[targets]
db = { proxy = "payments-db", api = "http://127.0.0.1:8474" }
[probes]
checkout = { file = "probe.toml", vars = { base = "http://127.0.0.1:2" } }
[observe]
prometheus = "http://127.0.0.1:9090"
webhook = "http://127.0.0.1:9095/webhook"
[steady]
works = { probe = "checkout", success = "95%", for = "10s" }
[timeline]
slow = { hold = "60s", on = "db", fault.latency = { delay = "200ms", jitter = "20ms" } }
[expect]
Slow = { firing = "25s", notified = "30s" }
[guard]
abort_if = ["checkout < 50% for 15s"]
max_duration = "5m"
lease = "15s"
"#;

fn load(text: &str, given: &Given) -> Result<Plan, Vec<Problem>> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("probe.toml"), PROBE).unwrap();
    let source = Source {
        path: dir.path().join("s.toml"),
        text: text.to_owned(),
    };
    Plan::load(&source, given)
}

/// A message without the folder of this run.
fn told(problem: &Problem) -> String {
    let folder = problem.path().parent().unwrap().display().to_string();
    problem.message().replace(&folder, "DIR")
}

/// Replaces one text of the good file by another and compares what is said of it.
fn check(from: &str, to: &str, expect: Expect) {
    assert!(GOOD.contains(from), "the good file has no {from:?}");
    let told = match load(&GOOD.replacen(from, to, 1), &Given::default()) {
        Ok(plan) => format!("{:#?}", plan.record()),
        Err(problems) => problems
            .iter()
            .map(|p| {
                let hint = p.remedy().map(|hint| format!(" | {hint}")).unwrap_or_default();
                format!(
                    "{}:{} {}{hint}\n",
                    p.line().unwrap_or(0),
                    p.column().unwrap_or(0),
                    told(p)
                )
            })
            .collect(),
    };
    expect.assert_eq(&told);
}

#[test]
fn the_good_file_is_good_and_the_first_fault_is_expected() {
    let plan = load(GOOD, &Given::default()).unwrap_or_else(|p| panic!("{}", Problem::draw_all(&p)));
    assert_eq!(plan.expect[0].of.as_str(), "slow");
    assert_eq!(plan.timeline_length(), Duration::from_secs(60));
    assert_eq!(plan.record().timeline[0].kind, "latency");
}

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
            12:61 invalid type: integer `200`, expected a length of time such as "200ms", "5s" or "1h30m" (at most 400 days)
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
fn variables_are_used_known_and_not_called_like_a_key() {
    check(
        "title = \"t\"\n",
        "title = \"t\"\n[vars]\ndelay = \"1s\"\n",
        expect![[r#"
            3:1 the variable `delay` is never used | write `{{delay}}` where it belongs, or delete it
        "#]],
    );
    check(
        "title = \"t\"\n",
        "title = \"{{who}}\"\n",
        expect![[r#"
            1:9 no variable is named `who`
        "#]],
    );
    check(
        "title = \"t\"\n",
        "title = \"{{guard}}\"\n[vars]\nguard = \"1s\"\n",
        expect![[r#"
            3:1 the variable `guard` has the name of a top-level key | call it something else
        "#]],
    );
    check(
        "http://127.0.0.1:9090",
        "{{lab.prometheus}}",
        expect![[r#"
            7:14 no variable is named `lab.prometheus`
            7:14 `{{lab.prometheus}}` is not a URL | write it with its scheme, such as `http://127.0.0.1:9090`
        "#]],
    );
}

#[test]
fn set_replaces_a_variable_and_refuses_an_unknown_one() {
    let text = GOOD.replacen("title = \"t\"\n", "title = \"{{who}}\"\n[vars]\nwho = \"a\"\n", 1);
    let set = |key: &str| Given {
        set: BTreeMap::from([(key.to_owned(), "b".to_owned())]),
        ..Given::default()
    };
    assert_eq!(load(&text, &set("who")).unwrap().title, "b");
    let problems = load(&text, &set("whom")).unwrap_err();
    assert!(problems[0].message().contains("--set whom"), "{}", problems[0]);
    assert_eq!(problems[0].remedy(), Some("did you mean `who`?"));
}

#[test]
fn addresses_are_urls_and_hold_no_secret() {
    check(
        "http://127.0.0.1:9090",
        "127.0.0.1:9090",
        expect![[r#"
            7:14 `127.0.0.1:9090` is not a URL | write it with its scheme, such as `http://127.0.0.1:9090`
        "#]],
    );
    check(
        "http://127.0.0.1:9090",
        "http://me:secret@127.0.0.1:9090",
        expect![[r#"
            7:14 an address holds no user, password or query
        "#]],
    );
    check(
        "api = \"http://127.0.0.1:8474\"",
        "api = \"http://127.0.0.1:8474\", token = \"secret\"",
        expect![[r#"
            3:70 `token` says where the token of the API is taken from | `{ env = "PROXY_TOKEN" }` or `{ file = "proxy.token" }`
        "#]],
    );
    check(
        "proxy = \"payments-db\", api",
        "api",
        expect![[r#"
            3:1 a target needs `proxy`, `process`, `network`, `cgroup`, `host`, `unit` or `service`: what is it? | e.g. `{ proxy = "payments-db", api = "http://127.0.0.1:8474" }`
            3:8 [targets.db]: unknown key `api` | known here: `cgroup`, `host`, `network`, `process`, `proxy`, `service`, `unit`
        "#]],
    );
    check(
        "vars = { base =",
        "vars = { bsae =",
        expect![[r#"
            5:44 the probe's file has no variable `bsae` | did you mean `base`?
        "#]],
    );
    check(
        "file = \"probe.toml\"",
        "file = \"prob.toml\"",
        expect![[r#"
            5:21 there is no probe file `DIR/prob.toml` | the path is relative to the scenario
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
            14:93 invalid type: integer `3`, expected a length of time such as "200ms", "5s" or "1h30m" (at most 400 days)
            14:96 [expect.Slow.during]: unknown key `what` | known here: `bad`, `lag`, `traffic`
        "#]],
    );
}

#[test]
fn several_alertmanagers_are_a_list() {
    let more = |urls: &str| GOOD.replace("[observe]\n", &format!("[observe]\nalertmanager = {urls}\n"));
    let plan = load(
        &more(r#"["http://127.0.0.1:9093", "http://127.0.0.1:9094"]"#),
        &Given::default(),
    )
    .unwrap();
    assert_eq!(plan.observe.alertmanager.len(), 2);
    let plan = load(&more(r#""http://127.0.0.1:9093""#), &Given::default()).unwrap();
    assert_eq!(plan.observe.alertmanager, ["http://127.0.0.1:9093"]);
    check(
        "[observe]\n",
        "[observe]\nalertmanager = [\"http://127.0.0.1:9093\", \"nowhere\"]\n",
        expect![[r#"
            7:42 `nowhere` is not a URL | write it with its scheme, such as `http://127.0.0.1:9090`
        "#]],
    );
}
