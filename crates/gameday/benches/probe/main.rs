//! What the prober costs beside blackbox_exporter, and what its own schedule costs: `just bench-probe [PART …]`.
//!
//! All of it runs on this one machine: load, probers and what they look at share its cores. Peers take turns, round by
//! round, so that whatever else the machine does weighs on all alike; what is printed are medians, and ratios of medians.
//! One file a part.

mod body;
mod exporter;
mod overhead;
#[path = "../shared/process.rs"]
mod process;
mod schedule;
#[path = "../shared/table.rs"]
mod table;

use std::io::Write;

/// Rounds of each part; an odd number has a median that was measured.
const ROUNDS: usize = 5;

/// A part's name, and what measures it.
type Part = (&'static str, fn());

const PARTS: [Part; 5] = [
    ("exporter", || exporter::measure(&exporter::PLAIN)),
    ("exporter-gzip", || exporter::measure(&exporter::GZIP)),
    ("schedule", schedule::measure),
    ("overhead", overhead::measure),
    ("body", body::measure),
];

fn main() {
    // `cargo bench` adds an argument of its own.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if let Some(unknown) = wanted
        .iter()
        .find(|word| PARTS.iter().all(|(name, _)| name != word))
    {
        let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
        say(&format!("no part `{unknown}`; there are {}", names.join(", ")));
        return;
    }
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            measure();
        }
    }
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}
