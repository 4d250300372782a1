//! Evaluates the rules once a second.

use std::convert::Infallible;
use std::time::Instant;

use jiff::Timestamp;

use super::conditions;
use super::history::History;
use super::rule_state::{RuleState, Sent};
use super::scrape::Target;
use super::ticks::Ticks;
use super::{AlertingSettings, Pipeline};
use crate::rules::RULES;

/// What Prometheus would know.
#[derive(Debug)]
pub(super) struct Evaluation {
    pub target: Target,
    pub history: History,
    pub rules: [RuleState; RULES.len()],
}

impl Evaluation {
    /// Before the first scrape.
    pub(super) fn new(settings: &AlertingSettings) -> Self {
        let now = Timestamp::UNIX_EPOCH;
        Evaluation {
            target: Target::new(settings.api),
            history: History::default(),
            rules: RULES.each_ref().map(|rule| RuleState::new(rule, now)),
        }
    }

    /// Evaluates all rules at a tick.
    pub(super) fn tick(&mut self, tick: Timestamp) -> Vec<Sent> {
        let history = &self.history;
        let evaluate = |state: &mut RuleState| {
            let (began, clock) = (Timestamp::now(), Instant::now());
            let sent = state.tick(tick, conditions::holds(state.rule, history, tick));
            (state.last_evaluation, state.evaluation_took) = (began, clock.elapsed());
            sent
        };
        self.rules.iter_mut().filter_map(evaluate).collect()
    }
}

/// Evaluates at each tick and hands over what fires and what has ended.
pub(super) async fn evaluate_for_ever(pipeline: &Pipeline) -> Infallible {
    let ticks = Ticks::at_random_phase();
    loop {
        let tick = ticks.next().await;
        let sent = pipeline.evaluation().tick(tick);
        for alert in sent {
            crate::log::info(
                "alert sent",
                serde_json::json!({
                    "alert": alert.rule.name,
                    "starts_at": format!("{:.3}", alert.starts_at),
                    "ends_at": format!("{:.3}", alert.ends_at),
                }),
            );
            pipeline.dispatcher().receive(alert, Timestamp::now());
            pipeline.received.notify_one();
        }
    }
}
