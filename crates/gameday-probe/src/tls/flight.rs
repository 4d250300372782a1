//! What a server answers to a ClientHello, as far as it is not encrypted.

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::hello::{HANDSHAKE, SUPPORTED_VERSIONS};

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const APPLICATION_DATA: u8 = 23;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_HELLO_DONE: u8 = 14;
/// An answer is not longer, certificates and all.
const MAX_BYTES: usize = 256 * 1024;
/// So much is read of what is no TLS.
const SHOWN_BYTES: usize = 59;
/// RFC 8446, 5.1.
const MAX_RECORD_BYTES: usize = (1 << 14) + 2048;

/// What was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Flight {
    /// On the wire's numbers.
    pub(super) version: u16,
    pub(super) suite: u16,
    /// As they were sent; up to TLS 1.2 they are in plain text.
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// An alert's number (RFC 8446, 6).
    Alert(u8),
    /// It closed or reset the connection.
    Closed,
    /// Its first bytes, which are no TLS.
    Stranger(Vec<u8>),
}

/// Reads an answer; with `certificates`, until they have come.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    certificates: bool,
) -> Result<Flight, Refusal> {
    let mut bytes = Vec::new();
    let mut flight: Option<Flight> = None;
    loop {
        while let Some((kind, body, length)) = next_message(&bytes) {
            match (kind, &mut flight) {
                (SERVER_HELLO, None) => {
                    flight = Some(server_hello(body).ok_or(Refusal::Stranger(body.to_vec()))?);
                }
                (CERTIFICATE, Some(flight)) => flight.chain = chain(body),
                _ => {}
            }
            let is_over = kind == CERTIFICATE || kind == SERVER_HELLO_DONE;
            if let Some(flight) = flight.as_ref().filter(|_| is_over || !certificates) {
                return Ok(flight.clone());
            }
            bytes.drain(..length);
        }
        // After its hello, whatever else comes or does not come changes nothing about what it chose.
        match record(stream).await {
            Ok(more) if bytes.len() + more.len() <= MAX_BYTES => bytes.extend(more),
            Ok(_) => return flight.ok_or(Refusal::Closed),
            Err(refusal) => return flight.ok_or(refusal),
        }
    }
}

/// The content of the next record of handshake messages.
async fn record(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Refusal> {
    let head = some(stream, 5).await;
    let [kind, major, _, high, low] = *head.as_slice() else {
        return Err(match head.is_empty() || head[0] == HANDSHAKE {
            true => Refusal::Closed,
            false => Refusal::Stranger(head),
        });
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    // Encrypted records and changes of cipher are what follows a hello of TLS 1.3.
    if matches!(kind, CHANGE_CIPHER_SPEC | APPLICATION_DATA) && major == 3 {
        return Err(Refusal::Closed);
    }
    if !matches!(kind, HANDSHAKE | ALERT) || major != 3 || length > MAX_RECORD_BYTES {
        // What has come already is enough: it need not say more.
        let mut more = [0; SHOWN_BYTES];
        let count = stream.read(&mut more).await.unwrap_or_default();
        return Err(Refusal::Stranger([head.as_slice(), &more[..count]].concat()));
    }
    let body = some(stream, length).await;
    match (kind, body.as_slice()) {
        (ALERT, [_, description, ..]) => Err(Refusal::Alert(*description)),
        (HANDSHAKE, body) if body.len() == length => Ok(body.to_vec()),
        _ => Err(Refusal::Closed),
    }
}

/// So many bytes, or as many as come before the end.
async fn some(stream: &mut (impl AsyncRead + Unpin), count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // An error is an end, too.
    let limit = u64::try_from(count).unwrap_or(u64::MAX);
    stream.take(limit).read_to_end(&mut bytes).await.ok();
    bytes
}

/// A message that has come whole: its kind, its body, its length with the head.
fn next_message(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (head, rest) = bytes.split_at_checked(4)?;
    let length = length(&head[1..]);
    Some((head[0], rest.get(..length)?, length + 4))
}

fn length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |length, byte| length << 8 | usize::from(*byte))
}

/// The chosen version and suite (RFC 8446, 4.1.3).
fn server_hello(body: &[u8]) -> Option<Flight> {
    // Two bytes of the version, 32 of randomness, the session id.
    let session = usize::from(*body.get(34)?);
    let suite = body.get(35 + session..37 + session)?;
    let mut version = body.get(..2)?;
    let mut extensions = body.get(40 + session..).unwrap_or_default();
    while let Some((head, rest)) = extensions.split_at_checked(4) {
        let (content, after) = rest.split_at_checked(length(&head[2..]))?;
        if head[..2] == SUPPORTED_VERSIONS.to_be_bytes() && content.len() == 2 {
            version = content;
        }
        extensions = after;
    }
    Some(Flight {
        version: u16::from_be_bytes([version[0], version[1]]),
        suite: u16::from_be_bytes([suite[0], suite[1]]),
        chain: Vec::new(),
    })
}

/// Certificates up to TLS 1.2 (RFC 5246, 7.4.2).
fn chain(body: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut chain = Vec::new();
    let mut rest = body.get(3..).unwrap_or_default();
    while let Some((head, after)) = rest.split_at_checked(3) {
        let Some((der, next)) = after.split_at_checked(length(head)) else {
            break;
        };
        chain.push(CertificateDer::from(der.to_vec()));
        rest = next;
    }
    chain
}
