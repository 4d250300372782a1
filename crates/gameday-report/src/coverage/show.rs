//! Coverage for people: a table for a terminal, and one for Markdown.

use super::{Coverage, Proof, RouteCoverage, RuleCoverage, State};
use crate::{Grid, words};

impl Coverage {
    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut parts = vec![self.rule_grid().text()];
        parts.extend(
            self.notes()
                .into_iter()
                .map(|(alert, why)| format!("  {alert}: {why}")),
        );
        if !self.routes.is_empty() {
            parts.push(format!("\n{}", self.route_grid().text()));
        }
        parts.push(format!("\n{}", self.sentence()));
        parts.join("\n")
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "## Alert coverage\n\n{}\n\n{}\n",
            self.sentence(),
            self.rule_grid().markdown()
        );
        let notes = self.notes();
        if !notes.is_empty() {
            let mut grid = Grid::new(&["alert", "note"], &[]);
            notes.into_iter().for_each(|(alert, why)| grid.row([alert, why]));
            text += &format!("\n{}\n", grid.markdown());
        }
        if !self.routes.is_empty() {
            text += &format!("\n### Routes\n\n{}\n", self.route_grid().markdown());
        }
        text
    }

    /// How many are proved, in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let share = self.share.map_or_else(String::new, |share| {
            format!(" ({:.1} %)", (share * 1000.0).floor() / 10.0)
        });
        let mut counts = Vec::new();
        for state in [
            State::ProvedBeforeChange,
            State::Stale,
            State::Failed,
            State::Never,
        ] {
            let count = self.alerts.iter().filter(|alert| alert.state == state).count();
            if count > 0 {
                counts.push(format!("{count} {}", state.word()));
            }
        }
        let rest = match counts.is_empty() {
            true => String::new(),
            false => format!("; {}", counts.join(", ")),
        };
        format!(
            "{} of {} alert rules are proved{share}{rest}",
            self.proved, self.rules
        )
    }

    fn rule_grid(&self) -> Grid {
        let mut grid = Grid::new(&["alert", "group", "state", "last drill", "ago", "TTN"], &[4, 5]);
        for rule in &self.alerts {
            grid.row([
                title(rule),
                rule.group.clone(),
                rule.state.word().to_owned(),
                drill(rule.last.as_ref()),
                ago(rule.age_ms),
                ttn(rule.last.as_ref()),
            ]);
        }
        grid
    }

    fn route_grid(&self) -> Grid {
        let mut grid = Grid::new(
            &["route", "receiver", "state", "last drill", "ago", "rules"],
            &[4],
        );
        for route in &self.routes {
            grid.row([
                path(route),
                route.route.receiver.clone(),
                route.state.word().to_owned(),
                drill(route.last.as_ref()),
                ago(route.age_ms),
                route.alerts.join(", "),
            ]);
        }
        grid
    }

    /// What does not fit into a cell.
    fn notes(&self) -> Vec<(String, String)> {
        let mut notes = Vec::new();
        for rule in &self.alerts {
            notes.extend(rule.why.clone().map(|why| (title(rule), words::clean(&why))));
            notes.extend(rule.proved_by.as_ref().map(|earlier| {
                let took = ttn(Some(earlier));
                (
                    title(rule),
                    format!("proved before by {} (TTN {took})", earlier.drill),
                )
            }));
        }
        notes
    }
}

/// The alert's name; among several of one name the severity tells which.
fn title(rule: &RuleCoverage) -> String {
    match rule.labels.get("severity") {
        Some(severity) => format!("{} ({severity})", rule.alert),
        None => rule.alert.clone(),
    }
}

fn path(route: &RouteCoverage) -> String {
    match route.route.path.as_str() {
        "" => "(root)".to_owned(),
        path => path.to_owned(),
    }
}

fn drill(proof: Option<&Proof>) -> String {
    proof.map_or_else(|| "-".to_owned(), |proof| proof.drill.clone())
}

fn ttn(proof: Option<&Proof>) -> String {
    let ms = proof.and_then(|proof| proof.ttn_ms);
    ms.map_or_else(|| "-".to_owned(), words::span)
}

/// How long ago something was, in the largest unit that fits.
fn ago(ms: Option<i64>) -> String {
    let Some(ms) = ms else { return "-".to_owned() };
    let seconds = ms.max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}
