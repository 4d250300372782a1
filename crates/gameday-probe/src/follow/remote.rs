//! The HTTP client of a prober: GET only, direct, no redirects, capped and timed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::{ClockSample, Event, Phases, Secret, Timestamp};
use hyper::header::{AUTHORIZATION, HeaderValue};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{ProbeAnswer, RegionAnswer};
use super::peer::{Peer, base};
use crate::net::{BodyPlan, Connector, OwnTls, Request, Route, Url};
use crate::response::Response;
use crate::tls::Trust;

/// What a prober says of itself is there by then.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// A journal's answer may be this long; a prober of ours sends less.
const MAX_JOURNAL_BYTES: u64 = 5 * 1024 * 1024;
/// More time than was asked for, for an answer that waited for something to tell.
const TRANSFER_LIMIT: Duration = Duration::from_secs(5);

/// The prober of another region.
#[derive(Clone)]
pub struct Remote {
    base: Url,
    token: Option<HeaderValue>,
    route: Arc<Route>,
    connector: Connector,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the prober at {}", self.base)
    }
}

/// A part of a journal.
#[derive(Debug)]
pub(super) enum Page {
    /// Its events, in order, none if none came.
    Events(Vec<Event>),
    /// The line that was asked for is no more, or never was.
    Gone(Kept),
}

/// The lines that a prober has.
#[derive(Debug, Deserialize)]
pub(super) struct Kept {
    pub(super) first: u64,
    pub(super) next: u64,
}

/// A part of a journal, and when the prober began that wrote it.
pub(super) struct Answered {
    pub(super) started: Option<Timestamp>,
    pub(super) page: Page,
}

impl Remote {
    /// A client of this peer; `variable` gives the environment.
    ///
    /// # Errors
    /// Why its token or its authority cannot be had, for people.
    pub fn new(
        peer: &Peer,
        connector: &Connector,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let token = peer
            .token
            .as_ref()
            .map(|token| token.read(variable))
            .transpose()?;
        let tls = peer.ca.as_deref().map(|path| {
            let wrong = |why: &dyn fmt::Display| format!("the authority {}: {why}", path.display());
            let roots: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
                .map_err(|error| wrong(&error))?
                .collect();
            let trust = Trust::new(roots.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
            Ok::<_, String>(Arc::new(OwnTls {
                trust: Some(Arc::new(trust)),
                ..OwnTls::default()
            }))
        });
        Ok(Self {
            base: base(&peer.url)?,
            token: token.as_ref().map(bearer),
            route: Arc::new(Route {
                tls: tls.transpose()?,
                ..Route::default()
            }),
            connector: connector.clone(),
        })
    }

    /// What it says of itself, and its clock beside ours.
    ///
    /// # Errors
    /// Why there is no answer, for people.
    pub async fn region(&self) -> Result<(RegionAnswer, ClockSample), String> {
        let began = Timestamp::now();
        let response = self.get("/v1/region", ANSWER_LIMIT).await?;
        let answer: RegionAnswer = json(&response)?;
        let (sent, received) = moments(began, &response.phases);
        let sample = ClockSample {
            sent,
            received,
            theirs_low: answer.time,
            theirs_high: answer.time,
        };
        Ok((answer, sample))
    }

    /// Its probes.
    ///
    /// # Errors
    /// Why there is no answer, for people.
    pub async fn probes(&self) -> Result<Vec<ProbeAnswer>, String> {
        json(&self.get("/v1/probes", ANSWER_LIMIT).await?)
    }

    /// Its journal from a line on; waits there so long for the first of them.
    pub(super) async fn journal(&self, from: u64, wait: Duration) -> Result<Answered, String> {
        let path = format!("/journal?from={from}&wait={}ms", wait.as_millis());
        let response = self.ask(&path, wait + TRANSFER_LIMIT).await?;
        let started = response
            .headers
            .get("gameday-started")
            .and_then(|text| text.to_str().ok());
        let started = started.and_then(|text| Timestamp::parse(text).ok());
        let page = match response.status {
            410 => Page::Gone(json(&response)?),
            200 => Page::Events(events(&response.body.kept)?),
            _ => return Err(refusal(&response)),
        };
        Ok(Answered { started, page })
    }

    async fn get(&self, path: &str, limit: Duration) -> Result<Response, String> {
        let response = self.ask(path, limit).await?;
        match response.status {
            200 => Ok(response),
            _ => Err(refusal(&response)),
        }
    }

    async fn ask(&self, path: &str, limit: Duration) -> Result<Response, String> {
        let mut url = self.base.clone();
        url.target = format!("{}{path}", url.target.trim_end_matches('/'));
        let mut request = Request::get(url);
        if let Some(token) = &self.token {
            request.headers.insert(AUTHORIZATION, token.clone());
        }
        request.route = Arc::clone(&self.route);
        request.reading = Arc::new(BodyPlan {
            max_bytes: MAX_JOURNAL_BYTES,
            ..BodyPlan::default()
        });
        let exchange = self.connector.exchange(&request, Instant::now() + limit).await;
        exchange
            .result
            .map_err(|fault| format!("{} ({})", fault.message, fault.reason))
    }
}

fn bearer(token: &Secret) -> HeaderValue {
    // A token is visible ASCII, which a header may hold.
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).expect("visible ASCII");
    value.set_sensitive(true);
    value
}

/// When the request was sent and the answer came, on our clock: the connection was made before.
fn moments(began: Timestamp, phases: &Phases) -> (Timestamp, Timestamp) {
    let us = |us: u64| i64::try_from(us).unwrap_or(i64::MAX);
    let sent = began.plus_micros(us(phases.resolve_us + phases.connect_us + phases.tls_us));
    (sent, sent.plus_micros(us(phases.send_us + phases.wait_us)))
}

fn refusal(response: &Response) -> String {
    match response.status {
        401 | 403 => format!("it refuses us (HTTP {}): is the token right?", response.status),
        404 => "it is not a prober of gameday (HTTP 404)".to_owned(),
        status => format!("it answers HTTP {status}"),
    }
}

fn json<T: DeserializeOwned>(response: &Response) -> Result<T, String> {
    serde_json::from_slice(&response.body.kept)
        .map_err(|error| format!("it answers what no prober of ours does: {error}"))
}

/// The whole lines of an answer; a line that was cut off is asked for again.
fn events(body: &[u8]) -> Result<Vec<Event>, String> {
    let whole = body
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let lines = body[..whole]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines
        .map(|line| {
            serde_json::from_slice(line).map_err(|error| format!("its journal cannot be read: {error}"))
        })
        .collect()
}
