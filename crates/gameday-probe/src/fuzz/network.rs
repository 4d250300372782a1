//! What servers send: certificates and staples, answers to hellos, headers of caches, DNS messages.

use bytes::Bytes;
use futures_util::FutureExt as _;
use hickory_proto::op::Message;
use hickory_proto::rr::Name;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use crate::cdn::{self, Freshness};
use crate::dns;
use crate::tls::{self, Certificate, Trust};

/// More pieces are not taken from one input.
const MOST_PIECES: usize = 16;

fn now() -> Timestamp {
    Timestamp::from_second(1_780_000_000).expect("a time of our days")
}

/// Pieces with a length of two bytes before each: the root that is trusted, the chain, and a staple at the end.
pub fn certificates(bytes: &[u8]) {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest
        .split_first_chunk::<2>()
        .filter(|_| pieces.len() < MOST_PIECES)
    {
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (piece, next) = after.split_at(length);
        pieces.push(piece);
        rest = next;
    }
    let [root, chain @ .., staple] = pieces.as_slice() else {
        return;
    };
    let read: Vec<Certificate> = chain
        .iter()
        .filter_map(|der| Certificate::read(der).ok())
        .collect();
    if let Some((leaf, rest)) = read.split_first() {
        let _ = tls::ocsp::read(staple, leaf, rest.first(), now());
    }
    if let Ok(trust) = Trust::new(vec![CertificateDer::from(root.to_vec())]) {
        let chain: Vec<_> = chain.iter().map(|der| CertificateDer::from(*der)).collect();
        for host in ["shop.test", "192.0.2.1"] {
            let judged = trust.examine(&chain, host, now());
            assert!(judged.used.iter().all(|place| *place < chain.len().max(1)));
        }
    }
}

/// What is answered to a hello that was made by hand, with and without waiting for certificates.
pub fn flight(bytes: &[u8]) {
    for certificates in [false, true] {
        let mut stream = bytes;
        let read = tls::flight::read(&mut stream, certificates).now_or_never();
        let chosen = read.expect("bytes that are there are not waited for");
        for der in chosen.iter().flat_map(|flight| &flight.chain) {
            let _ = Certificate::read(der);
        }
    }
}

/// Headers, one a line: what a cache did, how old a copy is, which place served it.
pub fn headers(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(100) {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (halves.next(), halves.next()) else {
            continue;
        };
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    for status in [200, 304, 503] {
        let (cache, _) = cdn::said(&headers, None, status);
        let _ = Freshness::of(&headers, cache, now()).to_string();
    }
    let (own, _) = cdn::said(&headers, Some("x-cache"), 200);
    let _ = Freshness::of(&headers, own, now()).to_string();
    if let Some(pop) = cdn::pop(&headers) {
        assert!(!pop.is_empty());
    }
}

/// An answer of a name server: where its CNAMEs lead, and what its signatures say.
pub fn dns_answer(bytes: &[u8]) {
    let Ok(message) = Message::from_vec(bytes) else {
        return;
    };
    let asked = message.queries.first().map(|query| query.name.clone());
    let name = asked.unwrap_or_else(Name::root);
    dns::ask::understand(&name, message.clone());
    let _ = dns::signatures::signed(&message, now());
    let _ = dns::signatures::signer(&message);
    let _ = dns::signatures::mismatch(&name, &message, &message);
}

/// A JSONPath in the first line, and the document that it is held against.
pub fn json_path(bytes: &[u8]) {
    let line = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(bytes.len());
    let (path, body) = bytes.split_at(line);
    let typed = format!("json {}", String::from_utf8_lossy(path));
    let body = Bytes::copy_from_slice(body.get(1..).unwrap_or_default());
    if let Ok(origin) = crate::assertion::parse_source(&typed) {
        let _ = origin.find(&super::response(&body)).to_string();
    }
}
