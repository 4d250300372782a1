//! Assertions: what they say of an answer, and what is said of a bad one.

use std::collections::BTreeMap;

use bytes::Bytes;
use expect_test::{Expect, expect};
use gameday_core::Phases;
use hyper::header::{HeaderMap, HeaderValue};

use hyper::Version;

use super::*;
use crate::net::{Body, Head, Request, Url};
use crate::template::Template;

fn response() -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(
        "content-type",
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    headers.append("via", HeaderValue::from_static("a"));
    headers.append("via", HeaderValue::from_static("b"));
    let body = br#"{ "id": "pay_1", "amount": 100, "rate": 1.0, "paid": true, "error": null,
                      "a b": "x", "token": "e30.eyJzdWIiOiLDvD9-In0.x", "items": [ { "k": 1, "v": "one" }, { "k": 2, "v": "two" } ] }"#;
    headers.insert(
        "expires",
        HeaderValue::from_static("Wed, 21 Oct 2015 07:28:00 GMT"),
    );
    let cookie = "session=s3; Max-Age=3600; Path=/; HttpOnly";
    headers.append("set-cookie", HeaderValue::from_static(cookie));
    let head = Head {
        status: 201,
        version: Version::HTTP_11,
        headers,
    };
    let body = Body {
        bytes: body.len() as u64,
        kept: Bytes::from_static(body),
        ..Body::default()
    };
    let asked = Request::get(Url::parse("http://shop.test/pay?x=1").unwrap());
    let phases = Phases {
        connect_us: 1500,
        wait_us: 3000,
        ..Phases::default()
    };
    Response::new(head, body, ([127, 0, 0, 1], 80).into(), &asked).took(phases)
}

