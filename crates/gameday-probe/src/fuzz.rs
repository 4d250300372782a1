//! What bytes of anybody's do to parsers: nothing may panic, nothing may go on without end.

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
mod tests {
    use rand::rngs::SmallRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    /// Words of assertions, and what stands between and in the place of them.
    const WORDS: &[&str] = &[
        "status",
        "version",
        "url",
        "ip",
        "redirects",
        "bytes",
        "sha256",
        "body",
        "header",
        "cookie",
        "json",
        "regex",
        "duration",
        "phase.wait",
        "Via",
        "a[Path]",
        "a[",
        "$",
        "$.a",
        "$..a[?@.b>1]",
        "$[",
        "$.items[*].id",
        "/a(b)c/",
        "/(/",
        "/",
        "//",
        "count",
        "first",
        "last",
        "nth",
        "toInt",
        "toFloat",
        "toString",
        "trim",
        "lower",
        "upper",
        "split",
        "replace",
        "replaceRegex",
        "base64Decode",
        "base64Encode",
        "base64UrlSafeDecode",
        "urlDecode",
        "urlEncode",
        "urlQueryParam",
        "daysAfterNow",
        "daysBeforeNow",
        "not",
        "==",
        "!=",
        ">",
        ">=",
        "<",
        "<=",
        "in",
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "exists",
        "isString",
        "isEmpty",
        "isDate",
        "[",
        "]",
        "[1,2]",
        "1..2",
        "..",
        "1..",
        "..2",
        "200..299",
        "9..1",
        "-1",
        "1e400",
        "18446744073709551616",
        "\"",
        "\"a\"",
        "\"\\u0000\"",
        "{{",
        "}}",
        "{{a}}",
        "null",
        "true",
        "{\"a\":[1]}",
        "300ms",
        "1KiB",
        "\u{fffd}",
        "ü",
        "\0",
        "\t",
        ",",
        " ",
    ];
    const BODIES: &[&[u8]] = &[
        b"",
        b"{\"a\": [1, 2.5, \"x\", null, {\"b\": 2}], \"items\": [{\"id\": 1}]}",
        b"[[[[]]]]",
        b"\xff\xfe text \0",
        "ü".as_bytes(),
        b"9999999999999999999999999999999999",
    ];

    #[test]
    fn no_line_of_words_panics_an_assertion() {
        let mut rng = SmallRng::seed_from_u64(7);
        for _ in 0..20_000 {
            let mut line = String::new();
            for _ in 0..rng.random_range(1..9) {
                line.push_str(WORDS[rng.random_range(0..WORDS.len())]);
                if rng.random_bool(0.8) {
                    line.push(' ');
                }
            }
            let mut bytes = line.into_bytes();
            if rng.random_bool(0.1) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            bytes.push(b'\n');
            bytes.extend_from_slice(BODIES[rng.random_range(0..BODIES.len())]);
            assertion(&bytes);
        }
    }

    #[test]
    fn no_file_with_a_piece_of_it_gone_or_changed_panics_an_importer() {
        let yml = "modules:\n  a:\n    prober: http\n    http:\n      method: POST\n      headers: {A: \"{{b}}\"}\n      fail_if_body_matches_regexp: ['{{', \"x\"]\n      basic_auth: {username: u, password: p}\n  b: {prober: tcp, tcp: {query_response: [{expect: \"^a(b)\", send: \"$1 ${1} $\"}, {starttls: true}]}}\n  c: {prober: dns, dns: {query_name: a.test, query_type: A}}\n";
        let hurl = "GET http://a.test/{{b}}\n[Query]\na: b\nHTTP 200\n[Captures]\nx: jsonpath \"$.a\"\n[Asserts]\nbody contains \"x\"\n{\"a\": 1}\n";
        let mut rng = SmallRng::seed_from_u64(11);
        for (which, text) in [(0, hurl), (1, yml)] {
            for _ in 0..1500 {
                let mut bytes = text.as_bytes().to_vec();
                let at = rng.random_range(0..bytes.len());
                match rng.random_range(0..3) {
                    0 => bytes.truncate(at),
                    1 => bytes[at] = rng.random(),
                    _ => drop(bytes.splice(at..at, *b"\"{{\n")),
                }
                bytes.insert(0, which);
                import(&bytes);
            }
        }
    }
}
