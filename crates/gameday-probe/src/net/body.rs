//! What is done with a body while it comes: decoded, counted, hashed, looked through; never kept whole
//! beyond a limit.
//!
//! ```text
//!  wire ──► decoder ──► count ──► hash ──► its beginning is kept ──► the rest is only looked through
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use gameday_core::Reason;
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use sha2::{Digest, Sha256};

use super::decode::Decoder;
use super::scan::{Scan, Scanning, Searched};
use crate::observation::Fault;

/// An answer's body may not be longer unless the probe's file says so.
pub(crate) const DEFAULT_MAX_BODY: u64 = 1024 * 1024;
/// So much of a longer body is kept for what needs it whole, e.g. JSON.
pub(crate) const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;
/// So much when nothing needs it whole.
pub(crate) const UNNEEDED_KEPT_BYTES: usize = 256 * 1024;

/// What a step wants of its answer's body.
#[derive(Debug)]
pub(crate) struct BodyPlan {
    /// In bytes, as they came and decoded.
    pub(crate) max_bytes: u64,
    pub(crate) sha256: bool,
    /// Taken to be encoded so, whatever the answer says; as the answer says without one.
    pub(crate) encoding: Option<String>,
    /// So much of it is kept, in bytes.
    pub(crate) max_kept: usize,
    /// Patterns that are looked for while the body comes.
    pub(crate) scans: Vec<Arc<Scan>>,
}

impl Default for BodyPlan {
    fn default() -> Self {
        Self {
            max_bytes: DEFAULT_MAX_BODY,
            sha256: false,
            encoding: None,
            max_kept: MAX_KEPT_BYTES,
            scans: Vec::new(),
        }
    }
}

/// A body that has ended.
#[derive(Default)]
pub(crate) struct Body {
    /// Its beginning.
    pub(crate) kept: Bytes,
    /// Its whole size, decoded.
    pub(crate) bytes: u64,
    /// Of the whole body, decoded.
    pub(crate) sha256: Option<[u8; 32]>,
    /// Of a body that is not kept whole: which patterns were found, by their text.
    pub(crate) found: BTreeMap<String, bool>,
    /// Of a body that is not kept whole: the first groups of patterns, by their text.
    pub(crate) taken: BTreeMap<String, Option<String>>,
}

/// Takes a body piece by piece.
pub(super) struct Sink {
    place: String,
    encoding: String,
    max_bytes: u64,
    wire_bytes: u64,
    decoder: Decoder<Plain>,
}

/// The decoded side.
#[derive(Default)]
pub(super) struct Plain {
    max_bytes: u64,
    max_kept: usize,
    /// A little that came may unpack to much that takes its time.
    deadline: Option<Instant>,
    bytes: u64,
    kept: BytesMut,
    hash: Option<Sha256>,
    /// Begun when the body grows beyond what is kept.
    scans: Vec<Scanning>,
    scanned: Vec<Arc<Scan>>,
}

impl Sink {
    pub(super) fn new(
        plan: &BodyPlan,
        headers: &HeaderMap,
        place: &str,
        deadline: Instant,
    ) -> Result<Self, Fault> {
        let said = headers
            .get(CONTENT_ENCODING)
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        let encoding = match (&plan.encoding, said) {
            (Some(encoding), _) => encoding.clone(),
            (None, said) => said.unwrap_or_default().trim().to_ascii_lowercase(),
        };
        let plain = Plain {
            max_bytes: plan.max_bytes,
            max_kept: plan.max_kept,
            deadline: Some(deadline),
            bytes: 0,
            kept: BytesMut::new(),
            hash: plan.sha256.then(Sha256::new),
            scans: Vec::new(),
            scanned: plan.scans.clone(),
        };
        let decoder = Decoder::new(&encoding, plain).ok_or_else(|| {
            let message =
                format!("the body from `{place}` is encoded as `{encoding}`, which nobody asked for");
            Fault::new(Reason::BodyEncoding, message)
        })?;
        Ok(Self {
            place: place.to_owned(),
            encoding,
            max_bytes: plan.max_bytes,
            wire_bytes: 0,
            decoder,
        })
    }

    pub(super) fn push(&mut self, data: &[u8]) -> Result<(), Fault> {
        self.wire_bytes += data.len() as u64;
        if self.wire_bytes > self.max_bytes {
            return Err(self.too_large());
        }
        self.decoder.push(data).map_err(|error| self.wrong(&error))
    }

    /// The body is over, as it should be or for a reason: what came of it, and what is wrong with it.
    pub(super) fn finish(mut self, stopped: Option<Fault>) -> (Body, Option<Fault>) {
        // HEAD, 204 and 304 have the header of an encoding and nothing that is encoded.
        let fault = match stopped {
            None if self.wire_bytes > 0 => self.decoder.finish().map_err(|error| self.wrong(&error)).err(),
            stopped => stopped,
        };
        (self.decoder.into_inner().end(), fault)
    }

    fn wrong(&self, error: &io::Error) -> Fault {
        match error.kind() {
            io::ErrorKind::FileTooLarge => return self.too_large(),
            io::ErrorKind::TimedOut => return late(&self.place),
            _ => {}
        }
        let message = format!(
            "the body from `{}` is not `{}`: {error}",
            self.place, self.encoding
        );
        Fault::new(Reason::BodyEncoding, message)
    }

    fn too_large(&self) -> Fault {
        let message = format!(
            "the response body from `{}` is over {} bytes",
            self.place, self.max_bytes
        );
        Fault::new(Reason::BodyTooLarge, message)
    }
}

impl Plain {
    /// Looks through what is not kept, and through what is kept before it.
    fn scan(&mut self, beyond: &[u8]) {
        for scan in std::mem::take(&mut self.scanned) {
            let mut scanning = Scanning::begin(&scan);
            scanning.push(&self.kept);
            self.scans.push(scanning);
        }
        for scan in &mut self.scans {
            scan.push(beyond);
        }
    }

    fn end(self) -> Body {
        let mut body = Body {
            kept: self.kept.freeze(),
            bytes: self.bytes,
            sha256: self.hash.map(|hash| hash.finalize().into()),
            ..Body::default()
        };
        for (pattern, searched) in self.scans.into_iter().map(Scanning::end) {
            match searched {
                Searched::Whether(found) => drop(body.found.insert(pattern, found)),
                Searched::Took(taken) => drop(body.taken.insert(pattern, taken)),
            }
        }
        body
    }
}

/// The body did not end in time.
pub(super) fn late(place: &str) -> Fault {
    let message = format!("the response body from `{place}` did not end in time");
    Fault::new(Reason::BodyTimeout, message)
}

impl io::Write for Plain {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.bytes += data.len() as u64;
        if self.bytes > self.max_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if let Some(hash) = &mut self.hash {
            hash.update(data);
        }
        let room = self.max_kept.saturating_sub(self.kept.len());
        let (kept, beyond) = data.split_at(data.len().min(room));
        self.kept.extend_from_slice(kept);
        if !beyond.is_empty() {
            self.scan(beyond);
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
