//! What must hold whatever bytes come: for the fuzzer (`just fuzz`), and over its corpus for the tests.
//!
//! Each target takes bytes from a peer that may be anybody, and panics when a promise is broken.

mod link;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gameday_core::Source;
use serde_json::{Map, Value};

use crate::attached::{Attached, Visitor};
use crate::dns::{Asked, Messages};
use crate::tls::hello::{Peek, peek};
use crate::toxic::{BadToxic, ToxicSpec};

pub use crate::postgres::fuzz::postgres;
pub use crate::redis::fuzz::redis;
pub use link::link;

/// A ClientHello, of which ever more comes: what was decided stays decided.
pub fn tls_hello(bytes: &[u8]) {
    let decided = (0..=bytes.len().min(600)).map(|length| peek(&bytes[..length]));
    let mut first = None;
    for now in decided.filter(|peek| *peek != Peek::Incomplete) {
        assert_eq!(first.get_or_insert_with(|| now.clone()), &now);
    }
    peek(bytes);
}

/// A query, and the same bytes as an answer, under every kind of DNS fault.
pub fn dns(bytes: &[u8]) {
    let faults = [
        r#"{"rcode": "nxdomain", "types": ["MX"]}"#,
        r#"{"answer": ["192.0.2.1", "2001:db8::1"], "ttl": "5s", "name": "*.test"}"#,
        r#"{"truncate": true, "share": "50%"}"#,
        r#"{"ttl": "1s"}"#,
        r#"{"delay": "1s", "jitter": "2s"}"#,
    ];
    let toxics: Vec<Arc<Attached>> = faults
        .iter()
        .map(|fault| {
            let settings = serde_json::from_str(fault).expect("an object");
            let spec = ToxicSpec::from_attributes("dns", &settings);
            Arc::new(Attached::new(spec.unwrap_or_else(|_| panic!("{fault}"))))
        })
        .collect();
    for datagrams in [false, true] {
        let mut messages = Messages::new(Visitor::new(None, 1), datagrams);
        if let Asked::Answered(answer, delay) = messages.ask(&toxics, bytes) {
            assert!(answer.len() <= 65_535 && delay <= Duration::from_secs(3));
            assert_eq!(answer[..2], bytes[..2], "it answers this query");
        }
        let whole = Bytes::copy_from_slice(bytes);
        let (changed, delay) = messages.answer(&toxics, whole);
        assert!(delay <= Duration::from_secs(3));
        assert!(changed.len() <= 65_535 || changed == bytes);
    }
}

/// A configuration, as TOML and as JSON: problems or proxies, and a problem stands in a line of the file.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    for name in ["proxy.toml", "proxy.json"] {
        let source = Source {
            path: PathBuf::from(name),
            text: text.to_owned(),
        };
        if let Err(problems) = crate::config::load_config(&source) {
            assert!(!problems.is_empty());
            problems.iter().for_each(|problem| drop(problem.to_string()));
        }
    }
}

/// A toxic as the API gets it: what is taken in is told in the same words, and these are taken in again.
pub fn toxic(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    let kind = ToxicSpec::KINDS[usize::from(*kind) % ToxicSpec::KINDS.len()];
    let Ok(Value::Object(given)) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let spec = match ToxicSpec::from_attributes(kind, &given) {
        Ok(spec) => spec,
        Err(BadToxic::Kind) => panic!("`{kind}` is one of the kinds"),
        Err(_) => return,
    };
    let told: Map<String, Value> = spec.attributes();
    let again = ToxicSpec::from_attributes(kind, &told);
    assert!(again.is_ok_and(|again| again == spec), "{kind}: {told:?}");
}
