//! Runs one step: fill the request, ask (again and again, if it polls), check, save.
//!
//! A step without an assertion on the status wants one below 400, so that an error page is never up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gameday_core::{Outcome, Phases, Reason, Span, StepDone};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::Value;
use tokio::time::sleep_until;

use crate::assertion::{Assertion, Unmet};
use crate::duration::micros;
use crate::net::{Connector, Request, Url};
use crate::observation::Fault;
use crate::plan::{Poll, Save, SaveFrom, StepPlan};
use crate::response::Response;
use crate::template::Template;
use crate::values::{Missing, Values};

/// How long the steps that run `always` may take together, beyond the probe's deadline.
pub(crate) const TIDY_LIMIT: Duration = Duration::from_secs(2);

/// What was found is cut in messages after so many characters.
const MAX_FOUND_CHARS: usize = 120;
/// A saved value is cut off nowhere: one that is longer is refused.
const MAX_SAVED_BYTES: usize = 16 * 1024;

/// What came of a step.
#[derive(Debug)]
pub(crate) struct StepReport {
    pub(crate) done: StepDone,
    /// Set when it is down or unknown; the message is not yet redacted.
    pub(crate) fault: Option<Fault>,
    /// Set when it was over its `slo`.
    pub(crate) slow: Option<String>,
}

/// Runs a step; an error means that a value it needs was never saved.
pub(crate) async fn run_step(
    connector: &Connector,
    step: &StepPlan,
    values: &mut Values<'_>,
    deadline: Instant,
) -> Result<StepReport, Missing> {
    let mut asking = Asking {
        connector,
        phases: Phases::default(),
        paused_us: 0,
        status: None,
    };
    let answer = match &step.poll {
        None => asking.ask(step, values, deadline).await,
        Some(poll) => asking.poll(step, poll, values, deadline).await,
    };
    let fault = match answer.and_then(|response| judge(step, &response, values)) {
        Ok(()) => None,
        Err(Stop::Fault(fault)) => Some(fault),
        Err(Stop::Missing(missing)) => return Err(missing),
    };
    let total_us = asking.phases.total_us() + asking.paused_us;
    let slow = slowness(step, total_us).filter(|_| fault.is_none());
    let up = Outcome::Up {
        slow: slow.iter().map(|_| step.name.clone()).collect(),
    };
    let done = StepDone {
        name: step.name.clone(),
        outcome: fault.as_ref().map_or(up, Fault::outcome),
        status: asking.status,
        total_us,
        phases: asking.phases,
    };
    Ok(StepReport { done, fault, slow })
}

/// Why a step goes no further.
enum Stop {
    Fault(Fault),
    Missing(Missing),
}

impl From<Missing> for Stop {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The requests of a step and what they cost.
struct Asking<'c> {
    connector: &'c Connector,
    phases: Phases,
    paused_us: u64,
    status: Option<u16>,
}

impl Asking<'_> {
    async fn ask(
        &mut self,
        step: &StepPlan,
        values: &Values<'_>,
        deadline: Instant,
    ) -> Result<Response, Stop> {
        let request = request(step, values)?;
        let exchange = self.connector.exchange(&request, deadline).await;
        self.phases.add(&exchange.phases);
        let response = exchange.result?;
        self.status = Some(response.status);
        Ok(response)
    }

    /// Asks until the condition holds, a request fails, or the time is over.
    async fn poll(
        &mut self,
        step: &StepPlan,
        poll: &Poll,
        values: &Values<'_>,
        deadline: Instant,
    ) -> Result<Response, Stop> {
        let within = Instant::now() + poll.within;
        let end = within.min(deadline);
        let mut last = "no answer yet".to_owned();
        loop {
            match self.ask(step, values, end).await {
                Ok(response) => match poll.until.check(&response, values) {
                    Ok(()) => return Ok(response),
                    Err(Unmet::Found(found)) => last = shown(&found, values),
                    Err(Unmet::Missing(missing)) => return Err(missing.into()),
                },
                // What was cut off by `within` says so; what failed by itself says why.
                Err(Stop::Fault(_)) if within <= deadline && Instant::now() >= end => {}
                Err(stop) => return Err(stop),
            }
            self.pause(poll.every, end).await;
            if Instant::now() >= end {
                return Err(match within <= deadline {
                    true => over(poll, &last),
                    false => Fault::new(Reason::Timeout, "the probe's time was used up while it polled"),
                }
                .into());
            }
        }
    }

    async fn pause(&mut self, every: Duration, end: Instant) {
        let began = Instant::now();
        sleep_until((began + every).min(end).into()).await;
        self.paused_us += micros(began.elapsed());
    }
}

