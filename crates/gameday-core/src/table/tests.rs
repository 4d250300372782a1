//! What is told of a file that is read key by key.

use super::*;
use crate::{Problem, Ratio, Source, Span};
use expect_test::{Expect, expect};

fn check(text: &str, expect: Expect) {
    let source = Source {
        path: "f.toml".into(),
        text: text.into(),
    };
    let problems = Problems::new(&source);
    let mut root = Table::parse(&problems);
    let title: Option<String> = root.need("title");
    if let Some(mut guard) = root.table("guard") {
        let _: Option<Span> = guard.get("lease");
        guard.finish();
    }
    for mut step in root.array("step") {
        let _: Option<String> = step.need("name");
        step.finish();
    }
    root.finish();
    let told = match problems.into_result(title) {
        Ok(title) => title,
        Err(problems) => Problem::draw_all(&problems),
    };
    expect.assert_eq(&told);
}

#[test]
fn a_good_file_is_read() {
    check(
        "title = \"t\"\n[guard]\nlease = \"15s\"\n[[step]]\nname = \"a\"\n",
        expect!["t"],
    );
}

#[test]
fn every_problem_is_told_in_line_order() {
    check(
        "titel = 1\n[guard]\nlease = \"15 parsecs\"\nleese = 1\n[[step]]\nnam = \"a\"\n",
        expect![[r#"
            error: the key `title` is missing
              --> f.toml:1:1
              1 | titel = 1
                | ^

            error: unknown key `titel`
              --> f.toml:1:1
              1 | titel = 1
                | ^^^^^
            hint: did you mean `title`?

            error: `15 parsecs` is not a length of time such as "200ms", "5s" or "1h30m" (at most 400 days)
              --> f.toml:3:9
              3 | lease = "15 parsecs"
                |         ^^^^^^^^^^^^

            error: [guard]: unknown key `leese`
              --> f.toml:4:1
              4 | leese = 1
                | ^^^^^
            hint: did you mean `lease`?

            error: step 1: the key `name` is missing
              --> f.toml:5:1
              5 | [[step]]
                | ^^^^^^^^

            error: step 1: unknown key `nam`
              --> f.toml:6:1
              6 | nam = "a"
                | ^^^
            hint: did you mean `name`?
        "#]],
    );
}

#[test]
fn syntax_errors_are_all_told_and_wrong_shapes_are_named() {
    check(
        "title = \nguard = 3\nstep = \"x\"\n",
        expect![[r#"
        error: string values must be quoted, expected literal string
          --> f.toml:1:9
          1 | title = 
            |         ^

        error: [guard] must be a table, not a number
          --> f.toml:2:9
          2 | guard = 3
            |         ^

        error: `step` must be an array of tables: `[[step]]`
          --> f.toml:3:8
          3 | step = "x"
            |        ^^^
    "#]],
    );
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read, to see what is told")]
struct Answer {
    status: u16,
    body: Option<String>,
    share: Option<Ratio>,
    tags: Option<Vec<String>>,
    seen: Option<u64>,
    whole: Option<bool>,
}

fn check_answer(entries: &str, expect: Expect) {
    let source = Source {
        path: "f.toml".into(),
        text: format!("answer = {{ {entries} }}\n"),
    };
    let problems = Problems::new(&source);
    let answer: Option<Answer> = Table::parse(&problems).need("answer");
    let told = match problems.into_result(answer) {
        Ok(answer) => format!("{answer:?}"),
        Err(problems) => problems
            .iter()
            .map(|problem| {
                let remedy = problem.remedy().map(|hint| format!("; {hint}"));
                format!(
                    "{} {}{}\n",
                    problem.column().unwrap(),
                    problem.message(),
                    remedy.unwrap_or_default()
                )
            })
            .collect(),
    };
    expect.assert_eq(&told);
}

#[test]
fn every_mistake_inside_one_value_is_told() {
    check_answer(
        "stats = 200, bodi = \"x\", share = 3, tags = [\"a\", 4, true]",
        expect![[r#"
            12 unknown key `stats`; did you mean `status`?
            25 unknown key `bodi`; did you mean `body`?
            45 this must be a percentage such as "99.9%", not a number
            61 this must be text in quotes, not a number
            64 this must be text in quotes, not `true` or `false`
        "#]],
    );
}

#[test]
fn what_must_stand_there_is_told_in_no_types_of_ours() {
    check_answer(
        "status = \"503\"",
        expect![[r#"
        21 this must be a whole number from 0 to 65535, not text; without quotes: `503`
    "#]],
    );
    check_answer(
        "status = \"teapot\", seen = -1",
        expect![[r#"
        21 this must be a whole number from 0 to 65535, not text
        38 this must be a whole number, 0 or more, not -1
    "#]],
    );
    check_answer(
        "status = 70000, whole = \"yes\"",
        expect![[r#"
        21 this must be a whole number from 0 to 65535, not 70000
        36 this must be `true` or `false`, not text
    "#]],
    );
    check_answer(
        "status = 2.5, whole = \"true\", tags = \"a\"",
        expect![[r#"
            21 this must be a whole number from 0 to 65535, not 2.5
            34 this must be `true` or `false`, not text; without quotes: `true`
            49 this must be a list: `[ … ]`, not text
        "#]],
    );
    check_answer(
        "status = [], body = {}",
        expect![[r#"
        21 this must be a whole number from 0 to 65535, not a list
        32 this must be text in quotes, not a table
    "#]],
    );
}

#[test]
fn a_wrong_value_is_not_also_told_to_be_missing() {
    check_answer(
        "status = \"a\"",
        expect![[r#"
        21 this must be a whole number from 0 to 65535, not text
    "#]],
    );
    check_answer(
        "body = \"a\"",
        expect![[r#"
        10 the key `status` is missing
    "#]],
    );
}

#[test]
fn a_list_in_the_place_of_a_table_is_told_the_brackets() {
    let source = Source {
        path: "f.toml".into(),
        text: "[[guard]]\n[[proxy]]\n".into(),
    };
    let problems = Problems::new(&source);
    let mut root = Table::parse(&problems);
    assert!(root.table("guard").is_none() && root.tables("proxy").is_empty());
    let told = Problem::draw_all(&problems.into_result::<()>(None).unwrap_err());
    expect![[r#"
        error: [guard] must be a table, not a list
          --> f.toml:1:1
          1 | [[guard]]
            | ^^^^^^^^^
        hint: in single brackets: `[guard]`

        error: [proxy] must be a table, not a list
          --> f.toml:2:1
          2 | [[proxy]]
            | ^^^^^^^^^
        hint: in single brackets: `[proxy.NAME]`
    "#]]
    .assert_eq(&told);
}
