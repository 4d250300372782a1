//! Reads what must hold; a condition that can never hold is a typing error.

use gameday_core::{ByteSize, Span};
use serde_json::{Number, Value};

use super::{MakeTemplate, Wrong, compile, filter_words, json};
use crate::assertion::cursor::Cursor;
use crate::assertion::literal::Literal;
use crate::assertion::predicate::{CLASSES, Order, Predicate};
use crate::assertion::query::Sort;
use crate::template::Template;

const OPERATORS: [&str; 12] = [
    "==",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "in",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "exists",
];

/// A JSON value whose texts are templates; nothing when `template` told what is wrong with one.
fn literal(value: Value, template: MakeTemplate<'_>) -> Option<Literal> {
    Some(match value {
        Value::Null => Literal::Null,
        Value::Bool(bool) => Literal::Bool(bool),
        Value::Number(number) => Literal::Number(number),
        Value::String(text) => Literal::Text(template(&text)?),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| literal(item, template));
            Literal::List(items.collect::<Option<_>>()?)
        }
        Value::Object(entries) => {
            let entries = entries
                .into_iter()
                .map(|(key, item)| Some((key, literal(item, template)?)));
            Literal::Object(entries.collect::<Option<_>>()?)
        }
    })
}

/// What is looked at, for messages and for values.
struct Subject<'a> {
    sort: Sort,
    word: &'a str,
}

pub(super) fn read(
    cursor: &mut Cursor<'_>,
    sort: Sort,
    word: &str,
    template: MakeTemplate<'_>,
) -> Result<Option<Predicate>, Wrong> {
    let subject = Subject { sort, word };
    let operator = cursor.word();
    let value = cursor.rest();
    if let Some((_, class)) = CLASSES.iter().find(|(name, _)| *name == operator) {
        alone(operator, value)?;
        subject.refuse_a_class(operator)?;
        return Ok(Some(Predicate::Is(*class)));
    }
    Ok(match operator {
        "==" => subject.literal(operator, value, template)?.map(Predicate::Equals),
        "!=" => subject
            .literal(operator, value, template)?
            .map(Predicate::Differs),
        ">" | ">=" | "<" | "<=" => Some(Predicate::Compares(
            order(operator),
            subject.number(operator, value)?,
        )),
        "in" if value.contains("..") && !value.starts_with('[') => Some(subject.range(value)?),
        "in" => subject.list(value, template)?.map(Predicate::In),
        "contains" => subject.contained(value, template)?.map(Predicate::Contains),
        "startsWith" => subject
            .text(operator, value, template)?
            .map(Predicate::StartsWith),
        "endsWith" => subject.text(operator, value, template)?.map(Predicate::EndsWith),
        "matches" => Some(Predicate::Matches(subject.pattern(value)?)),
        "exists" => {
            alone(operator, value)?;
            Some(Predicate::Exists)
        }
        "" => {
            let words = operators();
            return Err(
                Wrong::new("the operator is missing").hint(format!("one of `{}`", words.join("`, `")))
            );
        }
        "=" => return Err(Wrong::new("`=` is not an operator").hint("did you mean `==`?")),
        other => {
            let known: Vec<_> = operators().into_iter().chain(filter_words()).collect();
            return Err(Wrong::new(format!("`{other}` is not an operator")).near(other, &known));
        }
    })
}

fn operators() -> Vec<&'static str> {
    let classes = CLASSES.iter().map(|(name, _)| *name);
    OPERATORS.into_iter().chain(classes).collect()
}

fn order(operator: &str) -> Order {
    match operator {
        ">" => Order::More,
        ">=" => Order::AtLeast,
        "<" => Order::Less,
        _ => Order::AtMost,
    }
}

fn alone(operator: &str, value: &str) -> Result<(), Wrong> {
    match value {
        "" => Ok(()),
        more => Err(Wrong::new(format!(
            "`{operator}` stands alone, `{more}` is too much"
        ))),
    }
}

