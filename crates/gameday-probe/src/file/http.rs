//! Reads `[http]`: what all requests of a flow share, and what a step may say otherwise.
//!
//! ```text
//! [http]  version = "auto|1.1|2", family = "ip4|ip6", source = "IP", resolver = "IP:PORT", connect_to = "IP", follow = 5,
//!         cookies = true, compressed = true, traceparent = true, max_body = "1MiB", headers = { … },
//!         auth = { basic | bearer | client_credentials }, roots = "ca.pem", cert = "client.pem",
//!         key = "client.key", server_name = "…", insecure = false
//! ```
//!
//! A step may say all but `family`, `source`, `resolver`, `cookies` and `traceparent` for itself; one that says anything of
//! TLS says all of it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use gameday_core::{ByteSize, Table};
use hyper::header::HeaderName;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use toml::Spanned;

use super::auth::read_auth;
use super::scope::Scope;
use super::step::read_headers;
use super::value::unit;
use crate::net::{DEFAULT_MAX_BODY, Family, HttpVersion, OwnTls, Route};
use crate::plan::Auth;
use crate::template::Template;
use crate::tls::Trust;

/// More redirects are never followed.
const MAX_FOLLOW: u32 = 50;
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What a flow says for all of its steps.
pub(super) struct Common {
    pub(super) cookies: bool,
    pub(super) traceparent: bool,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) settings: Settings,
}

/// What a step may say otherwise.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) route: Route,
    pub(super) follow: u32,
    pub(super) compressed: bool,
    pub(super) max_body: u64,
    pub(super) auth: Option<Auth>,
}

