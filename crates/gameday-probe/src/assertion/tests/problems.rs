//! How an assertion is written, and what is said of one that is none.

use super::*;

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
