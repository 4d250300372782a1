//! Who is asked for alerts.

use super::*;

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