impl Common {
    /// Takes `[http]`; without it, the defaults.
    pub(super) fn read(root: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Self {
        let usual = Settings {
            route: Route::default(),
            follow: 0,
            compressed: true,
            max_body: DEFAULT_MAX_BODY,
            auth: None,
        };
        let Some(mut table) = root.table("http") else {
            return Self {
                cookies: true,
                traceparent: true,
                headers: Vec::new(),
                settings: usual,
            };
        };
        let mut settings = usual.or(&mut table, scope);
        settings.route.family = read_family(&mut table, scope);
        settings.route.source = address(&mut table, "source", scope);
        settings.route.resolver = read_resolver(&mut table, scope);
        let common = Self {
            cookies: table.get("cookies").unwrap_or(true),
            traceparent: table.get("traceparent").unwrap_or(true),
            headers: read_headers(&mut table, scope),
            settings,
        };
        table.finish();
        common
    }
}

impl Settings {
    /// These, but for what the table says.
    pub(super) fn or(&self, table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Self {
        let mut settings = self.clone();
        if let Some(version) = read_version(table, scope) {
            settings.route.version = version;
        }
        if let Some(address) = address(table, "connect_to", scope) {
            settings.route.address = Some(address);
        }
        if let Some(tls) = read_tls(table, scope) {
            settings.route.tls = Some(tls);
        }
        if let Some(follow) = table.spanned::<u32>("follow") {
            if *follow.get_ref() > MAX_FOLLOW {
                let message = format!("`follow` is at most {MAX_FOLLOW}");
                scope.problems().add(follow.span(), message);
            }
            settings.follow = follow.into_inner();
        }
        if let Some(compressed) = table.get("compressed") {
            settings.compressed = compressed;
        }
        if let Some(max_body) = read_max_body(table, scope) {
            settings.max_body = max_body;
        }
        if let Some(auth) = read_auth(table, scope) {
            settings.auth = Some(auth);
        }
        settings
    }
}

/// Takes how long a body may be, in bytes.
pub(crate) fn read_max_body(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<u64> {
    let max_body = unit::<ByteSize>(table, "max_body", scope)?;
    Some(max_body.into_inner().get())
}

/// Takes which version of HTTP is spoken.
pub(crate) fn read_version(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<HttpVersion> {
    let typed: Spanned<String> = table.spanned("version")?;
    match typed.get_ref().as_str() {
        "auto" => Some(HttpVersion::Auto),
        "1.1" => Some(HttpVersion::Http1),
        "2" => Some(HttpVersion::Http2),
        other => {
            let problem = scope
                .problems()
                .source()
                .problem(typed.span(), format!("`{other}` is not a version of HTTP"));
            scope.problems().push(problem.hint("one of `auto`, `1.1`, `2`"));
            None
        }
    }
}

/// Takes which addresses of a name may be used.
pub(crate) fn read_family(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Family {
    let Some(typed) = table.spanned::<String>("family") else {
        return Family::Any;
    };
    match typed.get_ref().as_str() {
        "any" => Family::Any,
        "ip4" => Family::Ip4,
        "ip6" => Family::Ip6,
        other => {
            let problem = scope
                .problems()
                .source()
                .problem(typed.span(), format!("`{other}` is not a family of addresses"));
            scope.problems().push(problem.hint("one of `any`, `ip4`, `ip6`"));
            Family::Any
        }
    }
}

/// Takes an IP address, written out or in a variable.
pub(crate) fn address(table: &mut Table<'_, '_>, key: &'static str, scope: &Scope<'_, '_>) -> Option<IpAddr> {
    let typed: Spanned<String> = table.spanned(key)?;
    let text = scope.now(&typed)?;
    let address = text.parse();
    if address.is_err() {
        let message = format!("`{text}` is not an IP address");
        scope.problems().add(typed.span(), message);
    }
    address.ok()
}

/// Takes who is asked for names: an address with a port, or `system`.
fn read_resolver(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<SocketAddr> {
    let typed: Spanned<String> = table.spanned("resolver")?;
    let text = scope.now(&typed)?;
    if text == "system" {
        return None;
    }
    let address = text.parse().ok();
    if address.is_none() {
        let problem = scope
            .problems()
            .source()
            .problem(typed.span(), format!("`{text}` is not a resolver"));
        let hint = "an address and a port, such as `127.0.0.1:53`, or `system`";
        scope.problems().push(problem.hint(hint));
    }
    address
}

/// Takes trust and identity: `roots`, `cert`, `key`, `server_name`, `insecure`.
pub(crate) fn read_tls(table: &mut Table<'_, '_>, scope: &Scope<'_, '_>) -> Option<Arc<OwnTls>> {
    let problems = scope.problems();
    let place = ["roots", "cert", "key", "server_name", "insecure"]
        .iter()
        .find_map(|key| table.key_span(key))?;
    let roots = certificates(table, "roots", scope);
    let key_place = table.key_span("key");
    let chain = certificates(table, "cert", scope);
    let key = read_file(table, "key", scope).and_then(|(place, bytes)| {
        let key = PrivateKeyDer::from_pem_slice(&bytes);
        key.map_err(|_| problems.add(place, "there is no private key in this file (PEM)"))
            .ok()
    });
    let server_name: Option<Spanned<String>> = table.spanned("server_name");
    let own = OwnTls {
        trust: roots.and_then(|roots| {
            let trust = Trust::new(roots).map(Arc::new);
            trust.map_err(|error| problems.add(place.clone(), error)).ok()
        }),
        identity: match (chain, key) {
            (Some(chain), Some(key)) => Some((chain, key)),
            (Some(_), None) if key_place.is_none() => {
                problems.add(place.clone(), "`cert` needs its `key`");
                None
            }
            _ => None,
        },
        insecure: table.get("insecure").unwrap_or(false),
        server_name: server_name.and_then(|name| scope.now(&name)),
        ..OwnTls::default()
    };
    if let Err(error) = own.prepare() {
        problems.add(place, format!("these certificates cannot be used: {error}"));
    }
    Some(Arc::new(own))
}

fn certificates(
    table: &mut Table<'_, '_>,
    key: &'static str,
    scope: &Scope<'_, '_>,
) -> Option<Vec<CertificateDer<'static>>> {
    let (place, bytes) = read_file(table, key, scope)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Some(found),
        _ => {
            scope
                .problems()
                .add(place, "there is no certificate in this file (PEM)");
            None
        }
    }
}

/// Reads a file whose path is meant from where the probe's file stands.
pub(crate) fn read_file(
    table: &mut Table<'_, '_>,
    key: &'static str,
    scope: &Scope<'_, '_>,
) -> Option<(std::ops::Range<usize>, Vec<u8>)> {
    let typed: Spanned<String> = table.spanned(key)?;
    let path = scope.now(&typed)?;
    let bytes = read_path(&path, scope).map_err(|wrong| scope.problems().add(typed.span(), wrong));
    Some((typed.span(), bytes.ok()?))
}

/// Reads a file beside the probe's.
pub(super) fn read_path(path: &str, scope: &Scope<'_, '_>) -> Result<Vec<u8>, String> {
    let beside = scope.problems().source().path.parent().map(PathBuf::from);
    let path = beside.unwrap_or_default().join(path);
    scope.note_file(path.clone());
    let told = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    let size = std::fs::metadata(&path).map_err(told)?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("`{}` is over {MAX_FILE_BYTES} bytes", path.display()));
    }
    std::fs::read(&path).map_err(told)
}