/// The one place that knows the API: `holds`, what was found instead, or what is wrong with it.
#[track_caller]
fn check(assertion: &str, expect: Expect) {
    let secrets = BTreeMap::new();
    let values = Values::begin(&secrets, &BTreeMap::new()).unwrap();
    let said = match parse(assertion, &mut |text| Some(Template::fixed(text))) {
        Err(wrong) => match wrong.hint {
            Some(hint) => format!("error: {}\nhint: {hint}", wrong.message),
            None => format!("error: {}", wrong.message),
        },
        Ok(assertion) => match assertion.unwrap().check(&response(), &values) {
            Ok(()) => "holds".to_owned(),
            Err(Unmet::Found(found)) => format!("found {found}"),
            Err(Unmet::Missing(Missing(name))) => format!("missing {name}"),
        },
    };
    expect.assert_eq(&said);
}

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
fn what_is_no_assertion_is_told_with_a_hint() {
    check(
        "",
        expect![[r#"
        error: the assertion is empty
        hint: for example `status == 200`"#]],
    );
    check(
        "staus == 200",
        expect![[r#"
        error: `staus` is not something to look at
        hint: did you mean `status`?"#]],
    );
    check("body contains \"x\"", expect!["holds"]);
    check(
        "status = 200",
        expect![[r#"
            error: `=` is not an operator
            hint: did you mean `==`?"#]],
    );
    check(
        "status",
        expect![[r#"
            error: the operator is missing
            hint: one of `==`, `!=`, `>`, `>=`, `<`, `<=`, `in`, `contains`, `startsWith`, `endsWith`, `matches`, `exists`, `isString`, `isNumber`, `isInteger`, `isFloat`, `isBoolean`, `isNull`, `isList`, `isObject`, `isCollection`, `isEmpty`, `isDate`, `isUuid`, `isIpv4`, `isIpv6`"#]],
    );
    check(
        "status ==",
        expect![[r#"
        error: `==` wants a value
        hint: for example `status == 200`"#]],
    );
    check(
        "status == ok",
        expect![[r#"
        error: `ok` is not a value
        hint: a number, a text in double quotes, `true`, `false` or `null`"#]],
    );
    check(
        "status == \"200\"",
        expect![[r#"
            error: a status is a number
            hint: `status == 200` or `status in [200, 201]`"#]],
    );
    check(
        "status isString",
        expect![[r#"
        error: a status is a number: `isString` is for texts
        hint: `status == 200` or `status in [200, 201]`"#]],
    );
    check(
        "status in 200",
        expect![[r#"
            error: `in` wants a list or a range
            hint: for example `status in [200, 201]` or `status in 200..299`"#]],
    );
    check(
        "status == [200]",
        expect![[r#"
            error: a status is a number
            hint: `status == 200` or `status in [200, 201]`"#]],
    );
    check(
        "status in []",
        expect!["error: `in` wants a list that is not empty: nothing is in `[]`"],
    );
    check(
        "json token isString",
        expect![[r#"
            error: `token` is not a JSONPath: parser error at character 1
            hint: a JSONPath begins with `$`, for example `$.token`"#]],
    );
    check(
        "json $.a[ == 1",
        expect!["error: `$.a[ == 1` is not a JSONPath: parser error at character 4"],
    );
    check(
        "json $.id isString now",
        expect!["error: `isString` stands alone, `now` is too much"],
    );
    check(
        "json $.id matches ^pay_",
        expect![[r#"
            error: `matches` wants a pattern between slashes
            hint: for example `matches /^pay_/`; `(?i)` at its begin takes either case"#]],
    );
    check(
        "json $.id matches /(/",
        expect!["error: `/(/` is not a pattern: unclosed group"],
    );
    check(
        "json $.id matches /(a{1000}){1000}/",
        expect![
            "error: `/(a{1000}){1000}/` is not a pattern: Compiled regex exceeds size limit of 2097152 bytes."
        ],
    );
    check(
        "header Content Type == \"x\"",
        expect![[r#"
            error: `Type` is not an operator
            hint: known here: `==`, `!=`, `>`, `>=`, `<`, `<=`, `in`, `contains`, `startsWith`, `endsWith`, `matches`, `exists`, `isString`, `isNumber`, `isInteger`, `isFloat`, `isBoolean`, `isNull`, `isList`, `isObject`, `isCollection`, `isEmpty`, `isDate`, `isUuid`, `isIpv4`, `isIpv6`, `count`, `first`, `last`, `toInt`, `toFloat`, `toString`, `trim`, `lower`, `upper`, `base64Decode`, `base64Encode`, `base64UrlSafeDecode`, `base64UrlSafeEncode`, `urlDecode`, `urlEncode`, `daysAfterNow`, `daysBeforeNow`, `nth`, `split`, `replace`, `replaceRegex`, `regex`, `json`, `urlQueryParam`"#]],
    );
    check(
        "header Age == 3",
        expect![[r#"
        error: a header is a text
        hint: put the value in double quotes"#]],
    );
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
fn every_predicate_can_be_turned_round() {
    check("status != 404", expect!["holds"]);
    check("status >= 200", expect!["holds"]);
    check("status < 200", expect!["found 201"]);
    check("json $.amount not == 7", expect!["holds"]);
    check("json $.id startsWith \"pay\"", expect!["holds"]);
    check("json $.id not endsWith \"_1\"", expect![[r#"found "pay_1""#]]);
    check("json $.nowhere not exists", expect!["holds"]);
    check("json $.id not exists", expect![[r#"found "pay_1""#]]);
    check(
        "header X-None not contains \"a\"",
        expect!["found no such header"],
    );
    check("json $.id not matches /^ref_/", expect!["holds"]);
    check("json $.items isCollection", expect!["holds"]);
    check("json $.items not isEmpty", expect!["holds"]);
    check("json $.rate isFloat", expect!["holds"]);
    check("json $.amount isInteger", expect!["holds"]);
    check("json $.paid isBoolean", expect!["holds"]);
    check("json $.error isNull", expect!["holds"]);
}

#[test]
fn filters_make_one_value_of_another() {
    check("json $.items[*].v count == 2", expect!["holds"]);
    check("json $.items[?@.k == 9] count == 0", expect!["holds"]);
    check("json $.items[*].v contains \"two\"", expect!["holds"]);
    check("json $.items nth -1 json $.v == \"two\"", expect!["holds"]);
    check("json $.items nth 2 exists", expect!["found only 2 values there"]);
    check("json $.id split \"_\" last toInt == 1", expect!["holds"]);
    check(
        "json $.id upper replace \"PAY\" \"ref\" == \"ref_1\"",
        expect!["holds"],
    );
    check("json $.id regex /(\\d+)/ toInt > 0", expect!["holds"]);
    check(
        "header Content-Type split \";\" first trim == \"application/json\"",
        expect!["holds"],
    );
    check(
        "json $.id toInt == 1",
        expect![[r#"found "pay_1" that is no whole number"#]],
    );
    check("url urlEncode startsWith \"http%3A\"", expect!["holds"]);
    check("url urlQueryParam \"x\" toInt == 1", expect!["holds"]);
    check(
        "url urlQueryParam \"y\" exists",
        expect!["found a URL without a parameter `y`"],
    );
    check("json $.id base64Encode == \"cGF5XzE=\"", expect!["holds"]);
    check(
        "json $.token split \".\" nth 1 base64UrlSafeDecode json $.sub == \"ü?~\"",
        expect!["holds"],
    );
    check(
        "json $.id replaceRegex /[0-9]/ \"#\" == \"pay_#\"",
        expect!["holds"],
    );
    check("header Expires daysBeforeNow > 3000", expect!["holds"]);
    check(
        "json $.id daysAfterNow > 1",
        expect![[r#"found "pay_1" that is no date"#]],
    );
}

#[test]
fn lists_and_objects_are_compared_whole() {
    check("json $.items[*].k == [1, 2]", expect!["holds"]);
    check(
        "json $.items[0] == {\"v\": \"one\", \"k\": 1.0}",
        expect!["holds"],
    );
    check(
        "json $.items[0] == {\"k\": 1}",
        expect![[r#"found {"k":1,"v":"one"}"#]],
    );
    check(
        "json $.items == [{\"k\":1,\"v\":\"one\"},{\"k\":2,\"v\":\"two\"}]",
        expect!["holds"],
    );
    check("json $.items != []", expect!["holds"]);
    check("json $.items contains {\"k\":2,\"v\":\"two\"}", expect!["holds"]);
    check("json $.id in [[], \"pay_1\"]", expect!["holds"]);
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

#[test]
fn names_paths_and_patterns_may_stand_in_quotes() {
    check("json \"$.id\" == \"pay_1\"", expect!["holds"]);
    check("header \"Content-Type\" exists", expect!["holds"]);
    check("cookie \"session[Max-Age]\" == 3600", expect!["holds"]);
    check(
        "regex \"\\\"id\\\": \\\"(\\\\w+)\" == \"pay_1\"",
        expect!["holds"],
    );
    check(
        "jsonpath \"$.id\" exists",
        expect![[r#"
            error: `jsonpath` is not something to look at
            hint: it is `json` here, for example `json $.token exists`"#]],
    );
}

#[test]
fn a_condition_that_can_never_hold_is_a_typing_error() {
    check(
        "duration < 5",
        expect![[r#"
        error: `<` wants a length of time here
        hint: for example `duration < 300ms`"#]],
    );
    check(
        "duration contains \"5\"",
        expect![[r#"
        error: a duration is a number: `contains` is for texts
        hint: for example `duration < 300ms`"#]],
    );
    check(
        "bytes > big",
        expect![[r#"
        error: `>` wants a size here
        hint: for example `bytes > 64KiB`"#]],
    );
    check(
        "header Age > 3",
        expect![[r#"
        error: a header is a text: `>` is for numbers
        hint: a filter makes a number of it: `header … toInt > 3`"#]],
    );
    check(
        "phase.waitt < 3ms",
        expect![[r#"
        error: no phase is named `waitt`
        hint: did you mean `wait`?"#]],
    );
    check(
        "json $.id nth x == 1",
        expect![[r#"
        error: `nth` wants a whole number
        hint: `nth 0` is the first, `nth -1` the last"#]],
    );
    check(
        "json $.id splitt \",\" == 1",
        expect![[r#"
            error: `splitt` is not an operator
            hint: did you mean `split`?"#]],
    );
    check(
        "cookie",
        expect![[r#"
        error: `cookie` wants a name
        hint: for example `cookie session exists`"#]],
    );
    check(
        "status not",
        expect![[r#"
        error: the operator is missing
        hint: one of `==`, `!=`, `>`, `>=`, `<`, `<=`, `in`, `contains`, `startsWith`, `endsWith`, `matches`, `exists`, `isString`, `isNumber`, `isInteger`, `isFloat`, `isBoolean`, `isNull`, `isList`, `isObject`, `isCollection`, `isEmpty`, `isDate`, `isUuid`, `isIpv4`, `isIpv6`"#]],
    );
}
