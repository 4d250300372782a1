//! Samples of several peers, told as medians and as ratios against the best of the others.

use std::collections::BTreeMap;

use crate::say;

/// What was measured: samples by figure and peer.
pub(crate) struct Table {
    title: String,
    samples: BTreeMap<&'static str, BTreeMap<&'static str, Vec<f64>>>,
}

impl Table {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            samples: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, figure: &'static str, peer: &'static str, value: f64) {
        self.samples
            .entry(figure)
            .or_default()
            .entry(peer)
            .or_default()
            .push(value);
    }

    /// Prints a line for each figure, `gameday` last with its ratio to each of the others.
    pub(crate) fn tell(self) {
        say(&format!("\n{}", self.title));
        for (figure, peers) in self.samples {
            let medians: BTreeMap<_, _> = peers
                .into_iter()
                .map(|(peer, values)| (peer, median(values)))
                .collect();
            let ours = medians.get("gameday").copied();
            let cells: Vec<String> = medians
                .iter()
                .map(|(peer, value)| match ours {
                    Some(ours) if *peer != "gameday" => format!("{peer} {value:.3} (x{:.2})", ours / value),
                    _ => format!("{peer} {value:.3}"),
                })
                .collect();
            say(&format!("  {figure:<28} {}", cells.join("   ")));
        }
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
