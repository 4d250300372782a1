//! A line on stdout for each look, or only for each change.

use std::collections::HashMap;

use gameday_core::{ProbeName, RegionName, Timestamp, printable};
use gameday_probe::{Observation, Tick};
use serde_json::json;

use super::describe::ms;
use crate::command::probe::{as_json, micros};
use crate::output::{self, Output};

/// How looks are told, and what was told of each probe last.
pub(super) struct Lines {
    form: Output,
    only_changes: bool,
    words: HashMap<(ProbeName, RegionName), &'static str>,
}

impl Lines {
    pub(super) fn new(form: Output, only_changes: bool) -> Self {
        Self {
            form,
            only_changes,
            words: HashMap::new(),
        }
    }

    /// Tells what the schedule told.
    pub(super) fn tell(&mut self, tick: &Tick) {
        match tick {
            Tick::Missed { probe, region, count } => {
                let at = Timestamp::now().to_ms_string();
                output::print(&match self.form {
                    Output::Text => format!("{}  missed   {probe} from {region}  {count} looks", clock(&at)),
                    Output::Json => {
                        json!({ "at": at, "probe": probe, "region": region, "missed": count }).to_string()
                    }
                });
            }
            Tick::Done {
                probe,
                region,
                observation,
                ..
            } if !self.only_changes || self.is_change(probe, region, observation) => {
                output::print(&match self.form {
                    Output::Text => line(probe, region, observation),
                    Output::Json => as_json(probe.as_str(), region, observation).to_string(),
                });
            }
            Tick::Done { .. } => {}
        }
    }

    /// That a probe is up at first is no news.
    fn is_change(&mut self, probe: &ProbeName, region: &RegionName, seen: &Observation) -> bool {
        let word = seen.outcome.word();
        let before = self.words.insert((probe.clone(), region.clone()), word);
        before.unwrap_or("up") != word
    }
}

/// When, what, which, how long, and why.
fn line(probe: &ProbeName, region: &RegionName, seen: &Observation) -> String {
    let at = Timestamp::now().to_ms_string();
    let word = seen.outcome.word();
    let colour = match word {
        "up" => output::GREEN,
        "down" => output::RED,
        _ => output::YELLOW,
    };
    let word = output::coloured_on_stdout(&format!("{word:<7}"), colour);
    let took = ms(micros(seen.total));
    let mut line = format!("{}  {word}  {probe} from {region}  {took}", clock(&at));
    if let Some(reason) = seen.outcome.reason() {
        line.push_str(&format!("  {reason}"));
    }
    if let Some(message) = &seen.message {
        line.push_str(&format!("  {}", printable(message)));
    }
    line
}

/// The time of day of an RFC 3339 text.
fn clock(at: &str) -> &str {
    at.split_once('T').map_or(at, |(_, clock)| clock)
}
