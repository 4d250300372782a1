//! Reads one `[[step]]`: its name and its request.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use gameday_core::{StepName, Table, redact_url};
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use toml::Spanned;

use super::answer::{read_expect, read_poll, read_replay, read_retry, read_save};
use super::auth::read_pairs;
use super::body::read_body;
use super::http::Common;
use super::scope::Scope;
use super::value::{Times, span};
use crate::assertion::{Assertion, Origin, Query};
use crate::net::{BodyPlan, MAX_KEPT_BYTES, Scan, UNNEEDED_KEPT_BYTES, Url};
use crate::plan::{Poll, StepPlan};
use crate::template::Template;

/// The methods, as keys.
const METHODS: [(&str, Method); 7] = [
    ("get", Method::GET),
    ("post", Method::POST),
    ("put", Method::PUT),
    ("patch", Method::PATCH),
    ("delete", Method::DELETE),
    ("head", Method::HEAD),
    ("options", Method::OPTIONS),
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
    common: &Common,
) -> Option<StepPlan> {
    let name = read_name(&mut table, names, scope);
    let request = read_request(&mut table, number, scope);
    let mut headers = read_headers(&mut table, scope);
    for (name, value) in &common.headers {
        if !headers.iter().any(|(own, _)| own == name) {
            headers.push((name.clone(), value.clone()));
        }
    }
    let query = read_pairs(&mut table, "query", scope);
    let body = read_body(&mut table, request.as_ref().map(|(method, _)| method), scope);
    let settings = common.settings.or(&mut table, scope);
    let expect = read_expect(&mut table, scope);
    let poll = read_poll(&mut table, scope, times);
    let slo = span(&mut table, "slo", scope);
    times.refuse_longer(slo.as_ref(), "slo", scope);
    let timeout = span(&mut table, "timeout", scope);
    times.refuse_longer(timeout.as_ref(), "timeout", scope);
    let delay = span(&mut table, "delay", scope);
    times.refuse_longer(delay.as_ref(), "delay", scope);
    let retry = read_retry(&mut table, scope);
    let replay = read_replay(&mut table, scope);
    let always = table.get("always").unwrap_or(false);
    // Last: what a step saves, only later steps can use.
    let save = read_save(&mut table, name.as_ref(), scope);
    table.finish();
    let (method, url) = request?;
    let saved = save.iter().map(|save| &save.origin);
    let compared = replay
        .iter()
        .flat_map(|replay| &replay.same)
        .map(|(_, origin)| origin);
    let origins: Vec<_> = saved.chain(compared).collect();
    Some(StepPlan {
        name: name?,
        method,
        url,
        query,
        headers,
        body,
        auth: settings.auth,
        route: Arc::new(settings.route),
        reading: Arc::new(reading(settings.max_body, &expect, poll.as_ref(), &origins)),
        compressed: settings.compressed,
        delay: delay.map(Spanned::into_inner),
        timeout: timeout.map(Spanned::into_inner),
        follow: settings.follow,
        expect,
        save,
        slo: slo.map(Spanned::into_inner),
        poll,
        retry,
        replay,
        always,
    })
}

/// What the step's assertions need of a body while it comes.
fn reading(max_bytes: u64, expect: &[Assertion], poll: Option<&Poll>, others: &[&Origin]) -> BodyPlan {
    let asserted = || expect.iter().chain(poll.map(|poll| &poll.until));
    let origins = || {
        let asserted = asserted().map(|assertion| &assertion.origin);
        asserted.chain(others.iter().copied())
    };
    let scanned = asserted().filter(|assertion| assertion.scan().is_some());
    let wholes = origins().filter(|origin| origin.query.needs_whole()).count();
    let asked = asserted().filter_map(Assertion::scan);
    let whether = asked.filter_map(|pattern| Scan::whether(&pattern));
    let taking = origins()
        .filter_map(|origin| origin.query.taking())
        .filter_map(Scan::taking);
    BodyPlan {
        max_bytes,
        sha256: origins().any(|origin| matches!(origin.query, Query::Sha256)),
        max_kept: match wholes > scanned.count() {
            true => MAX_KEPT_BYTES,
            false => UNNEEDED_KEPT_BYTES,
        },
        scans: whether.chain(taking).map(Arc::new).collect(),
        ..BodyPlan::default()
    }
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
pub(crate) fn read_url(text: &Spanned<String>, scope: &Scope<'_, '_>) -> Option<Template> {
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

/// Takes the headers of a request.
pub(crate) fn read_headers(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Vec<(HeaderName, Template)> {
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
