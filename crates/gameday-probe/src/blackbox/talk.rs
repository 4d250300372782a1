//! `query_response`: lines that are expected, lines that are sent, and STARTTLS between them.

use std::io;

use gameday_core::{Problems, Reason};
use regex::bytes::Captures;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout_at;

use super::config::{Block, Pattern};
use super::look::Look;
use super::metrics::Name;
use super::ssl::{self, Secured, Told};
use super::tls::Tls;
use crate::net::{Alpn, Io, Trail};
use crate::observation::Fault;

pub(super) const FAILED_REGEX: Name = Name(
    "probe_failed_due_to_regex",
    "Indicates if probe failed due to regex",
);
const FAILED_BYTES: Name = Name(
    "probe_failed_due_to_bytes",
    "Indicates if probe failed due to bytes",
);
const EXPECT_INFO: Name = Name("probe_expect_info", "Explicit content matched");
/// Go's `bufio.MaxScanTokenSize`: a longer line is an error.
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// One entry of `query_response`.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) expect: Option<Pattern>,
    expect_bytes: Vec<u8>,
    labels: Vec<(String, String)>,
    pub(super) send: String,
    starttls: bool,
}

pub(super) fn read(block: &Block, problems: &Problems<'_>) -> Vec<Turn> {
    let turns = block.blocks("query_response").map(|turn| {
        if turn.has("expect") && turn.has("expect_bytes") {
            problems.add(
                turn.span.clone(),
                "at most one of `expect` and `expect_bytes` may be set",
            );
        }
        let labels = turn.blocks("labels");
        Turn {
            expect: turn.pattern("expect").filter(|pattern| !pattern.text.is_empty()),
            expect_bytes: turn.text("expect_bytes").as_bytes().to_vec(),
            labels: labels
                .map(|label| (label.text("name").to_owned(), label.text("value").to_owned()))
                .collect(),
            send: turn.text("send").to_owned(),
            starttls: turn.flag("starttls"),
        }
    });
    turns.collect()
}

/// Metrics that a talk has even if it does not begin.
pub(super) fn begin(look: &mut Look<'_>) {
    look.metrics.set(FAILED_REGEX, 0.0);
    look.metrics.set(FAILED_BYTES, 0.0);
}

/// What a talk needs beside its turns.
pub(super) struct Place<'a> {
    /// The name that STARTTLS asks for.
    pub(super) server_name: &'a str,
    pub(super) tls: &'a Tls,
}

/// A talk went wrong, and that was written down.
struct Over;

/// Takes the turns one after the other, by the deadline.
pub(super) async fn hold(
    look: &mut Look<'_>,
    stream: Box<dyn Io>,
    turns: &[Turn],
    place: &Place<'_>,
    trail: &mut Trail,
) -> bool {
    let mut stream = BufReader::new(stream);
    for turn in turns {
        let deadline = look.deadline;
        let taken = timeout_at(deadline.into(), take(look, &mut stream, turn)).await;
        trail.laps.end(|phases| &mut phases.transfer_us);
        match taken {
            Ok(Ok(())) => {}
            Ok(Err(Over)) => return false,
            Err(_) => {
                look.unmet(Reason::Timeout, "Error reading from connection", "i/o timeout");
                return false;
            }
        }
        if turn.starttls {
            let plain = stream.into_inner();
            match ssl::secure(look, plain, place.server_name, Alpn::None, place.tls, trail).await {
                Ok((secured, shown)) => {
                    look.log.debug("TLS Handshake (client) succeeded.", []);
                    shown.tell(look, Told::All);
                    stream = BufReader::new(Box::new(secured));
                }
                Err(fault) => {
                    look.fail("TLS Handshake (client) failed", fault);
                    return false;
                }
            }
        }
    }
    true
}

/// Secures a connection before the talk, and tells what it showed.
pub(super) async fn secure(
    look: &mut Look<'_>,
    stream: Box<dyn Io>,
    place: &Place<'_>,
    trail: &mut Trail,
) -> Result<(Box<dyn Io>, Secured), Fault> {
    let (stream, shown) = ssl::secure(look, stream, place.server_name, Alpn::None, place.tls, trail).await?;
    Ok((Box::new(stream), shown))
}

