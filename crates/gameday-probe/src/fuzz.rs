//! What bytes of anybody's do to parsers: nothing may panic, nothing may go on without end.

mod network;

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use gameday_core::Source;
use hyper::Version;
use hyper::header::{HeaderMap, HeaderValue};

use crate::assertion::{parse, parse_source};
use crate::net::{Body, Head, Request, Url};
use crate::response::Response;
use crate::template::Template;
use crate::values::Values;

pub use network::{certificates, dns_answer, flight, headers, json_path};

/// The first line is an assertion, and a query with filters; the rest is the body that it is held against.
pub fn assertion(bytes: &[u8]) {
    let line = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(bytes.len());
    let (typed, body) = bytes.split_at(line);
    let typed = String::from_utf8_lossy(typed);
    let response = response(body.get(1..).unwrap_or_default());
    if let Ok(origin) = parse_source(&typed) {
        let found = origin.find(&response);
        let _ = found.to_string();
    }
    if let Ok(Some(assertion)) = parse(&typed, &mut |text| Some(Template::fixed(text))) {
        let secrets = BTreeMap::new();
        let values = Values::begin(&secrets, &BTreeMap::new()).expect("there are no variables");
        let _ = assertion.check(&response, &values);
    }
}

/// A file of Hurl's, or of blackbox_exporter's, by the first byte: what comes of it is TOML.
pub fn import(bytes: &[u8]) {
    let Some((which, text)) = bytes.split_first() else {
        return;
    };
    let source = Source {
        path: "fuzz".into(),
        text: String::from_utf8_lossy(text).into_owned(),
    };
    let here = Path::new("/here");
    let imported = match which % 2 {
        0 => crate::import::hurl(&source, &BTreeMap::new(), here),
        _ => crate::import::blackbox(
            &source,
            &[],
            &["http://a.test:80/".into(), "a.test:80".into()],
            here,
        ),
    };
    for file in imported.iter().flat_map(|imported| &imported.files) {
        assert!(file.text.parse::<toml::Table>().is_ok(), "{}", file.text);
    }
}

fn response(body: &[u8]) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("set-cookie", "a=b; Path=/; Max-Age=60"),
        ("via", "one"),
        ("via", "two"),
        ("expires", "Wed, 21 Oct 2015 07:28:00 GMT"),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    let head = Head {
        status: 200,
        version: Version::HTTP_11,
        headers,
    };
    let body = Body {
        bytes: body.len() as u64,
        kept: Bytes::copy_from_slice(body),
        ..Body::default()
    };
    let asked = Request::get(Url::parse("http://a.test/").expect("a URL"));
    Response::new(head, body, ([127, 0, 0, 1], 80).into(), &asked)
}

#[cfg(test)]
mod tests;
