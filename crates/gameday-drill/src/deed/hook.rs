//! A request that has somebody else break something, and one that has it put back: a feature flag, Chaos Mesh, a cloud.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use gameday_core::{Secret, Timestamp, TokenFrom, redact_url};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url, redirect};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::{Act, Failed, Hold, Seen, State};

/// Requests that begin, keep up, undo and verify something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Begins it.
    pub start: Request,
    /// Undoes it.
    pub undo: Request,
    /// Keeps it up, at each renewal of the lease.
    pub renew: Option<Request>,
    /// Answers well only if it is undone.
    pub verify: Option<Request>,
    /// `renew` is sent this often at most.
    #[serde(default)]
    pub renew_ms: u64,
    /// Each is given up when it takes longer.
    pub timeout_ms: u64,
}

/// One request. Where its secrets are taken from stands in it; they themselves do not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// Whom.
    pub url: Text,
    /// Headers.
    pub headers: BTreeMap<String, Text>,
    /// The token of `Authorization: Bearer …`.
    pub token: Option<TokenFrom>,
    /// The body.
    pub body: Option<String>,
    /// Statuses that are as good as 2xx.
    pub accept: Vec<u16>,
    /// What the answer's body must hold.
    pub contains: Option<String>,
}

/// A text that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Text {
    /// This, for everybody to see.
    Plain(String),
    /// Whatever stands there.
    From(TokenFrom),
}

type Parts = (Method, Url, HeaderMap);

/// The most of an answer's body that is looked into.
const MOST_BODY_BYTES: usize = 64 << 10;

impl Text {
    fn read(&self) -> Result<Secret, String> {
        match self {
            Self::Plain(text) => Ok(Secret::new(text.clone())),
            Self::From(from) => from.read_line(|name| std::env::var(name).ok()),
        }
    }

    /// For people; a secret is where it is taken from.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Plain(text) => redact_url(text),
            Self::From(from) => format!("<{from}>"),
        }
    }
}

impl Request {
    /// For people, e.g. `DELETE https://flags.example/new-checkout`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.method, self.url.shown())
    }

    /// All that it needs, secrets included; nothing is sent.
    fn parts(&self) -> Result<Parts, String> {
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|error| error.to_string())?;
        let url = self.url.read()?;
        let url = Url::parse(url.expose()).map_err(|error| format!("{}: {error}", self.url.shown()))?;
        let mut headers = HeaderMap::new();
        let bearer = self.token.as_ref().map(|token| {
            let token = token.read(|name| std::env::var(name).ok())?;
            Ok::<_, String>(("Authorization", Secret::new(format!("Bearer {}", token.expose()))))
        });
        let named = self
            .headers
            .iter()
            .map(|(name, value)| Ok((name.as_str(), value.read()?)));
        for header in named.chain(bearer) {
            let (name, value) = header?;
            // Its value may be a secret, so what is wrong with it is not told.
            let bad = || format!("{}: the header `{name}` cannot be sent", self.text());
            let mut value = HeaderValue::from_str(value.expose()).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?, value);
        }
        Ok((method, url, headers))
    }

    /// Sends it and judges the answer.
    fn send(&self, limit: Duration) -> Result<(), String> {
        // Who calls this is a thread of its own, never a task: it may wait.
        Handle::current().block_on(self.send_within(limit))
    }

    async fn send_within(&self, limit: Duration) -> Result<(), String> {
        let wrong = |why: &str| format!("{}: {why}", self.text());
        let (method, url, headers) = self.parts()?;
        let mut request = client(limit)?.request(method, url).headers(headers);
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let mut answer = request
            .send()
            .await
            .map_err(|error| wrong(&innermost(&error.without_url())))?;
        let status = answer.status();
        if !status.is_success() && !self.accept.contains(&status.as_u16()) {
            return Err(wrong(&format!("it answered {status}{}", hint(status))));
        }
        let Some(wanted) = &self.contains else {
            return Ok(());
        };
        let mut body = Vec::new();
        while let Some(piece) = answer
            .chunk()
            .await
            .map_err(|error| wrong(&innermost(&error.without_url())))?
        {
            body.extend_from_slice(&piece);
            if body.len() > MOST_BODY_BYTES {
                break;
            }
        }
        if String::from_utf8_lossy(&body).contains(wanted) {
            Ok(())
        } else {
            Err(wrong(&format!("its answer does not hold `{wanted}`")))
        }
    }
}

