//! `fault.http_hook`: requests that have somebody else break something, and put it back.

use std::collections::BTreeMap;
use std::path::Path;

use gameday_core::{Table, TokenFrom, redact_url};
use toml::Spanned;

use super::other::read_timeout;
use crate::deed::{Hook, Request, Text};
use crate::plan::FaultKind;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Their values are secrets, so they do not stand in a scenario.
const SECRET_HEADERS: [&str; 5] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
];

pub(super) fn read(fault: &mut Table<'_, '_>) -> Option<FaultKind> {
    let mut table = fault.table("http_hook")?;
    let timeout = read_timeout(&mut table);
    let [start, undo] = ["start", "undo"].map(|key| {
        if table.key_span(key).is_none() {
            let message = format!("`http_hook` needs the request `{key}`");
            let problem = table.problems().source().problem(table.span(), message);
            table.problems().push(
                problem.hint("e.g. `start = { post = \"https://…\" }, undo = { delete = \"https://…\" }`"),
            );
        }
        read_request(&mut table, key)
    });
    let given = [table.has("renew"), table.has("verify")];
    let [renew, verify] = ["renew", "verify"].map(|key| read_request(&mut table, key));
    table.finish();
    if given != [renew.is_some(), verify.is_some()] {
        return None;
    }
    let mut undo = undo?;
    // What is gone already need not be deleted.
    if undo.method == "DELETE" {
        undo.accept.extend([404, 410]);
    }
    Some(FaultKind::Hook(Box::new(Hook {
        start: start?,
        undo,
        renew,
        verify,
        renew_ms: 0,
        timeout_ms: u64::try_from(timeout?.as_millis()).unwrap_or(u64::MAX),
    })))
}

fn read_request(hook: &mut Table<'_, '_>, key: &'static str) -> Option<Request> {
    let mut table = hook.table(key)?;
    let method = one_method(&mut table)?;
    let url = read_text(&mut table, method);
    let headers = read_headers(&mut table);
    let token = if table.key_span("token").is_some() {
        Some(TokenFrom::take(&mut table)?)
    } else {
        None
    };
    let json: Option<toml::Value> = table.get("json");
    let body: Option<Spanned<String>> = table.spanned("body");
    let accept: Option<Spanned<Vec<u16>>> = table.spanned("accept");
    let contains = table.get("contains");
    let problems = table.problems();
    if let (Some(_), Some(body)) = (&json, &body) {
        problems.add(body.span(), "a request has `json` or `body`, not both");
    }
    if let Some(accept) = accept
        .as_ref()
        .filter(|all| all.get_ref().iter().any(|code| !(100..600).contains(code)))
    {
        problems.add(
            accept.span(),
            "`accept` lists statuses beside 2xx, from 100 to 599",
        );
    }
    table.finish();
    let (mut headers, url) = (headers?, url?);
    let body = match json {
        None => body.map(Spanned::into_inner),
        Some(value) => {
            let named = headers
                .keys()
                .any(|name| name.eq_ignore_ascii_case("content-type"));
            if !named {
                headers.insert(
                    "Content-Type".to_owned(),
                    Text::Plain("application/json".to_owned()),
                );
            }
            Some(serde_json::to_string(&value).expect("what TOML holds is fit for JSON"))
        }
    };
    Some(Request {
        method: method.to_uppercase(),
        url,
        headers,
        token,
        body,
        accept: accept.map(Spanned::into_inner).unwrap_or_default(),
        contains,
    })
}

/// The one method of a request; its value is the URL.
fn one_method(table: &mut Table<'_, '_>) -> Option<&'static str> {
    let mut named = METHODS
        .into_iter()
        .filter(|method| table.key_span(method).is_some());
    let (first, second) = (named.next(), named.next());
    let problems = table.problems();
    match (first, second) {
        (Some(method), None) => Some(method),
        (Some(first), Some(second)) => {
            let place = table.key_span(second).unwrap_or_default();
            problems.add(
                place,
                format!("a request has one method: `{first}` and `{second}` are two"),
            );
            None
        }
        (None, _) => {
            let message = "a request needs a method with its URL";
            let problem = problems.source().problem(table.span(), message);
            problems.push(
                problem.hint("one of `get`, `post`, `put`, `patch`, `delete`, e.g. `post = \"https://…\"`"),
            );
            None
        }
    }
}

/// A URL, as it is or from where it is kept.
fn read_text(table: &mut Table<'_, '_>, method: &'static str) -> Option<Text> {
    let value: Spanned<toml::Value> = table.spanned(method)?;
    let source = table.problems().source();
    let place = value.span();
    match text_or_from(value.into_inner(), source.path.parent().unwrap_or(Path::new(""))) {
        Some(Text::Plain(url)) => {
            let fine = reqwest::Url::parse(&url).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.has_host()
                    && url.username().is_empty()
                    && url.password().is_none()
            });
            if fine {
                return Some(Text::Plain(url));
            }
            let message = format!("`{}` is no URL without a user and a password", redact_url(&url));
            let problem = source.problem(place, message).hiding_the_line();
            table
                .problems()
                .push(problem.hint("with its scheme; one that is a secret is `{ env = \"HOOK_URL\" }`"));
            None
        }
        Some(from) => Some(from),
        None => {
            table
                .problems()
                .add(place, "a URL is a text, or `{ env = … }` or `{ file = … }`");
            None
        }
    }
}

fn text_or_from(value: toml::Value, folder: &Path) -> Option<Text> {
    match value {
        toml::Value::String(text) => Some(Text::Plain(text)),
        other => other
            .try_into::<TokenFrom>()
            .ok()
            .map(|from| Text::From(from.beside(folder))),
    }
}

fn read_headers(table: &mut Table<'_, '_>) -> Option<BTreeMap<String, Text>> {
    let Some(mut headers) = table.table("headers") else {
        return Some(BTreeMap::new());
    };
    let problems = headers.problems();
    let folder = problems
        .source()
        .path
        .parent()
        .unwrap_or(Path::new(""))
        .to_owned();
    let mut read = BTreeMap::new();
    let before = problems.count();
    for (name, value) in headers.take_values::<toml::Value>() {
        let secret = SECRET_HEADERS.contains(&name.get_ref().to_ascii_lowercase().as_str());
        match text_or_from(value.get_ref().clone(), &folder) {
            Some(Text::Plain(_)) if secret => {
                let message = format!(
                    "the value of `{}` is a secret, and a journal holds none",
                    name.get_ref()
                );
                let problem = problems.source().problem(value.span(), message).hiding_the_line();
                problems.push(problem.hint("`{ env = \"…\" }` or `{ file = \"…\" }`; `token = { env = \"…\" }` makes a bearer token of it"));
            }
            Some(text) => drop(read.insert(name.into_inner(), text)),
            None => problems.add(
                value.span(),
                "a header is a text, or `{ env = … }` or `{ file = … }`",
            ),
        }
    }
    (problems.count() == before).then_some(read)
}
