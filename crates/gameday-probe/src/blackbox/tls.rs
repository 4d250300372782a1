//! `tls_config`: whom a module trusts, who it says it is, and what it speaks.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use gameday_core::{Problems, Secret};
use rustls::SupportedProtocolVersion;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

use super::config::Block;
use crate::net::OwnTls;
use crate::tls::Trust;

/// More of a file is not read.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// A text that stands in the file itself, or in another.
#[derive(Debug, Clone)]
pub(super) enum Text {
    Here(Secret),
    File(PathBuf),
}

impl Text {
    /// A key, or the key of a file that holds it.
    pub(super) fn read(block: &Block, here: &str, file: &str, problems: &Problems<'_>) -> Option<Self> {
        if block.has(here) && block.has(file) {
            let message = format!("at most one of `{here}` and `{file}` may be set");
            problems.push(
                problems
                    .source()
                    .problem(block.place(file), message)
                    .hiding_the_line(),
            );
        }
        match (block.text(here), block.text(file)) {
            ("", "") => None,
            ("", file) => Some(Self::File(file.into())),
            (here, _) => Some(Self::Here(Secret::new(here.to_owned()))),
        }
    }

    /// The text, without the space around it if it stands in a file.
    ///
    /// # Errors
    /// In words: the file cannot be read.
    pub(super) fn get(&self) -> Result<String, String> {
        match self {
            Self::Here(text) => Ok(text.expose().to_owned()),
            Self::File(path) => {
                let text = whole(path)?;
                Ok(text.trim().to_owned())
            }
        }
    }

    fn stamp(&self) -> Option<(SystemTime, u64)> {
        match self {
            Self::Here(_) => None,
            Self::File(path) => {
                let about = std::fs::metadata(path).ok()?;
                Some((about.modified().ok()?, about.len()))
            }
        }
    }
}

/// A small regular file as text.
pub(super) fn whole(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let wrong = |error: std::io::Error| format!("unable to read `{}`: {error}", path.display());
    if !std::fs::metadata(path).map_err(wrong)?.is_file() {
        return Err(format!("`{}` is not a regular file", path.display()));
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(wrong)?;
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(wrong)?;
    Ok(text)
}

/// The files' times and sizes: others than before mean that they have to be read again.
type Stamps = [Option<(SystemTime, u64)>; 3];

/// What was typed, and what was made of it.
pub(super) struct Tls {
    ca: Option<Text>,
    cert: Option<Text>,
    key: Option<Text>,
    pub(super) server_name: Option<String>,
    pub(super) insecure: bool,
    versions: Result<Vec<&'static SupportedProtocolVersion>, String>,
    /// Nothing was typed that a connection's settings depend on.
    is_plain: bool,
    made: Mutex<Option<(Stamps, Arc<OwnTls>)>>,
}

/// Without the key.
impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("server_name", &self.server_name)
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}

/// As this machine trusts.
impl Default for Tls {
    fn default() -> Self {
        Self {
            ca: None,
            cert: None,
            key: None,
            server_name: None,
            insecure: false,
            versions: Ok(Vec::new()),
            is_plain: true,
            made: Mutex::default(),
        }
    }
}

impl Tls {
    pub(super) fn read(block: Option<&Block>, problems: &Problems<'_>) -> Self {
        let Some(block) = block else {
            return Self::default();
        };
        let cert = Text::read(block, "cert", "cert_file", problems);
        let key = Text::read(block, "key", "key_file", problems);
        if cert.is_some() != key.is_some() {
            let (there, missing) = if cert.is_some() {
                ("cert", "key")
            } else {
                ("key", "cert")
            };
            let message =
                format!("a client {there} needs its {missing}: set `{missing}` or `{missing}_file` too");
            problems.add(block.span.clone(), message);
        }
        let server_name = block.text("server_name");
        Self {
            ca: Text::read(block, "ca", "ca_file", problems),
            cert,
            key,
            server_name: (!server_name.is_empty()).then(|| server_name.to_owned()),
            insecure: block.flag("insecure_skip_verify"),
            versions: versions(block.text("min_version"), block.text("max_version")),
            is_plain: [
                "ca",
                "ca_file",
                "cert",
                "cert_file",
                "insecure_skip_verify",
                "min_version",
                "max_version",
            ]
            .iter()
            .all(|key| !block.has(key)),
            made: Mutex::default(),
        }
    }

    /// The settings; none where they are this machine's. Files that changed are read again.
    ///
    /// # Errors
    /// In words: a file cannot be used, or the versions cannot be spoken.
    pub(super) fn own(&self) -> Result<Option<Arc<OwnTls>>, String> {
        if self.is_plain {
            return Ok(None);
        }
        let stamp = |text: &Option<Text>| text.as_ref().and_then(Text::stamp);
        let stamps = [stamp(&self.ca), stamp(&self.cert), stamp(&self.key)];
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, own)) = &*made
            && *known == stamps
        {
            return Ok(Some(Arc::clone(own)));
        }
        let own = Arc::new(self.make()?);
        *made = Some((stamps, Arc::clone(&own)));
        Ok(Some(own))
    }

    fn make(&self) -> Result<OwnTls, String> {
        let trust = match &self.ca {
            None => None,
            Some(ca) => Some(Arc::new(Trust::new(certificates(ca)?)?)),
        };
        let identity = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let pem = key.get()?;
                let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
                    .map_err(|error| format!("the client's key cannot be used: {error}"))?;
                Some((certificates(cert)?, key))
            }
            _ => None,
        };
        let own = OwnTls {
            trust,
            identity,
            insecure: self.insecure,
            versions: self.versions.clone()?,
            ..OwnTls::default()
        };
        own.prepare()?;
        Ok(own)
    }
}

fn certificates(pem: &Text) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = pem.get()?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err("there is no certificate in what should hold some".to_owned()),
        Err(error) => Err(format!("a certificate cannot be read: {error}")),
    }
}

/// TLS 1.0 and 1.1 are not spoken: a module that allows them speaks what is newer, one that wants nothing else cannot look.
fn versions(min: &str, max: &str) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let all = [(&TLS12, "TLS12"), (&TLS13, "TLS13")];
    if min.is_empty() && max.is_empty() {
        return Ok(Vec::new());
    }
    let spoken = all
        .iter()
        .filter(|(_, name)| *name >= min && (max.is_empty() || *name <= max));
    let spoken: Vec<_> = spoken.map(|(version, _)| *version).collect();
    match spoken.is_empty() {
        true => Err(format!(
            "none of TLS 1.2 and 1.3 is between min_version `{min}` and max_version `{max}`"
        )),
        false => Ok(spoken),
    }
}
