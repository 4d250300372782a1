//! The same as the fuzzer does, for moments and without one.

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

#[test]
fn every_input_that_is_kept_passes_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
    type Target = fn(&[u8]);
    let targets: [(&str, Target); 7] = [
        ("assertion", assertion),
        ("import", import),
        ("certificates", certificates),
        ("flight", flight),
        ("headers", headers),
        ("dns_answer", dns_answer),
        ("json_path", json_path),
    ];
    for (name, target) in targets {
        let inputs = std::fs::read_dir(corpus.join(name)).unwrap();
        let inputs: Vec<_> = inputs
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert!(!inputs.is_empty(), "{name}");
        inputs.iter().for_each(|bytes| target(bytes));
    }
}
