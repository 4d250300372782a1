//! A request that is sent again: until a condition holds, because it failed, or to see the same answer.

use std::time::{Duration, Instant};

use gameday_core::{Reason, Span};
use tokio::time::sleep_until;

use super::{Asking, Stop, judge, shown};
use crate::assertion::Unmet;
use crate::duration::micros;
use crate::net::Request;
use crate::observation::Fault;
use crate::plan::{Auth, Poll, Replay, StepPlan};
use crate::response::Response;
use crate::values::Values;

impl Asking<'_, '_> {
    /// Asks and judges, again if it failed and may be retried.
    pub(super) async fn try_step(
        &mut self,
        step: &StepPlan,
        values: &mut Values<'_>,
        deadline: Instant,
    ) -> Result<(), Stop> {
        let times = step.retry.map_or(0, |retry| retry.times);
        loop {
            let tried = self.once(step, values, deadline).await;
            match (tried, step.retry) {
                (Err(Stop::Fault(_)), Some(retry)) if self.retries < times && Instant::now() < deadline => {
                    self.retries += 1;
                    self.pause(retry.every, deadline).await;
                }
                (tried, _) => return tried,
            }
        }
    }

    async fn once(
        &mut self,
        step: &StepPlan,
        values: &mut Values<'_>,
        deadline: Instant,
    ) -> Result<(), Stop> {
        let request = self.request(step, values, deadline).await?;
        let response = match &step.poll {
            None => self.follow(request.clone(), step.follow, deadline).await?,
            Some(poll) => self.poll(step, poll, values, deadline).await?,
        };
        forget_refused(step, &response);
        judge(step, &response, values)?;
        match &step.replay {
            None => Ok(()),
            Some(replay) => {
                let again = self.follow(request, step.follow, deadline).await?;
                same(replay, &response, &again, values).map_err(Stop::Fault)
            }
        }
    }

    /// Asks until the condition holds, a request fails, or the time is over.
    async fn poll(
        &mut self,
        step: &StepPlan,
        poll: &Poll,
        values: &mut Values<'_>,
        deadline: Instant,
    ) -> Result<Response, Stop> {
        let within = Instant::now() + poll.within;
        let end = within.min(deadline);
        let mut last = "no answer yet".to_owned();
        loop {
            match self.ask(step, values, end).await {
                Ok(response) => {
                    // The next request of the poll comes with a new one.
                    forget_refused(step, &response);
                    match poll.until.check(&response, values) {
                        Ok(()) => return Ok(response),
                        Err(Unmet::Found(found)) => last = shown(&found, values),
                        Err(Unmet::Missing(missing)) => return Err(missing.into()),
                    }
                }
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

    /// One request of a step, `{{uuid}}` anew.
    async fn ask(
        &mut self,
        step: &StepPlan,
        values: &mut Values<'_>,
        deadline: Instant,
    ) -> Result<Response, Stop> {
        let request = self.request(step, values, deadline).await?;
        self.follow(request, step.follow, deadline).await
    }

    async fn pause(&mut self, every: Duration, end: Instant) {
        let began = Instant::now();
        sleep_until((began + every).min(end).into()).await;
        self.paused_us += micros(began.elapsed());
    }

    async fn request(
        &mut self,
        step: &StepPlan,
        values: &mut Values<'_>,
        deadline: Instant,
    ) -> Result<Request, Stop> {
        let mut request = super::request::request(step, values)?;
        if let Some(auth) = &step.auth {
            self.authorize(auth, &mut request, values, deadline).await?;
        }
        Ok(request)
    }
}

/// A token that the service refuses is good no more, whatever its end.
fn forget_refused(step: &StepPlan, response: &Response) {
    if let (401, Some(Auth::ClientCredentials(how))) = (response.status, &step.auth) {
        how.forget();
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

/// Compares two answers to one request.
fn same(replay: &Replay, first: &Response, again: &Response, values: &Values<'_>) -> Result<(), Fault> {
    for (text, origin) in &replay.same {
        let (was, is) = (origin.find(first), origin.find(again));
        if was != is {
            let (was, is) = (shown(&was.to_string(), values), shown(&is.to_string(), values));
            let message = format!("the same request had another answer: `{text}` was {was}, then {is}");
            return Err(Fault::new(Reason::ReplayMismatch, message));
        }
    }
    Ok(())
}
