//! What is said in plain text before TLS begins (STARTTLS), for the protocols that have it.

use std::time::Instant;

use gameday_core::{Reason, Table};
use regex::Regex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use toml::Spanned;

use crate::file::Scope;
use crate::observation::Fault;

/// An answer in such a dialogue may not be longer.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// A turn: what is waited for, or what is sent.
#[derive(Debug, Clone)]
enum Turn {
    Expect(Regex),
    /// The answer is this byte.
    ExpectByte(u8),
    Send(&'static [u8]),
}

/// The turns of one protocol.
#[derive(Debug, Clone)]
pub(crate) struct Dialogue {
    protocol: String,
    turns: Vec<Turn>,
}

const PROTOCOLS: [&str; 7] = ["smtp", "imap", "pop3", "ftp", "ldap", "xmpp", "postgres"];

/// RFC 4511, 4.14: an extended request with the name of StartTLS.
const LDAP_START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// PostgreSQL's SSLRequest: its length and its code.
const POSTGRES_SSL_REQUEST: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

fn turns(protocol: &str) -> Option<Vec<Turn>> {
    let expect = |pattern: &str| Turn::Expect(Regex::new(pattern).expect("a pattern of ours"));
    Some(match protocol {
        // RFC 3207.
        "smtp" => vec![
            expect("(?m)^220 "),
            Turn::Send(b"EHLO gameday\r\n"),
            expect("(?m)^250[ -]STARTTLS"),
            Turn::Send(b"STARTTLS\r\n"),
            expect("(?m)^220 "),
        ],
        // RFC 3501, 6.2.1.
        "imap" => vec![expect(r"^\* OK"), Turn::Send(b"a1 STARTTLS\r\n"), expect("(?m)^a1 OK")],
        // RFC 2595, 4.
        "pop3" => vec![expect(r"^\+OK"), Turn::Send(b"STLS\r\n"), expect(r"(?m)^\+OK")],
        // RFC 4217, 4.
        "ftp" => vec![expect("(?m)^220 "), Turn::Send(b"AUTH TLS\r\n"), expect("(?m)^234 ")],
        "ldap" => vec![Turn::Send(LDAP_START_TLS), Turn::Expect(Regex::new("(?s)\x0a\x01\\x00").ok()?)],
        // RFC 6120, 5.4.
        "xmpp" => vec![
            Turn::Send(b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client' version='1.0'>"),
            expect("<starttls[^>]+xmpp-tls"),
            Turn::Send(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            expect("<proceed"),
        ],
        "postgres" => vec![Turn::Send(POSTGRES_SSL_REQUEST), Turn::ExpectByte(b'S')],
        _ => return None,
    })
}

/// Takes `starttls`.
pub(crate) fn read_starttls(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Dialogue> {
    let typed: Spanned<String> = table.spanned("starttls")?;
    let protocol = scope.now(&typed)?;
    let Some(turns) = turns(&protocol) else {
        let message = format!("`starttls` does not know `{protocol}`");
        let problem = scope.problems().source().problem(typed.span(), message);
        let problem = problem.hint(format!(
            "one of `{}`; `talk` says anything else",
            PROTOCOLS.join("`, `")
        ));
        scope.problems().push(problem);
        return None;
    };
    Some(Dialogue { protocol, turns })
}

impl Dialogue {
    /// Says it all; TLS begins afterwards.
    pub(crate) async fn hold(&self, stream: &mut TcpStream, deadline: Instant) -> Result<(), Fault> {
        let turns = async {
            for turn in &self.turns {
                self.take(turn, stream).await?;
            }
            Ok(())
        };
        let late = || {
            Fault::new(
                Reason::Timeout,
                format!("no answer in the {} dialogue before TLS", self.protocol),
            )
        };
        timeout_at(deadline.into(), turns)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    async fn take(&self, turn: &Turn, stream: &mut TcpStream) -> Result<(), Fault> {
        let broken = |error: std::io::Error| {
            Fault::new(
                Reason::ConnectionReset,
                format!("the {} dialogue before TLS broke: {error}", self.protocol),
            )
        };
        let other = |heard: &[u8]| {
            let heard = String::from_utf8_lossy(heard);
            let message = format!(
                "the {} server does not begin TLS, it says {heard:?}",
                self.protocol
            );
            Fault::new(Reason::UnexpectedReply, message)
        };
        match turn {
            Turn::Send(bytes) => stream.write_all(bytes).await.map_err(broken),
            Turn::ExpectByte(wanted) => {
                let byte = stream.read_u8().await.map_err(broken)?;
                if byte == *wanted {
                    Ok(())
                } else {
                    Err(other(&[byte]))
                }
            }
            Turn::Expect(pattern) => {
                let mut heard = Vec::new();
                loop {
                    let mut buffer = [0; 1024];
                    let read = stream.read(&mut buffer).await.map_err(broken)?;
                    heard.extend_from_slice(&buffer[..read]);
                    if pattern.is_match(&String::from_utf8_lossy(&heard)) {
                        return Ok(());
                    }
                    // A server that has said something else does not change its mind.
                    if read == 0 || heard.len() > MAX_ANSWER_BYTES || refuses(&heard) {
                        return Err(other(&heard));
                    }
                }
            }
        }
    }
}

/// Whether the answer is whole and was not the wanted one: its last line is no continuation (`250-…`, `* …`).
fn refuses(heard: &[u8]) -> bool {
    let text = String::from_utf8_lossy(heard);
    let Some(line) = text.strip_suffix("\r\n").and_then(|text| text.lines().last()) else {
        return false;
    };
    line.as_bytes().get(3) != Some(&b'-') && !line.starts_with("* ")
}
