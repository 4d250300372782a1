//! ClientHellos by hand, for versions and ciphers that our own TLS does not speak (RFC 8446, 4.1.2).
//!
//! The answer is read and the connection dropped: nothing is completed, so nothing need be implemented.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

/// Versions as they are on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Version {
    Tls10 = 0x0301,
    Tls11 = 0x0302,
    Tls12 = 0x0303,
    Tls13 = 0x0304,
}

impl Version {
    pub(crate) const ALL: [Self; 4] = [Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13];

    /// As people write it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Tls10 => "1.0",
            Self::Tls11 => "1.1",
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.text() == text)
    }
}

/// Cipher suites by their IANA numbers and names, those of TLS 1.3 first.
pub(crate) const CIPHERS: [(u16, &str); 33] = [
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"),
    (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    (0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    (0x0004, "TLS_RSA_WITH_RC4_128_MD5"),
    (0x0002, "TLS_RSA_WITH_NULL_SHA"),
];

/// What a server would speak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) versions: Vec<Version>,
    /// Each with the version over which it was chosen, in the server's order of preference.
    pub(crate) ciphers: Vec<(Version, &'static str)>,
}

/// Asks for each version, and with `ciphers` for each suite, one connection a question.
pub(crate) async fn scan(address: SocketAddr, name: &str, ciphers: bool, deadline: Instant) -> Offered {
    let mut offered = Offered::default();
    for version in Version::ALL {
        let mut left: Vec<u16> = suites_of(version).collect();
        let mut first = true;
        // Each answer takes one suite away, so there is an end.
        while first || ciphers && !left.is_empty() {
            let Ok(Some(chosen)) = timeout_at(deadline.into(), ask(address, name, version, &left)).await
            else {
                break;
            };
            if first {
                offered.versions.push(version);
                first = false;
            }
            let Some(at) = left.iter().position(|suite| *suite == chosen) else {
                break;
            };
            left.remove(at);
            let known = CIPHERS.iter().find(|(number, _)| *number == chosen);
            offered.ciphers.extend(known.map(|(_, name)| (version, *name)));
        }
    }
    offered
}

fn suites_of(version: Version) -> impl Iterator<Item = u16> {
    let is_13 = version == Version::Tls13;
    let all = CIPHERS.iter().map(|(number, _)| *number);
    all.filter(move |number| (number >> 8 == 0x13) == is_13)
}

/// The suite that the server chooses; none when it refuses or answers something else.
async fn ask(address: SocketAddr, name: &str, version: Version, suites: &[u16]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream
        .write_all(&client_hello(name, version, suites))
        .await
        .ok()?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.ok()?;
    let [kind, _, _, high, low] = head;
    let mut body = vec![0; usize::from(u16::from_be_bytes([high, low]))];
    stream.read_exact(&mut body).await.ok()?;
    (kind == HANDSHAKE)
        .then(|| server_hello(&body, version))
        .flatten()
}

const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const SUPPORTED_VERSIONS: u16 = 43;

/// Reads the chosen suite, if the chosen version is the wanted one (RFC 8446, 4.1.3).
fn server_hello(body: &[u8], wanted: Version) -> Option<u16> {
    // Kind, three bytes of length, two of the version, 32 of randomness, the session id.
    let [SERVER_HELLO, _, _, _, high, low, ..] = *body else {
        return None;
    };
    let session = usize::from(*body.get(38)?);
    let suite = body.get(39 + session..41 + session)?;
    let mut version = u16::from_be_bytes([high, low]);
    let mut extensions = body.get(44 + session..).unwrap_or_default();
    while let [a, b, c, d, rest @ ..] = extensions {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let (content, after) = rest.split_at_checked(length)?;
        if u16::from_be_bytes([*a, *b]) == SUPPORTED_VERSIONS
            && let [high, low] = content
        {
            version = u16::from_be_bytes([*high, *low]);
        }
        extensions = after;
    }
    (version == wanted as u16).then(|| u16::from_be_bytes([suite[0], suite[1]]))
}

fn client_hello(name: &str, version: Version, suites: &[u16]) -> Vec<u8> {
    let legacy = (version as u16).min(Version::Tls12 as u16);
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let mut hello = legacy.to_be_bytes().to_vec();
    hello.extend(uuid::Uuid::new_v4().as_bytes());
    hello.extend(uuid::Uuid::new_v4().as_bytes());
    // A session id of 32 bytes, as TLS 1.3 over middleboxes has it (RFC 8446, D.4).
    hello.push(32);
    hello.extend([7; 32]);
    hello.extend(with_length(2, &suites));
    hello.extend([1, 0]);
    hello.extend(with_length(2, &extensions(name, version)));
    let mut message = vec![1];
    message.extend(with_length(3, &hello));
    let mut record = vec![HANDSHAKE, 3, 1];
    record.extend(with_length(2, &message));
    record
}

fn extensions(name: &str, version: Version) -> Vec<u8> {
    let mut all = Vec::new();
    let mut add = |kind: u16, content: Vec<u8>| {
        all.extend(kind.to_be_bytes());
        all.extend(with_length(2, &content));
    };
    // A name, no address (RFC 6066, 3).
    if name.parse::<std::net::IpAddr>().is_err() {
        let mut entry = vec![0];
        entry.extend(with_length(2, name.as_bytes()));
        add(0, with_length(2, &entry));
    }
    // Groups: X25519, P-256, P-384; points: uncompressed; renegotiation is safe.
    add(10, vec![0, 6, 0, 29, 0, 23, 0, 24]);
    add(11, vec![1, 0]);
    add(0xff01, vec![0]);
    if version >= Version::Tls12 {
        // ECDSA, PSS and PKCS#1 with SHA-256, SHA-384, SHA-512, and SHA-1.
        let schemes = [
            0x0403_u16, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
        ];
        let schemes: Vec<u8> = schemes.iter().flat_map(|scheme| scheme.to_be_bytes()).collect();
        add(13, with_length(2, &schemes));
    }
    if version == Version::Tls13 {
        add(SUPPORTED_VERSIONS, vec![2, 3, 4]);
        // No key of ours: the server answers with what it would take (RFC 8446, 4.1.4).
        add(51, vec![0, 0]);
    }
    all
}

fn with_length(bytes: usize, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut all = length[4 - bytes..].to_vec();
    all.extend_from_slice(content);
    all
}
