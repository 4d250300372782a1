//! PEM files: certificates and keys, each problem with the key of the setting that named the file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// No file of certificates that a person made is larger.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The certificates of a file, at least one.
pub(super) fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(setting, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(problem(setting, path, "it holds no PEM certificate")),
    }
}

/// The first private key of a file.
pub(super) fn key(setting: &str, path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = read(setting, path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| problem(setting, path, "it holds no PEM private key"))
}

/// The authorities of a file.
pub(super) fn roots(setting: &str, path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(setting, path)? {
        let added = roots.add(certificate);
        added.map_err(|error| problem(setting, path, &format!("a certificate cannot be used: {error}")))?;
    }
    Ok(roots)
}

fn read(setting: &str, path: &Path) -> Result<Vec<u8>, String> {
    // A pipe would be waited for.
    let is_file = std::fs::metadata(path).map_err(|error| problem(setting, path, &error.to_string()))?;
    if !is_file.is_file() {
        return Err(problem(setting, path, "it is no file"));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    read.map_err(|error| problem(setting, path, &error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(problem(setting, path, "it is too large"));
    }
    Ok(bytes)
}

fn problem(setting: &str, path: &Path, cause: &str) -> String {
    format!("`tls.{setting}`: {}: {cause}", path.display())
}
