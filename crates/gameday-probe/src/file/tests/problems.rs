//! What is said of names, numbers and keys that are wrong.

use super::*;

#[test]
fn a_variable_may_stand_for_a_unit_and_an_override_takes_its_place() {
    let text =
        "timeout = \"{{limit}}\"\n[vars]\nlimit = \"3s\"\n[[step]]\nname = \"s\"\nget = \"http://a.test/\"\n";
    assert_eq!(load(text, &[]).unwrap().timeout.as_secs(), 3);
    assert_eq!(load(text, &[("limit", "4s")]).unwrap().timeout.as_secs(), 4);
    let problems = load(text, &[("limit", "soon")]).unwrap_err();
    expect![[r#"
        error: `soon` is not a length of time such as "200ms", "5s" or "1h30m" (at most 400 days)
          --> probes/p.toml:1:11
          1 | timeout = "{{limit}}"
            |           ^^^^^^^^^^^
    "#]]
    .assert_eq(&Problem::draw_all(&problems));
}

#[test]
fn an_overrides_value_is_never_read_as_a_template() {
    let text = "[vars]\nwho = \"x\"\n[[step]]\nname = \"s\"\nget = \"http://a.test/\"\nheaders = { X = \"{{who}}\" }\n";
    let plan = load(text, &[("who", "{{secret.password}}")]).unwrap();
    let Kind::Flow(flow) = &plan.kind else {
        panic!("no flow")
    };
    assert_eq!(flow.steps[0].headers[0].1.text(), Some("{{secret.password}}"));
}

#[test]
fn unknown_keys_and_missing_ones_are_told_together() {
    check(
        "evry = \"1s\"\nslo = { sucess = \"99%\" }\n[check.dns]\nname = \"x\"\n[[step]]\nnam = \"a\"\ngit = \"http://a/\"\n",
        expect![[r#"
            error: unknown key `evry`
              --> probes/p.toml:1:1
              1 | evry = "1s"
                | ^^^^
            hint: did you mean `every`?

            error: `slo` promises nothing: give it `success` or `p95`
              --> probes/p.toml:2:1
              2 | slo = { sucess = "99%" }
                | ^^^

            error: [slo]: unknown key `sucess`
              --> probes/p.toml:2:9
              2 | slo = { sucess = "99%" }
                |         ^^^^^^
            hint: did you mean `success`?

            error: step 1: the key `name` is missing
              --> probes/p.toml:5:1
              5 | [[step]]
                | ^^^^^^^^

            error: step 1 makes no request
              --> probes/p.toml:5:1
              5 | [[step]]
                | ^^^^^^^^
            hint: give it one of `get`, `post`, `put`, `patch`, `delete`, `head`, `options`

            error: step 1: unknown key `nam`
              --> probes/p.toml:6:1
              6 | nam = "a"
                | ^^^
            hint: did you mean `name`?

            error: step 1: unknown key `git`
              --> probes/p.toml:7:1
              7 | git = "http://a/"
                | ^^^
            hint: did you mean `get`?
        "#]],
    );
}

#[test]
fn numbers_are_checked() {
    check(
        "every = \"0s\"\ntimeout = \"11m\"\nslo = { success = \"200%\", p95 = \"1h\", window = 3 }\n[[step]]\nname = \"s\"\nget = \"http://a/\"\nslo = \"2h\"\n",
        expect![[r#"
            error: `every` is at least 10ms
              --> probes/p.toml:1:9
              1 | every = "0s"
                |         ^^^^

            error: `timeout` is at most 10m
              --> probes/p.toml:2:11
              2 | timeout = "11m"
                |           ^^^^^

            error: `200%` is not a percentage such as "99.9%"
              --> probes/p.toml:3:19
              3 | slo = { success = "200%", p95 = "1h", window = 3 }
                |                   ^^^^^^

            error: `p95` of 1h is longer than the probe's `timeout` of 11m
              --> probes/p.toml:3:33
              3 | slo = { success = "200%", p95 = "1h", window = 3 }
                |                                 ^^^^
            hint: the run is over by then

            error: this must be text in quotes, not a number
              --> probes/p.toml:3:48
              3 | slo = { success = "200%", p95 = "1h", window = 3 }
                |                                                ^

            error: `slo` of 2h is longer than the probe's `timeout` of 11m
              --> probes/p.toml:7:7
              7 | slo = "2h"
                |       ^^^^
            hint: the run is over by then
        "#]],
    );
    check(
        "slo = { window = \"30d\" }\n[[step]]\nname = \"s\"\nget = \"http://a/\"\n",
        expect![[r#"
            error: `slo` promises nothing: give it `success` or `p95`
              --> probes/p.toml:1:1
              1 | slo = { window = "30d" }
                | ^^^
        "#]],
    );
}

#[test]
fn names_are_checked() {
    check_step(
        "headers = { A = \"{{tokn}}\", B = \"{{x\" }\n",
        expect![[r#"
        error: no variable is named `tokn`
          --> probes/p.toml:4:17
          4 | headers = { A = "{{tokn}}", B = "{{x" }
            |                 ^^^^^^^^^^
        hint: known here: `uuid`

        error: `{{` without `}}`
          --> probes/p.toml:4:33
          4 | headers = { A = "{{tokn}}", B = "{{x" }
            |                                 ^^^^^
    "#]],
    );
    check(
        "[vars]\nbase = \"http://a\"\ntimeout = \"5s\"\nuuid = \"1\"\n\"a b\" = \"1\"\nboth = \"{{base}}/x\"\n[[step]]\nname = \"s\"\nget = \"{{bse}}/\"\n",
        expect![[r#"
            error: the variable `base` is never used
              --> probes/p.toml:2:1
              2 | base = "http://a"
                | ^^^^

            error: `timeout` is a key of the file, not a variable
              --> probes/p.toml:3:1
              3 | timeout = "5s"
                | ^^^^^^^
            hint: move it above the first `[…]`, or give the variable another name

            error: `uuid` always stands for a new UUID
              --> probes/p.toml:4:1
              4 | uuid = "1"
                | ^^^^

            error: `a b` is not a name: use letters, digits, `_` and `-`, a letter first
              --> probes/p.toml:5:1
              5 | "a b" = "1"
                | ^^^^^

            error: the variable `both` is never used
              --> probes/p.toml:6:1
              6 | both = "{{base}}/x"
                | ^^^^

            error: a variable's value cannot hold `base`
              --> probes/p.toml:6:8
              6 | both = "{{base}}/x"
                |        ^^^^^^^^^^^^
            hint: only `{{uuid}}` and `{{secret.…}}`

            error: no variable is named `bse`
              --> probes/p.toml:9:7
              9 | get = "{{bse}}/"
                |       ^^^^^^^^^^
            hint: did you mean `base`?
        "#]],
    );
    check_step(
        "json = { a = [1, { b = \"{{secret.pasword}}\" }] }\n",
        expect![[r#"
            error: a request of this method has no body: `json` cannot be sent
              --> probes/p.toml:4:1
              4 | json = { a = [1, { b = "{{secret.pasword}}" }] }
                | ^^^^

            error: no secret is named `pasword`
              --> probes/p.toml:4:24
              4 | json = { a = [1, { b = "{{secret.pasword}}" }] }
                |                        ^^^^^^^^^^^^^^^^^^^^
            hint: declare it: `[secrets]` `pasword = { env = "…" }`
        "#]],
    );
    check(
        "timeout = \"{{uuid}}\"\n[secrets]\npassword = { env = \"X\" }\ntoken = { env = \"Y\", enw = 1 }\n[[step]]\nname = \"s\"\npost = \"http://a/\"\njson = { a = 1.5, b = nan, c = \"{{secret.pasword}}\" }\n",
        expect![[r#"
            error: `{{uuid}}` is known only when the probe runs; it cannot stand here
              --> probes/p.toml:1:11
              1 | timeout = "{{uuid}}"
                |           ^^^^^^^^^^

            error: the secret `password` is never used
              --> probes/p.toml:3:1
              3 | password = { env = "X" }
                | ^^^^^^^^

            error: the secret `token` is never used
              --> probes/p.toml:4:1
              4 | token = { env = "Y", enw = 1 }
                | ^^^^^

            error: [secrets.token]: unknown key `enw`
              --> probes/p.toml:4:22
              4 | token = { env = "Y", enw = 1 }
                |                      ^^^
            hint: did you mean `env`?

            error: JSON has no such number
              --> probes/p.toml:8:23
              8 | json = { a = 1.5, b = nan, c = "{{secret.pasword}}" }
                |                       ^^^

            error: no secret is named `pasword`
              --> probes/p.toml:8:32
              8 | json = { a = 1.5, b = nan, c = "{{secret.pasword}}" }
                |                                ^^^^^^^^^^^^^^^^^^^^
            hint: did you mean `password`?
        "#]],
    );
}

#[test]
fn syntax_errors_do_not_make_names_look_unused() {
    check(
        "[vars]\nbase = \"http://a\"\n[[step]]\nname = \"a\"\nget = {{base}}\n",
        expect![[r#"
            error: this must be text in quotes, not a table
              --> probes/p.toml:5:7
              5 | get = {{base}}
                |       ^^^^^^^

            error: missing key for inline table element, expected key
              --> probes/p.toml:5:8
              5 | get = {{base}}
                |        ^
        "#]],
    );
}

#[test]
fn a_file_whose_name_is_no_name_is_refused() {
    let source = Source {
        path: "probes/my probe.toml".into(),
        text: "[[step]]\nname = \"s\"\nget = \"http://a/\"\n".into(),
    };
    let problems = ProbePlan::load(&source, &BTreeMap::new()).unwrap_err();
    expect![[r#"
        error: the file's name: `my probe` is not a name: use 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit
          --> probes/my probe.toml
    "#]].assert_eq(&Problem::draw_all(&problems));
}
