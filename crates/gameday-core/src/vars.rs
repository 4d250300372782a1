//! Variables: `{{name}}` in a file's strings, put in after parsing so that every caret stays right.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::Problems;

/// The variables of a file.
#[derive(Debug, Clone, Default)]
pub struct Vars {
    /// Known now: put in where they are named.
    pub values: BTreeMap<String, String>,
    /// Known only at run time (`secret.…`, `uuid`, saved names): left as they are.
    pub runtime: BTreeSet<String>,
    used: RefCell<BTreeSet<String>>,
}

impl Vars {
    /// Variables with these values.
    #[must_use]
    pub fn new(values: BTreeMap<String, String>) -> Self {
        Self {
            values,
            ..Self::default()
        }
    }

    /// Adds a value; an older one of the same name is replaced.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), value.into());
    }

    /// Leaves `{{name}}` in place, to be known at run time.
    pub fn at_run_time(&mut self, name: impl Into<String>) {
        self.runtime.insert(name.into());
    }

    /// Whether a name was referred to in what has been substituted so far.
    #[must_use]
    pub fn is_used(&self, name: &str) -> bool {
        self.used.borrow().contains(name)
    }

    /// Marks a name as used elsewhere.
    pub fn mark_used(&self, name: &str) {
        self.used.borrow_mut().insert(name.to_owned());
    }
}

/// The `{{name}}`s in a text, trimmed.
pub fn references(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let open = rest.find("{{")?;
        let after = &rest[open + 2..];
        let close = after.find("}}")?;
        rest = &after[close + 2..];
        Some(after[..close].trim())
    })
}

/// Puts variables into every string of a table; an unknown name is a problem under its string.
pub fn substitute(table: &mut DeTable<'_>, vars: &Vars, problems: &Problems<'_>) {
    for (_, value) in table.iter_mut() {
        substitute_value(value.span(), value.get_mut(), vars, problems);
    }
}

fn substitute_value(span: Range<usize>, value: &mut DeValue<'_>, vars: &Vars, problems: &Problems<'_>) {
    match value {
        DeValue::String(text) if text.contains("{{") => {
            let filled = fill(text, vars, span, problems);
            *text = filled.into();
        }
        DeValue::Array(items) => {
            for item in items.iter_mut() {
                substitute_value(item.span(), item.get_mut(), vars, problems);
            }
        }
        DeValue::Table(table) => substitute(table, vars, problems),
        _ => {}
    }
}

fn fill(text: &str, vars: &Vars, span: Range<usize>, problems: &Problems<'_>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let Some(close) = rest[open..].find("}}").map(|close| open + close) else {
            problems.add(span, "`{{` without `}}`");
            return text.to_owned();
        };
        let name = rest[open + 2..close].trim();
        filled.push_str(&rest[..open]);
        vars.mark_used(name);
        if let Some(value) = vars.values.get(name) {
            filled.push_str(value);
        } else {
            // Left in place: for run time, or already told as a problem.
            filled.push_str(&rest[open..close + 2]);
            let prefix = name.split_once('.').map(|(prefix, _)| format!("{prefix}."));
            let known_at_run_time =
                vars.runtime.contains(name) || prefix.is_some_and(|prefix| vars.runtime.contains(&prefix));
            if !known_at_run_time {
                let whole = vars.runtime.iter().filter(|name| !name.ends_with('.'));
                let known = vars.values.keys().chain(whole).map(String::as_str);
                let problem = problems
                    .source()
                    .problem(span.clone(), format!("no variable is named `{name}`"));
                problems.push(problem.nearest(name, known));
            }
        }
        rest = &rest[close + 2..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Problem, Source, Table};
    use expect_test::{Expect, expect};

    fn check(text: &str, expect: Expect) {
        let source = Source {
            path: "f.toml".into(),
            text: text.into(),
        };
        let problems = Problems::new(&source);
        let mut root = Table::parse(&problems);
        let mut vars = Vars::new(BTreeMap::from([("delay".into(), "200ms".into())]));
        vars.at_run_time("token");
        vars.at_run_time("secret.");
        substitute(root.entries_mut(), &vars, &problems);
        let a: Option<toml::Value> = root.get("a");
        let told = match problems.into_result(a) {
            Ok(value) => value.to_string(),
            Err(problems) => Problem::draw_all(&problems),
        };
        expect.assert_eq(&told);
    }

    #[test]
    fn known_names_are_put_in_and_run_time_names_stay() {
        check(
            "a = [\"{{delay}} and {{ delay }}\"]",
            expect![[r#"["200ms and 200ms"]"#]],
        );
        check(
            "a = \"Bearer {{token}} {{secret.key}}\"",
            expect![[r#""Bearer {{token}} {{secret.key}}""#]],
        );
    }

    #[test]
    fn a_value_is_never_read_as_a_template_again() {
        check(
            "a = \"}}{{delay}}{{\"",
            expect![[r#"
            error: `{{` without `}}`
              --> f.toml:1:5
              1 | a = "}}{{delay}}{{"
                |     ^^^^^^^^^^^^^^^
        "#]],
        );
    }

    #[test]
    fn an_unknown_name_is_told_under_its_string() {
        check(
            "a = { b = \"{{dealy}}\" }",
            expect![[r#"
                error: no variable is named `dealy`
                  --> f.toml:1:11
                  1 | a = { b = "{{dealy}}" }
                    |           ^^^^^^^^^^^
                hint: did you mean `delay`?
            "#]],
        );
    }

    #[test]
    fn references_are_found() {
        assert_eq!(references("{{a}} x {{ b }} {{c").collect::<Vec<_>>(), ["a", "b"]);
    }
}
