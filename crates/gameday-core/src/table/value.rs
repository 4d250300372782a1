//! Reads one value as serde does, but tells everything that is wrong inside it.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeValue, ValueDeserializer};

use super::words;
use crate::Problems;

/// The value as a `T`; or nothing, and every problem that it has is told.
///
/// Serde stops at its first error. So what that error points at is taken out, and the rest is read again.
pub(super) fn read<T: DeserializeOwned>(
    problems: &Problems<'_>,
    mut value: Spanned<DeValue<'_>>,
) -> Option<Spanned<T>> {
    let span = value.span();
    let mut wrong: Vec<Range<usize>> = Vec::new();
    loop {
        let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
            Ok(parsed) if wrong.is_empty() => return Some(Spanned::new(span, parsed)),
            Ok(_) => return None,
            Err(error) => error,
        };
        let place = error.span().unwrap_or_else(|| span.clone());
        let found = remove(value.get_mut(), &place);
        // What is said of a table that something was taken out of may be only that it is gone.
        let holds_a_wrong_one = wrong
            .iter()
            .any(|inner| place.start <= inner.start && inner.end <= place.end);
        if wrong.is_empty() || (found && !holds_a_wrong_one) {
            problems.push(words::problem(problems.source(), place.clone(), error.message()));
        }
        if !found {
            return None;
        }
        wrong.push(place);
    }
}

/// Takes out the entry of which the key or the value stands at this place.
fn remove(value: &mut DeValue<'_>, place: &Range<usize>) -> bool {
    match value {
        DeValue::Table(table) => {
            let at = table
                .iter()
                .find(|(key, value)| key.span() == *place || value.span() == *place)
                .map(|(key, _)| key.clone());
            match at {
                Some(key) => table.remove::<str>(key.get_ref()).is_some(),
                None => table.iter_mut().any(|(_, inner)| remove(inner.get_mut(), place)),
            }
        }
        DeValue::Array(items) => {
            let before = items.len();
            let others = std::mem::replace(items, DeArray::new()).into_iter();
            *items = others.filter(|item| item.span() != *place).collect();
            items.len() < before || items.iter_mut().any(|item| remove(item.get_mut(), place))
        }
        _ => false,
    }
}
