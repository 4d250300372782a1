//! Steps: what is said of a bad one.

use expect_test::expect;

use super::{check, check_step};

#[test]
fn a_step_makes_one_request() {
    check(
        "[[step]]\nname = \"a\"\npost = \"http://a/\"\nget = \"http://a/\"\n[[step]]\nname = \"a\"\n",
        expect![[r#"
            error: `post` and `get` are both there: a step makes one request
              --> probes/p.toml:4:1
              4 | get = "http://a/"
                | ^^^

            error: step 2 makes no request
              --> probes/p.toml:5:1
              5 | [[step]]
                | ^^^^^^^^
            hint: give it one of `get`, `post`, `put`, `patch`, `delete`, `head`, `options`

            error: two steps are named `a`
              --> probes/p.toml:6:8
              6 | name = "a"
                |        ^^^
        "#]],
    );
    check(
        "",
        expect![[r#"
        error: a flow needs at least one `[[step]]`; a file of one panel alone begins with `[dns]`, `[tls]` or `[cdn]`
          --> probes/p.toml:1:1
          1 | 
            | ^
    "#]],
    );
}

#[test]
fn bad_urls_are_told_when_they_are_known() {
    check(
        "[vars]\nbase = \"127.0.0.1:8080\"\n[[step]]\nname = \"a\"\nget = \"{{base}}/x\"\n[[step]]\nname = \"b\"\nget = \"ftp://a/{{uuid}}\"\n[[step]]\nname = \"c\"\nget = \"http://u:p@a/\"\n",
        expect![[r#"
            error: a URL begins with `http://` or `https://`
              --> probes/p.toml:5:7
              5 | get = "{{base}}/x"
                |       ^^^^^^^^^^^^
            hint: it reads `127.0.0.1:8080/x`

            error: a URL begins with `http://` or `https://`
              --> probes/p.toml:8:7
              8 | get = "ftp://a/{{uuid}}"
                |       ^^^^^^^^^^^^^^^^^^

            error: a URL with a user in it: send an `Authorization` header instead
              --> probes/p.toml:11:7
              11 | get = "http://u:p@a/"
                 |       ^^^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn a_saved_name_is_known_from_the_next_step_on() {
    check(
        r#"[vars]
base = "http://a"
[[step]]
name = "one"
get = "{{base}}/{{id}}"
save = { id = { json = "$.id" }, base = { json = "$.b" } }
[[step]]
name = "two"
get = "{{base}}/{{id}}"
save = { id = { header = "X Y" }, x = { json = "token", header = "A" }, y = { jsn = "$.a" }, z = {} }
"#,
        expect![[r#"
            error: `id` is used before it is saved
              --> probes/p.toml:5:7
              5 | get = "{{base}}/{{id}}"
                |       ^^^^^^^^^^^^^^^^^
            hint: an earlier step must `save` it

            error: `base` cannot be saved here: it is a variable
              --> probes/p.toml:6:34
              6 | save = { id = { json = "$.id" }, base = { json = "$.b" } }
                |                                  ^^^^

            error: `id` cannot be saved here: step `one` saves it already
              --> probes/p.toml:10:10
              10 | save = { id = { header = "X Y" }, x = { json = "token", header = "A" }, y = { jsn = "$.a" }, z = {} }
                 |          ^^

            error: `Y` is not a filter
              --> probes/p.toml:10:26
              10 | save = { id = { header = "X Y" }, x = { json = "token", header = "A" }, y = { jsn = "$.a" }, z = {} }
                 |                          ^^^^^
            hint: known here: `count`, `first`, `last`, `toInt`, `toFloat`, `toString`, `trim`, `lower`, `upper`, `base64Decode`, `base64Encode`, `base64UrlSafeDecode`, `base64UrlSafeEncode`, `urlDecode`, `urlEncode`, `daysAfterNow`, `daysBeforeNow`, `nth`, `split`, `replace`, `replaceRegex`, `regex`, `json`, `urlQueryParam`

            error: `json` and `header` are both there: a value comes from one place
              --> probes/p.toml:10:35
              10 | save = { id = { header = "X Y" }, x = { json = "token", header = "A" }, y = { jsn = "$.a" }, z = {} }
                 |                                   ^

            error: [step 2 save.y]: unknown key `jsn`
              --> probes/p.toml:10:79
              10 | save = { id = { header = "X Y" }, x = { json = "token", header = "A" }, y = { jsn = "$.a" }, z = {} }
                 |                                                                               ^^^
            hint: did you mean `json`?

            error: nothing says where `z` comes from
              --> probes/p.toml:10:94
              10 | save = { id = { header = "X Y" }, x = { json = "token", header = "A" }, y = { jsn = "$.a" }, z = {} }
                 |                                                                                              ^
            hint: `{ json = "$.path" }` or `{ header = "Name" }`
        "#]],
    );
}

#[test]
fn assertions_are_checked_under_their_own_text() {
    check_step(
        "expect = [\"status == 200\", \"staus == 200\",\n  \"json $.id matches /(/\", \"json $.id == \\\"{{nobody}}\\\"\"]\n",
        expect![[r#"
            error: `staus` is not something to look at
              --> probes/p.toml:4:28
              4 | expect = ["status == 200", "staus == 200",
                |                            ^^^^^^^^^^^^^^
            hint: did you mean `status`?

            error: `/(/` is not a pattern: unclosed group
              --> probes/p.toml:5:3
              5 |   "json $.id matches /(/", "json $.id == \"{{nobody}}\""]
                |   ^^^^^^^^^^^^^^^^^^^^^^^

            error: no variable is named `nobody`
              --> probes/p.toml:5:28
              5 |   "json $.id matches /(/", "json $.id == \"{{nobody}}\""]
                |                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            hint: known here: `uuid`
        "#]],
    );
}

#[test]
fn a_poll_ends_within_the_probes_time() {
    check_step(
        "poll = { until = \"status == 200\", every = \"20s\", within = \"15s\" }\n",
        expect![[r#"
            error: `every` is longer than `within`: it would ask only once
              --> probes/p.toml:4:43
              4 | poll = { until = "status == 200", every = "20s", within = "15s" }
                |                                           ^^^^^

            error: `within` of 15s is longer than the probe's `timeout` of 10s
              --> probes/p.toml:4:59
              4 | poll = { until = "status == 200", every = "20s", within = "15s" }
                |                                                           ^^^^^
            hint: the run is over by then
        "#]],
    );
    check_step(
        "poll = { untl = \"status == 200\", every = \"1ms\" }\n",
        expect![[r#"
            error: [step 1 poll]: the key `until` is missing
              --> probes/p.toml:4:1
              4 | poll = { untl = "status == 200", every = "1ms" }
                | ^^^^

            error: [step 1 poll]: the key `within` is missing
              --> probes/p.toml:4:1
              4 | poll = { untl = "status == 200", every = "1ms" }
                | ^^^^

            error: [step 1 poll]: unknown key `untl`
              --> probes/p.toml:4:10
              4 | poll = { untl = "status == 200", every = "1ms" }
                |          ^^^^
            hint: did you mean `until`?

            error: `every` is at least 10ms
              --> probes/p.toml:4:42
              4 | poll = { untl = "status == 200", every = "1ms" }
                |                                          ^^^^^
        "#]],
    );
}

#[test]
fn what_is_sent_must_be_sendable() {
    check_step(
        "headers = { \"a b\" = \"x\", Content-Length = \"3\", X = \"two\\nlines\" }\njson = {}\n",
        expect![[r#"
            error: `a b` is not the name of a header
              --> probes/p.toml:4:13
              4 | headers = { "a b" = "x", Content-Length = "3", X = "two\nlines" }
                |             ^^^^^

            error: `content-length` is set by the probe itself
              --> probes/p.toml:4:26
              4 | headers = { "a b" = "x", Content-Length = "3", X = "two\nlines" }
                |                          ^^^^^^^^^^^^^^

            error: a header's value is one line of printable characters
              --> probes/p.toml:4:52
              4 | headers = { "a b" = "x", Content-Length = "3", X = "two\nlines" }
                |                                                    ^^^^^^^^^^^^

            error: a request of this method has no body: `json` cannot be sent
              --> probes/p.toml:5:1
              5 | json = {}
                | ^^^^
        "#]],
    );
}

#[test]
fn steps_that_tidy_up_stand_last_and_not_alone() {
    check(
        "[[step]]\nname = \"a\"\nget = \"http://a/\"\nalways = true\n[[step]]\nname = \"b\"\nget = \"http://a/\"\n",
        expect![[r#"
            error: step `b` stands after `a`, which runs `always`
              --> probes/p.toml:5:1
              5 | [[step]]
                | ^^^^^^^^
            hint: steps that tidy up stand last
        "#]],
    );
    check_step(
        "always = true\n",
        expect![[r#"
        error: every step runs `always`: none can say up or down
          --> probes/p.toml:1:1
          1 | [[step]]
            | ^^^^^^^^
    "#]],
    );
}
