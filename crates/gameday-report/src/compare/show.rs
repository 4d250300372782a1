//! A comparison for people.

use super::few::{signed, span};
use super::judge::p;
use super::{Comparison, RankTest, Sample, Shift};
use crate::Grid;

impl Comparison {
    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut parts = vec![self.heading(), self.grid().text()];
        parts.extend(self.sentences());
        parts.join("\n")
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let sentences: Vec<String> = self.sentences().iter().map(|line| format!("- {line}")).collect();
        format!(
            "## {}\n\n{}\n\n{}\n",
            self.heading(),
            self.grid().markdown(),
            sentences.join("\n")
        )
    }

    fn heading(&self) -> String {
        let drills = |names: &[String]| match names {
            [one] => one.clone(),
            many => format!("{} drills", many.len()),
        };
        format!(
            "{}: {} then, {} now",
            self.scenario,
            drills(&self.old),
            drills(&self.new)
        )
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new(&["what", "then", "now", "shift", "p", "judgement"], &[1, 2, 3, 4]);
        for alert in &self.alerts {
            if alert.times.is_empty() {
                let word = alert.judgement.word().to_owned();
                let none = String::new;
                grid.row([alert.label.clone(), none(), none(), none(), none(), word]);
            }
            for times in &alert.times {
                grid.row([
                    format!("{} {}", alert.label, times.what),
                    times.old.text(),
                    times.new.text(),
                    shift(times.shift_ms),
                    chance(times.test),
                    times.judgement.word().to_owned(),
                ]);
            }
            for stage in &alert.stages {
                let ms = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), span);
                grid.row([
                    format!("  {}", stage.name.replace('_', "-")),
                    ms(stage.old_ms),
                    ms(stage.new_ms),
                    shift(stage.shift_ms),
                    chance(stage.test),
                ]);
            }
        }
        grid
    }

    fn sentences(&self) -> Vec<String> {
        let alerts = self.alerts.iter();
        let told =
            alerts.map(|alert| format!("{}: {}: {}", alert.label, alert.judgement.word(), alert.detail));
        told.map(|line| crate::words::clean(&line)).collect()
    }
}

impl Sample {
    /// The middle with its range, and in how many trials it came.
    pub(crate) fn text(&self) -> String {
        let count = format!("{} of {}", self.detected, self.trials);
        let middle = self.median_ms.map_or_else(|| "not reached".to_owned(), span);
        match (self.min_ms, self.max_ms) {
            (Some(min), Some(max)) if self.detected > 1 => {
                format!("{middle} [{}, {}], {count}", span(min), span(max))
            }
            _ => format!("{middle}, {count}"),
        }
    }

    /// As [`Self::text`]; of one trial without saying so.
    pub(crate) fn short(&self) -> String {
        match (self.trials, self.median_ms) {
            (1, Some(ms)) => span(ms),
            (1, None) => "never".to_owned(),
            _ => self.text(),
        }
    }
}

fn shift(shift: Option<Shift>) -> String {
    let Some(shift) = shift else { return "-".to_owned() };
    match (shift.low, shift.high) {
        (Some(low), Some(high)) => {
            format!("{} [{}, {}]", signed(shift.estimate), signed(low), signed(high))
        }
        _ => signed(shift.estimate),
    }
}

/// p, where enough trials stand behind it to say anything.
fn chance(test: Option<RankTest>) -> String {
    match test {
        Some(test) if test.pairs > 1 => p(test.p),
        _ => "-".to_owned(),
    }
}
