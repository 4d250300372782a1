//! Reads a module's `http` block.

use std::sync::Arc;

use gameday_core::Problems;
use hyper::Method;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};

use super::super::choose::Choice;
use super::super::client::Client;
use super::super::config::{Block, Expression, Pattern, Value};
use super::encoding;
use super::{Body, HeaderMatch, Http};
use crate::net::{BodyPlan, MAX_KEPT_BYTES, Scan};

/// By which servers know this prober; a module's own header wins.
const AGENT: HeaderValue = HeaderValue::from_static(concat!(
    "Blackbox-Exporter/0.28.0 gameday/",
    env!("CARGO_PKG_VERSION")
));

impl Http {
    pub(in crate::blackbox) fn read(block: &Block, problems: &Problems<'_>) -> Self {
        if block.has("body") && block.has("body_file") && !block.text("body").is_empty() {
            problems.add(
                block.place("body_file"),
                "setting body and body_file both are not allowed",
            );
        }
        check_http3(block, problems);
        let (headers, host) = headers(block, problems);
        let matches = block.patterns("fail_if_body_matches_regexp");
        let not_matches = block.patterns("fail_if_body_not_matches_regexp");
        let cel = expression(block, "fail_if_body_json_matches_cel");
        let cel_not = expression(block, "fail_if_body_json_not_matches_cel");
        let limit = match block.get("body_size_limit") {
            Some(Value::Size(bytes)) if *bytes > 0 => *bytes,
            _ => u64::MAX,
        };
        let reading = reading(
            block,
            limit,
            matches.iter().chain(&not_matches),
            cel.is_some() || cel_not.is_some(),
        );
        let method = block.text("method");
        let method = if method.is_empty() { "GET" } else { method };
        Self {
            valid_status_codes: block
                .list("valid_status_codes")
                .iter()
                .filter_map(whole)
                .collect(),
            valid_versions: block.texts("valid_http_versions"),
            choice: Choice::read(block),
            skips_resolution: block.flag("skip_resolve_phase_with_proxy"),
            fail_if_ssl: block.flag("fail_if_ssl"),
            fail_if_not_ssl: block.flag("fail_if_not_ssl"),
            method: Method::from_bytes(method.as_bytes()).map_err(|_| format!("`{method}` is not a method")),
            headers,
            host,
            body: match block.text("body_file") {
                "" => Body::Text(block.text("body").to_owned().into()),
                path => Body::File(path.into()),
            },
            client: Client::read(block, problems),
            wants_http3: block.flag("enable_http3"),
            body_limit: limit,
            reading: Arc::new(reading),
            matches,
            not_matches,
            cel,
            cel_not,
            header_matches: header_matches(block, "fail_if_header_matches", problems),
            header_not_matches: header_matches(block, "fail_if_header_not_matches", problems),
        }
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Whole(number) => Some(*number),
        _ => None,
    }
}

fn expression(block: &Block, key: &str) -> Option<Arc<Expression>> {
    match block.get(key) {
        Some(Value::Cel(expression)) => Some(Arc::clone(expression)),
        _ => None,
    }
}

/// HTTP/3 is not spoken, but what cannot be meant is told as theirs tell it.
fn check_http3(block: &Block, problems: &Problems<'_>) {
    if !block.flag("enable_http3") {
        return;
    }
    if block
        .texts("valid_http_versions")
        .iter()
        .any(|version| version != "HTTP/3.0")
    {
        problems.add(
            block.place("valid_http_versions"),
            "HTTP/3 and HTTP/2.0/1.1 cannot be used together: only `HTTP/3.0` is allowed when `enable_http3` is true",
        );
    }
    if block.flag("enable_http2") {
        problems.add(
            block.place("enable_http3"),
            "when `enable_http3` is true, `enable_http2` must be set to false",
        );
    }
}

fn headers(block: &Block, problems: &Problems<'_>) -> (HeaderMap, Option<String>) {
    let compression = block.text("compression");
    let mut headers = HeaderMap::new();
    let mut host = None;
    for (name, value) in block.pairs("headers") {
        let Value::Text(value) = value else { continue };
        if name.eq_ignore_ascii_case("accept-encoding") && !encoding::is_acceptable(compression, value) {
            let message =
                format!("invalid configuration \"{name}: {value}\", \"compression: {compression}\"");
            let problem = problems.source().problem(block.place("headers"), message);
            problems.push(problem.hint("the header must accept what `compression` expects"));
        }
        let pair = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value));
        match pair {
            (Ok(HOST), Ok(_)) => host = Some(value.clone()),
            (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
            _ => {
                let shown = gameday_core::printable(name);
                let problem = problems.source().problem(
                    block.place("headers"),
                    format!("`{shown}` cannot be sent as a header"),
                );
                problems.push(problem.hiding_the_line());
            }
        }
    }
    headers.entry(USER_AGENT).or_insert(AGENT);
    (headers, host)
}

fn header_matches(block: &Block, key: &str, problems: &Problems<'_>) -> Vec<HeaderMatch> {
    let mut matches = Vec::new();
    for one in block.blocks(key) {
        for (needed, message) in [
            ("header", "header name must be set for HTTP header matchers"),
            ("regexp", "regexp must be set for HTTP header matchers"),
        ] {
            let is_empty_pattern = one.pattern(needed).is_some_and(|pattern| pattern.text.is_empty());
            if !one.has(needed) || is_empty_pattern {
                problems.add(one.span.clone(), message);
            }
        }
        let header = HeaderName::try_from(one.text("header"));
        if let (Ok(header), Some(pattern)) = (header, one.pattern("regexp")) {
            let allow_missing = one.flag("allow_missing");
            matches.push(HeaderMatch {
                header,
                pattern,
                allow_missing,
            });
        }
    }
    matches
}

/// What is done with a body: counted always; kept, up to a limit, only for what looks into it.
fn reading<'a>(
    block: &Block,
    limit: u64,
    patterns: impl Iterator<Item = &'a Pattern>,
    has_cel: bool,
) -> BodyPlan {
    let scans: Vec<_> = patterns
        .filter_map(|pattern| Scan::whether(&pattern.text))
        .map(Arc::new)
        .collect();
    let looks_into_it =
        has_cel || !block.patterns("fail_if_body_matches_regexp").is_empty() || !scans.is_empty();
    let encoding = block.text("compression").to_ascii_lowercase();
    BodyPlan {
        max_bytes: limit,
        // A body is decoded as the module says and not as the answer says: that is what theirs do.
        encoding: Some(encoding),
        max_kept: if looks_into_it { MAX_KEPT_BYTES } else { 0 },
        scans,
        ..BodyPlan::default()
    }
}