async fn take(look: &mut Look<'_>, stream: &mut BufReader<Box<dyn Io>>, turn: &Turn) -> Result<(), Over> {
    let mut send = turn.send.clone().into_bytes();
    if let Some(expect) = &turn.expect {
        send = expect_line(look, stream, turn, expect).await?;
    }
    if !turn.expect_bytes.is_empty() {
        expect_bytes(look, stream, &turn.expect_bytes).await?;
    }
    if !send.is_empty() {
        look.log.debug(
            "Sending line",
            [("line", String::from_utf8_lossy(&send).into_owned().into())],
        );
        send.push(b'\n');
        let sent = async {
            stream.write_all(&send).await?;
            stream.flush().await
        };
        if let Err(error) = sent.await {
            look.fail("Failed to send", broken(&error));
            return Err(Over);
        }
    }
    Ok(())
}

/// Reads lines until one matches; what is to be sent then, with what was matched in it.
async fn expect_line(
    look: &mut Look<'_>,
    stream: &mut BufReader<Box<dyn Io>>,
    turn: &Turn,
    expect: &Pattern,
) -> Result<Vec<u8>, Over> {
    loop {
        let line = match line(stream).await {
            Ok(line) => line,
            Err(error) => {
                look.fail("Error reading from connection", broken(&error));
                return Err(Over);
            }
        };
        let Some(line) = line else {
            look.metrics.set(FAILED_REGEX, 1.0);
            look.unmet(Reason::UnexpectedReply, "Regexp did not match", &*expect.text);
            return Err(Over);
        };
        look.log.debug(
            "Read line",
            [("line", String::from_utf8_lossy(&line).into_owned().into())],
        );
        if let Some(found) = expect.regex.captures(&line) {
            look.log
                .debug("Regexp matched", [("regexp", (&*expect.text).into())]);
            look.metrics.set(FAILED_REGEX, 0.0);
            tell_labels(look, turn, &found);
            return Ok(expanded(&turn.send, &found));
        }
    }
}

/// A template's `${1}` and `${name}` replaced by what was matched.
pub(super) fn expanded(template: &str, found: &Captures<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    found.expand(template.as_bytes(), &mut text);
    text
}

fn tell_labels(look: &mut Look<'_>, turn: &Turn, found: &Captures<'_>) {
    if turn.labels.is_empty() {
        return;
    }
    let labels = turn.labels.iter();
    let labels: Vec<(&str, String)> = labels
        .map(|(name, value)| {
            let value = expanded(value, found);
            (name.as_str(), String::from_utf8_lossy(&value).into_owned())
        })
        .collect();
    let labels: Vec<(&str, &str)> = labels
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    look.metrics.label(EXPECT_INFO, &labels, 1.0);
}

/// A line without its end; none when there are no more.
async fn line(stream: &mut BufReader<Box<dyn Io>>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = (&mut *stream)
        .take(MAX_LINE_BYTES)
        .read_until(b'\n', &mut line)
        .await?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if read as u64 == MAX_LINE_BYTES {
        return Err(io::Error::other("a line is longer than 64 KiB"));
    }
    Ok(Some(line))
}

async fn expect_bytes(
    look: &mut Look<'_>,
    stream: &mut BufReader<Box<dyn Io>>,
    wanted: &[u8],
) -> Result<(), Over> {
    let mut heard = vec![0; wanted.len()];
    if let Err(error) = stream.read_exact(&mut heard).await {
        look.fail("Error reading from connection", broken(&error));
        return Err(Over);
    }
    if heard != wanted {
        look.metrics.set(FAILED_BYTES, 1.0);
        let what = format!(
            "expected {}, read {}",
            ssl::hexadecimal(wanted),
            ssl::hexadecimal(&heard)
        );
        look.unmet(Reason::UnexpectedReply, "Bytes did not match", what);
        return Err(Over);
    }
    look.metrics.set(FAILED_BYTES, 0.0);
    Ok(())
}

fn broken(error: &io::Error) -> Fault {
    crate::net::lacking(error).unwrap_or_else(|| Fault::new(Reason::ConnectionReset, error.to_string()))
}
