//! ClientHellos by hand, for versions and ciphers that our own TLS does not speak (RFC 8446, 4.1.2).

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

pub(super) const HANDSHAKE: u8 = 22;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;

/// A whole record that offers this version and these suites for a name.
pub(super) fn client_hello(name: &str, version: Version, suites: &[u16]) -> Vec<u8> {
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
        entry.extend(with_length(2, name.trim_end_matches('.').as_bytes()));
        add(0, with_length(2, &entry));
    }
    // X25519, P-256, P-384, P-521, X448, X25519MLKEM768, ffdhe2048, ffdhe3072.
    let groups = numbers(&[29, 23, 24, 25, 30, 0x11ec, 256, 257]);
    add(10, with_length(2, &groups));
    // Points are uncompressed; renegotiation is safe.
    add(11, vec![1, 0]);
    add(0xff01, vec![0]);
    if version >= Version::Tls12 {
        // ECDSA, Ed25519, Ed448, PSS and PKCS#1 with SHA-256, SHA-384, SHA-512, and SHA-1.
        let schemes = numbers(&[
            0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401,
            0x0501, 0x0601, 0x0203, 0x0201, 0x0202, 0x0402,
        ]);
        add(13, with_length(2, &schemes));
    }
    if version == Version::Tls13 {
        add(SUPPORTED_VERSIONS, vec![2, 3, 4]);
        // No key of ours: the server answers with what it would take (RFC 8446, 4.1.4).
        add(51, vec![0, 0]);
    }
    all
}

fn numbers(all: &[u16]) -> Vec<u8> {
    all.iter().flat_map(|one| one.to_be_bytes()).collect()
}

fn with_length(bytes: usize, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut all = length[4 - bytes..].to_vec();
    all.extend_from_slice(content);
    all
}
