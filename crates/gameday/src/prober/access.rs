//! Who may ask: loopback without more ado, beyond it with a token; over TLS if there is a certificate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderValue, ORIGIN, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gameday_proxy::{Guard, Turned};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::cli::PageArgs;

/// A request's head must be there by then; so must a TLS handshake.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// More connections wait until one ends.
const MAX_CONNECTIONS: usize = 1024;
/// Nothing from elsewhere, no script, no form.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The rules of one server.
#[derive(Clone)]
pub(crate) struct Access {
    rules: gameday_proxy::Access,
    tls: Option<TlsAcceptor>,
    /// Whether pages that this server itself has served may send requests.
    own_pages: bool,
}

impl Access {
    /// Reads the token and the certificate.
    ///
    /// # Errors
    /// In words: what cannot be read, or an address beyond loopback without a token.
    pub(crate) fn new(args: &PageArgs) -> Result<Self, String> {
        let token = args
            .token_file
            .as_deref()
            .map(gameday_core::read_token)
            .transpose()?;
        if let Some(listen) = args.listen.filter(|listen| !listen.ip().is_loopback())
            && token.is_none()
            && !args.insecure
        {
            return Err(format!(
                "{listen} can be reached from elsewhere: give --token-file FILE, or --insecure if whoever reaches it may read it"
            ));
        }
        let tls = match (&args.tls_cert, &args.tls_key) {
            (Some(cert), Some(key)) => Some(acceptor(cert, key)?),
            _ => None,
        };
        let rules = gameday_proxy::Access {
            token,
            insecure: args.insecure,
            hosts: args.hosts.clone(),
        };
        Ok(Self {
            rules,
            tls,
            own_pages: false,
        })
    }

    /// Pages that this server itself has served may send requests; those of every other origin still may not.
    #[must_use]
    pub(crate) fn with_own_pages(self) -> Self {
        Self {
            own_pages: true,
            ..self
        }
    }

    /// The scheme of its URLs.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// Takes the `Origin` from a request that one of our own pages sends: it is the very host that was asked,
/// which is then looked at as every host is. Without one nothing is changed by a request.
fn admit_own_page(request: &mut Request, scheme: &str) -> Result<(), Turned> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let headers = request.headers_mut();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let own = text(HOST).map(|host| format!("{scheme}://{host}"));
    if own.is_none() || text(ORIGIN) != own.as_deref() || headers.get_all(ORIGIN).iter().count() != 1 {
        return Err(Turned::Away(
            "only this server's own page may send this: the `Origin` is another's",
        ));
    }
    headers.remove(ORIGIN);
    Ok(())
}

/// A browser asks its user for a name and a password: the token is taken as the password, whatever the name.
fn bearer_of_basic(headers: &mut HeaderMap) {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let encoded = given
        .and_then(|value| value.split_once(' '))
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| BASE64_STANDARD.decode(encoded.trim()).ok());
    let pair = encoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let bearer = pair.as_deref().and_then(|pair| pair.split_once(':'));
    if let Some(bearer) = bearer.and_then(|(_, token)| HeaderValue::from_str(&format!("Bearer {token}")).ok())
    {
        headers.insert(AUTHORIZATION, bearer);
    }
}

fn refusal(turned: Turned) -> Response {
    match turned {
        Turned::Away(why) => (StatusCode::FORBIDDEN, format!("{why}\n")).into_response(),
        Turned::Unknown(why) => {
            let wanted = [(
                WWW_AUTHENTICATE,
                "Basic realm=\"gameday: the token is the password\", Bearer",
            )];
            (StatusCode::UNAUTHORIZED, wanted, format!("{why}\n")).into_response()
        }
    }
}

fn acceptor(cert: &std::path::Path, key: &std::path::Path) -> Result<TlsAcceptor, String> {
    let wrong =
        |path: &std::path::Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(cert)
        .map_err(|error| wrong(cert, &error))?
        .collect();
    let chain = chain.map_err(|error| wrong(cert, &error))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|error| wrong(cert, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until it is dropped; every connection ends with it.
pub(crate) async fn host(listener: TcpListener, bound: SocketAddr, router: Router, access: Access) {
    let (scheme, own_pages) = (access.scheme(), access.own_pages);
    let guard = Guard::new(access.rules, bound);
    let guarded = router.layer(from_fn(move |mut request: Request, next: Next| {
        bearer_of_basic(request.headers_mut());
        let admitted = match own_pages {
            true => admit_own_page(&mut request, scheme),
            false => Ok(()),
        };
        let checked = admitted.and_then(|()| guard.check(request.headers(), request.uri()));
        async move {
            let mut response = match checked {
                Err(turned) => refusal(turned),
                Ok(()) => next.run(request).await,
            };
            let headers = response.headers_mut();
            headers.entry(CONTENT_SECURITY_POLICY).or_insert(POLICY);
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            response
        }
    }));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors, for example: looking again at once would only burn a core.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (router, tls) = (guarded.clone(), access.tls.clone());
        connections.spawn(async move {
            let _place = place;
            connection(stream, router, tls).await.ok();
        });
    }
}

async fn connection(stream: TcpStream, router: Router, tls: Option<TlsAcceptor>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => talk(stream, router).await,
        Some(tls) => {
            let late = |_| io::Error::from(io::ErrorKind::TimedOut);
            talk(
                timeout(HEAD_LIMIT, tls.accept(stream)).await.map_err(late)??,
                router,
            )
            .await
        }
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) -> io::Result<()> {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    served.await.map_err(io::Error::other)
}
