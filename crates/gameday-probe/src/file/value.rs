//! Values of a probe's file: units that may come from a variable.

use std::str::FromStr;
use std::time::Duration;

use gameday_core::{Span, Table};
use toml::Spanned;

use super::scope::Scope;

/// The times that other values are compared with.
pub(crate) struct Times {
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
}

impl Times {
    /// A limit that is not within `timeout` can never be reached.
    pub(crate) fn refuse_longer(&self, limit: Option<&Spanned<Duration>>, key: &str, scope: &Scope<'_, '_>) {
        let Some(limit) = limit.filter(|limit| *limit.get_ref() > self.timeout) else {
            return;
        };
        let (long, timeout) = (Span::from_value(*limit.get_ref()), Span::from_value(self.timeout));
        let problems = scope.problems();
        let message = format!("`{key}` of {long} is longer than the probe's `timeout` of {timeout}");
        problems.push(
            problems
                .source()
                .problem(limit.span(), message)
                .hint("the run is over by then"),
        );
    }
}

/// Takes a unit, written out or in a variable.
pub(crate) fn unit<T: FromStr<Err: std::fmt::Display>>(
    table: &mut Table<'_, '_>,
    key: &'static str,
    scope: &Scope<'_, '_>,
) -> Option<Spanned<T>> {
    let typed: Spanned<String> = table.spanned(key)?;
    parse(&typed, scope)
}

fn parse<T: FromStr<Err: std::fmt::Display>>(
    typed: &Spanned<String>,
    scope: &Scope<'_, '_>,
) -> Option<Spanned<T>> {
    let text = scope.now(typed)?;
    match text.parse() {
        Ok(value) => Some(Spanned::new(typed.span(), value)),
        Err(error) => {
            scope.problems().add(typed.span(), error.to_string());
            None
        }
    }
}

/// Takes a length of time.
pub(crate) fn span(
    table: &mut Table<'_, '_>,
    key: &'static str,
    scope: &Scope<'_, '_>,
) -> Option<Spanned<Duration>> {
    let span: Spanned<Span> = unit(table, key, scope)?;
    Some(Spanned::new(span.span(), span.into_inner().get()))
}

/// Takes a length of time that must be there.
pub(crate) fn need_span(
    table: &mut Table<'_, '_>,
    key: &'static str,
    scope: &Scope<'_, '_>,
) -> Option<Spanned<Duration>> {
    let typed: Spanned<String> = table.need_spanned(key)?;
    let span: Spanned<Span> = parse(&typed, scope)?;
    Some(Spanned::new(span.span(), span.into_inner().get()))
}