fn over(poll: &Poll, last: &str) -> Fault {
    let within = Span::from_value(poll.within);
    let message = format!(
        "`{}` did not come true within {within}; last: {last}",
        poll.until.text
    );
    Fault::new(Reason::PollTimeout, message)
}

/// Fills the places of a step's request.
fn request(step: &StepPlan, values: &Values<'_>) -> Result<Request, Stop> {
    let url = step.url.render(values)?;
    let url = Url::parse(&url).map_err(|wrong| unusable(&step.url, format!("its URL: {wrong}")))?;
    let mut headers = HeaderMap::new();
    for (name, template) in &step.headers {
        let mut value = HeaderValue::from_str(&template.render(values)?).map_err(|_| {
            unusable(
                template,
                format!("its header `{name}` would not be one printable line"),
            )
        })?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    let body = match &step.json {
        None => None,
        Some(json) => {
            let is_json = HeaderValue::from_static("application/json");
            headers.entry(CONTENT_TYPE).or_insert(is_json);
            Some(Bytes::from(json.render(values)?.to_string()))
        }
    };
    Ok(Request {
        method: step.method.clone(),
        url,
        headers,
        body,
        route: Arc::default(),
        reading: Arc::default(),
    })
}

/// What cannot be sent is the service's doing only when the service gave the value.
fn unusable(template: &Template, message: String) -> Fault {
    let reason = if template.has_value() {
        Reason::SaveFailed
    } else {
        Reason::CannotLook
    };
    Fault::new(reason, message)
}

/// Checks an answer, and keeps what later steps need.
fn judge(step: &StepPlan, response: &Response, values: &mut Values<'_>) -> Result<(), Stop> {
    // First of all, so that no message shows a value that is to be redacted.
    for save in step.save.iter().filter(|save| save.redact) {
        if let Ok(value) = pick(save, response) {
            values.hide(&value);
        }
    }
    if response.status >= 400 && !step.expect.iter().any(Assertion::is_about_status) {
        let message = format!(
            "status {}; without an assertion on it, it must be below 400",
            response.status
        );
        return Err(Fault::new(Reason::HttpStatus, message).into());
    }
    for assertion in &step.expect {
        match assertion.check(response, values) {
            Ok(()) => {}
            Err(Unmet::Missing(missing)) => return Err(missing.into()),
            Err(Unmet::Found(found)) => return Err(unmet(assertion, &shown(&found, values)).into()),
        }
    }
    for save in &step.save {
        let value = pick(save, response).map_err(|why| {
            let message = format!("`{}` could not be saved: {why}", save.name);
            Fault::new(Reason::SaveFailed, message)
        })?;
        values.save(&save.name, value);
    }
    Ok(())
}

fn unmet(assertion: &Assertion, found: &str) -> Fault {
    let reason = match assertion.is_about_status() {
        true => Reason::HttpStatus,
        false => Reason::AssertFailed,
    };
    Fault::new(reason, format!("expected `{}`, found {found}", assertion.text))
}

/// Redacted first and cut then: a secret that is cut in two is not found any more.
fn shown(found: &str, values: &Values<'_>) -> String {
    let redacted = values.redact(found);
    match redacted.char_indices().nth(MAX_FOUND_CHARS) {
        Some((end, _)) => format!("{}…", &redacted[..end]),
        None => redacted,
    }
}

/// A value of the answer as text.
fn pick(save: &Save, response: &Response) -> Result<String, String> {
    let text = match &save.from {
        SaveFrom::Header(name) => response.header(name)?,
        SaveFrom::Json(path) => match response.at(path)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(bool) => bool.to_string(),
            Value::Null => return Err("`null` there".to_owned()),
            Value::Array(_) | Value::Object(_) => return Err("no simple value there".to_owned()),
        },
    };
    if text.len() > MAX_SAVED_BYTES {
        return Err(format!("the value is over {MAX_SAVED_BYTES} bytes"));
    }
    Ok(text)
}

fn slowness(step: &StepPlan, total_us: u64) -> Option<String> {
    let slo = step.slo.filter(|slo| total_us > micros(*slo))?;
    let (total_ms, slo) = (total_us / 1000, Span::from_value(slo));
    Some(format!(
        "step `{}` took {total_ms}ms, its slo is {slo}",
        step.name
    ))
}
