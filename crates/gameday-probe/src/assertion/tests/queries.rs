//! What of an answer can be asked for: its status, its headers, its body.

use super::*;

#[test]
fn a_status_is_compared() {
    check("status == 201", expect!["holds"]);
    check("status in [200, 201]", expect!["holds"]);
    check("status in 200..299", expect!["holds"]);
    check("status in 201..201", expect!["holds"]);
    check("status not in 400 .. 599", expect!["holds"]);
    check("status in 202..299", expect!["found 201"]);
    check("json $.rate in 0.5..1", expect!["holds"]);
    check("duration in 1ms..1s", expect!["holds"]);
    check("bytes in 1..1KiB", expect!["holds"]);
    check(
        "status in 299..200",
        expect!["error: nothing is in `299..200`: it begins with the larger one"],
    );
    check(
        "status in 200..",
        expect![[r#"
            error: `` is no end of a range here
            hint: for example `status in 200..299`; a list stands in brackets"#]],
    );
    check(
        "header Via in 1..2",
        expect![[r#"
            error: `1` is no end of a range here
            hint: for example `status in 200..299`; a list stands in brackets"#]],
    );
    check("status == 200", expect!["found 201"]);
    check("  status   in [200]  ", expect!["found 201"]);
}

#[test]
fn json_values_are_compared_with_their_types() {
    check("json $.id == \"pay_1\"", expect!["holds"]);
    check("json $.amount == 100", expect!["holds"]);
    check("json $.amount == 100.0", expect!["holds"]);
    check("json $.rate == 1", expect!["holds"]);
    check("json $.amount == \"100\"", expect!["found 100"]);
    check("json $.paid == true", expect!["holds"]);
    check("json $.error == null", expect!["holds"]);
    check("json $.nowhere == null", expect!["found nothing there"]);
    check("json $.id in [\"pay_0\", \"pay_1\"]", expect!["holds"]);
    check("json $.id contains \"y_\"", expect!["holds"]);
    check("json $.id matches /^pay_\\d+$/", expect!["holds"]);
    check("json $.id matches /^ref_/", expect![[r#"found "pay_1""#]]);
    check("json $.id isString", expect!["holds"]);
    check("json $.amount isString", expect!["found 100"]);
}

#[test]
fn a_path_may_hold_spaces_and_filters_and_must_find_one_value() {
    check("json $['a b'] == \"x\"", expect!["holds"]);
    check("json $.items[?@.k == 2].v == \"two\"", expect!["holds"]);
    check(
        "json $.items[*].v == \"two\"",
        expect!["found 2 values there instead of one"],
    );
}

#[test]
fn a_header_of_several_lines_matches_by_one_of_them_or_as_a_whole() {
    check("header Via matches /^b$/", expect!["holds"]);
    check("header Via matches /^a, b$/", expect!["holds"]);
    check("header Via not matches /^b$/", expect![[r#"found "a, b""#]]);
    check("header Via not matches /^c$/", expect!["holds"]);
}

#[test]
fn a_header_is_found_whatever_its_case() {
    check("header Content-Type contains \"json\"", expect!["holds"]);
    check("header VIA == \"a, b\"", expect!["holds"]);
    check("header X-Request-Id matches /./", expect!["found no such header"]);
}

#[test]
fn every_query_of_an_answer_is_there() {
    check("version == 1.1", expect!["holds"]);
    check("url == \"http://shop.test/pay?x=1\"", expect!["holds"]);
    check("ip == \"127.0.0.1\"", expect!["holds"]);
    check("redirects == 0", expect!["holds"]);
    check("bytes > 10", expect!["holds"]);
    check("bytes < 1KiB", expect!["holds"]);
    check("body contains \"pay_1\"", expect!["holds"]);
    check("regex /\"id\": \"(\\w+)\"/ == \"pay_1\"", expect!["holds"]);
    check(
        "regex /nowhere/ exists",
        expect!["found nothing there that matches"],
    );
    check("cookie session == \"s3\"", expect!["holds"]);
    check("cookie session == \"other\"", expect![[r#"found "***""#]]);
    check("cookie session[Max-Age] >= 60", expect!["holds"]);
    check("cookie session[HttpOnly] exists", expect!["holds"]);
    check(
        "cookie session[Secure] exists",
        expect!["found the cookie has no `Secure`"],
    );
    check("cookie lang exists", expect!["found no such cookie"]);
    check("duration < 5ms", expect!["holds"]);
    check("duration < \"1ms\"", expect!["found 4.5ms"]);
    check("phase.wait >= 3ms", expect!["holds"]);
    check("phase.tls == 0s", expect!["holds"]);
}

#[test]
fn a_path_that_may_find_several_values_finds_a_list_however_many_there_are() {
    check("json $.items[?@.k == 1].v count == 1", expect!["holds"]);
    check("json $.items[?@.k == 1].v == \"one\"", expect!["holds"]);
    check("json $.items[?@.k == 1].v contains \"on\"", expect!["holds"]);
    check("json $.items[?@.k == 1].v upper == \"ONE\"", expect!["holds"]);
    check("json $.items[?@.k == 9].v isEmpty", expect!["holds"]);
    check("json $.items[?@.k == 9].v not exists", expect!["holds"]);
    check("json $.items[?@.k == 9].v not contains \"x\"", expect!["holds"]);
    check(
        "json $.items[?@.k == 9].v == \"one\"",
        expect!["found nothing there"],
    );
    check(
        "json $.items[?@.k == 9] first exists",
        expect!["found only 0 values there"],
    );
    check("json $.items[*].v isList", expect!["holds"]);
    check("json $..v nth -1 == \"two\"", expect!["holds"]);
    check("json $['a b'] count == 1", expect!["holds"]);
    check("json $.nowhere count == 0", expect!["found nothing there"]);
}

#[test]
fn the_lines_of_a_header_can_be_counted_and_told_apart() {
    check("header Via count == 2", expect!["holds"]);
    check("header Via nth 1 == \"b\"", expect!["holds"]);
    check("header Content-Type count == 1", expect!["holds"]);
    check("header X-None count == 0", expect!["holds"]);
    check("header Via == \"a, b\"", expect!["holds"]);
}
