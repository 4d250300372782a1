//! The file as a whole: keys, kinds of values, YAML itself.

use expect_test::expect;

use super::{check, load};

#[test]
fn unknown_keys_are_told_at_every_level_and_all_at_once() {
    check(
        "modles: {}\nmodules:\n  m:\n    prober: htpp\n    timeout: 5 s\n    http:\n      methd: GET\n      tls_config: {ca: x, insecure: true}\n",
        expect![[r#"
            error: unknown key `modles` in `the file`
              --> blackbox.yml:1:1
              1 | modles: {}
                | ^^^^^^
            hint: did you mean `modules`?

            error: prober 'htpp' is not valid
              --> blackbox.yml:4:13
              4 |     prober: htpp
                |             ^^^^
            hint: did you mean `http`?

            error: `timeout` is a length of time such as `5s`, `1m30s` or `500ms`, not `5 s`
              --> blackbox.yml:5:14
              5 |     timeout: 5 s
                |              ^^^

            error: unknown key `methd` in `http`
              --> blackbox.yml:7:7
              7 |       methd: GET
                |       ^^^^^
            hint: did you mean `method`?

            error: unknown key `insecure` in `tls_config`
              --> blackbox.yml:8:27
              8 |       tls_config: {ca: x, insecure: true}
                |                           ^^^^^^^^
            hint: known here: `ca`, `cert`, `key`, `ca_file`, `cert_file`, `key_file`, `server_name`, `insecure_skip_verify`, `min_version`, `max_version`
        "#]],
    );
}

#[test]
fn what_is_no_yaml_is_told_where_it_stands() {
    check(
        "",
        expect![[r#"
        error: the file is empty
          --> blackbox.yml:1:1
          1 | 
            | ^
    "#]],
    );
    check(
        "modules:\n  m:\n   prober: http\n  - x\n",
        expect![[r#"
        error: this is not YAML: while parsing a block mapping, did not find expected key
          --> blackbox.yml:4:5
          4 |   - x
            |     ^
    "#]],
    );
    check(
        "modules:\n  m: {prober: http}\n  m: {prober: tcp}\n",
        expect![[r#"
        error: the key `m` stands here twice (first in line 2)
          --> blackbox.yml:3:3
          3 |   m: {prober: tcp}
            |   ^
    "#]],
    );
    check(
        "modules: [http]\n",
        expect![[r#"
        error: `modules` takes a mapping of names, not a list
          --> blackbox.yml:1:10
          1 | modules: [http]
            |          ^^^^^^
    "#]],
    );
    check(
        "modules:\n  m: { <<: 5, prober: http }\n",
        expect![[r#"
        error: `<<` takes a mapping, or a list of mappings
          --> blackbox.yml:2:12
          2 |   m: { <<: 5, prober: http }
            |            ^
    "#]],
    );
    check(
        "modules:\n  m:\n    prober: http\n    http:\n      valid_status_codes: 200\n      fail_if_ssl: maybe\n      method: [GET]\n",
        expect![[r#"
        error: `valid_status_codes` takes a list, not a single value
          --> blackbox.yml:5:27
          5 |       valid_status_codes: 200
            |                           ^^^
        hint: write `- ` before each of its values

        error: `fail_if_ssl` is `true` or `false`, not `maybe`
          --> blackbox.yml:6:20
          6 |       fail_if_ssl: maybe
            |                    ^^^^^

        error: `method` takes a single value, not a list
          --> blackbox.yml:7:15
          7 |       method: [GET]
            |               ^^^^^
    "#]],
    );
    check(
        &"[".repeat(40),
        expect![[r#"
        error: nested deeper than 32 levels
          --> blackbox.yml:1:33
          1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
            |                                 ^
    "#]],
    );
}

#[test]
fn aliases_cannot_make_a_file_grow_without_end() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let last = level - 1;
        let ten = vec![format!("*a{last}"); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{ten}]\n"));
    }
    let told = load(&text).unwrap_err();
    assert!(
        told.contains("with its aliases the file has over 100000 values"),
        "{told}"
    );
}

#[test]
fn a_module_must_say_how_it_looks() {
    check(
        "modules:\n  m:\n    timeout: 5s\n",
        expect![[r#"
        error: the key `prober` is missing: it says how this module looks
          --> blackbox.yml:2:3
          2 |   m:
            |   ^
        hint: known here: `http`, `tcp`, `icmp`, `dns`, `grpc`, `unix`, `websocket`
    "#]],
    );
    check(
        "modules:\n  m:\n",
        expect![[r#"
        error: the key `prober` is missing: it says how this module looks
          --> blackbox.yml:2:3
          2 |   m:
            |   ^
        hint: known here: `http`, `tcp`, `icmp`, `dns`, `grpc`, `unix`, `websocket`
    "#]],
    );
}
