//! What is done with a value: filters, and each predicate both ways round.

use super::*;

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
