//! What is no file of Hurl, or holds nothing for a probe.

use super::*;

#[test]
fn what_is_no_file_of_hurl_is_told() {
    check_wrong(
        "",
        expect![[r#"
        error: there is no request in it that a probe could make
          --> shop.hurl
    "#]],
    );
    check_wrong(
        "hello\n",
        expect![[r#"
        error: a request begins with a method and a URL, for example `GET https://example.org`
          --> shop.hurl:1:1
          1 | hello
            | ^^^^^
    "#]],
    );
    check_wrong(
        "GET https://a.test/\nHTTP twenty\n",
        expect![[r#"
        error: `twenty` is not a status
          --> shop.hurl:2:1
          2 | HTTP twenty
            | ^^^^^^^^^^^
    "#]],
    );
    check_wrong(
        "GET https://a.test/\n{ \"a\": 1\n",
        expect![[r#"
        error: this JSON has no end
          --> shop.hurl:2:1
          2 | { "a": 1
            | ^^^^^^^^
    "#]],
    );
    check_wrong(
        "GET https://a.test/\n[Asserts]\nstatus == 200\n",
        expect![[r#"
        error: `[Asserts]` stands below a line with `HTTP`
          --> shop.hurl:2:1
          2 | [Asserts]
            | ^^^^^^^^^
    "#]],
    );
    check_wrong(
        "GET https://a.test/\nnot a header\n",
        expect![[r#"
        error: `name: value` is wanted here
          --> shop.hurl:2:1
          2 | not a header
            | ^^^^^^^^^^^^
    "#]],
    );
    check_wrong(
        "PURGE https://a.test/\nHTTP 200\n",
        expect![[r#"
        error: there is no request in it that a probe could make
          --> shop.hurl
    "#]],
    );
}
