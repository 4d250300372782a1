//! A client of a proxy's API, for whoever orders faults; it knows plain Toxiproxy as well, as far as that goes.

use std::collections::BTreeMap;
use std::time::Duration;

use gameday_core::Secret;
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{Fault, Lease, LeaseList, NewFault, ProxyInfo};

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const TOTAL_LIMIT: Duration = Duration::from_secs(5);
/// No answer of a proxy is larger.
const MOST_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Why a proxy's API gave no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is no base of an HTTP API.
    #[error("`{base}` is not the address of a proxy's API, such as `http://127.0.0.1:8474`: {cause}")]
    Base {
        /// What was given.
        base: String,
        /// What is wrong with it.
        cause: String,
    },
    /// Nobody answered, or not in time.
    #[error("{request}: {cause}")]
    Unreachable {
        /// What was asked of whom.
        request: String,
        /// The innermost reason.
        cause: String,
        /// The error as it came.
        source: reqwest::Error,
    },
    /// The API said no.
    #[error("{request}: {status}: {message}")]
    Refused {
        /// What was asked of whom.
        request: String,
        /// The HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// The answer makes no sense.
    #[error("{request}: the answer cannot be read: {cause}")]
    Answer {
        /// What was asked of whom.
        request: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl ClientError {
    /// Nothing listens there. A time-out is something else: whoever is silent may still be there.
    #[must_use]
    pub fn is_refused_connection(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if source.is_connect() && !source.is_timeout())
    }

    /// The HTTP status, if the API said no.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// A proxy's API.
#[derive(Debug, Clone)]
pub struct ProxyClient {
    http: reqwest::Client,
    base: Url,
    token: Option<Secret>,
}

impl ProxyClient {
    /// A client of the API at `base`, e.g. `http://127.0.0.1:8474`; nothing is asked yet.
    ///
    /// # Errors
    /// [`ClientError::Base`] when that is no such address.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        let wrong = |cause: String| ClientError::Base {
            base: base.to_owned(),
            cause,
        };
        let parsed = Url::parse(base).map_err(|error| wrong(error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.cannot_be_a_base() {
            return Err(wrong("it must begin with `http://`".to_owned()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TOTAL_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            // A proxy for HTTP in the environment is not meant for what runs on this machine.
            .no_proxy()
            .user_agent(concat!("gameday/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| wrong(innermost(&error)))?;
        Ok(Self {
            http,
            base: parsed,
            token: None,
        })
    }

    /// The same client, which shows this token with each request.
    #[must_use]
    pub fn with_token(self, token: Option<Secret>) -> Self {
        Self { token, ..self }
    }

    /// The version it says it has.
    ///
    /// # Errors
    /// [`ClientError`], as all that follow.
    pub async fn version(&self) -> Result<String, ClientError> {
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        self.ask::<Version>(Method::GET, &["version"], None)
            .await
            .map(|answer| answer.version)
    }

    /// All proxies by name.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn proxies(&self) -> Result<BTreeMap<String, ProxyInfo>, ClientError> {
        self.ask(Method::GET, &["proxies"], None).await
    }

    /// Whether faults can have a lease there; plain Toxiproxy knows none.
    ///
    /// # Errors
    /// [`ClientError`] when it cannot be told.
    pub async fn has_leases(&self) -> Result<bool, ClientError> {
        found(self.leases().await).map(|leases| leases.is_some())
    }

    /// Makes a lease or renews it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn renew_lease(&self, owner: &str, ttl: Duration) -> Result<Lease, ClientError> {
        let body = serde_json::json!({ "ttl_ms": u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX) });
        self.ask(Method::PUT, &["v1", "leases", owner], Some(body)).await
    }

    /// Puts a fault in place under a lease.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn add_fault(&self, owner: &str, fault: &NewFault) -> Result<Fault, ClientError> {
        let body = serde_json::to_value(fault).expect("a fault has text for keys");
        self.ask(Method::POST, &["v1", "leases", owner, "faults"], Some(body))
            .await
    }

    /// Undoes a fault; safe twice.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_fault(&self, owner: &str, name: &str) -> Result<Fault, ClientError> {
        self.ask(Method::DELETE, &["v1", "leases", owner, "faults", name], None)
            .await
    }

    /// A lease, if it is known.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn lease(&self, owner: &str) -> Result<Option<Lease>, ClientError> {
        found(self.ask(Method::GET, &["v1", "leases", owner], None).await)
    }

    /// All leases, those that ended lately too.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn leases(&self) -> Result<LeaseList, ClientError> {
        self.ask(Method::GET, &["v1", "leases"], None).await
    }

    /// Undoes all faults of a lease and ends it; nothing if it was never known.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn drop_lease(&self, owner: &str) -> Result<Option<Lease>, ClientError> {
        found(self.ask(Method::DELETE, &["v1", "leases", owner], None).await)
    }

    /// Reads what stands at a path, e.g. `["proxies", "db"]`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, path: &[&str]) -> Result<Value, ClientError> {
        self.ask(Method::GET, path, None).await
    }

    /// Makes or changes what stands at a path.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post(&self, path: &[&str], body: Value) -> Result<Value, ClientError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Deletes what stands at a path.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete(&self, path: &[&str]) -> Result<(), ClientError> {
        self.ask::<Value>(Method::DELETE, path, None).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Value>,
    ) -> Result<T, ClientError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .expect("checked when the client was made")
            .pop_if_empty()
            .extend(path);
        let asked = format!("{method} {url}");
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let (status, bytes) = fetch(request, &asked).await?;
        if !status.is_success() {
            let (status, message) = (status.as_u16(), message_in(&bytes));
            return Err(ClientError::Refused {
                request: asked,
                status,
                message,
            });
        }
        let unreadable = |error: serde_json::Error| ClientError::Answer {
            request: asked,
            cause: error.to_string(),
        };
        // No content is `null`.
        let content: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(content).map_err(unreadable)
    }
}

/// The status and the whole body, if it is not absurdly long.
async fn fetch(request: RequestBuilder, asked: &str) -> Result<(StatusCode, Vec<u8>), ClientError> {
    let unreachable = |source: reqwest::Error| ClientError::Unreachable {
        request: asked.to_owned(),
        cause: innermost(&source),
        source,
    };
    let mut response = request.send().await.map_err(unreachable)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_ANSWER_BYTES {
            let cause = format!("it has more than {MOST_ANSWER_BYTES} bytes");
            return Err(ClientError::Answer {
                request: asked.to_owned(),
                cause,
            });
        }
    }
    Ok((response.status(), bytes))
}

/// Not to be found is an answer.
fn found<T>(answer: Result<T, ClientError>) -> Result<Option<T>, ClientError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.status() == Some(StatusCode::NOT_FOUND.as_u16()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What an error body says.
fn message_in(bytes: &[u8]) -> String {
    let parsed: Option<Value> = serde_json::from_slice(bytes).ok();
    let message = parsed.and_then(|value| value.get("error").and_then(Value::as_str).map(str::to_owned));
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(bytes).trim().to_owned());
    message.chars().take(500).collect()
}

/// The last of the causes, which is the one that says something.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