fn client(limit: Duration) -> Result<Client, String> {
    Client::builder()
        .timeout(limit)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("gameday/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| innermost(&error))
}

fn hint(status: StatusCode) -> &'static str {
    if status.is_redirection() {
        " (redirects are not followed: write the final address)"
    } else {
        ""
    }
}

/// The cause that says most.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

impl Hook {
    /// The same with what is known only now: `{{drill.name}}`, `{{drill.fault}}` and `{{drill.lease_s}}`.
    #[must_use]
    pub(crate) fn named(&self, drill: &str, fault: &str, lease: Duration) -> Self {
        let (third, lease) = (lease / 3, lease.as_secs().to_string());
        let fill = |text: &mut String| {
            for (name, value) in [("name", drill), ("fault", fault), ("lease_s", lease.as_str())] {
                *text = text.replace(&format!("{{{{drill.{name}}}}}"), value);
            }
        };
        let mut named = self.clone();
        named.renew_ms = u64::try_from(third.as_millis()).unwrap_or(u64::MAX);
        let Self {
            start,
            undo,
            renew,
            verify,
            ..
        } = &mut named;
        for request in [start, undo].into_iter().chain(renew).chain(verify) {
            request
                .headers
                .values_mut()
                .chain([&mut request.url])
                .for_each(|text| {
                    if let Text::Plain(text) = text {
                        fill(text);
                    }
                });
            request.body.iter_mut().for_each(fill);
        }
        named
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

impl Act for Hook {
    fn check(&self) -> Result<String, String> {
        let more = self.renew.iter().chain(&self.verify);
        for request in [&self.start, &self.undo].into_iter().chain(more) {
            request.parts()?;
        }
        Ok(format!("{} undoes {}", self.undo.text(), self.start.text()))
    }

    fn begin(&self) -> Result<Box<dyn Hold>, Failed> {
        self.start.parts()?;
        // An answer that does not come, or says no, does not prove that nothing was done.
        self.start.send(self.limit()).map_err(Failed::Half)?;
        let (deed, at) = (self.clone(), Timestamp::now());
        let (trouble, renewed) = (None, Instant::now());
        Ok(Box::new(Started {
            deed,
            at,
            trouble,
            renewed,
        }))
    }

    fn undo(&self) -> Result<String, String> {
        self.undo.send(self.limit())?;
        Ok(format!("{} was answered well", self.undo.text()))
    }

    fn verify(&self) -> Result<String, String> {
        let Some(verify) = &self.verify else {
            return Ok(format!(
                "{} was answered well; nothing else looks",
                self.undo.text()
            ));
        };
        verify.send(self.limit())?;
        Ok(format!("{} was answered well", verify.text()))
    }

    fn takes(&self) -> Duration {
        self.limit() * 2
    }
}

struct Started {
    deed: Hook,
    at: Timestamp,
    /// Why the last renewal was not answered well.
    trouble: Option<String>,
    renewed: Instant,
}

impl Hold for Started {
    fn look(&mut self) -> Seen {
        let state = self.trouble.clone().map_or(State::Holds, State::Unknown);
        Seen::once(self.at, state)
    }

    fn undo(&mut self) -> Result<String, String> {
        self.deed.undo()
    }

    fn renewed(&mut self) {
        let due = self.renewed.elapsed() >= Duration::from_millis(self.deed.renew_ms);
        if let Some(renew) = self.deed.renew.as_ref().filter(|_| due) {
            self.renewed = Instant::now();
            let limit = self.deed.limit().min(Duration::from_millis(self.deed.renew_ms));
            self.trouble = renew.send(limit).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: Text) -> Request {
        Request {
            method: "POST".into(),
            url,
            headers: BTreeMap::new(),
            token: None,
            body: None,
            accept: Vec::new(),
            contains: None,
        }
    }

    #[test]
    fn what_is_kept_and_shown_of_a_request_holds_no_secret() {
        let from = |name: &str| Text::From(TokenFrom::Env(name.to_owned()));
        let mut secretive = request(from("HOOK_URL"));
        secretive.headers.insert("X-Key".into(), from("HOOK_KEY"));
        assert_eq!(secretive.text(), "POST <the environment variable `HOOK_URL`>");
        let kept = serde_json::to_string(&secretive).unwrap();
        assert!(kept.contains("HOOK_KEY"), "{kept}");
        assert_eq!(
            secretive.parts().unwrap_err(),
            "the environment variable `HOOK_URL` is not set"
        );
        let shown = request(Text::Plain("https://x.example/a?key=hunter2".into())).text();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