impl Subject<'_> {
    /// A value to be equal to, of the right kind.
    fn literal(
        &self,
        operator: &str,
        text: &str,
        template: MakeTemplate<'_>,
    ) -> Result<Option<Literal>, Wrong> {
        if text.is_empty() {
            return Err(Wrong::new(format!("`{operator}` wants a value")).hint("for example `status == 200`"));
        }
        match self.sort {
            Sort::Time | Sort::Size => Ok(Some(Literal::Number(self.number(operator, text)?))),
            _ => match json(text) {
                Some(value) => self.typed(value, template),
                None => Err(Wrong::new(format!("`{text}` is not a value"))
                    .hint("a number, a text in double quotes, `true`, `false` or `null`")),
            },
        }
    }

    fn typed(&self, value: Value, template: MakeTemplate<'_>) -> Result<Option<Literal>, Wrong> {
        let Some(literal) = literal(value, template) else {
            return Ok(None);
        };
        match (self.sort, &literal) {
            (Sort::Number, Literal::Number(_)) | (Sort::Text, Literal::Text(_)) | (Sort::Any, _) => {
                Ok(Some(literal))
            }
            (Sort::Text, _) => {
                Err(Wrong::new(format!("{} is a text", self.named())).hint("put the value in double quotes"))
            }
            _ => Err(Wrong::new(format!("{} is a number", self.named())).hint(self.example())),
        }
    }

    fn list(&self, text: &str, template: MakeTemplate<'_>) -> Result<Option<Vec<Literal>>, Wrong> {
        let Some(Value::Array(items)) = json(text) else {
            return Err(Wrong::new("`in` wants a list or a range")
                .hint("for example `status in [200, 201]` or `status in 200..299`"));
        };
        if items.is_empty() {
            return Err(Wrong::new(
                "`in` wants a list that is not empty: nothing is in `[]`",
            ));
        }
        let mut literals = Vec::new();
        for item in items {
            match self.typed(item, template)? {
                Some(literal) => literals.push(literal),
                None => return Ok(None),
            }
        }
        Ok(Some(literals))
    }

    /// `200..299`: both of them included.
    fn range(&self, text: &str) -> Result<Predicate, Wrong> {
        let (least, most) = text.split_once("..").unwrap_or((text, ""));
        let number = |text: &str| {
            let hint = "for example `status in 200..299`; a list stands in brackets";
            let number = self.number("in", text.trim());
            number.map_err(|_| Wrong::new(format!("`{text}` is no end of a range here")).hint(hint))
        };
        let (least, most) = (number(least)?, number(most)?);
        match least.as_f64() <= most.as_f64() {
            true => Ok(Predicate::Within(least, most)),
            false => Err(Wrong::new(format!(
                "nothing is in `{text}`: it begins with the larger one"
            ))),
        }
    }

    /// A number, with a unit where the query has one.
    fn number(&self, operator: &str, text: &str) -> Result<Number, Wrong> {
        let bare = text.trim_matches('"');
        let wrong = |kind: &str, example: &str| {
            Wrong::new(format!("`{operator}` wants {kind} here"))
                .hint(format!("for example `{} {operator} {example}`", self.word))
        };
        match self.sort {
            Sort::Time => {
                let span: Span = bare.parse().map_err(|_| wrong("a length of time", "300ms"))?;
                Ok(Number::from_f64(span.get().as_secs_f64() * 1e3).unwrap_or_else(|| 0.into()))
            }
            Sort::Size => {
                let bytes = bare
                    .parse::<u64>()
                    .or_else(|_| bare.parse::<ByteSize>().map(ByteSize::get));
                bytes.map(Number::from).map_err(|_| wrong("a size", "64KiB"))
            }
            Sort::Text => Err(
                Wrong::new(format!("{} is a text: `{operator}` is for numbers", self.named())).hint(format!(
                    "a filter makes a number of it: `{} … toInt {operator} 3`",
                    self.word
                )),
            ),
            Sort::Number | Sort::Any => match json(text) {
                Some(Value::Number(number)) => Ok(number),
                _ => Err(wrong("a number", "3")),
            },
        }
    }

    fn contained(&self, text: &str, template: MakeTemplate<'_>) -> Result<Option<Literal>, Wrong> {
        self.refuse_texts("contains")?;
        let wrong = || Wrong::new("`contains` wants a text").hint("for example `contains \"json\"`");
        match (self.sort, json(text)) {
            (_, None) if text.is_empty() => Err(wrong()),
            (Sort::Any, Some(value)) => self.typed(value, template),
            (_, Some(Value::String(text))) => Ok(template(&text).map(Literal::Text)),
            _ => Err(wrong()),
        }
    }

    fn text(
        &self,
        operator: &str,
        text: &str,
        template: MakeTemplate<'_>,
    ) -> Result<Option<Template>, Wrong> {
        self.refuse_texts(operator)?;
        match json(text) {
            Some(Value::String(text)) => Ok(template(&text)),
            _ => Err(Wrong::new(format!("`{operator}` wants a text"))
                .hint(format!("for example `{operator} \"json\"`"))),
        }
    }

    fn pattern(&self, text: &str) -> Result<regex::Regex, Wrong> {
        self.refuse_texts("matches")?;
        let pattern = text.strip_prefix('/').and_then(|text| text.strip_suffix('/'));
        match pattern {
            Some(pattern) => compile(pattern),
            None => Err(Wrong::new("`matches` wants a pattern between slashes")
                .hint("for example `matches /^pay_/`; `(?i)` at its begin takes either case")),
        }
    }

    fn refuse_texts(&self, operator: &str) -> Result<(), Wrong> {
        match self.sort {
            Sort::Text | Sort::Any => Ok(()),
            _ => Err(
                Wrong::new(format!("{} is a number: `{operator}` is for texts", self.named()))
                    .hint(self.example()),
            ),
        }
    }

    /// The kind of a number is known before it is looked at.
    fn refuse_a_class(&self, operator: &str) -> Result<(), Wrong> {
        match self.sort {
            Sort::Any | Sort::Text => Ok(()),
            _ => self.refuse_texts(operator),
        }
    }

    fn named(&self) -> String {
        match self.sort {
            Sort::Time => "a duration".to_owned(),
            Sort::Size => "a size".to_owned(),
            _ => format!("a {}", self.word),
        }
    }

    fn example(&self) -> String {
        match (self.sort, self.word) {
            (Sort::Time, word) => format!("for example `{word} < 300ms`"),
            (Sort::Size, word) => format!("for example `{word} < 64KiB`"),
            (_, "status") => "`status == 200` or `status in [200, 201]`".to_owned(),
            (_, word) => format!("for example `{word} == 2`"),
        }
    }
}
