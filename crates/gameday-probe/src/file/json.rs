//! Reads a step's `json`: any TOML value, its strings as templates.

use gameday_core::Table;
use serde_json::Number;
use toml::Spanned;
use toml::de::DeValue;

use super::scope::Scope;
use crate::template::{JsonTemplate, Template};

/// TOML parses to any depth that its own parser allows; ours stops here.
const MAX_DEPTH: usize = 64;

/// Takes a value as a JSON template.
pub(super) fn read_json(
    table: &mut Table<'_, '_>,
    key: &'static str,
    scope: &Scope<'_, '_>,
) -> Option<JsonTemplate> {
    // `has` makes the key known; the value is taken with the places of all that is in it.
    if !table.has(key) {
        return None;
    }
    let value = table.entries_mut().remove(key)?;
    read_value(value, scope, 0)
}

fn read_value(value: Spanned<DeValue<'_>>, scope: &Scope<'_, '_>, depth: usize) -> Option<JsonTemplate> {
    let place = value.span();
    if depth > MAX_DEPTH {
        scope
            .problems()
            .add(place, format!("`json` is deeper than {MAX_DEPTH} levels"));
        return None;
    }
    Some(match value.into_inner() {
        DeValue::String(text) => JsonTemplate::Text(scope.template_at(&text, place)?),
        DeValue::Boolean(bool) => JsonTemplate::Bool(bool),
        DeValue::Datetime(datetime) => JsonTemplate::Text(Template::fixed(&datetime.to_string())),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix());
            number_or_tell(number.ok().map(Number::from), place, scope)?
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(Number::from_f64);
            number_or_tell(number, place, scope)?
        }
        DeValue::Array(items) => {
            // All first, then the first failure: each problem is told.
            let items: Vec<_> = items
                .into_iter()
                .map(|item| read_value(item, scope, depth + 1))
                .collect();
            JsonTemplate::List(items.into_iter().collect::<Option<_>>()?)
        }
        DeValue::Table(entries) => {
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(key, item)| Some((key.into_inner().into_owned(), read_value(item, scope, depth + 1)?)))
                .collect();
            JsonTemplate::Object(entries.into_iter().collect::<Option<_>>()?)
        }
    })
}

fn number_or_tell(
    number: Option<Number>,
    place: std::ops::Range<usize>,
    scope: &Scope<'_, '_>,
) -> Option<JsonTemplate> {
    if number.is_none() {
        scope.problems().add(place, "JSON has no such number");
    }
    number.map(JsonTemplate::Number)
}
