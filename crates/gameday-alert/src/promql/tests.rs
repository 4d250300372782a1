//! Queries as people and generators write them.

use expect_test::{Expect, expect};

use super::*;

/// The tree in brackets.
fn drawn(expr: &Expr) -> String {
    match &expr.kind {
        Kind::Number(number) => number.to_string(),
        Kind::Text => "text".to_owned(),
        Kind::Selector(selector) => {
            let matchers: Vec<String> = selector
                .matchers
                .iter()
                .map(|m| format!("{}{}{:?}", m.label, m.op, m.value))
                .collect();
            let Shift {
                range_us,
                offset_us,
                fixed,
            } = selector.shift;
            let range = range_us
                .map(|us| format!("[{}s]", us / 1_000_000))
                .unwrap_or_default();
            let offset = if offset_us == 0 {
                String::new()
            } else {
                format!(" back {}s", offset_us / 1_000_000)
            };
            let at = if fixed { " fixed" } else { "" };
            let name = selector.name.as_deref().unwrap_or("");
            format!("{name}{{{}}}{range}{offset}{at}", matchers.join(","))
        }
        Kind::Subquery(of, shift) => format!("sub({}, {:?})", drawn(of), shift.range_us),
        Kind::Call(name, args) => {
            let args: Vec<String> = args.iter().map(drawn).collect();
            format!("{name}({})", args.join(", "))
        }
        Kind::Aggregate(op, of) => format!("{op}<{}>", drawn(of)),
        Kind::Binary(op, left, right) => format!("({} {op:?} {})", drawn(left), drawn(right)),
        Kind::Negate(of) => format!("-{}", drawn(of)),
    }
}

#[track_caller]
fn check(query: &str, expect: Expect) {
    let drawn = parse(query).map_or_else(|error| format!("error: {error}"), |expr| drawn(&expr));
    expect.assert_eq(&drawn);
}

#[test]
fn precedence_is_that_of_prometheus() {
    check(
        "a + b * c ^ 2 ^ 3 > 1 and d or e unless f",
        expect![
            "((((a{} Add (b{} Multiply (c{} Power (2 Power 3)))) Greater 1) And d{}) Or (e{} Unless f{}))"
        ],
    );
    check("-2 ^ 2", expect!["-(2 Power 2)"]);
    check("1 - 2 - 3", expect!["((1 Subtract 2) Subtract 3)"]);
    check("- a * 2", expect!["(-a{} Multiply 2)"]);
}

#[test]
fn rules_of_generators_are_read() {
    // sloth
    check(
        r#"(max(slo:sli_error:ratio_rate5m{sloth_id="a-b", sloth_service="a"} > (14.4 * 0.001)) without (sloth_window)
            and max(slo:sli_error:ratio_rate1h{sloth_id="a-b"} > (14.4 * 0.001)) without (sloth_window))"#,
        expect![[
            r#"(max<(slo:sli_error:ratio_rate5m{sloth_id="a-b",sloth_service="a"} Greater (14.4 Multiply 0.001))> And max<(slo:sli_error:ratio_rate1h{sloth_id="a-b"} Greater (14.4 Multiply 0.001))>)"#
        ]],
    );
    // pyrra
    check(
        r#"http_requests:burnrate5m{job="x",slo="y"} > (14 * (1-0.99)) and http_requests:burnrate1h{job="x",slo="y"} > (14 * (1-0.99))"#,
        expect![[
            r#"((http_requests:burnrate5m{job="x",slo="y"} Greater (14 Multiply (1 Subtract 0.99))) And (http_requests:burnrate1h{job="x",slo="y"} Greater (14 Multiply (1 Subtract 0.99))))"#
        ]],
    );
    check(
        r#"histogram_quantile(0.95, sum by (job, le) (rate(http_request_duration_seconds_bucket{route="/payments"}[5s]))) > 0.25"#,
        expect![[
            r#"(histogram_quantile(0.95, sum<rate(http_request_duration_seconds_bucket{route="/payments"}[5s])>) Greater 0.25)"#
        ]],
    );
}

#[test]
fn times_of_all_kinds_are_read() {
    check(
        "rate(x[1h30m] offset 1d)",
        expect!["rate(x{}[5400s] back 86400s)"],
    );
    check("x offset -5m", expect!["x{} back -300s"]);
    check(
        "x @ end() > x @ 1609746000",
        expect!["(x{} fixed Greater x{} fixed)"],
    );
    check("rate(x[300])", expect!["rate(x{}[300s])"]);
    check(
        "max_over_time(rate(a:b:c[5m])[1h:1m] offset 5m)",
        expect!["max_over_time(sub(rate(a:b:c{}[300s]), Some(3600000000)))"],
    );
    check(
        "time() - x > 1d",
        expect!["((time() Subtract x{}) Greater 86400)"],
    );
}

#[test]
fn names_and_strings_of_all_kinds_are_read() {
    check(
        r#"{__name__="x", a!="b\"c", d=~'e|f', g!~`h\d`} == 0"#,
        expect![[r#"(x{a!="b\"c",d=~"e|f",g!~"h\\d"} Equal 0)"#]],
    );
    check(
        r#"{"odd.metric", "odd label"="v"}"#,
        expect![[r#"odd.metric{odd label="v"}"#]],
    );
    check(
        "sum without (instance) (a) / on (job) group_left (x) topk by (job) (3, b) # why",
        expect!["(sum<a{}> Divide topk<b{}>)"],
    );
    check("sum(a) by (b) > bool 0x10", expect!["(sum<a{}> Greater 16)"]);
    check("sum{x=\"1\"} + Inf", expect![[r#"(sum{x="1"} Add inf)"#]]);
}

#[test]
fn what_is_no_query_is_refused_with_a_reason() {
    check("", expect!["error: it ends too early"]);
    check("a b", expect!["error: something follows at 2"]);
    check("sum(", expect!["error: it ends too early"]);
    check("a{b=1}", expect!["error: the matcher of `b` has no string"]);
    check("\"abc", expect!["error: a string does not end"]);
    check("a ? b", expect!["error: `?` cannot stand at 2"]);
    check("1.2.3", expect!["error: `1.2.3` is no number"]);
    check("a[5m", expect!["error: `]` is missing at 4"]);
    let deep = format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000));
    check(&deep, expect!["error: it is nested deeper than 200"]);
    check(
        &"-".repeat(10_000),
        expect!["error: it is nested deeper than 200"],
    );
}

#[test]
fn each_part_knows_its_text() {
    let query = "sum(rate(bad[5m])) / sum(rate(all[5m])) > 2 * 0.01";
    let expr = parse(query).unwrap();
    let Kind::Binary(_, left, right) = &expr.kind else {
        panic!("a comparison")
    };
    assert_eq!(left.text(query), "sum(rate(bad[5m])) / sum(rate(all[5m]))");
    assert_eq!(right.text(query), "2 * 0.01");
    assert_eq!(right.constant(), Some(0.02));
    let names: Vec<_> = expr.selectors().iter().map(|s| s.name.clone().unwrap()).collect();
    assert_eq!(names, ["bad", "all"]);
    assert_eq!(&query[expr.selectors()[0].series.clone()], "bad");
}

#[test]
fn no_text_makes_it_panic() {
    let parts = [
        "a", "{", "}", "[", "]", "(", ")", "5m", "é", "\"", "\\", "-", ">", "by", "offset", "@", ":", "1e",
        "0x", " ",
    ];
    for first in parts {
        for second in parts {
            for third in parts {
                let _ = parse(&format!("{first}{second}{third}"));
                let _ = parse(&format!("sum({first} {second}{third})"));
            }
        }
    }
}
