//! What was seen while looking: bounded, redacted, for whoever must believe a verdict.

use serde::{Deserialize, Serialize};

/// A look keeps at most so many exhibits, and as many findings.
const MAX_EXHIBITS: usize = 64;
/// A text in an exhibit is cut after so many bytes.
const MAX_TEXT_BYTES: usize = 4 * 1024;

/// What one look has seen, in the order in which it was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Evidence {
    /// The exhibits.
    pub exhibits: Vec<Exhibit>,
}

/// One thing that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Exhibit {
    /// A question to a resolver or a zone's server.
    Dns {
        /// Name and type.
        question: String,
        /// Who was asked, as a URL or `system`.
        server: String,
        /// What it said: the code and the records, or what went wrong.
        answer: String,
        /// From the question to the answer, in microseconds.
        took_us: u64,
    },
    /// An attempt to connect.
    Connect {
        /// Address and port.
        address: String,
        /// `connected`, or what went wrong.
        outcome: String,
        /// How long it took, in microseconds.
        took_us: u64,
    },
    /// A TLS handshake.
    Tls {
        /// The name that was asked for.
        server_name: String,
        /// Version, cipher and ALPN in a line, or what went wrong.
        outcome: String,
        /// The certificates as they were sent, each as PEM.
        chain: Vec<String>,
    },
    /// A request as it was sent.
    Request {
        /// Its first line and headers.
        head: String,
        /// A sample of its body.
        body: String,
    },
    /// An answer as it came.
    Response {
        /// Its first line and headers.
        head: String,
        /// A sample of its body.
        body: String,
        /// The whole body's size, in bytes.
        body_bytes: u64,
    },
    /// What one edge of a CDN served.
    Edge {
        /// Address and port, and the place's name if it tells one.
        edge: String,
        /// Status, cache, age and version in a line, or what went wrong.
        served: String,
        /// How long it took, in microseconds.
        took_us: u64,
    },
    /// One thing that was expected.
    Finding {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
        /// Whether it is as expected.
        ok: bool,
    },
}

impl Evidence {
    /// Adds an exhibit, its texts cut; more than the limit are left out.
    pub fn add(&mut self, mut exhibit: Exhibit) {
        // Findings are counted apart: what was concluded must not be lost to what was seen.
        let is_finding = exhibit.is_finding();
        let alike = self
            .exhibits
            .iter()
            .filter(|one| one.is_finding() == is_finding)
            .count();
        if alike < MAX_EXHIBITS {
            exhibit.each_text(&mut |text| cut(text));
            self.exhibits.push(exhibit);
        }
    }

    /// Adds what another part of the look has seen.
    pub fn append(&mut self, other: Self) {
        for exhibit in other.exhibits {
            self.add(exhibit);
        }
    }

    /// Takes the body of the newest answer out.
    pub(crate) fn hide_last_body(&mut self) {
        if let Some(Exhibit::Response { body, .. }) = self.exhibits.last_mut() {
            *body = "***".to_owned();
        }
    }

    /// Passes every text through `redact`.
    #[must_use]
    pub fn redacted(mut self, redact: impl Fn(&str) -> String) -> Self {
        for exhibit in &mut self.exhibits {
            exhibit.each_text(&mut |text| *text = redact(text));
        }
        self
    }
}

impl Exhibit {
    fn is_finding(&self) -> bool {
        matches!(self, Self::Finding { .. })
    }

    /// Every text that may hold what a service or a file said.
    fn each_text(&mut self, doing: &mut dyn FnMut(&mut String)) {
        match self {
            Self::Dns {
                question,
                server,
                answer,
                ..
            } => [question, server, answer].into_iter().for_each(doing),
            Self::Connect { address, outcome, .. } => [address, outcome].into_iter().for_each(doing),
            Self::Tls {
                server_name, outcome, ..
            } => [server_name, outcome].into_iter().for_each(doing),
            Self::Request { head, body } | Self::Response { head, body, .. } => {
                [head, body].into_iter().for_each(doing);
            }
            Self::Edge { edge, served, .. } => [edge, served].into_iter().for_each(doing),
            Self::Finding { expected, found, .. } => [expected, found].into_iter().for_each(doing),
        }
    }
}

fn cut(text: &mut String) {
    if text.len() > MAX_TEXT_BYTES {
        let end = text.floor_char_boundary(MAX_TEXT_BYTES);
        text.truncate(end);
        text.push('…');
    }
}
