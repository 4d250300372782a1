//! Reads a ClientHello that is only looked at: pure, bounded, and indifferent to how it was cut into records.

/// The largest ClientHello that is looked at, in bytes, with the heads of its records; real ones have 200 to 2,000.
pub(crate) const MOST: usize = 64 * 1024;
/// RFC 8446 5.1: no record carries more.
const LARGEST_RECORD: usize = 1 << 14;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const HOST_NAME: u8 = 0;

/// What a client asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClientHello {
    /// In lower case.
    pub(crate) server_name: Option<String>,
    /// In the order of the client's preference.
    pub(crate) alpn: Vec<Vec<u8>>,
}

/// What first bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Peek {
    /// More is needed to tell.
    Incomplete,
    /// No ClientHello.
    Other,
    /// A whole ClientHello.
    Hello(ClientHello),
}

/// Looks at the first bytes of a connection: all that have come so far.
pub(crate) fn peek(bytes: &[u8]) -> Peek {
    match message(bytes) {
        Err(peek) => peek,
        Ok(body) => read(&body).map_or(Peek::Other, Peek::Hello),
    }
}

/// The handshake message that the records carry, without its head.
fn message(mut bytes: &[u8]) -> Result<Vec<u8>, Peek> {
    if bytes.len() > MOST {
        return Err(Peek::Other);
    }
    let mut message: Vec<u8> = Vec::new();
    loop {
        // What is there of a head must be one of TLS, so that nobody else waits for the rest of it.
        let head = &bytes[..bytes.len().min(3)];
        if !matches!(head, [] | [HANDSHAKE] | [HANDSHAKE, 3] | [HANDSHAKE, 3, 0..=4]) {
            return Err(Peek::Other);
        }
        let Some((head, rest)) = bytes.split_at_checked(5) else {
            return Err(Peek::Incomplete);
        };
        let length = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if length == 0 || length > LARGEST_RECORD {
            return Err(Peek::Other);
        }
        let (payload, next) = rest.split_at(length.min(rest.len()));
        message.extend_from_slice(payload);
        match message.as_slice() {
            [] => {}
            [CLIENT_HELLO, high, middle, low, body @ ..] => {
                let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
                if length > MOST {
                    return Err(Peek::Other);
                }
                if let Some(body) = body.get(..length) {
                    return Ok(body.to_vec());
                }
            }
            [CLIENT_HELLO, ..] => {}
            _ => return Err(Peek::Other),
        }
        if payload.len() < length {
            return Err(Peek::Incomplete);
        }
        bytes = next;
    }
}

fn read(body: &[u8]) -> Option<ClientHello> {
    let mut rest = body.get(2 + 32..)?;
    skip(&mut rest, 1)?; // session id
    skip(&mut rest, 2)?; // cipher suites
    skip(&mut rest, 1)?; // compressions
    let mut hello = ClientHello::default();
    if rest.is_empty() {
        return Some(hello);
    }
    let mut extensions = skip(&mut rest, 2)?;
    while !extensions.is_empty() {
        let (kind, after) = extensions.split_at_checked(2)?;
        extensions = after;
        let data = skip(&mut extensions, 2)?;
        match u16::from_be_bytes([kind[0], kind[1]]) {
            SERVER_NAME => hello.server_name = server_name(data)?,
            ALPN => hello.alpn = protocols(data)?,
            _ => {}
        }
    }
    Some(hello)
}

fn server_name(mut data: &[u8]) -> Option<Option<String>> {
    let mut names = skip(&mut data, 2)?;
    while let [kind, after @ ..] = names {
        names = after;
        let name = skip(&mut names, 2)?;
        if *kind == HOST_NAME {
            let name = std::str::from_utf8(name).ok()?;
            return Some(Some(name.trim_end_matches('.').to_ascii_lowercase()));
        }
    }
    Some(None)
}

fn protocols(mut data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut list = skip(&mut data, 2)?;
    let mut protocols = Vec::new();
    while !list.is_empty() {
        protocols.push(skip(&mut list, 1)?.to_vec());
    }
    Some(protocols)
}

/// Takes a vector with a length of so many bytes before it.
fn skip<'a>(rest: &mut &'a [u8], length_bytes: usize) -> Option<&'a [u8]> {
    let (length, after) = rest.split_at_checked(length_bytes)?;
    let length = length
        .iter()
        .fold(0, |length, byte| length << 8 | usize::from(*byte));
    let (data, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(data)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    /// What rustls sends first.
    fn real_hello(name: &str, alpn: &[&[u8]]) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let name = name.to_owned().try_into().unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    /// The same message in records of so many bytes.
    fn in_records(bytes: &[u8], size: usize) -> Vec<u8> {
        let records = bytes[5..].chunks(size);
        records
            .flat_map(|part| [&[22, 3, 1, 0, u8::try_from(part.len()).unwrap()], part].concat())
            .collect()
    }

    #[test]
    fn a_real_hello_tells_its_name_and_protocols_however_it_is_cut() {
        let bytes = real_hello("Pay.Example.test", &[b"h2", b"http/1.1"]);
        let expected = ClientHello {
            server_name: Some("pay.example.test".to_owned()),
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        for whole in [bytes.clone(), in_records(&bytes, 1), in_records(&bytes, 100)] {
            assert_eq!(peek(&whole), Peek::Hello(expected.clone()));
            for length in 0..whole.len() {
                assert_eq!(
                    peek(&whole[..length]),
                    Peek::Incomplete,
                    "{length} of {}",
                    whole.len()
                );
            }
        }
        let nameless = peek(&real_hello("127.0.0.1", &[]));
        assert_eq!(nameless, Peek::Hello(ClientHello::default()));
    }

    #[test]
    fn who_speaks_no_tls_is_told_apart_by_the_first_byte_that_is_not_of_it() {
        for other in [
            &b"G"[..],
            b"\0\0\0\x08\x04\xd2\x16\x2f",
            b"\x16G",
            b"\x16\x03\x05",
            b"\x16\x03\x01\0\0",
            b"\x16\x03\x01\xff\xff",
            b"\x16\x03\x01\0\x01\x02",
            b"\x16\x03\x01\0\x04\x01\xff\xff\xff",
            b"\x16\x03\x01\0\x05\x01\0\0\x01\0",
        ] {
            assert_eq!(peek(other), Peek::Other, "{other:?}");
        }
    }

    #[test]
    fn damaged_hellos_are_never_read_beyond_their_end() {
        let bytes = real_hello("pay.example.test", &[b"h2"]);
        for position in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = bytes.clone();
                damaged[position] = value;
                peek(&damaged);
            }
        }
        assert_eq!(peek(&vec![22; MOST + 1]), Peek::Other);
    }
}
