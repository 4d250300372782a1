//! Templates: strings whose `{{…}}` are found once, when the file is read.
//!
//! A value that is put in is never looked at again, so nothing that a service answers or an override
//! holds can name a secret.

use serde_json::{Map, Number, Value};

use crate::values::{Missing, Values};

/// A string with places to fill at run time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    /// A new UUID (version 4) each time.
    Uuid,
    Secret(String),
    /// A saved value, or a variable that is evaluated once a run.
    Value(String),
}

/// `{{` without `}}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unclosed;

impl Template {
    /// Reads a text; `resolve` says what stands for each name.
    pub(crate) fn parse(text: &str, mut resolve: impl FnMut(&str) -> Part) -> Result<Self, Unclosed> {
        let mut template = Self::default();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let close = rest[open..].find("}}").ok_or(Unclosed)? + open;
            template.push(Part::Text(rest[..open].to_owned()));
            template.push(resolve(rest[open + 2..close].trim()));
            rest = &rest[close + 2..];
        }
        template.push(Part::Text(rest.to_owned()));
        Ok(template)
    }

    /// A text without places.
    pub(crate) fn fixed(text: &str) -> Self {
        let mut template = Self::default();
        template.push(Part::Text(text.to_owned()));
        template
    }

    fn push(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
            (_, Part::Text(text)) if text.is_empty() => {}
            (_, part) => self.parts.push(part),
        }
    }

    /// The text, when nothing waits for run time.
    pub(crate) fn text(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What the template surely begins with.
    pub(crate) fn beginning(&self) -> Option<&str> {
        match self.parts.first() {
            Some(Part::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The first piece that waits for run time, as it is written.
    pub(crate) fn first_run_time_name(&self) -> Option<String> {
        self.parts.iter().find_map(|part| match part {
            Part::Text(_) => None,
            Part::Uuid => Some("uuid".to_owned()),
            Part::Secret(name) => Some(format!("secret.{name}")),
            Part::Value(name) => Some(name.clone()),
        })
    }

    /// Whether a value is in it that a service may have answered.
    pub(crate) fn has_value(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Value(_)))
    }

    /// Whether a secret is in it, or a value that may be one.
    pub(crate) fn is_private(&self) -> bool {
        let private = |part: &Part| matches!(part, Part::Secret(_) | Part::Value(_));
        self.parts.iter().any(private)
    }

    /// Fills every place.
    pub(crate) fn render(&self, values: &Values<'_>) -> Result<String, Missing> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::Uuid => text.push_str(&uuid::Uuid::new_v4().to_string()),
                Part::Secret(name) => text.push_str(values.secret(name)?),
                Part::Value(name) => text.push_str(values.value(name)?),
            }
        }
        Ok(text)
    }
}

/// A JSON value whose strings are templates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JsonTemplate {
    Bool(bool),
    Number(Number),
    Text(Template),
    List(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// Fills every place.
    pub(crate) fn render(&self, values: &Values<'_>) -> Result<Value, Missing> {
        Ok(match self {
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.render(values)?),
            Self::List(items) => {
                let items: Result<_, _> = items.iter().map(|item| item.render(values)).collect();
                Value::Array(items?)
            }
            Self::Object(entries) => {
                let entries: Result<Map<_, _>, _> = entries
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), item.render(values)?)))
                    .collect();
                Value::Object(entries?)
            }
        })
    }
}
