//! Expressions in the Common Expression Language over a JSON body, whose one variable is `body`.

use std::fmt;

use cel::{Context, Program, Value};
use regex::Regex;

/// An expression that has been compiled.
pub(crate) struct Expression {
    pub(crate) text: String,
    program: Program,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.text)
    }
}

impl Expression {
    /// # Errors
    /// In words: what does not parse, or a name other than `body`.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("this is not a CEL expression over `body`: {why}");
        let program = Program::compile(text).map_err(|error| {
            let said = error.to_string();
            wrong(said.lines().next().unwrap_or_default().to_owned())
        })?;
        let references = program.references();
        let loops = loop_variables(text);
        let mut names = references.variables().into_iter();
        if let Some(unknown) = names.find(|name| *name != "body" && !loops.contains(name)) {
            return Err(wrong(format!("it knows no `{unknown}`")));
        }
        Ok(Self {
            text: text.to_owned(),
            program,
        })
    }

    /// What it says of a body.
    ///
    /// # Errors
    /// In words: it cannot be evaluated, or says neither true nor false.
    pub(crate) fn says(&self, body: &serde_json::Value) -> Result<bool, String> {
        let mut context = Context::default();
        context
            .add_variable("body", body)
            .map_err(|error| error.to_string())?;
        match self.program.execute(&context) {
            Ok(Value::Bool(said)) => Ok(said),
            Ok(_) => Err("CEL evaluation result is not a boolean".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The names that macros such as `list.exists(x, x > 1)` bring along.
fn loop_variables(text: &str) -> Vec<&str> {
    let macros = Regex::new(r"\.(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,");
    let macros = macros.expect("a pattern of ours");
    let found = macros.captures_iter(text);
    found
        .filter_map(|one| one.get(1))
        .map(|name| name.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, expected: Result<bool, &str>) {
        let body =
            json!({ "foo": { "bar": "baz" }, "count": 3, "share": 0.5, "list": ["a", "b"], "none": null });
        let said = Expression::compile(text).and_then(|expression| expression.says(&body));
        match (&said, expected) {
            (Err(wrong), Err(part)) => assert!(wrong.contains(part), "{text}: {wrong}"),
            _ => assert_eq!(said.as_ref().ok(), expected.as_ref().ok(), "{text}: {said:?}"),
        }
    }

    #[test]
    fn expressions_speak_of_the_body_and_of_nothing_else() {
        check("body.foo.bar == 'baz'", Ok(true));
        check("body.foo.bar.matches('^q')", Ok(false));
        check(
            "body.count > 2 && body.count < 3.5 && body.share == 0.5",
            Ok(true),
        );
        check("body.list.exists(x, x == 'b') && size(body.list) == 2", Ok(true));
        check("has(body.foo.qux)", Ok(false));
        check("body.none == null", Ok(true));
        check("foo.bar", Err("it knows no `foo`"));
        check("", Err("not a CEL expression"));
        check("body.foo ==", Err("not a CEL expression"));
        check("body.count", Err("not a boolean"));
        check("body.missing == 1", Err("missing"));
    }
}
