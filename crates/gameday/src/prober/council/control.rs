//! Tries the control target: what this region must reach before its own word counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gameday_core::{Outcome, Timestamp};
use gameday_probe::{Connector, ControlAnswer, Environment, Observation, Probe};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Council;
use crate::prober::config::ControlTarget;

/// From one attempt to the next, however much is doubted.
const LEAST_PAUSE: Duration = Duration::from_millis(200);
/// So many attempts in a row fail before the region is cut off: one may be a hiccup.
const LOST_AFTER: u32 = 2;

/// The targets, ready to be tried.
pub(super) struct Control {
    any: Vec<(String, Arc<dyn Probe>)>,
    every: Duration,
    timeout: Duration,
}

impl Control {
    pub(super) fn new(
        target: ControlTarget,
        environment: &Environment,
        connector: &Connector,
    ) -> Result<Self, String> {
        let ready = |(words, plan): (String, gameday_probe::ProbePlan)| {
            let built = gameday_probe::build(&plan, environment, connector);
            let built = built.map_err(|error| format!("[control] {words}: {error}"))?;
            Ok::<_, String>((words, built.probe))
        };
        Ok(Self {
            any: target.any.into_iter().map(ready).collect::<Result<_, _>>()?,
            every: target.every,
            timeout: target.timeout,
        })
    }

    /// What is told of it before it was tried.
    pub(super) fn answer(&self) -> ControlAnswer {
        let words: Vec<&str> = self.any.iter().map(|(words, _)| words.as_str()).collect();
        ControlAnswer {
            target: words.join(" or "),
            lost: Some("it has not been tried yet".to_owned()),
            reached_at: None,
        }
    }

    /// Tries it again and again: at its pace, and at once when a look says down.
    pub(super) async fn keep(self, council: Arc<Council>) {
        let mut failures = 0;
        loop {
            let began = Timestamp::now();
            let tried = self.attempt().await;
            failures = if tried.is_ok() { 0 } else { failures + 1 };
            council.control_tried(began, tried, failures >= LOST_AFTER);
            sleep(LEAST_PAUSE).await;
            tokio::select! {
                () = sleep(self.every.saturating_sub(LEAST_PAUSE)) => {}
                () = council.doubt.notified() => {}
            }
        }
    }

    /// Tries all targets at once; the first that is reached is enough.
    async fn attempt(&self) -> Result<(), String> {
        let deadline = Instant::now() + self.timeout;
        let mut trying = JoinSet::new();
        for (words, probe) in &self.any {
            let (words, probe) = (words.clone(), Arc::clone(probe));
            trying.spawn(async move { (words, probe.run(deadline).await) });
        }
        let mut troubles = Vec::new();
        while let Some(tried) = trying.join_next().await {
            match tried {
                Ok((_, observation)) if matches!(observation.outcome, Outcome::Up { .. }) => return Ok(()),
                Ok((words, observation)) => troubles.push(trouble(&words, &observation)),
                Err(error) => troubles.push(error.to_string()),
            }
        }
        troubles.sort();
        Err(troubles.join("; "))
    }
}

fn trouble(words: &str, observation: &Observation) -> String {
    let reason = observation.outcome.reason().map_or("", |reason| reason.word());
    format!("{words} ({reason})")
}

/// The same, as the quorum takes it.
pub(super) fn known(answer: &ControlAnswer) -> gameday_probe::Control {
    gameday_probe::Control {
        lost: answer.lost.clone(),
        reached_at: answer.reached_at,
    }
}

impl Council {
    /// The control target was tried.
    fn control_tried(&self, began: Timestamp, tried: Result<(), String>, is_lost: bool) {
        let mut control = self
            .control
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(answer) = control.as_mut() else { return };
        match tried {
            Ok(()) => {
                answer.lost = None;
                // It was reached after this at the earliest.
                answer.reached_at = Some(began);
            }
            Err(why) if is_lost || answer.lost.is_some() => answer.lost = Some(why),
            Err(_) => {}
        }
        let known = known(answer);
        drop(control);
        let mut quorum = self.quorum();
        for here in &self.here {
            quorum.know(here, |facts| facts.control = Some(known.clone()));
        }
    }
}
