//! What a proxy does about TLS on either side.
//!
//! ```toml
//! tls.terminate = { names = ["pay.example.test"] }             # a certificate by the proxy's own authority
//! tls.terminate = { cert = "pay.pem", key = "pay-key.pem", client_ca = "clients.pem" }
//! tls.originate = { ca = "ca.pem", server_name = "pay.example.test" }
//! tls.passthrough = true                                       # looked at, for `sni` in a toxic's scope
//! ```

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::authority::Authority;
use super::layer::Layer;
use crate::scope::Scope;
use crate::toxic::ToxicSpec;

/// TLS towards clients and towards the upstream; the default is none, bytes pass as they are.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {
    /// The proxy is the TLS server that clients see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminate: Option<Terminate>,
    /// The proxy is a TLS client of the upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub originate: Option<Originate>,
    /// Clients' TLS passes as it is, and the server name in it is known.
    #[serde(skip_serializing_if = "is_false")]
    pub passthrough: bool,
    #[serde(skip)]
    pub(crate) made: Made,
}

/// The proxy as a TLS server: either `cert` and `key`, or `names`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Terminate {
    /// A PEM file: the certificate, then those that lead to its authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<PathBuf>,
    /// A PEM file: the certificate's private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Names and addresses of a certificate by the proxy's own authority, which clients have to trust.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// A PEM file: the authorities by one of which a client's certificate must be (mTLS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Application protocols, the best first; for `http`, `http/1.1` and `h2` unless said otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpn: Vec<String>,
}

/// The proxy as a TLS client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Originate {
    /// The name that is asked for and verified; the upstream's host unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// A PEM file: the authorities that are trusted; the system's unless said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// A PEM file: the proxy's own certificate (mTLS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<PathBuf>,
    /// A PEM file: the private key of `cert`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Whether any certificate of the upstream will do.
    #[serde(skip_serializing_if = "is_false")]
    pub insecure: bool,
    /// Application protocols to ask for where the client's TLS has agreed on none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alpn: Vec<String>,
}

impl TlsOptions {
    /// Whether bytes pass as they are.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.terminate.is_none() && self.originate.is_none() && !self.passthrough
    }

    /// Reads the files and makes the certificates; to be called before a proxy with these options starts.
    ///
    /// # Errors
    /// What is wrong, with the key.
    pub(crate) fn prepare(&mut self, authority: &Authority, http: bool) -> Result<(), String> {
        self.made = Made(Some(Arc::new(Layer::new(self, authority, http)?)));
        Ok(())
    }

    /// Refuses what contradicts itself or is half of something; reads no file.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.passthrough && (self.terminate.is_some() || self.originate.is_some()) {
            let other = if self.terminate.is_some() {
                "terminate"
            } else {
                "originate"
            };
            return Err(format!(
                "`tls.passthrough` and `tls.{other}` contradict each other"
            ));
        }
        if let Some(own) = &self.terminate {
            let given = (own.cert.is_some(), own.key.is_some(), !own.names.is_empty());
            if !matches!(given, (true, true, false) | (false, false, true)) {
                return Err("`tls.terminate` needs either `cert` and `key`, or `names`".to_owned());
            }
        }
        match &self.originate {
            Some(own) if own.cert.is_some() != own.key.is_some() => {
                Err("`tls.originate` needs both of `cert` and `key`, or none".to_owned())
            }
            Some(own) if own.ca.is_some() && own.insecure => {
                Err("`tls.originate.ca` and `tls.originate.insecure` contradict each other".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Takes what the files of the same options hold by now, for handshakes from now on; no connection is cut.
    pub(crate) fn renew(&self, prepared: &Self) {
        if let (Some(old), Some(new)) = (self.layer(), prepared.layer()) {
            old.renew(new);
        }
    }

    /// What [`Self::prepare`] has made.
    pub(crate) fn layer(&self) -> Option<&Arc<Layer>> {
        self.made.0.as_ref()
    }

    /// Refuses what could have no effect on a proxy with these options.
    ///
    /// # Errors
    /// Why not, for people.
    pub(crate) fn refuse(&self, spec: &ToxicSpec, scope: &Scope) -> Result<(), String> {
        if self.is_off() && !scope.sni.is_empty() {
            return Err("`sni` needs a proxy that looks at TLS: give it `tls.passthrough = true`".to_owned());
        }
        let certificate = match spec {
            ToxicSpec::Tls(fault) => fault.certificate,
            _ => None,
        };
        let Some(kind) = certificate else { return Ok(()) };
        let Some(terminate) = &self.terminate else {
            return Err(format!(
                "`tls.certificate = \"{kind}\"` needs a proxy with `tls.terminate`"
            ));
        };
        match self.layer() {
            Some(layer) => layer.refuse(kind),
            None if terminate.names.is_empty() && kind.needs_authority() => Err(super::layer::not_ours(kind)),
            None => Ok(()),
        }
    }
}

/// What the files held; no part of what is written down.
#[derive(Clone, Default)]
pub(crate) struct Made(Option<Arc<Layer>>);

impl PartialEq for Made {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Made {}

/// Only what is set.
impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TlsOptions");
        if let Some(terminate) = &self.terminate {
            shown.field("terminate", terminate);
        }
        if let Some(originate) = &self.originate {
            shown.field("originate", originate);
        }
        if self.passthrough {
            shown.field("passthrough", &true);
        }
        shown.finish()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}
