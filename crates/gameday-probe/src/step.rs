//! Runs one step: fill the request, ask (again and again, if it polls), check, save.
//!
//! A step without an assertion on the status wants one below 400, so that an error page is never up.

mod auth;
mod redirect;
mod repeat;
mod request;

use std::time::{Duration, Instant};

use gameday_core::{Outcome, Phases, Reason, Span, StepDone};
use serde_json::Value;

use crate::assertion::{Assertion, Found, Unmet, not_one};
use crate::duration::micros;
use crate::net::Request;
use crate::observation::Fault;
use crate::plan::{Save, StepPlan};
use crate::response::Response;
use crate::session::Session;
use crate::values::{Missing, Values};

pub(crate) use auth::ClientCredentials;

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
    /// How often it was tried again.
    pub(crate) retries: u32,
}

/// Runs a step; an error means that a value it needs was never saved.
pub(crate) async fn run_step(
    session: &mut Session<'_>,
    step: &StepPlan,
    values: &mut Values<'_>,
    deadline: Instant,
) -> Result<StepReport, Missing> {
    let mut asking = Asking {
        session,
        phases: Phases::default(),
        paused_us: 0,
        status: None,
        retries: 0,
        timeout: step.timeout,
    };
    let fault = match asking.try_step(step, values, deadline).await {
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
    Ok(StepReport {
        done,
        fault,
        slow,
        retries: asking.retries,
    })
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
struct Asking<'s, 'c> {
    session: &'s mut Session<'c>,
    phases: Phases,
    paused_us: u64,
    status: Option<u16>,
    retries: u32,
    /// Of each request.
    timeout: Option<Duration>,
}

impl Asking<'_, '_> {
    /// One request over a connection of its own.
    async fn exchange(&mut self, request: &Request, deadline: Instant) -> Result<Response, Stop> {
        let own_deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        let deadline = own_deadline.map_or(deadline, |own| own.min(deadline));
        let exchange = self.session.connector.exchange(request, deadline).await;
        self.phases.add(&exchange.phases);
        self.session.evidence.append(exchange.evidence);
        let response = exchange.result?;
        self.status = Some(response.status);
        self.session.remember(&response.url, &response.headers);
        Ok(response)
    }
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
    let text = match save.origin.find(response) {
        Found::Nothing(why) => return Err(why),
        Found::Many(many) if many.len() != 1 => return Err(not_one(&many)),
        Found::Many(mut many) => simple(many.remove(0))?,
        Found::One(value) => simple(value)?,
    };
    if text.len() > MAX_SAVED_BYTES {
        return Err(format!("the value is over {MAX_SAVED_BYTES} bytes"));
    }
    Ok(text)
}

fn simple(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(bool) => Ok(bool.to_string()),
        Value::Null => Err("`null` there".to_owned()),
        Value::Array(_) | Value::Object(_) => Err("no simple value there".to_owned()),
    }
}

fn slowness(step: &StepPlan, total_us: u64) -> Option<String> {
    let slo = step.slo.filter(|slo| total_us > micros(*slo))?;
    let (total_ms, slo) = (total_us / 1000, Span::from_value(slo));
    Some(format!(
        "step `{}` took {total_ms}ms, its slo is {slo}",
        step.name
    ))
}
