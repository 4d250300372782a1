//! `[observe.webhooks.NAME]`: webhooks of other systems, and which parts of their JSON are the alert.

use std::collections::BTreeMap;
use std::ops::Range;

use gameday_alert::{Hook, Query};
use gameday_core::{Problems, Table};
use toml::Spanned;

/// Where PagerDuty's events are taken, whatever else is.
const PAGERDUTY: &str = "/v2/enqueue";

/// The paths of our receiver that are taken.
pub(super) struct Paths(Vec<String>);

impl Paths {
    /// Those of a receiver that listens at `webhook`.
    pub(super) fn of(webhook: Option<&str>) -> Self {
        let own = webhook.and_then(|url| reqwest::Url::parse(url).ok());
        let own = own.iter().map(|url| url.path().to_owned());
        Self(own.chain([PAGERDUTY.to_owned()]).collect())
    }

    /// Takes one more, if it can be one and is free.
    pub(super) fn take(&mut self, problems: &Problems<'_>, path: &Spanned<String>) {
        let text = path.get_ref();
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '%');
        if !text.starts_with('/') || !text.chars().all(plain) {
            let problem = problems
                .source()
                .problem(path.span(), format!("`{text}` is no path"));
            problems.push(problem.hint("such as `/hooks/datadog`, without a query"));
        } else if self.0.contains(text) {
            problems.add(path.span(), format!("`{text}` is taken already"));
        } else {
            self.0.push(text.clone());
        }
    }
}

/// Reads every mapping; `webhook` is where our receiver listens.
pub(super) fn read(observe: &mut Table<'_, '_>, webhook: Option<&str>, paths: &mut Paths) -> Vec<Hook> {
    let problems = observe.problems();
    let mut hooks = Vec::new();
    for (name, table) in observe.tables("webhooks") {
        if webhook.is_none() {
            let problem = problems
                .source()
                .problem(name.span(), "webhooks need `webhook` in [observe]");
            problems.push(
                problem.hint("it is the address at which gameday listens; these are other paths there"),
            );
        }
        hooks.extend(read_one(name.into_inner(), table, paths));
    }
    hooks
}

fn read_one(name: String, mut table: Table<'_, '_>, paths: &mut Paths) -> Option<Hook> {
    let problems = table.problems();
    let path: Option<Spanned<String>> = table.need_spanned("path");
    let each = table.spanned("each").and_then(|text| query(problems, text));
    let alert = table.need_spanned("alert").and_then(|text| query(problems, text));
    let status = table
        .need_spanned("status")
        .and_then(|text| query(problems, text));
    let firing: Option<Spanned<Vec<String>>> = table.need_spanned("firing");
    let resolved: Vec<String> = table.get("resolved").unwrap_or_default();
    let labels = queries(&mut table, "labels");
    let annotations = queries(&mut table, "annotations");
    let at = table.spanned("at").and_then(|text| query(problems, text));
    table.finish();
    if let Some(path) = &path {
        paths.take(problems, path);
    }
    if let Some(firing) = &firing {
        check_states(problems, firing.span(), firing.get_ref(), &resolved);
    }
    Some(Hook {
        name,
        path: path?.into_inner(),
        each,
        alert: alert?,
        status: status?,
        firing: firing?.into_inner(),
        resolved,
        labels,
        annotations,
        at,
    })
}

fn check_states(problems: &Problems<'_>, place: Range<usize>, firing: &[String], resolved: &[String]) {
    if firing.is_empty() {
        problems.add(place, "no state means that it fires");
    } else if let Some(both) = firing.iter().find(|state| resolved.contains(state)) {
        problems.add(place, format!("the state `{both}` cannot mean both"));
    }
}

fn query(problems: &Problems<'_>, text: Spanned<String>) -> Option<Query> {
    match Query::parse(text.get_ref()) {
        Ok(query) => Some(query),
        Err(why) => {
            let message = format!("`{}` is no JSONPath: {why}", text.get_ref());
            let problem = problems.source().problem(text.span(), message);
            problems.push(problem.hint("RFC 9535, e.g. `$.alert.title`"));
            None
        }
    }
}

fn queries(table: &mut Table<'_, '_>, key: &'static str) -> BTreeMap<String, Query> {
    let problems = table.problems();
    let Some(mut inner) = table.table(key) else {
        return BTreeMap::new();
    };
    let values = inner.take_values::<String>();
    let read = values
        .into_iter()
        .filter_map(|(name, text)| Some((name.into_inner(), query(problems, text)?)));
    read.collect()
}
