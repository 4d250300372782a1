//! What a proxy's TLS options become: the configurations of rustls, read and checked before the proxy starts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ServerConfig};
use rustls_platform_verifier::BuilderVerifierExt;

use super::authority::{Authority, Identity};
use super::fault::CertificateFault;
use super::files;
use super::insecure::Anyone;
use super::options::{Originate, Terminate, TlsOptions};

/// Both sides' TLS, which may be renewed while connections use it.
pub(crate) struct Layer(Mutex<Arc<Sides>>);

struct Sides {
    servers: Option<Servers>,
    client: Option<Client>,
}

/// The configuration for good handshakes, and one for each certificate fault that is possible.
///
/// They share no sessions: who has met one meets another's certificate in full.
type Servers = HashMap<Option<CertificateFault>, Arc<ServerConfig>>;

struct Client {
    config: ClientConfig,
    server_name: Option<ServerName<'static>>,
}

impl Layer {
    /// Reads all files and makes all certificates.
    pub(super) fn new(options: &TlsOptions, authority: &Authority, http: bool) -> Result<Self, String> {
        let terminate = options.terminate.as_ref();
        let originate = options.originate.as_ref();
        let sides = Sides {
            servers: terminate
                .map(|terminate| servers(terminate, authority, http))
                .transpose()?,
            client: originate.map(client).transpose()?,
        };
        Ok(Self(Mutex::new(Arc::new(sides))))
    }

    /// Becomes another layer for handshakes from now on.
    pub(super) fn renew(&self, newer: &Self) {
        let newer = newer.sides();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = newer;
    }

    fn sides(&self) -> Arc<Sides> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What to answer a client with; none where TLS is not terminated.
    pub(crate) fn server(&self, fault: Option<CertificateFault>) -> Option<Arc<ServerConfig>> {
        let sides = self.sides();
        let servers = sides.servers.as_ref()?;
        servers.get(&fault).or_else(|| servers.get(&None)).cloned()
    }

    /// How to speak with the upstream at `host`; none where TLS is not originated.
    pub(crate) fn client(
        &self,
        host: &str,
        alpn: Option<Vec<u8>>,
    ) -> Option<Result<(Arc<ClientConfig>, ServerName<'static>), String>> {
        let sides = self.sides();
        let client = sides.client.as_ref()?;
        let mut config = client.config.clone();
        if let Some(alpn) = alpn {
            config.alpn_protocols = vec![alpn];
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = match &client.server_name {
            Some(name) => Ok(name.clone()),
            None => ServerName::try_from(host.to_owned()).map_err(|_| {
                format!("`{host}` is no name for a certificate: give `tls.originate.server_name`")
            }),
        };
        Some(name.map(|name| (Arc::new(config), name)))
    }

    /// Refuses a fault for which no certificate could be made.
    pub(super) fn refuse(&self, kind: CertificateFault) -> Result<(), String> {
        match &self.sides().servers {
            Some(servers) if servers.contains_key(&Some(kind)) => Ok(()),
            _ => Err(not_ours(kind)),
        }
    }
}

/// Why a fault cannot be had with a certificate from a file.
pub(super) fn not_ours(kind: CertificateFault) -> String {
    let why = if kind.needs_authority() {
        "it can be made only by the proxy's own authority: give `tls.terminate` `names` instead of `cert`"
    } else {
        "the file of `tls.terminate.cert` holds no intermediate certificate that could be left out"
    };
    format!("`tls.certificate = \"{kind}\"`: {why}")
}

fn servers(terminate: &Terminate, authority: &Authority, http: bool) -> Result<Servers, String> {
    let mut identities: Vec<(Option<CertificateFault>, Identity)> = Vec::new();
    match (&terminate.cert, &terminate.key) {
        (Some(cert), Some(key)) if terminate.names.is_empty() => {
            let chain = files::certificates("terminate.cert", cert)?;
            let key = files::key("terminate.key", key)?;
            if chain.len() > 1 {
                let (chain, key) = (vec![chain[0].clone()], key.clone_key());
                identities.push((Some(CertificateFault::IncompleteChain), Identity { chain, key }));
            }
            identities.push((None, Identity { chain, key }));
        }
        (None, None) => {
            identities.push((None, authority.issue(&terminate.names, None)?));
            for fault in CertificateFault::ALL {
                identities.push((Some(fault), authority.issue(&terminate.names, Some(fault))?));
            }
        }
        _ => return Err("`tls.terminate` needs either `cert` and `key`, or `names`".to_owned()),
    }
    let alpn = protocols("terminate.alpn", &terminate.alpn)?;
    let alpn = match http {
        // Who can speak both speaks what any upstream understands; who speaks only h2 (gRPC) is understood.
        true if alpn.is_empty() => vec![b"http/1.1".to_vec(), b"h2".to_vec()],
        _ => alpn,
    };
    let clients = match &terminate.client_ca {
        None => WebPkiClientVerifier::no_client_auth(),
        Some(path) => {
            let roots = Arc::new(files::roots("terminate.client_ca", path)?);
            let built = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
            built.map_err(|error| format!("`tls.terminate.client_ca`: {error}"))?
        }
    };
    let configs = identities.into_iter().map(|(fault, Identity { chain, key })| {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions");
        let built = builder
            .with_client_cert_verifier(Arc::clone(&clients))
            .with_single_cert(chain, key);
        let mut config = built.map_err(|error| format!("`tls.terminate.key`: {error}"))?;
        config.alpn_protocols.clone_from(&alpn);
        Ok((fault, Arc::new(config)))
    });
    configs.collect()
}

fn client(originate: &Originate) -> Result<Client, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions");
    let builder = match (&originate.ca, originate.insecure) {
        (Some(_), true) => {
            return Err("`tls.originate.ca` and `tls.originate.insecure` contradict each other".to_owned());
        }
        (None, true) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anyone(provider()))),
        (None, false) => {
            let built = builder.with_platform_verifier();
            built.map_err(|error| {
                format!("the system's authorities cannot be used: {error}: give `tls.originate.ca`")
            })?
        }
        (Some(path), false) => {
            let roots = Arc::new(files::roots("originate.ca", path)?);
            let built = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
            builder.with_webpki_verifier(built.map_err(|error| format!("`tls.originate.ca`: {error}"))?)
        }
    };
    let mut config = match (&originate.cert, &originate.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let chain = files::certificates("originate.cert", cert)?;
            let key = files::key("originate.key", key)?;
            let built = builder.with_client_auth_cert(chain, key);
            built.map_err(|error| format!("`tls.originate.key`: {error}"))?
        }
        _ => return Err("`tls.originate` needs both of `cert` and `key`, or none".to_owned()),
    };
    config.alpn_protocols = protocols("originate.alpn", &originate.alpn)?;
    let server_name = originate.server_name.clone().map(|name| {
        let bad = format!("`tls.originate.server_name`: `{name}` is no name of a host");
        ServerName::try_from(name).map_err(|_| bad)
    });
    Ok(Client {
        config,
        server_name: server_name.transpose()?,
    })
}

fn protocols(setting: &str, names: &[String]) -> Result<Vec<Vec<u8>>, String> {
    match names.iter().find(|name| name.is_empty() || name.len() > 255) {
        Some(_) => Err(format!("`tls.{setting}`: a protocol's name has 1 to 255 bytes")),
        None => Ok(names.iter().map(|name| name.as_bytes().to_vec()).collect()),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
