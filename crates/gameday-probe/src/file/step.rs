//! Reads one `[[step]]`: its name and its request.

use std::collections::BTreeSet;
use std::ops::Range;

use gameday_core::{StepName, Table, redact_url};
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use toml::Spanned;

use super::answer::{read_expect, read_poll, read_save};
use super::json::read_json;
use super::scope::Scope;
use super::value::{Times, span};
use crate::net::Url;
use crate::plan::StepPlan;
use crate::template::Template;

/// The methods, as keys.
const METHODS: [(&str, Method); 6] = [
    ("get", Method::GET),
    ("post", Method::POST),
    ("put", Method::PUT),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
    ("head", Method::HEAD),
];

/// Headers that follow from the connection and the body.
const OURS: [&str; 4] = ["connection", "content-length", "te", "transfer-encoding"];
const MAX_HEADERS: usize = 60;

/// Reads a step; `number` counts from 1, `names` are the names of the steps before it.
pub(super) fn read_step(
    mut table: Table<'_, '_>,
    number: usize,
    names: &mut BTreeSet<String>,
    scope: &mut Scope<'_, '_>,
    times: &Times,
) -> Option<StepPlan> {
    let name = read_name(&mut table, names, scope);
    let request = read_request(&mut table, number, scope);
    let headers = read_headers(&mut table, scope);
    let json_place = table.key_span("json");
    let json = read_json(&mut table, "json", scope);
    if let (Some(place), Some((Method::GET | Method::HEAD, _))) = (json_place, &request) {
        scope.problems().add(
            place,
            "a request of this method has no body: `json` cannot be sent",
        );
    }
    let expect = read_expect(&mut table, scope);
    let poll = read_poll(&mut table, scope, times);
    let slo = span(&mut table, "slo", scope);
    times.refuse_longer(slo.as_ref(), "slo", scope);
    let always = table.get("always").unwrap_or(false);
    // Last: what a step saves, only later steps can use.
    let save = read_save(&mut table, name.as_ref(), scope);
    table.finish();
    let (method, url) = request?;
    Some(StepPlan {
        name: name?,
        method,
        url,
        headers,
        json,
        expect,
        save,
        slo: slo.map(Spanned::into_inner),
        poll,
        always,
    })
}

fn read_name(
    table: &mut Table<'_, '_>,
    names: &mut BTreeSet<String>,
    scope: &Scope<'_, '_>,
) -> Option<StepName> {
    let name: Spanned<StepName> = table.need_spanned("name")?;
    if !names.insert(name.get_ref().to_string()) {
        let message = format!("two steps are named `{}`", name.get_ref());
        scope.problems().add(name.span(), message);
    }
    Some(name.into_inner())
}

fn read_request(
    table: &mut Table<'_, '_>,
    number: usize,
    scope: &Scope<'_, '_>,
) -> Option<(Method, Template)> {
    let problems = scope.problems();
    let mut found: Vec<(&str, Range<usize>, Method, Option<Template>)> = Vec::new();
    for (key, method) in METHODS {
        if !table.has(key) {
            continue;
        }
        let place = table.key_span(key).unwrap_or_default();
        let url = table.spanned(key).and_then(|url| read_url(&url, scope));
        found.push((key, place, method, url));
    }
    found.sort_by_key(|(_, place, ..)| place.start);
    for pair in found.windows(2) {
        let message = format!(
            "`{}` and `{}` are both there: a step makes one request",
            pair[0].0, pair[1].0
        );
        problems.add(pair[1].1.clone(), message);
    }
    if found.is_empty() {
        let keys: Vec<_> = METHODS.iter().map(|(key, _)| *key).collect();
        let message = format!("step {number} makes no request");
        let problem = problems.source().problem(table.span(), message);
        problems.push(problem.hint(format!("give it one of `{}`", keys.join("`, `"))));
    }
    let (_, _, method, url) = found.into_iter().next()?;
    Some((method, url?))
}

/// A URL that is known now must be right now; of another, what it begins with.
fn read_url(text: &Spanned<String>, scope: &Scope<'_, '_>) -> Option<Template> {
    let template = scope.template(text)?;
    let wrong = match (template.text(), template.beginning()) {
        (Some(url), _) => Url::parse(url).err(),
        (None, Some(start)) if !(start.starts_with("http://") || start.starts_with("https://")) => {
            Some("a URL begins with `http://` or `https://`".to_owned())
        }
        _ => None,
    };
    let Some(wrong) = wrong else { return Some(template) };
    let problem = scope.problems().source().problem(text.span(), wrong);
    scope.problems().push(match template.text() {
        Some(url) if url != text.get_ref() => problem.hint(format!("it reads `{}`", redact_url(url))),
        _ => problem,
    });
    None
}

fn read_headers(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Vec<(HeaderName, Template)> {
    let problems = scope.problems();
    let Some(mut table) = table.table("headers") else {
        return Vec::new();
    };
    let typed = table.take_values::<String>();
    if let Some((name, _)) = typed.get(MAX_HEADERS) {
        problems.add(
            name.span(),
            format!("a request has at most {MAX_HEADERS} headers"),
        );
    }
    let mut headers = Vec::new();
    for (name, value) in typed {
        let Ok(header) = name.get_ref().parse::<HeaderName>() else {
            let message = format!("`{}` is not the name of a header", name.get_ref());
            problems.add(name.span(), message);
            continue;
        };
        if OURS.contains(&header.as_str()) {
            problems.add(name.span(), format!("`{header}` is set by the probe itself"));
        }
        let Some(template) = scope.template(&value) else {
            continue;
        };
        if template
            .text()
            .is_some_and(|text| HeaderValue::from_str(text).is_err())
        {
            problems.add(
                value.span(),
                "a header's value is one line of printable characters",
            );
        }
        headers.push((header, template));
    }
    headers
}
