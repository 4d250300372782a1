//! The HTTP client of both sources: GET only, direct, no redirects, capped and timed.

use std::fmt;
use std::time::Duration;

use gameday_core::{Secret, SourceName, Timestamp, redact_url};
use reqwest::header::{DATE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use serde_json::Value;

use crate::error::{SourceError, Unreadable, one_line, root_cause};

/// No connection within this time: unreachable.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// No whole answer within this time: unreachable.
const TOTAL_LIMIT: Duration = Duration::from_secs(5);
/// The most that is read of one answer.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// One source over HTTP.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) name: SourceName,
    /// The base address, redacted: the only form that is ever shown.
    pub(crate) shown: String,
    base: Url,
    http: reqwest::Client,
    auth: Option<Auth>,
}

/// How we show who we are.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A token, sent as a bearer.
    Bearer(Secret),
    /// A user and a password.
    Basic(String, Secret),
}

/// An answer with status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    path: &'static str,
    /// Our clock just before the request was sent.
    pub(crate) sent: Timestamp,
    /// Our clock just after the head of the answer came.
    pub(crate) received: Timestamp,
    /// The `Date` header: their clock, cut to whole seconds.
    pub(crate) date: Option<Timestamp>,
    body: Vec<u8>,
}

impl fmt::Debug for Client {
    /// Without the base address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.shown)
    }
}

impl Client {
    pub(crate) fn new(name: &str, base: &str) -> Result<Self, SourceError> {
        let name = SourceName::new(name).expect("names are literals of this crate, and numbers");
        let shown = redact_url(base.trim().trim_end_matches('/'));
        let bad = |why: String| SourceError::BadAddress {
            name: name.clone(),
            url: shown.clone(),
            why,
        };
        let base = checked_base(base.trim()).map_err(bad)?;
        // A proxy from the environment would stand between us and the source, and tell its clock as theirs.
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TOTAL_LIMIT)
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("gameday/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| bad(root_cause(&error)))?;
        Ok(Self {
            name,
            shown,
            base,
            http,
            auth: None,
        })
    }

    /// The same, which shows who it is.
    pub(crate) fn with_auth(self, auth: Option<Auth>) -> Self {
        Self { auth, ..self }
    }

    /// Asks one question; anything but a whole answer with status 200 is an error.
    pub(crate) async fn get(
        &self,
        path: &'static str,
        query: &[(&str, &str)],
    ) -> Result<Answer, SourceError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = match &self.auth {
            None => self.http.get(url),
            Some(Auth::Bearer(token)) => self.http.get(url).bearer_auth(token.expose()),
            Some(Auth::Basic(user, password)) => self.http.get(url).basic_auth(user, Some(password.expose())),
        };
        let sent = Timestamp::now();
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        let received = Timestamp::now();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = self.read(path, response).await?;
        if status != 200 {
            return Err(self.refused(path, status, &headers, &body));
        }
        let date = headers.get(DATE).and_then(|date| http_date(date.as_bytes()));
        Ok(Answer {
            path,
            sent,
            received,
            date,
            body,
        })
    }

    /// Runs a parser over an answer and says whose answer it was when the parser cannot read it.
    pub(crate) fn read_with<T>(
        &self,
        answer: &Answer,
        parser: impl FnOnce(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<T, SourceError> {
        parser(&answer.body).map_err(|unreadable| self.unreadable(answer, unreadable.0))
    }

    pub(crate) fn unreadable(&self, answer: &Answer, cause: String) -> SourceError {
        SourceError::Unreadable {
            name: self.name.clone(),
            url: self.shown.clone(),
            path: answer.path,
            cause,
        }
    }

    async fn read(&self, path: &'static str, mut response: Response) -> Result<Vec<u8>, SourceError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(SourceError::TooLarge {
                    name: self.name.clone(),
                    url: self.shown.clone(),
                    path,
                    limit_mib: BODY_LIMIT / (1024 * 1024),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, error: reqwest::Error) -> SourceError {
        let cause = match (error.is_timeout(), error.is_connect()) {
            (true, true) => format!("no connection within {} s", CONNECT_LIMIT.as_secs()),
            (true, false) => format!("no whole answer within {} s", TOTAL_LIMIT.as_secs()),
            _ => root_cause(&error),
        };
        SourceError::Unreachable {
            name: self.name.clone(),
            url: self.shown.clone(),
            cause,
            source: error.without_url(),
        }
    }

    fn refused(&self, path: &'static str, status: u16, headers: &HeaderMap, body: &[u8]) -> SourceError {
        let message = if (300..400).contains(&status) {
            let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
            let to = to.map_or_else(String::new, |to| format!(" (to {})", one_line(&redact_url(to))));
            format!("redirects are not followed{to}; give the address that it leads to")
        } else {
            said(body)
        };
        SourceError::Status {
            name: self.name.clone(),
            url: self.shown.clone(),
            path,
            status,
            message,
        }
    }
}

fn checked_base(base: &str) -> Result<Url, String> {
    let url: Url = base.parse().map_err(|error| format!("{error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it must begin with http:// or https://".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a base address has no `?` or `#` part".to_owned());
    }
    Ok(url)
}

/// What a refusal says: Prometheus' `error`, Alertmanager's `message` or bare text.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let said = match serde_json::from_slice(body) {
        Ok(Value::String(text)) => Some(text),
        Ok(Value::Object(fields)) => ["error", "message"]
            .iter()
            .find_map(|key| fields.get(*key)?.as_str().map(str::to_owned)),
        _ => None,
    };
    match one_line(said.as_deref().unwrap_or(&text)) {
        empty if empty.is_empty() => "no reason given".to_owned(),
        line => line,
    }
}

fn http_date(date: &[u8]) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let date = parser.parse_timestamp(date).ok()?;
    Some(Timestamp::from_micros(date.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_is_http_and_nothing_more() {
        assert!(checked_base("http://127.0.0.1:9090/prometheus/").is_ok());
        for (bad, word) in [
            ("127.0.0.1:9090", "relative"),
            ("ftp://host", "http://"),
            ("http://", "host"),
            ("http://host?a=b", "`?`"),
            ("http://host:99999", "port"),
        ] {
            let why = checked_base(bad).unwrap_err();
            assert!(why.contains(word), "{bad}: {why}");
        }
    }

    #[test]
    fn refusals_of_both_programs_are_quoted() {
        assert_eq!(
            said(br#"{"status":"error","errorType":"bad_data","error":"1:4: parse error"}"#),
            "1:4: parse error"
        );
        assert_eq!(
            said(br#"{"code":404,"message":"path was not found"}"#),
            "path was not found"
        );
        assert_eq!(said(br#""bad matcher format: a!""#), "bad matcher format: a!");
        assert_eq!(said(b"404 page not found\n"), "404 page not found");
        assert_eq!(said(b""), "no reason given");
    }

    #[test]
    fn http_dates_are_read() {
        let date = http_date(b"Sun, 22 Nov 2026 13:08:27 GMT").unwrap();
        assert_eq!(date.to_string(), "2026-11-22T13:08:27.000000Z");
        assert_eq!(http_date(b"yesterday"), None);
    }
}
