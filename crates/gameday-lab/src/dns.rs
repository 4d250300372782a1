//! The lab's name server: the one that knows where the payments API is.
//!
//! ```text
//!   api.payments.test  A  127.0.0.1          anything else: NXDOMAIN
//! ```
//!
//! It is never slow and never wrong: what goes wrong with it is done by the fault proxy in front of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;
use tokio::time::sleep;

use crate::LabError;

/// The API's name; `.test` is nobody's (RFC 6761, 6.2).
pub(crate) const NAME: &str = "api.payments.test";
/// Short, so that nobody remembers for long.
const TTL_S: u32 = 1;

/// The settings of the role `dns`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DnsSettings {
    /// The supervisor's process id.
    pub parent: u32,
    /// Where to listen.
    pub listen: SocketAddr,
}

/// Serves until the process ends.
pub(crate) async fn run(settings: DnsSettings) -> Result<(), LabError> {
    let socket = UdpSocket::bind(settings.listen)
        .await
        .map_err(LabError::io(format!("listen on {}", settings.listen)))?;
    crate::log::info(
        "dns listens",
        serde_json::json!({ "address": settings.listen.to_string() }),
    );
    let mut bytes = [0; 4096];
    loop {
        match socket.recv_from(&mut bytes).await {
            Ok((length, client)) => {
                if let Some(answer) = answer(&bytes[..length]) {
                    // A client that has gone misses nothing.
                    let _ = socket.send_to(&answer, client).await;
                }
            }
            // What came back from a client that has gone, most likely.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// A question for the API's name, as a client asks it.
pub(crate) fn question(id: u16) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    // Recursion desired, one question.
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in NAME.split('.') {
        bytes.push(u8::try_from(label.len()).expect("a short label"));
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, A, 0, IN]);
    bytes
}

const A: u8 = 1;
const IN: u8 = 1;
const HEADER: usize = 12;
const NXDOMAIN: u8 = 3;
const FORMERR: u8 = 1;
const NOTIMP: u8 = 4;

/// The answer to a datagram; none to what is no question.
fn answer(bytes: &[u8]) -> Option<Vec<u8>> {
    let header = bytes.get(..HEADER)?;
    let is_answer = header[2] & 0x80 != 0;
    if is_answer {
        return None;
    }
    let opcode = header[2] & 0x78;
    if opcode != 0 {
        return Some(head(header, NOTIMP, 0, 0));
    }
    let Some((name, end)) = (header[4..6] == [0, 1]).then(|| name(bytes)).flatten() else {
        return Some(head(header, FORMERR, 0, 0));
    };
    let (kind, rest) = (bytes.get(end..end + 4), bytes.get(HEADER..end + 4));
    let (Some(kind), Some(question)) = (kind, rest) else {
        return Some(head(header, FORMERR, 0, 0));
    };
    let known = name.eq_ignore_ascii_case(NAME);
    let is_a = known && kind == [0, A, 0, IN];
    let mut out = head(header, if known { 0 } else { NXDOMAIN }, 1, u8::from(is_a));
    out.extend(question);
    if is_a {
        // The name is that of the question, at its place.
        out.extend([0xc0, 12, 0, A, 0, IN]);
        out.extend(TTL_S.to_be_bytes());
        out.extend([0, 4]);
        out.extend(Ipv4Addr::LOCALHOST.octets());
    }
    Some(out)
}

fn head(asked: &[u8], code: u8, questions: u8, answers: u8) -> Vec<u8> {
    // An authoritative answer; recursion as it was desired, and not offered.
    let flags = 0x84 | (asked[2] & 0x01);
    vec![
        asked[0], asked[1], flags, code, 0, questions, 0, answers, 0, 0, 0, 0,
    ]
}

/// The name that is asked for, and where it ends.
fn name(bytes: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (String::new(), HEADER);
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        match length {
            0 => return Some((name, at)),
            // No question points anywhere (RFC 1035, 4.1.4), and no name is longer.
            64.. => return None,
            _ if name.len() > 255 => return None,
            _ => {}
        }
        let label = std::str::from_utf8(bytes.get(at..at + length)?).ok()?;
        if !name.is_empty() {
            name.push('.');
        }
        name += label;
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apis_name_is_loopback_and_every_other_does_not_exist() {
        let answered = answer(&question(7)).unwrap();
        assert_eq!((&answered[..4], answered[7]), (&[0, 7, 0x85, 0][..], 1));
        assert!(answered.ends_with(&[127, 0, 0, 1]));
        let mut other = question(7);
        other[HEADER + 1] = b'b';
        let answered = answer(&other).unwrap();
        assert_eq!((answered[3], answered[7]), (NXDOMAIN, 0));
    }

    #[test]
    fn another_type_is_no_error_and_no_answer() {
        let mut ask = question(1);
        let kind = ask.len() - 3;
        ask[kind] = 28;
        let answered = answer(&ask).unwrap();
        assert_eq!((answered[3], answered[5], answered[7]), (0, 1, 0));
    }

    #[test]
    fn bytes_that_are_no_question_do_no_harm() {
        assert_eq!(answer(&[]), None);
        let whole = question(1);
        for end in 0..whole.len() {
            let _ = answer(&whole[..end]);
        }
        let mut pointing = whole.clone();
        pointing[HEADER] = 0xc0;
        assert_eq!(answer(&pointing).unwrap()[3], FORMERR);
        let mut reply = whole;
        reply[2] |= 0x80;
        assert_eq!(
            answer(&reply),
            None,
            "two servers would answer one another for ever"
        );
    }
}
